"""Geometry of stacks, and the choice of a series for each sequence."""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import yaml

from dicom_writer import SAGITTAL, TRANSVERSE, diffusion, save, series, volume
from hscore.errors import UserError
from hscore.imaging.convert.recognition import guess
from hscore.imaging.convert.series_choice import choose, describe
from hscore.imaging.convert.volumes import phases, weighted
from hscore.imaging.dicom.geometry import BrokenGeometryError, plane, stack
from hscore.imaging.dicom.patient_folder import read_folder
from workflow_runs import ROOT

SETTINGS = yaml.safe_load((ROOT / "config/config.yaml").read_text())["convert"]
TILTED = [*[0.999, 0.0, -0.0447], *[0.0, 1.0, 0.0]]


def write(folder, *stacks):
    for number, datasets in enumerate(stacks):
        save(datasets, folder / str(number))
    return read_folder(folder).series


def chosen(folder, *stacks, settings=SETTINGS):
    return choose(write(folder, *stacks), settings)


def numbers(outcome) -> dict:
    return {name: [one.number for one in choice.series] for name, choice in outcome.choices.items()}


def codes(outcome, sequence) -> list[str]:
    return [finding.code for finding in outcome.findings if finding.sequence == sequence]


# --- geometry


REAL = [
    *(f"dicom/prostatex_0000/{name}" for name in ("S03_t2_sag", "S04_t2_tra", "S05_t2_cor", "S06_dwi_b50_400_800")),
    *(f"dicom/prostatex_0000/{name}" for name in ("S07_adc_scanner", "S08_calc_b1000", "S09_pd_gre")),
]


@pytest.mark.parametrize("name", ["dicom/ge_dwi_tensor_r2/dicom", "phantom/dicom_siemens", "phantom/dicom_standard"])
def test_grid_agrees_with_another_reader(reference_data, name):
    """Corners of every volume as SimpleITK (GDCM) places them, to a hundredth of a millimetre."""
    check_corners(reference_data / name)


@pytest.mark.parametrize("name", REAL)
def test_grid_of_siemens_agrees_with_another_reader(shared_data, name):
    check_corners(shared_data / name)


