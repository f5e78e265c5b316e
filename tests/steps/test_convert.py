"""The whole step on real scanners' files, on a phantom of known ADC, and on everything that can be wrong."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import batches
import numpy as np
import pytest
import SimpleITK as sitk
import yaml
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, RLELossless

from dicom_writer import FRAME_UID, diffusion, enhanced, save, series, square, structure_set, volume
from hscore.contracts.status import Status
from hscore.imaging.convert.diffusion import fit_adc
from hscore.steps import convert_patient
from workflow_runs import ROOT

SETTINGS = yaml.safe_load((ROOT / "config/config.yaml").read_text())["convert"]


def run(images: Path, output: Path, settings: dict = SETTINGS, patient: str = "A-0001") -> Status:
    whose = ["--patients", patient, "--center", "A", "--images", batches.image_folders(patient, images, output)]
    batches.run(convert_patient, patient, output, *whose, "--settings", json.dumps(settings))
    return Status.read(output)


def codes(status: Status, sequence: str | None = None) -> list[str]:
    return [finding.code for finding in status.findings if sequence in (None, finding.sequence)]


def text(status: Status, code: str) -> str:
    return next(finding.text for finding in status.findings if finding.code == code)


def on_grid_of(image: sitk.Image, grid: sitk.Image) -> np.ndarray:
    """The nearest voxels on another grid, so that volumes of different row and slice order can be compared."""
    return sitk.GetArrayFromImage(sitk.Resample(image, grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0))


def read_series(folder: Path) -> sitk.Image:
    """SimpleITK's own DICOM reader (GDCM)."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.logical_and(a, b).sum() / ((a != 0).sum() + (b != 0).sum())


# --- real patients


@pytest.fixture(scope="module")
def real_patient(shared_data, tmp_path_factory):
    """A Siemens pelvis: seven series and an ROI, converted."""
    folder = tmp_path_factory.mktemp("real")
    shutil.copytree(shared_data / "dicom/prostatex_0000", folder / "images/检查 1", copy_function=os.symlink)
    shutil.copy(shared_data / "roi/prostatex_0000/roi_seg.dcm", folder / "images/roi_seg.dcm")
    return run(folder / "images", folder / "out"), folder / "out"


def test_real_patient_lacks_one_sequence_and_says_so(real_patient):
    status, folder = real_patient
    assert status.usable == ["T2WI", "ADC"] and codes(status) == ["private_tags", "missing_sequence"]
    found = json.loads((folder / "series.json").read_text())
    assert {one["number"]: one["chosen_as"] for one in found["series"] if one["chosen_as"]} == {4: "T2WI", 6: "ADC"}
    assert all(one["why_not"] for one in found["series"])
    assert [(region["name"], region["used"]) for region in found["roi"]] == [("GTV_primary", True), ("LN_node", False)]
    names = {path.name for path in folder.iterdir()} - {"status.json", "series.json"}
    assert names == {
        f"sub-A-0001_{one}{end}" for one in ("T2WI", "ADC") for end in (".nii.gz", ".json", "_mask.nii.gz")
    }


def test_volume_and_affine_agree_with_another_reader(real_patient, shared_data):
    ours = sitk.ReadImage(str(real_patient[1] / "sub-A-0001_T2WI.nii.gz"))
    theirs = read_series(shared_data / "dicom/prostatex_0000/S04_t2_tra")
    assert (on_grid_of(ours, theirs) == sitk.GetArrayFromImage(theirs)).all()
    corners = [
        sorted(
            image.TransformIndexToPhysicalPoint([i * (n - 1) for i, n in zip(index, image.GetSize(), strict=True)])
            for index in np.ndindex(2, 2, 2)
        )
        for image in (ours, theirs)
    ]
    assert np.abs(np.subtract(*corners)).max() < 0.01


@pytest.fixture(scope="module")
def scanners_map(shared_data):
    """The scanner's own ADC map, its diffusion images [b, z, y, x], and the voxels to compare: tissue with signal."""
    folder = shared_data / "dicom/prostatex_0000"
    scanner = read_series(folder / "S07_adc_scanner")
    frames = sorted(
        (dcmread(path) for path in (folder / "S06_dwi_b50_400_800").iterdir()),
        key=lambda frame: (int(frame.SequenceName[5:-1]), frame.ImagePositionPatient[2]),
    )
    signal = np.stack([frame.pixel_array for frame in frames]).reshape(3, -1, *frames[0].pixel_array.shape)
    theirs = sitk.GetArrayFromImage(scanner).astype(float)
    return scanner, signal.astype(float), (signal.min(axis=0) > 20) & (theirs > 200) & (theirs < 3500)


