"""What the config lets the convert step decide: phases, scanner's maps, echo times, frames of reference, privacy."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from test_convert import SETTINGS, codes, on_grid_of, read_series, run, text

from dicom_writer import FRAME_UID, diffusion, enhanced, save, series, square, structure_set, volume
from hscore.imaging.convert.diffusion import fit_residual


def with_rule(sequence: str, **rules) -> dict:
    """The default settings with rules of one sequence changed."""
    sequences = SETTINGS["sequences"] | {sequence: SETTINGS["sequences"][sequence] | rules}
    return SETTINGS | {"sequences": sequences}


@pytest.fixture
def patient(tmp_path) -> Path:
    """A folder with all three sequences and a structure set drawn on T2."""
    folder = tmp_path / "images"
    save(series(volume(seed=1), series_uid="1.2.3", number=3), folder / "t2")
    save(series(volume(seed=2), number=8, description="t1_vibe_tra", ContrastBolusAgent="Gadovist"), folder / "t1")
    save(diffusion([0, 800]), folder / "dwi")
    save([structure_set({"Tumour": [square((-6, -6), (6, 6), z) for z in (8.0, 13.0)]})], folder, "roi.dcm")
    return folder


def change(folder: Path, **elements) -> None:
    """Set elements in every DICOM file of a folder."""
    for path in folder.iterdir():
        dataset = dcmread(path)
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        dataset.save_as(path)


# --- dynamic series


def dynamic(folder: Path, phases: list[int], slices: list[int]) -> None:
    """One series: phases of brightness ``phases``, of the last one only the first slices."""
    uid = "1.2.3.77"
    for count, (level, there) in enumerate(zip(phases, slices, strict=True)):
        images = series(volume() * 0 + level, first_instance=1 + 6 * count, series_uid=uid, number=8, description="dce")
        for one in images:
            one.AcquisitionNumber = 1 + count
        for one in images:
            one.SeriesDescription, one.ContrastBolusAgent = "t1_vibe_dyn", "Gadovist"
        save(images[:there], folder, f"P{count}_{{:04d}}.dcm")


@pytest.mark.parametrize(
    ("phase", "slices", "level"), [("last", [6, 6, 6], 30), ("last", [6, 6, 2], 20), (1, [6, 6, 6], 10)]
)
def test_a_phase_of_a_dynamic_series_is_taken(patient, tmp_path, phase, slices, level):
    """The last complete one by default: a phase that was cut short does not count."""
    shutil.rmtree(patient / "t1")
    dynamic(patient / "t1", [10, 20, 30], slices)
    status = run(patient, tmp_path / "out", with_rule("CET1WI", phase=phase))
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and codes(status) == ["dynamic_series"]
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_CET1WI.nii.gz")))
    assert image.shape == (6, 20, 16) and (image == level).all()
    listed = json.loads((tmp_path / "out/series.json").read_text())["series"]
    (chosen,) = [one for one in listed if one["chosen_as"] == "CET1WI"]
    assert chosen["images"] == sum(slices) and "CET1WI" not in chosen["why_not"]


@pytest.mark.parametrize(("phase", "level"), [("last", 30), (1, 10)])
def test_a_phase_of_a_dynamic_series_in_one_multi_frame_file_is_taken(patient, tmp_path, phase, level):
    shutil.rmtree(patient / "t1")
    file = enhanced(volume(), [0.0, 1.0, 2.0])
    file.SeriesDescription, file.ContrastBolusAgent = "t1_vibe_dyn", "Gadovist"
    for groups in file.PerFrameFunctionalGroupsSequence:
        groups.FrameContentSequence[0].TemporalPositionIndex = 1 + int(groups.MRDiffusionSequence[0].DiffusionBValue)
        del groups.MRDiffusionSequence
    file.PixelData = np.repeat(np.array([10, 20, 30], "<u2"), volume().size).tobytes()
    save([file], patient / "t1")
    status = run(patient, tmp_path / "out", with_rule("CET1WI", phase=phase))
    assert status.usable == ["CET1WI", "T2WI", "ADC"]
    assert "has 3 complete phases" in text(status, "dynamic_series")
    image = sitk.ReadImage(str(tmp_path / "out/sub-A-0001_CET1WI.nii.gz"))
    t2 = sitk.ReadImage(str(tmp_path / "out/sub-A-0001_T2WI.nii.gz"))
    assert (sitk.GetArrayFromImage(image) == level).all() and image.GetSize() == t2.GetSize()
    assert (on_grid_of(image, t2) == level).all()


def test_a_phase_that_does_not_exist_is_a_finding(patient, tmp_path):
    shutil.rmtree(patient / "t1")
    dynamic(patient / "t1", [10, 20, 30], [6, 6, 2])
    status = run(patient, tmp_path / "out", with_rule("CET1WI", phase=3))
    assert "phase 3 is wanted, 2 are complete" in text(status, "broken_geometry")


# --- echo and repetition times


def test_echo_and_repetition_times_tell_series_apart(patient, tmp_path):
    save(series(volume(), number=20, description="t2_haste", EchoTime=20.0), patient / "other")
    status = run(patient, tmp_path / "out", with_rule("T2WI", echo_time_ms=[60, 200], repetition_time_ms=[2000, 9000]))
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and status.findings == []
    listed = json.loads((tmp_path / "out/series.json").read_text())["series"]
    assert [one["why_not"]["T2WI"] for one in listed if one["number"] == 20] == ["echo time 20 ms, not 60 to 200 ms"]
    status = run(patient, tmp_path / "out", with_rule("T2WI", repetition_time_ms=[5000, 9000]))
    assert "repetition time 4000 ms, not 5000 to 9000 ms" in text(status, "missing_sequence")


# --- the scanner's own ADC map


def scanner_map(folder: Path, values: np.ndarray, **options) -> None:
    images = series(values.astype(np.uint16), number=9, description="ep2d_diff_ADC", **options)
    for one in images:
        one.ImageType = ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]
    save(images, folder)


def test_the_scanners_map_instead_of_the_fit(patient, tmp_path):
    values = 700 + 10 * np.arange(6 * 20 * 16).reshape(6, 20, 16) % 1500
    scanner_map(patient / "adc", values)
    status = run(patient, tmp_path / "out", with_rule("ADC", source="scanner"))
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and status.findings == []
    image = sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz"))
    t2 = sitk.ReadImage(str(tmp_path / "out/sub-A-0001_T2WI.nii.gz"))
    stored = read_series(patient / "adc")
    assert image.GetOrigin() == t2.GetOrigin() and image.GetPixelID() == sitk.sitkInt16
    assert (on_grid_of(image, stored) == sitk.GetArrayFromImage(stored)).all()
    sidecar = json.loads((tmp_path / "out/sub-A-0001_ADC.json").read_text())
    assert (sidecar["Source"], sidecar["Units"], sidecar["MultipliedBy"]) == ("scanner", "1e-6 mm2/s", 1)
    assert "not an ADC map" in json.loads((tmp_path / "out/series.json").read_text())["series"][0]["why_not"]["ADC"]


def test_a_map_in_other_units_is_brought_to_ours(patient, tmp_path):
    """As Philips writes it: whole numbers with a slope that makes them 1e-3 mm2/s."""
    scanner_map(patient / "adc", np.full((6, 20, 16), 1300), RescaleSlope="0.001", RescaleIntercept="0")
    run(patient, tmp_path / "out", with_rule("ADC", source="scanner"))
    image = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")))
    assert (image == 1300).all()
    assert json.loads((tmp_path / "out/sub-A-0001_ADC.json").read_text())["MultipliedBy"] == 1000


def test_a_map_without_values_of_tissue_is_a_finding(patient, tmp_path):
    scanner_map(patient / "adc", np.full((6, 20, 16), 20_000))
    status = run(patient, tmp_path / "out", with_rule("ADC", source="scanner"))
    assert "no values of tissue" in text(status, "bad_diffusion") and status.usable == ["CET1WI", "T2WI"]


def test_a_real_scanners_map_is_taken_as_it_is(shared_data, tmp_path):
    folder = shared_data / "dicom/prostatex_0000"
    settings = with_rule("ADC", source="scanner")
    run(folder, tmp_path / "out", settings | {"sequences": {"ADC": settings["sequences"]["ADC"]}})
    theirs = read_series(folder / "S07_adc_scanner")
    ours = on_grid_of(sitk.ReadImage(str(tmp_path / "out/sub-A-0001_ADC.nii.gz")), theirs)
    assert (ours == sitk.GetArrayFromImage(theirs).clip(0, 4000)).all()


# --- the fit's residual


def test_the_residual_is_that_of_a_least_squares_line():
    """Against numpy's polyfit on each voxel."""
    b = [0.0, 400.0, 800.0, 1000.0]
    random = np.random.default_rng(0)
    signal = 800 * np.exp(-np.outer(b, [8e-4, 1.2e-3, 2e-3])) * np.exp(random.normal(0, 0.1, (4, 3)))
    signal = np.concatenate([signal, np.ones((4, 30))], axis=1)[:, None, None, :]
    logs = np.log(signal[:, 0, 0, :3])
    expected = [np.sqrt(np.polyfit(b, logs[:, k], 1, full=True)[1][0] / 2) for k in range(3)]
    assert fit_residual(signal, b, 5) == pytest.approx(np.median(expected), rel=1e-5)