def test_grid_of_philips_agrees_with_another_reader(shared_data, tmp_path):
    with tarfile.open(shared_data / "dicom/philips_dwi_b1000/philips_dwi.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    check_corners(tmp_path)


def check_corners(folder: Path) -> None:
    (one,) = read_folder(folder).series
    grid, slices = stack(one.frames)
    volumes = weighted(slices)
    for frames in (volumes[0], volumes[-1]):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames([str(frame.path) for frame in frames])
        theirs = reader.Execute()
        assert theirs.GetSize() == grid.size
        last = [n - 1 for n in grid.size]
        for index in ([0, 0, 0], last, [last[0], 0, last[2]]):
            ours = grid.affine[:3, :3] @ index + grid.affine[:3, 3]
            assert theirs.TransformIndexToPhysicalPoint(index) == pytest.approx(ours, abs=0.01)


def test_volumes_are_told_apart_by_position_whatever_the_order_of_instances(tmp_path):
    (one,) = write(tmp_path, diffusion([0, 400, 800]))
    grid, slices = stack(one.frames)
    volumes = weighted(slices)
    assert grid.size == (16, 20, 6) and len(volumes) == 3
    assert [{frame.b_value for frame in volume} for volume in volumes] == [{0}, {400}, {800}]


def broken(tmp_path, datasets) -> str:
    (one,) = write(tmp_path, datasets)
    with pytest.raises(BrokenGeometryError) as caught:
        phases(stack(one.frames)[1])
    return str(caught.value)


def test_a_missing_slice_is_located(tmp_path):
    datasets = series(volume())
    assert "1 missing between slices 3 and 4 of 5 (at 13.0 and 23.0 mm)" in broken(
        tmp_path, datasets[:3] + datasets[4:]
    )


def test_the_real_missing_slice_is_located(shared_data):
    (one,) = read_folder(shared_data / "dicom/prostatex_0000_missing_slice").series
    with pytest.raises(BrokenGeometryError, match="1 missing between slices 13 and 14 of 18"):
        stack(one.frames)


def test_a_repeated_slice_is_located(tmp_path):
    datasets = series(volume())
    extra = series(volume(slices=1), series_uid=str(datasets[0].SeriesInstanceUID), first_instance=9)
    assert "slice 1 of 6 occurs 2 times, most others 1 times" in broken(tmp_path, datasets + extra)


def test_uneven_and_shifted_slices_are_located(tmp_path):
    datasets = series(volume())
    datasets[2].ImagePositionPatient = [-12, -15, 14.5]
    assert "uneven distance between slices 2 and 3" in broken(tmp_path / "a", datasets)
    datasets = series(volume())
    datasets[2].ImagePositionPatient = [-10, -15, 13]
    assert "sideways" in broken(tmp_path / "b", datasets)


def test_no_position(tmp_path):
    datasets = series(volume())
    for dataset in datasets:
        del dataset.ImagePositionPatient
    assert "no position" in broken(tmp_path, datasets)


def test_planes():
    assert (
        plane(TRANSVERSE) == "transverse" and plane(SAGITTAL) == "sagittal" and plane([1, 0, 0, 0, 0, -1]) == "coronal"
    )
    assert plane(TILTED) == "transverse"


# --- choice


def test_real_patient(shared_data):
    """T2 transverse and DWI of a Siemens examination; not T2 sagittal or coronal, scanner ADC, calculated b, PD."""
    outcome = choose(read_folder(shared_data / "dicom/prostatex_0000").series, SETTINGS)
    assert numbers(outcome) == {"T2WI": [4], "ADC": [6]}
    assert codes(outcome, "CET1WI") == ["missing_sequence"] and codes(outcome, "T2WI") == codes(outcome, "ADC") == []
    assert {reasons["ADC"] for reasons in list(outcome.reasons.values())[4:6]} == {
        "it shows the ADC image",
        "its images were computed, not measured: its description contains 'CALC'",
    }


def test_real_mosaic_and_calculated_series_are_not_taken(shared_data):
    settings = SETTINGS | {"sequences": {"ADC": {"source": "diffusion", "description": "."}}}
    outcome = choose(read_folder(shared_data / "dicom/siemens_mosaic_epi").series, settings)
    assert numbers(outcome) == {} and "MOSAIC" in outcome.findings[0].text
    outcome = choose(read_folder(shared_data / "dicom/prostatex_0000/S07_adc_scanner").series, settings)
    assert "ADC" in outcome.findings[0].text and numbers(outcome) == {}


CONTRAST = {"ContrastBolusAgent": "Gadovist"}


@pytest.mark.parametrize(
    ("description", "elements", "taken"),
    [
        ("t1_vibe_tra_fs", CONTRAST, True),
        ("t1_tse_tra+C", {}, True),
        ("WATER: Ax LAVA-Flex T1 +c", {}, True),
        ("T1 eTHRIVE CE", {}, True),
        ("t1_post_gad", {}, True),
        ("T1增强 轴位", {}, True),
        ("T1 tra nach KM", {}, True),
        ("T1 FS ax inj", {}, True),
        ("ax T1 con contraste", {}, True),
        ("Т1 T1 к/у", {}, True),
        ("T1 造影 軸位", {}, True),
        ("t1 tra nativ", CONTRAST, False),
        ("T1 ax sans injection", CONTRAST, False),
        ("T1 sin contraste", CONTRAST, False),
        ("T1平扫", CONTRAST, False),
        ("AX 5", CONTRAST | {"EchoTime": 2, "RepetitionTime": 5}, True),  # names nothing; its times are those of T1
        ("AX 5", CONTRAST, False),  # ... of T2
        ("AX FLAIR", CONTRAST | {"EchoTime": 2, "RepetitionTime": 5}, False),
        ("t1_tse_tra", {}, False),
        ("t1_tse_tra", {"ContrastBolusAgent": "NO"}, False),
        ("t1_tse_tra_pre", CONTRAST, False),
        ("t1_space_tra", {}, False),  # "space" holds a "ce" inside a word
        ("t1_vibe_sub", CONTRAST, False),
        ("t1_localizer", CONTRAST, False),
        ("t1_vibe_tra", CONTRAST | {"ImageType": ["DERIVED", "PRIMARY", "M", "SUB"]}, False),
        ("t1_vibe_tra", CONTRAST | {"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, False),
        ("t1_vibe_dixon", CONTRAST | {"ImageType": ["DERIVED", "PRIMARY", "DIXON", "FAT"]}, False),
        ("t1_vibe_dixon", CONTRAST | {"ImageType": ["DERIVED", "PRIMARY", "DIXON", "WATER"]}, True),
        ("t1_vibe_tra", CONTRAST | {"ImageType": ["DERIVED", "PRIMARY", "PROJECTION IMAGE", "MIP"]}, False),
        ("t1_vibe_tra", CONTRAST | {"Modality": "CT"}, False),
    ],
)
def test_contrast_enhanced_t1(tmp_path, description, elements, taken):
    datasets = series(volume(), description=description, SpecificCharacterSet="ISO_IR 192", **elements)
    outcome = chosen(tmp_path, datasets)
    assert ("CET1WI" in outcome.choices) == taken
    assert codes(outcome, "CET1WI") == ([] if taken else ["missing_sequence"])


@pytest.mark.parametrize(
    ("description", "elements", "taken"),
    [
        ("T2 轴位", {}, True),
        ("ax", {}, True),  # TE 100, TR 4000
        ("TSE tra", {"EchoTime": 12, "RepetitionTime": 600}, False),
        ("ax", {"ScanningSequence": ["EP", "SE"]}, False),
        ("PD tra", {}, False),
        ("FLAIR tra", {}, False),
        ("t2_tse_tra", {"ImageType": ["DERIVED", "PRIMARY", "M", "MAP"]}, True),
    ],
)
def test_t2(tmp_path, description, elements, taken):
    datasets = series(volume(), description=description, SpecificCharacterSet="ISO_IR 192", **elements)
    assert ("T2WI" in chosen(tmp_path, datasets).choices) == taken


def test_a_diffusion_series_is_known_by_its_b_values_whatever_its_name(tmp_path):
    outcome = chosen(tmp_path, diffusion([0, 800], description="AX 5"))
    assert numbers(outcome) == {"ADC": [7]}


@pytest.mark.parametrize(("rule", "taken"), [("image_type", True), ("exclude_image_type", False)])
def test_image_types_by_the_config(tmp_path, rule, taken):
    sequences = SETTINGS["sequences"] | {"T2WI": SETTINGS["sequences"]["T2WI"] | {rule: "norm"}}
    normalized = series(volume(), number=1, ImageType=["ORIGINAL", "PRIMARY", "M", "NORM", "DIS2D"])
    plain = series(volume(), number=2)
    outcome = chosen(tmp_path, normalized, plain, settings=SETTINGS | {"sequences": sequences})
    assert numbers(outcome)["T2WI"] == [1 if taken else 2]


@pytest.mark.parametrize(
    ("description", "elements", "guessed"),
    [
        ("t2_tse_sag", {}, "T2"),
        ("t1_vibe_tra", CONTRAST, "T1, contrast-enhanced"),
        ("t1_vibe_nativ", CONTRAST, "T1"),
        ("ep2d_diff_ADC", {"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "ADC map of the scanner"),
        ("ep2d_diff_CALC_BVAL", {}, "calculated b-value"),
        ("Localizer", {}, "localizer"),
        ("PD", {}, "proton density"),
        ("AX 5", {"EchoTime": 2, "RepetitionTime": 5}, "T1"),
        ("AX 5", {"EchoTime": 40}, ""),
    ],
)
def test_what_a_series_seems_to_be(tmp_path, description, elements, guessed):
    (one,) = write(tmp_path, series(volume(), description=description, **elements))
    assert guess(one) == guessed


def test_the_protocol_name_counts_only_without_a_description(tmp_path):
    unnamed = series(volume(), number=1, description="", ProtocolName="t2_tse_tra")
    other = series(volume(), number=2, description="PD tra", ProtocolName="Pelvis T2 DWI")  # as GE writes it
    assert numbers(chosen(tmp_path, unnamed, other)) == {"T2WI": [1]}


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ({"slices": 6}, {"slices": 8}, 2),
        ({"spacing": (0.8, 0.8)}, {"spacing": (1.2, 1.2)}, 1),
        ({}, {}, 2),
        ({"slices": 6}, {"slices": 8, "broken": True}, 1),
    ],
)
def test_ties(tmp_path, first, second, winner):
    stacks = []
    for number, options in enumerate((first, second), 1):
        options = dict(options)
        slices, damaged = options.pop("slices", 6), options.pop("broken", False)
        datasets = series(volume(slices=slices), number=number, **options)
        stacks.append(datasets[:2] + datasets[3:] if damaged else datasets)
    outcome = chosen(tmp_path, *stacks)
    assert numbers(outcome)["T2WI"] == [winner]
    assert codes(outcome, "T2WI") == ["several_series"]
    assert "T2WI" in outcome.reasons[2 - winner]


def test_only_a_broken_series_is_a_finding(tmp_path):
    datasets = series(volume())
    outcome = chosen(tmp_path, datasets[:2] + datasets[3:])
    assert codes(outcome, "T2WI") == ["broken_geometry"]
    assert "1 missing between slices 2 and 3" in outcome.findings[1].text


def test_repetitions_are_no_volume(tmp_path):
    datasets = series(volume(), series_uid="1.2.3") + series(volume(seed=2), series_uid="1.2.3", first_instance=7)
    assert codes(chosen(tmp_path, datasets), "T2WI") == ["broken_geometry"]


def test_a_damaged_file_makes_its_sequence_unreadable(tmp_path):
    paths = save(series(volume()), tmp_path)
    paths[5].write_bytes(paths[5].read_bytes()[:-9])
    outcome = choose(read_folder(tmp_path).series, SETTINGS)
    assert codes(outcome, "T2WI") == ["unreadable_sequence"]


# --- diffusion


def one_b(b, number, **options):
    return diffusion([b], number=number, description=f"DWI_b{b}", **options)


def test_one_series_for_each_b_value(tmp_path):
    outcome = chosen(tmp_path, one_b(0, 3), one_b(800, 4))
    assert numbers(outcome) == {"ADC": [3, 4]}
    assert outcome.choices["ADC"].b_values == [0, 800] and codes(outcome, "ADC") == []


def test_series_on_different_grids_are_not_joined(tmp_path):
    outcome = chosen(tmp_path, one_b(0, 3), one_b(800, 4, origin=(0.0, 0.0, 0.0)))
    assert "bad_diffusion" in codes(outcome, "ADC")


@pytest.mark.parametrize(("b_values", "words"), [([0, 0.001], "b = 0"), ([0, 50], "closer"), ([800], "at least two")])
def test_insufficient_b_values(tmp_path, b_values, words):
    outcome = chosen(tmp_path, diffusion(b_values))
    assert codes(outcome, "ADC") == ["bad_diffusion"] and words in outcome.findings[-1].text


def test_unknown_b_values_are_left_to_the_conversion(tmp_path):
    datasets = diffusion([0, 800])
    for dataset in datasets:
        del dataset.DiffusionBValue
    outcome = chosen(tmp_path, datasets)
    assert outcome.choices["ADC"].b_values == [None, None] and codes(outcome, "ADC") == []


def test_a_bad_pattern_is_the_users_mistake(tmp_path):
    settings = SETTINGS | {"sequences": {"T2WI": {"description": "t2("}}}
    with pytest.raises(UserError, match=r"'t2\(' is not a regular expression"):
        chosen(tmp_path, series(volume()), settings=settings)


def test_the_record_of_a_series_names_scanner_and_geometry(tmp_path):
    (one,) = write(tmp_path, series(volume(), number=5))
    record = describe(one)
    assert record | {"number": 5, "vendor": "SIEMENS", "slices": 6, "matrix": [16, 20], "field_strength_t": 3} == record
    assert np.isclose(record["spacing_mm"], 1.5).all() and record["orientation"] == "transverse"