@pytest.mark.parametrize(("fit", "least_r", "ratio"), [("ordinary", 0.999, 1.033), ("weighted", 0.985, 1.076)])
def test_adc_agrees_with_the_scanners_own_map(shared_data, scanners_map, tmp_path, fit, least_r, ratio):
    """The scanner fits as `ordinary` does; `weighted` gives the lower b-values, where there is perfusion, more weight.

    This is agreement, not truth: docs/adc-fit.md compares the fits where the truth is known.
    """
    scanner, _, inside = scanners_map
    settings = SETTINGS | {"diffusion": SETTINGS["diffusion"] | {"fit": fit}}
    run(shared_data / "dicom/prostatex_0000", tmp_path / "out", settings)
    ours = on_grid_of(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")), scanner)[inside].astype(float)
    theirs = sitk.GetArrayFromImage(scanner)[inside]
    assert inside.sum() > 30_000
    assert np.corrcoef(ours, theirs)[0, 1] >= least_r
    assert np.median(ours / theirs) == pytest.approx(ratio, abs=0.005)


def test_the_constant_ratio_to_the_scanners_map_is_an_offset_of_the_stored_signal(scanners_map):
    """Its ADC is 3 % lower than the fit to the images it stored, as if these had lost 1.5 grey levels each.

    With that added back the ratio is 1 for dim and bright voxels alike; a wrong b-value or factor would not depend
    on brightness, but without the offset the ratio does.
    """
    scanner, signal, inside = scanners_map
    theirs = sitk.GetArrayFromImage(scanner)[inside]

    def ratios(offset: float) -> list[float]:
        fitted = fit_adc(signal[:, inside] + offset, [50, 400, 800], 5, (0, 4000), "ordinary")
        return [np.median((fitted / theirs)[signal[2][inside] > level]) for level in (20, 40, 60, 120)]

    assert max(ratios(0.0)) - min(ratios(0.0)) > 0.02
    assert ratios(1.5) == pytest.approx([1.0] * 4, abs=0.0025)


@pytest.mark.parametrize(
    "file", ["roi_seg.dcm", "roi_rtstruct.dcm", "roi_rtstruct_unnamed.dcm", "mask_GTV_primary.nii.gz"]
)
def test_masks_of_every_writer(shared_data, tmp_path, file):
    """Against the truth on the grid it was drawn on; and the two masks hold the same volume in the same place."""
    (tmp_path / "images").mkdir()
    for name in ("S04_t2_tra", "S06_dwi_b50_400_800"):
        (tmp_path / "images" / name).symlink_to(shared_data / "dicom/prostatex_0000" / name)
    shutil.copy(shared_data / "roi/prostatex_0000" / file, tmp_path / "images")
    # both structures of one file have one name: only the user can know that together they are the region
    settings = SETTINGS | {"roi": {"segment": "gtv|unknown", "several": "join" if "unnamed" in file else "refuse"}}
    status = run(tmp_path / "images", tmp_path / "out", settings)
    assert status.usable == ["T2WI", "ADC"]
    truth = sitk.ReadImage(str(shared_data / "roi/prostatex_0000/mask_GTV_primary.nii.gz"))
    wanted = sitk.GetArrayFromImage(truth)
    if "unnamed" in file:
        wanted = sitk.GetArrayFromImage(sitk.ReadImage(str(shared_data / "roi/prostatex_0000/labels.nii.gz"))) > 0
    drawn, carried = (sitk.ReadImage(str(tmp_path / f"out/sub-A-0001_{name}_mask.nii.gz")) for name in ("T2WI", "ADC"))
    assert drawn.GetPixelIDValue() == sitk.sitkUInt8
    assert dice(on_grid_of(drawn, truth), wanted) >= 0.99
    assert dice(on_grid_of(carried, truth), wanted) > 0.9  # 2 mm pixels instead of 0.5 mm
    for mask, name in ((drawn, "T2WI"), (carried, "ADC")):
        image = sitk.ReadImage(str(tmp_path / f"out/sub-A-0001_{name}.nii.gz"))
        assert mask.GetSize() == image.GetSize()
        assert mask.GetOrigin() == pytest.approx(image.GetOrigin(), abs=1e-3)
        assert mask.GetDirection() == pytest.approx(image.GetDirection(), abs=1e-5)


@pytest.mark.parametrize("kind", ["dicom_siemens", "dicom_standard"])
def test_phantom(reference_data, tmp_path, kind):
    """DICOM of two dialects to an ADC map: every vial's median within 3 % of the truth, in noise."""
    folder = reference_data / "phantom"
    (tmp_path / "images").mkdir()
    (tmp_path / "images/dwi").symlink_to(folder / kind)
    vials = sitk.ReadImage(str(folder / "vials.nii.gz"))
    sitk.WriteImage(vials > 0, str(tmp_path / "images/mask.nii.gz"))  # one label: all vials
    settings = SETTINGS | {"sequences": {"ADC": SETTINGS["sequences"]["ADC"]}}
    status = run(tmp_path / "images", tmp_path / "out", settings)
    assert status.usable == ["ADC"] and status.findings == []
    adc = on_grid_of(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")), vials)
    labels = sitk.GetArrayFromImage(vials)
    for vial in json.loads((folder / "truth.json").read_text())["vials"]:
        assert np.median(adc[labels == vial["label"]]) == pytest.approx(vial["adc_truth"], rel=0.03)


DIFFUSION_ONLY = {"sequences": {"ADC": {"source": "diffusion", "description": "dwi|dti"}}}


def test_ge_diffusion(reference_data, tmp_path):
    """Its b-values are read. All seven volumes of the test data hold one picture, which must not pass as an ADC."""
    status = run(reference_data / "dicom/ge_dwi_tensor_r2/dicom", tmp_path / "out", SETTINGS | DIFFUSION_ONLY)
    assert json.loads((tmp_path / "out/series.json").read_text())["series"][0]["b_values"] == [0, 1000]
    assert codes(status) == ["private_tags", "no_roi", "bad_diffusion"] and "does not fall" in text(
        status, "bad_diffusion"
    )
    reference = reference_data / "dicom/ge_dwi_tensor_r2/reference/Ax_DWI_TENSOR_R2_1.nii.gz"
    volumes = sitk.GetArrayFromImage(sitk.ReadImage(str(reference)))
    assert (volumes == volumes[0]).all()


def test_ge_diffusion_with_a_signal_that_falls(reference_data, tmp_path):
    """The same files with the pixels of their weighted volumes halved: ln 2 / 1000."""
    for path in (reference_data / "dicom/ge_dwi_tensor_r2/dicom").iterdir():
        dataset = dcmread(path)
        if int(dataset[0x00431039].value[0]) > 0:
            dataset.PixelData = (dataset.pixel_array // 2).astype("<i2").tobytes()
        (tmp_path / "images").mkdir(exist_ok=True)
        dataset.save_as(tmp_path / "images" / path.name)
    run(tmp_path / "images", tmp_path / "out", SETTINGS | DIFFUSION_ONLY)
    assert json.loads((tmp_path / "out/sub-A-0001_ADC.json").read_text())["BValues"] == [0] + [1000] * 6
    adc = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")))
    reference = reference_data / "dicom/ge_dwi_tensor_r2/reference/Ax_DWI_TENSOR_R2_1.nii.gz"
    bright = sitk.GetArrayFromImage(sitk.ReadImage(str(reference)))[0] > 200
    assert np.median(adc[bright]) == pytest.approx(1e6 * np.log(2) / 1000, abs=3)


@pytest.mark.slow
def test_philips_diffusion(shared_data, tmp_path):
    """544 files whose instance numbers are not in the order of space, with b = 0.001 to 0.004 for zero."""
    with tarfile.open(shared_data / "dicom/philips_dwi_b1000/philips_dwi.tar.gz") as archive:
        archive.extractall(tmp_path / "images", filter="data")
    run(tmp_path / "images", tmp_path / "out", SETTINGS | DIFFUSION_ONLY)
    values = json.loads((tmp_path / "out/sub-A-0001_ADC.json").read_text())["BValues"]
    (reference,) = (shared_data / "dicom/philips_dwi_b1000/reference").glob("*.bval")
    assert values == [float(value) for value in reference.read_text().split()]
    adc = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")))
    assert 600 < np.median(adc[16, 40:72, 40:72]) < 1200  # brain


def test_a_mosaic_and_a_series_with_a_missing_slice(shared_data, tmp_path):
    """Both would be converted by dcm2niix without an error."""
    for name in ("siemens_mosaic_epi", "prostatex_0000_missing_slice"):
        settings = SETTINGS | {"sequences": {"T2WI": {"description": "epi|ep2d"}}}
        status = run(shared_data / "dicom" / name, tmp_path / name, settings)
        assert status.usable == [] and not list((tmp_path / name).glob("*.nii.gz"))
        if "missing" in name:
            assert "1 missing between slices 13 and 14 of 18" in text(status, "broken_geometry")
        else:
            assert "MOSAIC" in text(status, "missing_sequence")


# --- made-up patients


@pytest.fixture
def patient(tmp_path) -> Path:
    """A folder with all three sequences and a structure set drawn on T2."""
    folder = tmp_path / "images"
    save(series(volume(seed=1), series_uid="1.2.3", number=3), folder / "t2")
    save(series(volume(seed=2), number=8, description="t1_vibe_tra", ContrastBolusAgent="Gadovist"), folder / "t1")
    save(diffusion([0, 800]), folder / "dwi")
    save([structure_set({"Tumour": [square((-6, -6), (6, 6), z) for z in (8.0, 13.0)]})], folder, "roi.dcm")
    return folder


def test_a_complete_patient_gives_all_three_sequences(patient, tmp_path):
    status = run(patient, tmp_path / "out")
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and status.findings == []
    adc = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")))
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC_mask.nii.gz")))
    assert np.median(adc[mask > 0]) == pytest.approx(1000, abs=10)
    assert mask.sum() == 2 * 9 * 9  # the contours run through pixel centres, which count
    sidecar = json.loads((tmp_path / "out/sub-A-0001_T2WI.json").read_text())
    assert sidecar["Manufacturer"] == "SIEMENS" and sidecar["EchoTime"] == 0.1 and sidecar["Spacing"] == [1.5, 1.5, 5]


def test_equal_input_gives_equal_bytes(patient, tmp_path):
    contents = []
    for name in ("first", "second"):
        run(patient, tmp_path / name)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]


def test_one_diffusion_series_for_each_b_value(patient, tmp_path):
    shutil.rmtree(patient / "dwi")
    for number, b in enumerate((0, 400, 800)):
        save(diffusion([b], number=10 + number), patient / f"b{b}")
    status = run(patient, tmp_path / "out")
    assert status.usable == ["CET1WI", "T2WI", "ADC"]
    assert json.loads((tmp_path / "out/sub-A-0001_ADC.json").read_text())["BValues"] == [0, 400, 800]
    adc = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")))
    assert np.median(adc[adc > 500]) == pytest.approx(1000, abs=10)


def test_b_values_that_only_the_sequence_name_tells(patient, tmp_path):
    """An anonymiser took the private tags away: dcm2niix knows no b-values, the headers still do."""
    for path in (patient / "dwi").iterdir():
        dataset = dcmread(path)
        dataset.SequenceName = f"*ep_b{dataset.DiffusionBValue:.0f}t"
        del dataset.DiffusionBValue
        dataset.save_as(path)
    assert "ADC" in run(patient, tmp_path / "out").usable
    adc = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")))
    assert np.median(adc[adc > 500]) == pytest.approx(1000, abs=10)


def test_unknown_b_values_are_a_finding(patient, tmp_path):
    for path in (patient / "dwi").iterdir():
        dataset = dcmread(path)
        del dataset.DiffusionBValue
        dataset.save_as(path)
    status = run(patient, tmp_path / "out")
    assert status.usable == ["CET1WI", "T2WI"] and codes(status) == ["bad_diffusion"]


def test_exchanged_b_values_are_a_finding_not_a_wrong_map(patient, tmp_path):
    for path in (patient / "dwi").iterdir():
        dataset = dcmread(path)
        dataset.DiffusionBValue = 800 - dataset.DiffusionBValue
        dataset.save_as(path)
    assert "does not fall" in text(run(patient, tmp_path / "out"), "bad_diffusion")


def temporal(file):
    for groups in file.PerFrameFunctionalGroupsSequence:
        b = groups.MRDiffusionSequence[0].DiffusionBValue
        groups.FrameContentSequence[0].TemporalPositionIndex = 1 if b == 0 else 2


def test_an_enhanced_multi_frame_file(patient, tmp_path):
    """One file for the whole T2 series gives the same voxels as one for each image."""
    run(patient, tmp_path / "classic")
    shutil.rmtree(patient / "t2")
    file = enhanced(volume(seed=1), [0.0])
    file.SeriesDescription, file.SeriesInstanceUID = "t2_tse", "1.2.3"
    save([file], patient / "t2")
    assert run(patient, tmp_path / "enhanced").usable == ["CET1WI", "T2WI", "ADC"]
    images = [sitk.ReadImage(str(tmp_path / name / "sub-A-0001_T2WI.nii.gz")) for name in ("classic", "enhanced")]
    assert (on_grid_of(images[1], images[0]) == sitk.GetArrayFromImage(images[0])).all()


@pytest.mark.parametrize("dialect", [lambda file: None, temporal])
def test_what_dcm2niix_silently_gets_wrong_is_put_together_by_the_headers(patient, tmp_path, dialect):
    """Two dialects of one multi-frame diffusion file: dcm2niix stacks or sorts the b-values wrongly, and is silent."""
    run(patient, tmp_path / "classic")
    shutil.rmtree(patient / "dwi")
    file = enhanced(volume(), [0.0, 800.0])
    dialect(file)
    save([file], patient / "dwi")
    status = run(patient, tmp_path / "out")
    assert codes(status) == ["assembled"] and status.usable == ["CET1WI", "T2WI", "ADC"]
    for name in ("ADC", "ADC_mask"):
        ours, theirs = (sitk.ReadImage(str(tmp_path / run / f"sub-A-0001_{name}.nii.gz")) for run in ("out", "classic"))
        assert (on_grid_of(ours, theirs) == sitk.GetArrayFromImage(theirs)).all()


def scaled(vendor_scale: bool) -> Dataset:
    """A multi-frame file as Philips writes it: each frame with its own rescale slope, intercept and scale slope."""
    file = enhanced(volume(), [0.0, 800.0])
    pixels = file.pixel_array.astype(float)
    for number, groups in enumerate(file.PerFrameFunctionalGroupsSequence):
        scale = Dataset()
        scale.RescaleSlope, scale.RescaleIntercept = 0.125 * (1 + number % 3), -4.0
        groups.PixelValueTransformationSequence = [scale]
        pixels[number] = (pixels[number] + 4) / scale.RescaleSlope
        if vendor_scale:
            inner = Dataset()
            block = inner.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
            block.add_new(0x0E, "FL", 1 / scale.RescaleSlope)  # so that floating-point values are the displayed ones
            groups.private_block(0x2005, "Philips MR Imaging DD 005", create=True).add_new(0x0F, "SQ", [inner])
    file.PixelData = np.rint(pixels).astype("<u2").tobytes()
    return file


def test_frames_with_scales_of_their_own_are_brought_to_one(patient, tmp_path):
    run(patient, tmp_path / "classic")
    shutil.rmtree(patient / "dwi")
    save([scaled(vendor_scale=True)], patient / "dwi")
    assert "ADC" in run(patient, tmp_path / "out").usable
    ours, theirs = (sitk.ReadImage(str(tmp_path / run / "sub-A-0001_ADC.nii.gz")) for run in ("out", "classic"))
    tumor = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "classic/sub-A-0001_ADC_mask.nii.gz"))) > 0
    assert np.abs(on_grid_of(ours, theirs) - sitk.GetArrayFromImage(theirs))[tumor].max() <= 3  # stored values round