def test_the_residual_is_reported_and_a_poor_fit_is_a_finding(patient, tmp_path):
    shutil.rmtree(patient / "dwi")
    save(diffusion([0, 400, 800]), patient / "dwi")
    status = run(patient, tmp_path / "good")
    assert status.findings == []
    assert json.loads((tmp_path / "good/sub-A-0001_ADC.json").read_text())["FitResidual"] < 0.03  # whole numbers
    for path in (patient / "dwi").iterdir():  # as if two volumes had been exchanged
        dataset = dcmread(path)
        dataset.DiffusionBValue = {0: 0, 400: 800, 800: 400}[int(dataset.DiffusionBValue)]
        dataset.save_as(path)
    status = run(patient, tmp_path / "poor")
    assert "deviates from one exponential" in text(status, "poor_adc_fit") and "ADC" in status.usable


# --- several examinations


def second_examination(folder: Path, date: str, study: str, sequences: tuple[str, ...]) -> None:
    """The same patient on another day, in the same positions; ``sequences`` are those acquired then."""
    options = {"StudyDate": date, "StudyInstanceUID": study, "frame_uid": FRAME_UID}
    if "T2WI" in sequences:
        save(series(volume(seed=5), number=23, **options), folder / "t2 later")
    if "CET1WI" in sequences:
        agent = {"description": "t1_vibe_tra", "ContrastBolusAgent": "Gadovist"}
        save(series(volume(seed=6), number=28, **agent, **options), folder / "t1 later")
    if "ADC" in sequences:
        save(diffusion([0, 800], **options | {"number": 27}), folder / "dwi later")


