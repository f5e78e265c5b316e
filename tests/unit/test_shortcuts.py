"""The guard against shortcuts: what it reads of a patient's folder, and when it cries."""

import numpy as np
import pandas as pd
import SimpleITK as sitk

from hscore.files import write_json
from hscore.imaging.quality import shortcut_features as imaging
from hscore.statistics.diagnosis import shortcut_auc
from hscore.status import Status


def patient(folder, voxels, patient="p1"):
    """A patient's folder of the convert step with one sequence."""
    folder.mkdir(parents=True)
    status = Status(patient, "a", "convert", usable=["T2WI"])
    status.write(folder)
    series = {"chosen_as": "T2WI", "slices": 4, "images": 4, "echo_time_ms": 90.0, "repetition_time_ms": 4000.0}
    rest = {"chosen_as": None, "images": 9}
    write_json(
        folder / "series.json", {"series": [series | {"slice_thickness_mm": 5.0, "spacing_mm": [0.8, 0.8]}, rest]}
    )
    sitk.WriteImage(sitk.GetImageFromArray(voxels.astype(np.float32)), str(folder / f"sub-{patient}_T2WI.nii.gz"))
    return folder


def test_features_are_headers_and_borders(tmp_path):
    voxels = np.full((4, 40, 40), 10.0)
    voxels[:, : imaging.CORNER, -imaging.CORNER :] = 30.0
    found = imaging.features(patient(tmp_path / "one", voxels))
    assert found["number of series"] == 2 and found["number of images"] == 13
    assert found["T2WI echo_time_ms"] == 90 and found["T2WI pixel_mm"] == 0.8
    body = np.median(voxels[voxels > voxels.mean()])
    assert abs(found["T2WI corner, first rows, last columns"] * body - 30) < 1e-4
    assert abs(found["T2WI corner, last rows, first columns"] * body - 10) < 1e-4
    border = (voxels.sum() - voxels[:, 6:-6, 6:-6].sum()) / (voxels.size - voxels[:, 6:-6, 6:-6].size)
    assert abs(found["T2WI border"] * body - border) < 1e-4


def test_a_feature_that_tells_the_label_is_flagged_and_no_other():
    random = np.random.default_rng(0)
    y_true = np.arange(40) < 12
    features = pd.DataFrame({f"x{i}": random.standard_normal(40) for i in range(30)})
    assert shortcut_auc.report(features, y_true)["flagged"] == []
    features["corner"] = random.standard_normal(40) + 3 * y_true
    found = shortcut_auc.report(features, y_true)
    assert found["flagged"] == ["corner"] and found["features"][0]["feature"] == "corner"
    assert found["n"] == 40 and found["positives"] == 12


def test_false_alarms_are_rare():
    """1 % of studies or fewer, whatever the number of features."""
    random = np.random.default_rng(1)
    y_true = np.arange(40) < 12
    alarms = [
        bool(shortcut_auc.report(pd.DataFrame(random.standard_normal((40, 20))), y_true)["flagged"]) for _ in range(300)
    ]
    assert np.mean(alarms) < 0.03


def test_constant_missing_and_rare_features_are_left_out():
    y_true = np.arange(20) < 8
    features = pd.DataFrame({"same": 1.0, "rare": [1.0, 2.0, 3.0] + [np.nan] * 17}, index=range(20))
    assert shortcut_auc.report(features, y_true)["features"] == []