def test_different_rescale_slopes_without_the_vendors_scale_are_a_finding(patient, tmp_path):
    shutil.rmtree(patient / "dwi")
    save([scaled(vendor_scale=False)], patient / "dwi")
    status = run(patient, tmp_path / "out")
    assert "different rescale slopes (0.125, 0.25, 0.375)" in text(status, "bad_diffusion")
    assert status.usable == ["CET1WI", "T2WI"]


def test_a_multi_frame_file_that_cannot_be_unpacked_is_a_finding(patient, tmp_path):
    shutil.rmtree(patient / "dwi")
    file = enhanced(volume(), [0.0, 800.0])
    del file.BitsStored
    save([file], patient / "dwi")
    status = run(patient, tmp_path / "out")
    assert codes(status, "ADC") == ["unreadable_sequence"] and status.usable == ["CET1WI", "T2WI"]


def test_b_values_of_dcm2niix_and_headers_that_contradict_each_other_are_a_finding(patient, tmp_path):
    """A dialect of multi-frame diffusion whose b-values dcm2niix scales."""
    shutil.rmtree(patient / "dwi")
    file = enhanced(volume(), [0.0, 800.0])
    file.Manufacturer = "Philips"
    save([file], patient / "dwi")
    status = run(patient, tmp_path / "out")
    assert "they are 0, 2000 by dcm2niix, 0, 800 by the headers" in text(status, "bad_diffusion")
    assert status.usable == ["CET1WI", "T2WI"]