def numbers(folder: Path) -> dict[str, int]:
    found = json.loads((folder / "series.json").read_text())["series"]
    return {one["chosen_as"]: one["number"] for one in found if one["chosen_as"]}


@pytest.mark.parametrize(
    ("later", "examination", "drawn_later", "chosen", "why"),
    [
        (("CET1WI", "T2WI", "ADC"), "first", False, {"CET1WI": 8, "T2WI": 3, "ADC": 7}, "the first"),
        (("CET1WI", "T2WI", "ADC"), "last", False, {"CET1WI": 28, "T2WI": 23, "ADC": 27}, "the last"),
        (("T2WI",), "last", False, {"CET1WI": 8, "T2WI": 3, "ADC": 7}, "most sequences"),
        (("CET1WI", "T2WI", "ADC"), "first", True, {"CET1WI": 28, "T2WI": 23, "ADC": 27}, "the ROI belongs to it"),
    ],
)
def test_sequences_of_several_examinations_are_never_mixed(
    patient, tmp_path, later, examination, drawn_later, chosen, why
):
    for name in ("t1", "t2", "dwi"):
        change(patient / name, StudyDate="20240111")
    second_examination(patient, "20240223", "1.2.826.77", later)
    roi = dcmread(patient / "roi.dcm")
    roi.StudyInstanceUID = "1.2.826.77" if drawn_later else "1.2.826.99"  # or an object that belongs to neither
    roi.save_as(patient / "roi.dcm")
    status = run(patient, tmp_path / "out", SETTINGS | {"examination": examination})
    assert numbers(tmp_path / "out") == chosen and status.usable == ["CET1WI", "T2WI", "ADC"]
    found = text(status, "several_examinations")
    assert "2 examinations within 43 days" in found and why in found
    listed = json.loads((tmp_path / "out/series.json").read_text())["series"]
    assert {one["number"]: one["day"] for one in listed} == {
        number: 0 if number < 20 else 43 for number in [one["number"] for one in listed]
    }
    other = next(one for one in listed if (one["number"] > 20) != (chosen["T2WI"] > 20))
    assert "of another examination, 43 days" in other["why_not"]["T2WI"]
    assert "2024" not in (tmp_path / "out/series.json").read_text() + (tmp_path / "out/status.json").read_text()


