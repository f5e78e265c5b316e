"""The JSON files passed between stages: what is written reads back as itself; a damaged or foreign file is refused."""

import json
import types
import typing
from functools import partial

import numpy as np
import pytest

from hscore.contracts import (
    batch_record,
    calibration,
    center_truth,
    converted_series,
    flow,
    image_truth,
    quality,
    result_parts,
    results,
    same_patients,
    sample_folder,
    search_part,
    selection,
    shortcuts,
    sidecar,
    thresholds,
)
from hscore.errors import UserError


def filled(kind):
    """An object of a TypedDict with an empty value of the right type, or None, under every required key."""
    hints = typing.get_type_hints(kind)
    types_of_keys = {key: typing.get_origin(hints[key]) or hints[key] for key in sorted(kind.__required_keys__)}
    return {key: None if value is types.UnionType else value() for key, value in types_of_keys.items()}


OF_PATH = {
    "calibration": (calibration.write, calibration.read, filled(calibration.Calibration)),
    "center_truth": (center_truth.write, center_truth.read, filled(center_truth.CenterTruth)),
    "flow": (flow.write, flow.read, filled(flow.Flow)),
    "results": (results.write, results.read, filled(results.Results)),
    "same_patients": (same_patients.write, same_patients.read, [filled(same_patients.Group)]),
    "search_part": (search_part.write, search_part.read, filled(search_part.SearchPart)),
    "selection": (selection.write, selection.read, {"images": filled(selection.Choice)}),
    "shortcuts": (shortcuts.write, shortcuts.read, {"far": filled(shortcuts.Shortcuts)}),
    "thresholds": (thresholds.write, thresholds.read, {"hybrid": filled(thresholds.Threshold)}),
} | {
    kind.__name__: (result_parts.write, partial(result_parts.read, kind=kind), filled(kind))
    for kind in vars(result_parts).values()
    if typing.is_typeddict(kind)
}
FOREIGN = {"hybrid": {"of": "another study"}}


@pytest.mark.parametrize("name", OF_PATH)
def test_a_file_reads_back_and_any_other_is_refused_with_the_command_to_make_it_again(tmp_path, name):
    write, read, content = OF_PATH[name]
    path = tmp_path / "file.json"
    write(path, content)
    assert read(path) == content
    whole = path.read_text()
    for damaged in (whole[: len(whole) // 2], json.dumps(FOREIGN), "[1]", "null"):
        path.write_text(damaged)
        with pytest.raises(UserError, match=r"file\.json is damaged; make it again: snakemake --force .*file\.json"):
            read(path)
    path.unlink()
    with pytest.raises(UserError, match=r"file\.json does not exist; make it again: "):
        read(path)


BOX = {"sections": [1, 2, 3], "first": [4, 5], "last": [6, 7]}
SERIES = filled(converted_series.ConvertedSeries)
QUALITY = filled(quality.Quality)
NORMALIZED = {"sequence": "ADC", "bias_field": None, "intensity": {"scale": 1.0}}


def write_folder(folder):
    """Write every file of JSON that a patient's folder of any stage has."""
    sample_folder.write(folder, {"ADC_tumour": [BOX]}, {"tumour_volume_ml": 1.5, "scanner": None})
    converted_series.write(folder, SERIES)
    quality.write(folder, QUALITY, {"T2WI border": 0.5})
    sidecar.write(folder / "image.nii.gz", {"Sequence": "ADC", "EchoTime": 0.08})
    sidecar.write(folder / "normalized.nii", NORMALIZED)


IN_FOLDER = {
    "boxes.json": (sample_folder.read_boxes, {"ADC_tumour": [BOX]}),
    "patient.json": (sample_folder.read_about, {"tumour_volume_ml": 1.5, "scanner": None}),
    "series.json": (converted_series.read, SERIES),
    "quality.json": (quality.read, QUALITY),
    "shortcuts.json": (quality.read_features, {"T2WI border": 0.5}),
    "image.json": (
        lambda folder: sidecar.read_acquisition(folder / "image.nii.gz"),
        {"Sequence": "ADC", "EchoTime": 0.08},
    ),
    "normalized.json": (lambda folder: sidecar.read_normalization(folder / "normalized.nii"), NORMALIZED),
}


@pytest.mark.parametrize("name", IN_FOLDER)
def test_a_damaged_file_of_a_patient_names_the_record_of_the_batch(tmp_path, name):
    read, content = IN_FOLDER[name]
    folder, record = tmp_path / "sub-1", tmp_path / "batches" / "1-of-1.json"
    write_folder(folder)
    batch_record.write(record, {"1": folder})
    assert read(folder) == content
    (folder / name).write_text('{"a": [')
    with pytest.raises(UserError) as error:
        read(folder)
    assert str(error.value).startswith(f"{folder / name} is damaged; make it again: snakemake --force {record}")


def test_a_sequence_that_was_not_normalized_has_no_sidecar_and_a_patient_without_images_no_montage(tmp_path):
    assert sidecar.read_normalization(tmp_path / "none.nii") is None
    assert quality.read_montage(tmp_path) is None
    (tmp_path / quality.MONTAGE_FILE).write_bytes(b"picture")
    assert quality.read_montage(tmp_path) == b"picture"


def test_thresholds_must_contain_the_models_asked_for(tmp_path):
    thresholds.write(tmp_path / "t.json", {"a": filled(thresholds.Threshold)})
    assert list(thresholds.read(tmp_path / "t.json", ["a"])) == ["a"]
    with pytest.raises(UserError, match=r"t\.json contains no threshold for model 'b'; it contains a"):
        thresholds.read(tmp_path / "t.json", ["b"])


def test_the_truth_about_images_reads_back_and_a_damaged_file_is_refused(tmp_path):
    arrays = {image_truth.TUMOR_ADC: np.array(900.0), "mask_ADC": np.ones((1, 2, 3), bool)}
    image_truth.write(tmp_path / "1.npz", arrays)
    found = image_truth.read(tmp_path / "1.npz")
    assert list(found) == list(arrays) and found["mask_ADC"].all() and found[image_truth.TUMOR_ADC] == 900
    (tmp_path / "1.npz").write_bytes((tmp_path / "1.npz").read_bytes()[:100])
    with pytest.raises(UserError, match=r"1\.npz is damaged; make it again: "):
        image_truth.read(tmp_path / "1.npz")