def test_jpeg_2000(tmp_path):
    """An MR image that pydicom's authors compressed, and the same one as it was."""
    for name in ("MR_small.dcm", "MR_small_jp2klossless.dcm"):
        dataset = dcmread(get_testdata_file(name, download=False))
        dataset.SeriesDescription, dataset.ImageType = "t2_tse", ["ORIGINAL", "PRIMARY"]
        (tmp_path / name).mkdir()
        dataset.save_as(tmp_path / name / "image.dcm")
        run(tmp_path / name, tmp_path / "out" / name, SETTINGS | {"sequences": {"T2WI": {"description": "t2"}}})
    plain, packed = (path.read_bytes() for path in sorted((tmp_path / "out").glob("*/*.nii.gz")))
    assert plain == packed


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_compressed_images(patient, tmp_path, syntax):
    """Lossless compression gives the same voxels."""
    run(patient, tmp_path / "plain")
    for path in (patient / "t2").iterdir():
        dataset = dcmread(path)
        try:
            dataset.compress(syntax, generate_instance_uid=False)
        except RuntimeError:
            pytest.skip(f"no writer of {syntax.name} here")
        dataset.save_as(path)
    assert "T2WI" in run(patient, tmp_path / "packed").usable
    name = "sub-A-0001_T2WI.nii.gz"
    assert (tmp_path / "packed" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()


def test_compressed_images_cut_short_are_a_finding(patient, tmp_path):
    for path in (patient / "t2").iterdir():
        dataset = dcmread(path)
        dataset.compress(RLELossless, generate_instance_uid=False)
        dataset.save_as(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - 300])
    status = run(patient, tmp_path / "out")
    assert "T2WI" not in status.usable and codes(status, "T2WI") != []


