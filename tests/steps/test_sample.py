"""The sample step: boxes against planted and real masks, samples, and tumours too small to sample."""

import json

import batches
import numpy as np
import pytest
from converted import adc, prostate, settings, volume, voxels, write_patient

from hscore.contracts.status import Status
from hscore.imaging.sample import boxes
from hscore.steps import normalize_patient, sample_patient


def run(nifti, folder, text=None, normalized=None):
    patient, converted = nifti.name.removeprefix("sub-"), batches.record_of_folders(nifti)
    if normalized is None:
        normalized = folder / "normalized"
        plain = {"sequences": [], "method": "n4", "grid_mm": 10, "iterations": [1]}
        arguments = ["--nifti", converted, "--settings", settings("normalize", bias_correction=plain)]
        batches.run(normalize_patient, patient, normalized, *arguments)
    output = folder / "samples"
    arguments = ["--nifti", converted, "--normalized", batches.record({patient: normalized})]
    batches.run(sample_patient, patient, output, *arguments, "--settings", text or settings("sample"))
    return Status.read(output), np.load(output / "samples.npz"), json.loads((output / "boxes.json").read_text())


def test_every_sequence_and_region_has_samples_and_boxes(tmp_path):
    images = {"CET1WI": volume(seed=1), "T2WI": volume(seed=2), "ADC": adc()}
    status, samples, places = run(write_patient(tmp_path, "P1", images), tmp_path)
    assert (status.step, status.usable) == ("sample", ["CET1WI", "T2WI", "ADC"])
    keys = {f"{sequence}_{region}" for sequence in images for region in ("tumour", "peritumoral")}
    assert set(samples.files) == set(places) == keys
    for key in keys:
        assert samples[key].shape == (3, 3, 64, 64)
        assert samples[key].dtype == np.float32
        assert [row["sections"] for row in places[key]] == [[2, 3, 4], [3, 4, 5], [4, 5, 6]]
    assert places["T2WI_tumour"][0] == {"sections": [2, 3, 4], "first": [25, 20], "last": [39, 30]}
    assert places["T2WI_peritumoral"][0] == {"sections": [2, 3, 4], "first": [20, 15], "last": [44, 35]}


def test_tumour_volume_and_scanner_are_kept_for_the_subgroups(tmp_path):
    nifti = write_patient(tmp_path, "P1", {"T2WI": volume(), "ADC": adc()})
    run(nifti, tmp_path)
    about = json.loads((tmp_path / "samples" / "patient.json").read_text())
    assert about == {"tumour_volume_ml": 16.5, "scanner": "SIEMENS 3 T"}  # 5 x 11 x 15 voxels of 2 x 2 x 5 mm
    for sidecar in nifti.glob("*.json"):
        if sidecar.name != "status.json":
            sidecar.write_text('{"Sequence": "T2WI"}')
    again = tmp_path / "again"
    again.mkdir()
    run(nifti, again, normalized=tmp_path / "normalized")
    assert json.loads((again / "samples" / "patient.json").read_text())["scanner"] is None


def test_tumour_box_holds_tumour_only_and_the_grown_box_what_is_around(tmp_path):
    _, samples, _ = run(write_patient(tmp_path, "P1", {"ADC": adc()}), tmp_path)
    assert samples["ADC_tumour"] == pytest.approx(0.3, abs=1e-4)
    around = samples["ADC_peritumoral"]
    assert around[..., 32, 32] == pytest.approx(0.3, abs=1e-4)
    assert around[..., 2, :] == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize(
    ("tumor", "text"),
    [
        (((3, 5), (20, 31), (25, 40)), "T2WI: 2 sections with at least 10 mm2 of tumour, 3 adjacent ones are needed"),
        (((3, 9), (20, 21), (25, 27)), "T2WI: 0 sections with at least 10 mm2 of tumour, 3 adjacent ones are needed"),
    ],
)
def test_tumour_on_too_few_sections_is_a_finding_for_its_sequence(tmp_path, tumor, text):
    images = {"T2WI": volume(tumor=tumor), "ADC": adc()}
    status, samples, places = run(write_patient(tmp_path, "P2", images), tmp_path)
    assert status.usable == ["ADC"]
    assert [(f.code, f.sequence, f.text) for f in status.findings] == [("too_few_sections", "T2WI", text)]
    assert {key.split("_")[0] for key in samples.files} == {key.split("_")[0] for key in places} == {"ADC"}


def test_patient_without_a_usable_sequence_is_passed_on(tmp_path):
    nifti = write_patient(tmp_path, "P3", {}, [("no_images", "no folder")])
    status, samples, places = run(nifti, tmp_path)
    assert (status.usable, samples.files, places) == ([], [], {})
    assert [finding.code for finding in status.findings] == ["no_images"]


def test_settings_are_used(tmp_path):
    nifti = write_patient(tmp_path, "P4", {"T2WI": volume()})
    changes = {"stride": 2, "size": 32, "peritumoral_pixels_per": "total", "interpolation": "cubic"}
    _, samples, places = run(nifti, tmp_path, settings("sample", **changes))
    assert samples["T2WI_tumour"].shape == (2, 3, 32, 32)
    assert places["T2WI_peritumoral"][1] == {"sections": [4, 5, 6], "first": [23, 18], "last": [42, 33]}


def test_boxes_agree_with_the_truth_of_the_real_patient(shared_data, tmp_path):
    image, mask, truth = prostate(shared_data)
    nifti = write_patient(tmp_path, "0000", {"T2WI": (image, mask)})
    own = tmp_path / "own"
    _, samples, places = run(nifti, own)
    rows = places["T2WI_tumour"]
    assert [row["sections"] for row in rows] == [[z, z + 1, z + 2] for z in range(6, 12)]
    assert [min(row["first"][k] for row in rows) for k in (0, 1)] == truth["index_min"][:2]
    assert [max(row["last"][k] for row in rows) for k in (0, 1)] == truth["index_max"][:2]
    assert samples["T2WI_tumour"].shape == (6, 3, 64, 64)

    whole = tmp_path / "whole"
    whole.mkdir()
    _, samples, places = run(nifti, whole, settings("sample", box_over="tumour"), own / "normalized")
    for row in places["T2WI_tumour"]:
        assert row["first"] == truth["index_min"][:2]
        assert row["last"] == truth["index_max"][:2]
    normalized = voxels(own / "normalized" / "sub-0000_T2WI.nii")
    (i0, j0, _), (i1, j1, _) = truth["index_min"], truth["index_max"]
    expected = boxes.resize(normalized[6:9, j0 : j1 + 1, i0 : i1 + 1], 64, "linear")
    assert samples["T2WI_tumour"][0] == pytest.approx(expected, abs=1e-5)
    grown = places["T2WI_peritumoral"][0]
    assert grown["first"] == [i0 - 5, j0 - 5]
    assert grown["last"] == [i1 + 5, j1 + 5]
