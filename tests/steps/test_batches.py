"""Several patients in one job: each has what she would have alone, whatever becomes of the others."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import batches
import pytest
from converted import CONFIG, settings, volume, write_patient
from deliveries import SETTINGS, dwi, roi, t1, t2

from coarse_simulation import write_coarse
from dicom_writer import save
from hscore.contracts.status import Status
from hscore.files import read_json
from hscore.simulation import atlas, codes
from hscore.steps import (
    check_quality,
    convert_patient,
    normalize_patient,
    sample_patient,
    simulate_center,
    simulate_patient,
)
from workflow_runs import ROOT


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def program(step: str, *arguments: str) -> list[str]:
    """The command of a job."""
    return [sys.executable, "-m", f"hscore.steps.{step}", *arguments]


def run(command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(command, env={"PYTHONPATH": str(ROOT / "workflow/src")}, capture_output=True, text=True)


# --- the size of a batch changes nothing


@pytest.fixture(scope="module")
def planted(tmp_path_factory) -> list[str]:
    """Arguments of ``simulate_patient`` but for the patients and where they go: coarse, an atlas of one variant."""
    folder = tmp_path_factory.mktemp("planted")
    parameters = write_coarse(folder / "simulation.yaml", through=1, variants=1)
    (folder / "atlas").mkdir()
    codes.save(folder / "atlas", 0, atlas.build(atlas.load_outlines(ROOT / "resources/pelvis.yaml"), 7, 0))
    center = ["--center", "A", "--scanner", "ge", "--patients", "4", "--lnm-positive", "1", "--seed", "7"]
    made, truth = ["--parameters", str(parameters), "--table", str(folder / "table.csv")], str(folder / "truth.json")
    simulate_center.main([*center, *made, "--truth", truth])
    where = ["--truth", truth, "--atlas", str(folder / "atlas"), "--parameters", str(parameters)]
    return [*where, "--scanner", "ge", "--seed", "7"]


def chain(planted: list[str], folder: Path, name: str, *patients: str) -> None:
    """Run all imaging steps on one batch of patients."""
    places = ("simulated", "truth", "nifti", "normalized", "samples", "qc")
    records = {place: str(folder / place / f"A/batches/{name}.json") for place in places}
    whose = ["--patients", *patients]
    simulate_patient.main([*planted, *whose, "--images", records["simulated"], "--image-truth", records["truth"]])
    images = ["--center", "A", "--images", str(folder / "simulated/A/images")]
    convert_patient.main([*whose, *images, "--settings", settings("convert"), "--output", records["nifti"]])
    done = ["--nifti", records["nifti"]]
    normalize_patient.main([*done, "--settings", settings("normalize"), "--output", records["normalized"]])
    done += ["--normalized", records["normalized"]]
    sample_patient.main([*done, "--settings", settings("sample"), "--output", records["samples"]])
    done += ["--samples", records["samples"]]
    check_quality.main([*done, "--sequences", *CONFIG["convert"]["sequences"], "--output", records["qc"]])


def test_the_number_of_patients_a_job_changes_no_byte_of_a_patient(planted, tmp_path):
    chain(planted, tmp_path / "together", "1-of-1", "A-0001", "A-0002")
    chain(planted, tmp_path / "apart", "1-of-2", "A-0002")
    chain(planted, tmp_path / "apart", "2-of-2", "A-0001")
    together, apart = contents(tmp_path / "together"), contents(tmp_path / "apart")
    records = {name for name in together.keys() | apart.keys() if "/batches/" in name}
    assert len(records) == 6 * 3 and together.keys() - records == apart.keys() - records
    assert all(together[name] == apart[name] for name in together.keys() - records)
    assert "samples/A/sub-A-0001/samples.npz" in together
    for place in {name.rpartition("/")[0] for name in records}:
        one = read_json(tmp_path / "together" / place / "1-of-1.json")
        two = [read_json(tmp_path / "apart" / place / f"{name}-of-2.json") for name in (1, 2)]
        assert one == two[0] | two[1]


# --- patients do not touch each other


def deliver(folder: Path, *patients: str, **parts) -> Path:
    """Write complete patients, with ``parts`` instead of what is usual."""
    for patient in patients:
        for name, datasets in ({"t1": t1(), "t2": t2(), "dwi": dwi(), "roi": [roi()]} | parts).items():
            save(datasets, folder / patient / name, f"{name}-{{:04d}}.dcm")
    return folder


def conversion(images: Path, record: Path, *patients: str, **changes) -> list[str]:
    arguments = ["--patients", *patients, "--center", "A", "--images", str(images), "--output", str(record)]
    return [*arguments, "--settings", json.dumps(SETTINGS | changes)]


def test_a_finding_about_one_patient_is_none_about_another(tmp_path):
    """One without a folder and one with a broken file and without a T2, between whole ones."""
    images = deliver(tmp_path / "images", "P1", "P3", "P4")
    shutil.rmtree(images / "P3/t2")
    (images / "P3/broken.dcm").write_bytes(next((images / "P3/t1").iterdir()).read_bytes()[:300])
    record = tmp_path / "nifti/batches/1-of-1.json"
    convert_patient.main(conversion(images, record, "P1", "P2", "P3", "P4"))
    found = {patient: Status.read(tmp_path / f"nifti/sub-{patient}") for patient in ("P1", "P2", "P3", "P4")}
    assert [finding.code for finding in found["P2"].findings] == ["no_images"]
    assert {"unreadable_file", "missing_sequence"} <= {finding.code for finding in found["P3"].findings}
    assert found["P1"].usable == found["P4"].usable == ["CET1WI", "T2WI", "ADC"]
    convert_patient.main(conversion(images, tmp_path / "alone/batches/1-of-1.json", "P4"))
    assert contents(tmp_path / "alone/sub-P4") == contents(tmp_path / "nifti/sub-P4")
    assert list(read_json(record)) == ["P1", "P2", "P3", "P4"]


def test_what_one_patient_is_refused_for_stops_no_other(tmp_path):
    images = deliver(tmp_path / "images", "P1", "P3")
    deliver(images, "P2", t2=t2(PatientBirthDate="19670423"))
    record = tmp_path / "nifti/batches/1-of-1.json"
    done = run(program("convert_patient", *conversion(images, record, "P1", "P2", "P3", privacy="stop")))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "\nerror: patient 'P2': patient P2 of A: " in done.stderr and "'convert.privacy: stop'" in done.stderr
    assert sorted(path.name for path in record.parents[1].iterdir()) == ["sub-P1", "sub-P3"]
    assert Status.read(record.parents[1] / "sub-P3").usable == ["CET1WI", "T2WI", "ADC"]


def test_after_a_fault_on_one_patient_the_others_are_finished_and_the_job_fails_with_her_name(tmp_path):
    folders = [write_patient(tmp_path / "nifti", name, {"T2WI": volume()}) for name in ("P1", "P2", "P3")]
    nifti = batches.record_of_folders(*folders)
    (folders[1] / "sub-P2_T2WI.nii.gz").unlink()  # it is in her status: no data can explain this
    record = tmp_path / "normalized/batches/1-of-1.json"
    done = run(
        program("normalize_patient", "--nifti", nifti, "--settings", settings("normalize"), "--output", str(record))
    )
    assert done.returncode == 1
    assert "INFO P1: 1 of 3\n" in done.stderr and "INFO P3: 3 of 3\n" in done.stderr
    assert "ERROR P2: internal error\nTraceback (most recent call last):" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: patient 'P2': internal error (FileNotFoundError: ")
    assert last.endswith("; its log has the traceback")
    assert sorted(path.name for path in record.parents[1].iterdir()) == ["sub-P1", "sub-P3"]


def test_a_batch_killed_in_the_middle_leaves_whole_patients_and_the_next_run_completes_it(tmp_path):
    images = deliver(tmp_path / "images", "P1", "P2", "P3")
    for path in list((images / "P2/t2").iterdir()):  # enough files that the kill comes in time
        for copy in range(60):
            shutil.copy(path, path.with_name(f"{copy}-{path.name}"))
    record = tmp_path / "nifti/batches/1-of-1.json"
    command = conversion(images, record, "P1", "P2", "P3")
    process = subprocess.Popen(program("convert_patient", *command), env={"PYTHONPATH": str(ROOT / "workflow/src")})
    while not list(record.parents[1].glob(".sub-P2~*")):
        assert process.poll() is None
        time.sleep(0.001)
    process.kill()
    assert process.wait() == -9
    assert [path.name for path in record.parents[1].glob("[!.]*")] == ["sub-P1"]
    before = contents(record.parents[1] / "sub-P1")
    convert_patient.main(command)
    assert sorted(path.name for path in record.parents[1].iterdir()) == ["batches", "sub-P1", "sub-P2", "sub-P3"]
    assert contents(record.parents[1] / "sub-P1") == before


def test_a_folder_that_went_missing_is_one_sentence(tmp_path):
    folders = [write_patient(tmp_path / "nifti", name, {"T2WI": volume()}) for name in ("P1", "P2")]
    nifti = batches.record_of_folders(*folders)
    shutil.rmtree(folders[1])
    with pytest.raises(SystemExit) as stop:
        normalize_patient.main(
            ["--nifti", nifti, "--settings", settings("normalize"), "--output", str(tmp_path / "x/y.json")]
        )
    assert str(stop.value).startswith(f"error: {folders[1]} does not exist, but {nifti} lists it; ")
    assert f"snakemake --force {nifti}" in str(stop.value)