def test_a_dynamic_series_is_a_finding(patient, tmp_path):
    save(series(volume(), series_uid="1.2.3", number=3, first_instance=20), patient / "again")
    assert "every slice occurs 2 times" in text(run(patient, tmp_path / "out"), "broken_geometry")


def test_no_folder_no_images(tmp_path):
    assert codes(run(tmp_path / "nowhere", tmp_path / "out")) == ["no_images"]


def test_nothing_readable(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images/IM1.dcm").write_bytes(b"")
    (tmp_path / "images/report.pdf").write_bytes(b"%PDF")
    status = run(tmp_path / "images", tmp_path / "out")
    assert codes(status) == ["unreadable_file", "no_dicom"]
    assert status.findings[0].text == "1 .dcm file (number 1 of 2 by path): empty file"
    assert status.usable == []


def test_two_patients_in_one_folder(patient, tmp_path):
    save(series(volume(), number=12, patient_id="SOMEONE-ELSE"), patient / "other")
    status = run(patient, tmp_path / "out")
    assert codes(status) == ["wrong_patient"] and status.usable == []
    assert "series 12" in status.findings[0].text and "SOMEONE" not in (tmp_path / "out/status.json").read_text()
    assert not list((tmp_path / "out").glob("*.nii.gz"))


def test_many_unreadable_files_are_counted_not_listed(patient, tmp_path):
    for number in range(30):
        (patient / f"{number}.dcm").write_bytes(b"")
    status = run(patient, tmp_path / "out")
    (finding,) = status.findings
    assert finding.text == "30 .dcm files (first: number 1 of 55 by path): empty file"
    assert status.usable == ["CET1WI", "T2WI", "ADC"]


def test_an_roi_partly_outside_a_sequence_is_measured(patient, tmp_path):
    shutil.rmtree(patient / "t1")
    short = series(volume(slices=2), number=8, description="t1+c")  # holds the first of the ROI's two slices
    save(short, patient / "t1")
    status = run(patient, tmp_path / "out")
    assert status.usable == ["T2WI", "ADC"]
    found = text(status, "roi_outside_image")
    assert "50 % of the ROI's volume is outside" in found and "the limit is 10 %" in found
    settings = SETTINGS | {"roi": SETTINGS["roi"] | {"most_outside": 0.6}}
    status = run(patient, tmp_path / "more", settings)
    assert status.usable == ["CET1WI", "T2WI", "ADC"]
    assert "50 % of the ROI's volume" in text(status, "roi_partly_outside")


def test_an_roi_outside_a_sequence(patient, tmp_path):
    shutil.rmtree(patient / "t1")
    save(series(volume(), number=8, description="t1+c", origin=(-12, -15, 90.0)), patient / "t1")
    status = run(patient, tmp_path / "out")
    assert status.usable == ["T2WI", "ADC"] and codes(status, "CET1WI") == ["roi_outside_image"]


def test_an_roi_smaller_than_the_voxels_of_a_sequence(patient, tmp_path):
    save([structure_set({"Tumour": [square((-0.2, -0.2), (1.2, 1.2), 8.0)]})], patient, "roi.dcm")
    coarse = series(volume(), number=8, description="t1+c", spacing=(4.0, 4.0), origin=(-34, -42, 3))
    shutil.rmtree(patient / "t1")
    save(coarse, patient / "t1")
    status = run(patient, tmp_path / "out")
    assert codes(status, "CET1WI") == ["empty_roi"] and "T2WI" in status.usable


def test_a_sequence_in_another_frame_of_reference(patient, tmp_path):
    shutil.rmtree(patient / "t1")
    save(series(volume(), number=8, description="t1+c", frame_uid=FRAME_UID + ".9"), patient / "t1")
    status = run(patient, tmp_path / "out")
    assert status.usable == ["T2WI", "ADC"] and codes(status, "CET1WI") == ["foreign_roi"]


def replace(path: Path, contours: dict, frame_uid: str = FRAME_UID) -> None:
    save([structure_set(contours, frame_uid)], path.parent, path.name)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda path: path.unlink(), "no_roi"),
        (lambda path: path.write_bytes(path.read_bytes()[:900]), "unreadable_roi"),
        (
            lambda path: save([structure_set({"x": [square((0, 0), (5, 5), 8)]}, "9.9")], path.parent, path.name),
            "foreign_roi",
        ),
        (lambda path: replace(path, {"x": []}), "empty_roi"),
    ],
)
def test_without_an_roi_the_images_are_kept_for_the_eye_and_none_is_usable(patient, tmp_path, change, code):
    change(patient / "roi.dcm")
    status = run(patient, tmp_path / "out")
    assert codes(status) == [code] and status.usable == []
    assert (tmp_path / "out/sub-A-0001_T2WI.nii.gz").exists()
    assert not list((tmp_path / "out").glob("*_mask.nii.gz"))


