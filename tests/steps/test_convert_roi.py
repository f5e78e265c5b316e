"""The region of interest through the whole step: true reasons, no delivered names, sequences that hold too little."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from test_convert import SETTINGS, codes, run, text

from dicom_writer import diffusion, save, series, square, structure_set, volume


@pytest.fixture
def patient(tmp_path) -> Path:
    """A folder with all three sequences and no region."""
    folder = tmp_path / "images"
    save(series(volume(seed=1), series_uid="1.2.3", number=3), folder / "t2")
    save(series(volume(seed=2), number=8, description="t1_vibe_tra", ContrastBolusAgent="Gadovist"), folder / "t1")
    save(diffusion([0, 800]), folder / "dwi")
    return folder


def mask(path: Path, array: np.ndarray) -> None:
    image = sitk.GetImageFromArray(array.astype(np.uint8))
    image.SetSpacing((1.5, 1.5, 5.0))
    image.SetOrigin((-12.0, -15.0, 3.0))
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))


def tumor() -> np.ndarray:
    array = np.zeros((6, 20, 16))
    array[2:4, 7:12, 5:10] = 1
    return array


def with_roi(**rules) -> dict:
    return SETTINGS | {"roi": SETTINGS["roi"] | rules}


@pytest.mark.parametrize("name", ["GTVp.nii.gz", "GTVp.nrrd", "GTVp.mha", "GTVp.mhd", "mask.nii"])
def test_a_mask_of_every_format_reaches_every_sequence(patient, tmp_path, name):
    mask(patient / name, tumor())
    status = run(patient, tmp_path / "out")
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and status.findings == []
    for sequence in status.usable:
        image = sitk.ReadImage(str(tmp_path / f"out/sub-A-0001_{sequence}_mask.nii.gz"))
        assert sitk.GetArrayFromImage(image).sum() == 50


def test_old_settings_are_completed_by_the_defaults(patient, tmp_path):
    mask(patient / "lymph_node.nii.gz", tumor())
    status = run(patient, tmp_path / "out", SETTINGS | {"roi": {"segment": "tumou?r"}})
    assert codes(status) == ["no_roi"] and "lymph" in text(status, "no_roi")


def test_the_label_of_the_tumour_is_chosen_by_its_number(patient, tmp_path):
    array = tumor() + 2 * np.roll(tumor(), 5, axis=2)
    mask(patient / "label.nii.gz", array)
    status = run(patient, tmp_path / "out")
    assert codes(status) == ["unreadable_roi"] and "1 (50 voxels), 2 (50 voxels)" in text(status, "unreadable_roi")
    status = run(patient, tmp_path / "chosen", with_roi(label=1))
    image = sitk.ReadImage(str(tmp_path / "chosen/sub-A-0001_T2WI_mask.nii.gz"))
    assert sitk.GetArrayFromImage(image).sum() == 50 and status.usable == ["CET1WI", "T2WI", "ADC"]


@pytest.mark.parametrize(("columns", "code"), [(1, "roi_partly_outside"), (2, "roi_outside_image")])
def test_a_sequence_without_a_part_of_the_region(patient, tmp_path, columns, code):
    array = np.zeros((6, 20, 16))
    array[2, 5:15, 3:14] = 1  # the T1 lacks the first columns of eleven
    mask(patient / "tumour.nii.gz", array)
    for path in (patient / "t1").iterdir():
        path.unlink()
    short = series(volume(), number=8, description="t1+c", origin=(-12 + 1.5 * (3 + columns), -15, 3))
    save(short, patient / "t1")
    status = run(patient, tmp_path / "out")
    assert codes(status, "CET1WI") == [code] and ("CET1WI" in status.usable) == (code == "roi_partly_outside")
    assert ("the limit is 10 %" in text(status, code)) == (code == "roi_outside_image")


def test_a_mask_of_most_of_the_body_in_a_wide_view_is_not_usable(patient, tmp_path):
    for name in ("t1", "t2", "dwi"):
        for path in (patient / name).iterdir():
            path.unlink()
    wide = np.pad(volume(seed=1), ((0, 0), (20, 20), (20, 20)), constant_values=30)
    save(series(wide, series_uid="1.2.3", number=3, origin=(-42, -45, 3)), patient / "t2")
    mask(patient / "tumour.nii.gz", volume(seed=1) > 100)
    status = run(patient, tmp_path / "out")
    assert status.usable == [] and "% of the body" in text(status, "unreadable_roi")


def test_the_rule_that_chose_is_reported(patient, tmp_path):
    mask(patient / "tumour.nii.gz", tumor())
    save([structure_set({"GTVp": [square((-4.6, -4.6), (1.6, 1.6), z) for z in (13.0, 18.0)]})], patient, "rt.dcm")
    status = run(patient, tmp_path / "out")
    assert codes(status) == ["roi_rule"] and "Dice 1.00" in text(status, "roi_rule")
    listed = json.loads((tmp_path / "out/series.json").read_text())["roi"]
    assert [(one["name"], one["used"]) for one in listed] == [("GTVp", True), ("tumour", False)]


@pytest.mark.parametrize("extra", [None, "zhangsanfeng_LN.nii.gz", "zhangsanfeng.stl", "ZhangSanFengOld_gtv.nii.gz"])
def test_no_name_of_a_delivered_region_is_written(patient, tmp_path, capfd, extra):
    mask(patient / "zhangsanfeng/zhangsanfeng_gtv.nii.gz", tumor())
    if extra and extra.endswith(".nii.gz"):
        mask(patient / extra, np.roll(tumor(), 1, axis=1))
    elif extra:
        (patient / extra).write_bytes(b"solid")
    run(patient, tmp_path / "out")
    printed = capfd.readouterr()
    written = [path.read_text().lower() for path in (tmp_path / "out").glob("*.json")]
    assert not any("zhang" in one for one in [*written, printed.out, printed.err])


def test_another_frame_of_reference_names_the_setting_that_helps(patient, tmp_path):
    save([structure_set({"GTVp": [square((-5, -5), (5, 5), 8.0)]}, "9.9", "9.8")], patient, "rt.dcm")
    status = run(patient, tmp_path / "out")
    assert codes(status) == ["foreign_roi"]
    assert "convert.roi.frame_of_reference: ignore" in text(status, "foreign_roi")


def test_a_mask_in_a_folder_of_nodes_is_a_node_whatever_its_name(patient, tmp_path):
    (patient / "lymph_nodes").mkdir()
    mask(patient / "lymph_nodes/lesion.nii.gz", tumor())
    assert codes(run(patient, tmp_path / "out")) == ["no_roi"]


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "utf-8"])
def test_a_name_of_a_mask_in_any_bytes(patient, tmp_path, encoding):
    """Read in its alphabet: the tumour is found, the node is not taken, and neither stops the study."""
    path = os.fsencode(patient) + b"/" + "腫瘤.nii.gz".encode(encoding if encoding != "shift_jis" else "gb18030")
    mask(patient / "tumour.nii.gz", tumor())
    os.rename(os.fsencode(patient / "tumour.nii.gz"), path)
    assert run(patient, tmp_path / "out").usable == ["CET1WI", "T2WI", "ADC"]
    os.rename(path, os.fsencode(patient) + b"/" + "淋巴.nii.gz".encode("gb18030"))
    assert codes(run(patient, tmp_path / "node")) == ["no_roi"]


def test_a_mask_in_air_is_refused(patient, tmp_path):
    array = np.zeros((6, 20, 16))
    array[1:3, :3, :3] = 1
    mask(patient / "tumour.nii.gz", array)
    status = run(patient, tmp_path / "out")
    assert status.usable == [] and "is in air" in text(status, "unreadable_roi")


def test_a_mask_belongs_to_the_visit_in_whose_folder_it_is(patient, tmp_path):
    """Both visits have one grid; the mask lies with the second."""
    for name in ("t1", "t2", "dwi"):
        for path in sorted((patient / name).iterdir()):
            dataset = dcmread(path)
            dataset.StudyDate, dataset.StudyInstanceUID = "20240101", "1.2.826.1"
            dataset.save_as(path)
            dataset.StudyDate, dataset.StudyInstanceUID = "20240601", "1.2.826.2"
            dataset.SeriesInstanceUID += ".2"
            dataset.SOPInstanceUID += ".2"
            (patient / "visit2" / name).mkdir(parents=True, exist_ok=True)
            dataset.save_as(patient / "visit2" / name / path.name)
    mask(patient / "visit2/tumour.nii.gz", tumor())
    status = run(patient, tmp_path / "out")
    assert "number 2 was used (the ROI belongs to it)" in text(status, "several_examinations")
