"""The guard against shortcuts: its numbers, and when it cries."""

import numpy as np
import pandas as pd
import pytest

from hscore.imaging.percentiles import median
from hscore.imaging.quality import shortcut_features
from hscore.statistics.diagnosis import shortcut_auc


def test_header_numbers_are_those_of_the_series_that_were_chosen():
    series = {"chosen_as": "T2WI", "slices": 4, "images": 4, "echo_time_ms": 90.0, "repetition_time_ms": None}
    rest = {"chosen_as": None, "images": 9}
    found = shortcut_features.header_features([series | {"slice_thickness_mm": 5.0, "spacing_mm": [0.8, 0.8]}, rest])
    assert found == {
        "number of series": 2,
        "number of images": 13,
        "T2WI slices": 4,
        "T2WI images": 4,
        "T2WI echo_time_ms": 90,
        "T2WI slice_thickness_mm": 5,
        "T2WI pixel_mm": 0.8,
    }


def test_corners_and_border_are_relative_to_the_median_of_the_body():
    voxels = np.full((4, 40, 40), 10.0, np.float32)
    voxels[:, : shortcut_features.CORNER, -shortcut_features.CORNER :] = 30.0
    found = shortcut_features.volume_features("T2WI", voxels)
    body = np.median(voxels[voxels > voxels.mean()])
    assert abs(found["T2WI corner, first rows, last columns"] * body - 30) < 1e-4
    assert abs(found["T2WI corner, last rows, first columns"] * body - 10) < 1e-4
    border = (voxels.sum() - voxels[:, 6:-6, 6:-6].sum()) / (voxels.size - voxels[:, 6:-6, 6:-6].size)
    assert abs(found["T2WI border"] * body - border) < 1e-4


@pytest.mark.parametrize(
    "voxels",
    [
        np.zeros((3, 40, 40), np.float32),
        np.full((3, 40, 40), 7.0, np.float32),
        -np.arange(4800, dtype=np.float32).reshape(3, 40, 40),
        np.where(np.arange(4800).reshape(3, 40, 40) % 3, 0.0, -1000.0).astype(np.float32),
    ],
    ids=["empty", "constant", "negative", "body at zero"],
)
def test_a_volume_without_a_bright_body_has_no_features(voxels):
    assert shortcut_features.volume_features("T2WI", voxels) == {}


def test_a_volume_smaller_than_its_corners_has_finite_features():
    voxels = np.random.default_rng(0).gamma(2, 100, (2, 5, 9)).astype(np.float32)
    assert np.isfinite(list(shortcut_features.volume_features("T2WI", voxels).values())).all()


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_the_median_is_that_of_numpy(size):
    values = np.random.default_rng(size).normal(100, 30, size).astype(np.float32)
    assert median(values) == np.median(values)


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