@pytest.mark.parametrize("privacy", ["report", "exclude"])
def test_nothing_that_identifies_the_patient_is_written(tmp_path, capfd, privacy):
    """Planted in headers, descriptions, file names and segment names."""
    secrets = ["ZHANG", "SAN", "张三", "19670423", "H-4711-99", "ACC88812", "20240229", "1.2.840.99999", "Dr-House"]
    folder = tmp_path / "images"
    planted = {
        "PatientName": "ZHANG^SAN=张三",
        "PatientBirthDate": "19670423",
        "AccessionNumber": "ACC88812",
        "StudyDate": "20240229",
        "AcquisitionDate": "20240229",
        "AcquisitionTime": "112233.5",
        "ContentTime": "112233.5",
        "ReferringPhysicianName": "Dr-House",
        "InstitutionName": "Dr-House Hospital",
        "ImageComments": "ZHANG SAN",
        "PatientComments": "ZHANG SAN",
        "SpecificCharacterSet": "ISO_IR 192",
        "patient_id": "H-4711-99",
    }
    uid = "1.2.840.99999.1"
    save(
        series(volume(), series_uid=uid, description="t2_tse_tra ZHANG_san 张三", **planted),
        folder / "张三",
        "ZHANG {}.dcm",
    )
    save(diffusion([0, 800], **planted), folder / "dwi")
    (folder / "ZHANG SAN.dcm").write_bytes(b"")
    roi = structure_set({"Tumour Zhang": [square((-6, -6), (6, 6), 8)]})
    roi.PatientName, roi.PatientID = "ZHANG^SAN", "H-4711-99"
    save([roi], folder, "roi of ZHANG.dcm")
    status = run(folder, tmp_path / "out", SETTINGS | {"privacy": privacy})
    assert status.usable == (["T2WI", "ADC"] if privacy == "report" else [])
    printed = capfd.readouterr()
    written = {"log": printed.out + printed.err}
    for path in (tmp_path / "out").iterdir():
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        written[path.name] = content.decode("utf-8", "replace")
    for name, content in written.items():
        for secret in [*secrets, "112233", "11:22:33"]:
            assert secret.lower() not in (name + content).lower(), f"{secret} in {name}"
    assert "t2_tse_tra" in written["series.json"]


