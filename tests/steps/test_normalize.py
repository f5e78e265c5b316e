"""The normalize step: what it writes for each sequence, and what it says when it cannot."""

import json

import batches
import numpy as np
import pytest
import SimpleITK as sitk
from converted import CONFIG, adc, prostate, settings, volume, voxels, write_patient

from hscore.contracts.status import Status
from hscore.steps import normalize_patient


def run(nifti, output, text=None):
    arguments = ["--nifti", batches.record_of_folders(nifti), "--settings", text or settings("normalize")]
    batches.run(normalize_patient, nifti.name.removeprefix("sub-"), output, *arguments)
    return Status.read(output)


@pytest.fixture(scope="module")
def normalized(tmp_path_factory):
    folder = tmp_path_factory.mktemp("normalize")
    images = {"CET1WI": volume(seed=1), "T2WI": volume(seed=2), "ADC": adc()}
    nifti = write_patient(folder / "nifti", "P1", images, [("several_series", "two T2", "T2WI")])
    output = folder / "out" / "sub-P1"
    return run(nifti, output), output, images


def test_status_is_passed_on(normalized):
    status, _, _ = normalized
    assert (status.patient, status.center, status.step) == ("P1", "north", "normalize")
    assert status.usable == ["CET1WI", "T2WI", "ADC"]
    assert [finding.code for finding in status.findings] == ["several_series"]


def test_every_sequence_has_a_volume_on_its_own_grid_and_a_sidecar(normalized):
    _, output, images = normalized
    assert {path.name for path in output.iterdir()} == {"status.json"} | {
        f"sub-P1_{sequence}{suffix}" for sequence in images for suffix in (".nii", ".json")
    }
    for sequence, (image, _) in images.items():
        written = sitk.ReadImage(str(output / f"sub-P1_{sequence}.nii"))
        assert written.GetSize() == image.GetSize()
        assert written.GetSpacing() == pytest.approx(image.GetSpacing())
        assert written.GetDirection() == pytest.approx(image.GetDirection())


def test_zscore_of_the_body_and_flat_tissue(normalized):
    _, output, images = normalized
    facts = json.loads((output / "sub-P1_CET1WI.json").read_text())
    assert facts["intensity"]["method"] == "zscore"
    assert 0.4 < facts["intensity"]["body_fraction"] < 0.7
    assert facts["bias_field"]["log_standard_deviation"] > 0.1
    values = voxels(output / "sub-P1_CET1WI.nii")
    image, mask = images["CET1WI"]
    before, inside = sitk.GetArrayFromImage(image).astype(float), sitk.GetArrayFromImage(mask) == 1
    tissue = (values > -1) & ~inside
    assert before[tissue].std() / before[tissue].mean() > 0.12
    restored = values * facts["intensity"]["standard_deviation"] + facts["intensity"]["mean"]
    assert restored[tissue].std() / restored[tissue].mean() < 0.06
    assert restored[inside].mean() / restored[tissue].mean() == pytest.approx(1.5, abs=0.06)


def test_adc_keeps_its_unit_and_gets_no_bias_correction(normalized):
    _, output, images = normalized
    assert json.loads((output / "sub-P1_ADC.json").read_text())["bias_field"] is None
    values = voxels(output / "sub-P1_ADC.nii")
    assert values * 3000 == pytest.approx(sitk.GetArrayFromImage(images["ADC"][0]), abs=0.05)


def test_itks_own_filter_is_a_setting(normalized, tmp_path):
    _, output, images = normalized
    nifti = write_patient(tmp_path / "nifti", "P1", {"CET1WI": images["CET1WI"]})
    text = settings("normalize", bias_correction=CONFIG["normalize"]["bias_correction"] | {"method": "simpleitk"})
    run(nifti, tmp_path / "out" / "sub-P1", text)
    facts = [json.loads((folder / "sub-P1_CET1WI.json").read_text()) for folder in (output, tmp_path / "out/sub-P1")]
    assert [one["bias_field"]["implementation"] for one in facts] == ["n4", "simpleitk"]
    strength = [one["bias_field"]["log_standard_deviation"] for one in facts]
    assert strength[0] != strength[1] and strength[0] == pytest.approx(strength[1], rel=0.05)
    ours, theirs = (voxels(folder / "sub-P1_CET1WI.nii") for folder in (output, tmp_path / "out/sub-P1"))
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


def test_a_second_run_writes_the_same_bytes(normalized, tmp_path):
    _, output, _ = normalized
    run(output.parents[1] / "nifti" / "sub-P1", tmp_path / "sub-P1")
    for path in output.iterdir():
        assert (tmp_path / "sub-P1" / path.name).read_bytes() == path.read_bytes()


def test_sequences_that_are_not_usable_are_not_read(tmp_path):
    nifti = write_patient(tmp_path, "P2", {}, [("no_roi", "no ROI found")], usable=[])
    status = run(nifti, tmp_path / "out")
    assert status.usable == []
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["status.json"]


def test_volume_without_signal_is_a_finding(tmp_path):
    image, mask = volume()
    nifti = write_patient(tmp_path, "P3", {"T2WI": (image * 0, mask), "ADC": adc()})
    status = run(nifti, tmp_path / "out")
    assert status.usable == ["ADC"]
    assert [(f.code, f.sequence) for f in status.findings] == [("unreadable_sequence", "T2WI")]
    assert not (tmp_path / "out" / "sub-P3_T2WI.nii").exists()


def test_settings_without_the_sequence_end_in_a_sentence_and_leave_nothing(tmp_path):
    nifti = write_patient(tmp_path, "P4", {"T2WI": volume()})
    text = settings("normalize", intensity={"ADC": CONFIG["normalize"]["intensity"]["ADC"]})
    with pytest.raises(SystemExit, match="sequence 'T2WI' is missing"):
        run(nifti, tmp_path / "out", text)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_real_patient(shared_data, tmp_path):
    image, mask, _ = prostate(shared_data)
    status = run(write_patient(tmp_path, "0000", {"T2WI": (image, mask)}), tmp_path / "out")
    assert status.usable == ["T2WI"]
    values = voxels(tmp_path / "out" / "sub-0000_T2WI.nii")
    assert abs(float(values.mean())) < 0.2
    assert 0.8 < values.std() < 1.2
