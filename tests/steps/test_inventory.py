"""The table of what a centre delivered, and patients who are there twice, through the steps' command lines."""

import csv
import json
from pathlib import Path

import batches
from test_convert import run

from dicom_writer import diffusion, save, series, volume
from hscore.steps import compare_patients, write_inventory

COLUMNS = {"patient", "series", "vendor", "model", "field_strength_t", "chosen_as", "why_not", "matrix", "b_values"}


def patient(folder: Path, name: str, seed: int, study: str) -> Path:
    """Convert a made-up patient whose examination is ``study`` and whose images follow from ``seed``."""
    options = {"StudyInstanceUID": study}
    save(series(volume(seed=seed), number=3, **options), folder / name / "t2")
    save(diffusion([0, 800], StudyInstanceUID=study), folder / name / "dwi")
    run(folder / name, folder / f"sub-{name}", patient=name)
    return folder / f"sub-{name}"


def read(path: Path) -> list[dict]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_series_is_a_row_with_what_became_of_it(tmp_path):
    first = patient(tmp_path, "P1", 1, "1.2.1")
    save(series(volume(), number=9, description="t2\tquick\nlocalizer", PatientBirthDate="19670423"), tmp_path / "P2")
    run(tmp_path / "P2", tmp_path / "sub-P2", patient="P2")
    run(tmp_path / "nowhere", tmp_path / "sub-P3", patient="P3")
    records = [batches.record_of_folders(first, tmp_path / "sub-P2"), batches.record_of_folders(tmp_path / "sub-P3")]
    write_inventory.main(["--nifti", *records, "--output", str(tmp_path / "inventory.tsv")])
    rows = read(tmp_path / "inventory.tsv")
    assert set(rows[0]) >= COLUMNS
    assert [(row["patient"], row["series"], row["chosen_as"]) for row in rows] == [
        ("P1", "3", "T2WI"),
        ("P1", "7", "ADC"),
        ("P2", "9", ""),
        ("P3", "", ""),
    ]
    t2, dwi, quick, absent = rows
    assert (t2["vendor"], t2["model"], t2["field_strength_t"]) == ("SIEMENS", "Skyra", "3.0")
    assert (t2["matrix"], t2["spacing_mm"], t2["slices"], t2["why_not"]) == ("16 x 20", "1.5 x 1.5", "6", "")
    assert (dwi["b_values"], dwi["images"], dwi["guess"]) == ("0, 800", "12", "diffusion")
    assert "T2WI: it is an overview: its description contains 'localizer'" in quick["why_not"]
    assert (quick["description"], quick["guess"]) == ("t2 quick localizer", "localizer")
    assert quick["private_tags"] == "PatientBirthDate: 6" and "19670423" not in (tmp_path / "inventory.tsv").read_text()
    assert absent["findings"] == "no_images"


def groups(tmp_path: Path, *folders: Path) -> list[dict]:
    output = tmp_path / "same.json"
    compare_patients.main(["--nifti", batches.record_of_folders(*folders), "--output", str(output)])
    content = json.loads(output.read_text())
    assert content["code"] == "patient_twice"
    return content["groups"]


def test_one_patient_in_two_places_is_found_by_examination_or_by_images(tmp_path):
    """The second has the first's examination, the third the first's T2 under a new one, the fourth is somebody else."""
    folders = [
        patient(tmp_path, name, seed, study)
        for name, seed, study in (("P1", 1, "1.2.1"), ("P2", 2, "1.2.1"), ("P3", 1, "1.2.3"), ("P4", 4, "1.2.4"))
    ]
    for folder in folders:  # all phantoms share their diffusion images
        content = json.loads((folder / "series.json").read_text())
        del content["same_images"]["ADC"]
        (folder / "series.json").write_text(json.dumps(content))
    found = {tuple(one["patient"] for one in group["patients"]): group["same"] for group in groups(tmp_path, *folders)}
    assert found == {("P1", "P2"): ["examination"], ("P1", "P3"): ["T2WI"]}
    assert "1.2.1" not in (tmp_path / "same.json").read_text()


def test_different_patients_are_no_group(tmp_path):
    run(tmp_path / "nowhere", tmp_path / "sub-P2", patient="P2")
    run(tmp_path / "nowhere", tmp_path / "sub-P3", patient="P3")
    folders = patient(tmp_path, "P1", 1, "1.2.1"), tmp_path / "sub-P2", tmp_path / "sub-P3"
    assert groups(tmp_path, *folders) == []