def test_an_accession_number_that_looks_like_a_measurement_breaks_nothing(patient, tmp_path):
    for path in (patient / "t2").iterdir():
        dataset = dcmread(path)
        dataset.AccessionNumber = "100"
        dataset.save_as(path)
    assert run(patient, tmp_path / "out").usable == ["CET1WI", "T2WI", "ADC"]
    assert json.loads((tmp_path / "out/sub-A-0001_T2WI.json").read_text())["EchoTime"] == 0.1


def test_dcm2niix_is_found_on_the_path_or_missed_in_one_sentence(patient, tmp_path, monkeypatch):
    import dcm2niix

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/dcm2niix").symlink_to(dcm2niix.bin)
    monkeypatch.setitem(sys.modules, "dcm2niix", None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert run(patient, tmp_path / "out").usable == ["CET1WI", "T2WI", "ADC"]
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="dcm2niix is not installed"):
        run(patient, tmp_path / "out")


def program(images: Path, place: Path, settings: dict = SETTINGS) -> list[str]:
    """The command of a job that converts one patient, whose folder goes to ``place``."""
    whose = ["--patients", "A-0001", "--center", "A", "--images", batches.image_folders("A-0001", images, place)]
    options = ["--settings", json.dumps(settings), "--output", str(place / "batches/1-of-1.json")]
    return [sys.executable, "-m", "hscore.steps.convert_patient", *whose, *options]