def test_two_accessions_of_one_day_are_one_examination(patient, tmp_path):
    for name, study in (("t1", "1.2.826.1"), ("t2", "1.2.826.2"), ("dwi", "1.2.826.2")):
        change(patient / name, StudyDate="20240111", StudyInstanceUID=study)
    status = run(patient, tmp_path / "out")
    assert status.findings == [] and status.usable == ["CET1WI", "T2WI", "ADC"]


# --- the PatientID


def test_images_under_another_name_than_the_tables_are_a_finding_when_the_config_says_so(patient, tmp_path):
    settings = SETTINGS | {"patient_id": "table"}
    assert run(patient, tmp_path / "same", settings, patient="PSEUDONYM").usable == ["CET1WI", "T2WI", "ADC"]
    status = run(patient, tmp_path / "other", settings)
    assert codes(status) == ["wrong_patient"] and "PSEUDONYM" not in (tmp_path / "other/status.json").read_text()


# --- frames of reference


def test_an_anonymisers_new_frame_of_reference_for_every_series_can_be_ignored(patient, tmp_path):
    for number, name in enumerate(("t2", "t1", "dwi")):
        change(patient / name, FrameOfReferenceUID=f"{FRAME_UID}.{number}")
    assert codes(run(patient, tmp_path / "strict")) == ["foreign_roi"]
    settings = SETTINGS | {"roi": SETTINGS["roi"] | {"frame_of_reference": "ignore"}}
    status = run(patient, tmp_path / "ignored", settings)
    assert status.usable == ["CET1WI", "T2WI", "ADC"] and status.findings == []


# --- privacy


RISKS = {
    "PatientName": "ZHANG^SAN",
    "PatientBirthDate": "19670423",
    "PatientAddress": "12 Long Street",
    "InstitutionName": "Hospital of the East",
    "BurnedInAnnotation": "YES",
    "RecognizableVisualFeatures": "YES",
}


def test_tags_that_name_the_patient_are_counted_and_never_quoted(patient, tmp_path):
    change(patient / "t2", **RISKS)
    change(patient / "t1", BurnedInAnnotation="NO", PatientName="Anonymous", PatientBirthDate="")
    status = run(patient, tmp_path / "out")
    assert codes(status) == ["private_tags"] and status.usable == ["CET1WI", "T2WI", "ADC"]
    assert json.loads((tmp_path / "out/series.json").read_text())["private_tags"] == dict.fromkeys(sorted(RISKS), 6)
    assert "PatientBirthDate (6 files)" in status.findings[0].text
    for path in (tmp_path / "out").glob("*.json"):
        assert not [value for value in RISKS.values() if len(value) > 3 and value in path.read_text()]


def test_private_files_exclude_a_patient_when_the_config_says_so(patient, tmp_path):
    change(patient / "t2", PatientBirthDate="19670423")
    status = run(patient, tmp_path / "out", SETTINGS | {"privacy": "exclude"})
    assert codes(status) == ["private_data"] and status.usable == []
    assert not list((tmp_path / "out").glob("*.nii.gz"))


def test_private_files_stop_the_run_when_the_config_says_so(patient, tmp_path):
    change(patient / "t2", PatientBirthDate="19670423")
    with pytest.raises(
        SystemExit, match=r"patient A-0001 of A: files still contain PatientBirthDate \(6 files\)"
    ) as stop:
        run(patient, tmp_path / "out", SETTINGS | {"privacy": "stop"})
    assert "19670423" not in str(stop.value) and not (tmp_path / "out").exists()


def test_the_studys_own_name_of_the_patient_is_no_secret(patient, tmp_path):
    for name in ("t1", "t2", "dwi"):
        change(patient / name, PatientName="A-0001")
    assert run(patient, tmp_path / "out").findings == []


# --- who is who


def identity(folder: Path) -> tuple:
    content = json.loads((folder / "series.json").read_text())
    return content["same_study"], content["same_images"]


def test_equal_images_have_equal_fingerprints_whatever_their_names(patient, tmp_path):
    """An anonymiser that writes new UIDs changes the study's hash, not that of the voxels; other images differ."""
    run(patient, tmp_path / "first")
    for name in ("t1", "t2", "dwi"):
        change(patient / name, StudyInstanceUID="1.2.3.4.5", PatientID="OTHER", PatientName="OTHER")
    change(patient / "t2", EchoTime=99)
    run(patient, tmp_path / "second", patient="B-0009")
    (study, images), (other_study, other_images) = identity(tmp_path / "first"), identity(tmp_path / "second")
    assert images == other_images and set(images) == {"CET1WI", "T2WI", "ADC"}
    assert len(study) == 1 and study != [other_study[0]]
    assert len(set(images.values())) == 3