def test_a_killed_conversion_leaves_nothing_that_looks_whole_and_the_next_takes_its_remains_away(patient, tmp_path):
    for path in list((patient / "t2").iterdir()):  # enough files that the kill comes in time
        for copy in range(60):
            shutil.copy(path, path.with_name(f"{copy}-{path.name}"))
    place = tmp_path / "out.batch"  # where ``run`` has the step write
    process = subprocess.Popen(program(patient, place), env={"PYTHONPATH": str(ROOT / "workflow/src")})
    while not list(place.glob(".sub-A-0001~*")):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -9
    assert not list(place.glob("sub-*")) and list(place.glob(".sub-A-0001~*"))
    assert run(patient, tmp_path / "out").usable == ["CET1WI", "T2WI", "ADC"]
    assert not list(place.glob(".sub-A-0001~*"))


def test_as_a_program(patient, tmp_path):
    """Its exit code, the lines that say where it ran and what it used, and one sentence for a mistake in the config."""

    def call(settings: dict) -> subprocess.CompletedProcess:
        environment = {"PYTHONPATH": str(ROOT / "workflow/src"), "PATH": ""}
        return subprocess.run(program(patient, tmp_path, settings), env=environment, capture_output=True, text=True)

    done = call(SETTINGS)
    assert (done.returncode, done.stdout) == (0, "")
    first, whose, last = done.stderr.splitlines()
    assert whose == "INFO A-0001: 1 of 1"
    assert first.startswith(f"INFO environment {sys.prefix}, Python ")
    used = re.fullmatch(r"INFO used (.*) s of CPU time \((.*) s to start\), (\d+) MB of memory", last)
    assert 0 < float(used[2]) < float(used[1]) and int(used[3]) > 20
    wrong = SETTINGS | {"sequences": {"T2WI": {"description": "t2("}}}
    done = call(wrong)
    assert done.returncode == 1 and "\nerror: patient 'A-0001': config, convert: 't2('" in done.stderr
    assert Status.read(tmp_path / "sub-A-0001").usable  # the earlier output is still whole
