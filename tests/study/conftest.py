"""Two tiny studies run for real: a simulated one, and one "of our own" made of its DICOM with faults planted."""

import csv
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pydicom
import pytest
import yaml

from workflow_runs import ENVIRONMENTS, MODULE_COMMAND, ROOT, snakemake, with_modules

UNKNOWN = "henan-unknown"
PROFILE = ["--workflow-profile", str(ROOT / "workflow/profiles/test")]


@dataclass
class FinishedStudy:
    """A study that ran to its end."""

    folder: Path
    results: Path
    arguments: list[str]

    def json(self, name: str) -> dict:
        return json.loads((self.results / name).read_text())

    def rows(self, name: str) -> list[dict]:
        with (self.results / name).open(newline="") as file:
            return list(csv.DictReader(file))


def run(folder: Path, config: dict, snakemake=snakemake) -> FinishedStudy:
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True))
    arguments = [*PROFILE, "--configfile", str(ROOT / "config/test.yaml"), str(folder / "config.yaml")]
    snakemake(folder, *arguments)
    return FinishedStudy(folder, folder / "results" / config["study"], arguments)


@pytest.fixture(scope="session")
def simulated_study(tmp_path_factory) -> FinishedStudy:
    """The tiny simulated study, from nothing to the report; each stage in an environment of its own where there are."""
    return run(
        tmp_path_factory.mktemp("simulated"),
        {
            "study": "simulated-tiny",
            "centers": str(ROOT / "config/centers.test.tsv"),
            "simulation": {"parameters": str(ROOT / "resources/simulation.yaml")},
        },
        with_modules if MODULE_COMMAND.is_file() and (ENVIRONMENTS / "sizes.tsv").is_file() else snakemake,
    )


def complete_patients(study: FinishedStudy, center: str) -> list[str]:
    """Patients of the simulated study who were included: nothing of theirs is missing."""
    return [row["patient"] for row in study.rows(f"cohort/{center}/manifest.csv")]


@pytest.fixture(scope="session")
def own_study(simulated_study, tmp_path_factory) -> FinishedStudy:
    """The simulated DICOM as if three hospitals had brought it, with a fault of each kind in the first one."""
    folder = tmp_path_factory.mktemp("own")
    lines = ["center\tname\trole\timages\tclinical_table"]
    for center, role in (("sysucc", "development"), ("henan", "development"), ("yunnan", "external")):
        images, table = folder / center / "images", folder / center / "clinical.csv"
        shutil.copytree(simulated_study.results / "simulated" / center / "images", images)
        shutil.copy(simulated_study.results / "simulated" / center / "clinical.csv", table)
        lines.append(f"{center}\tHospital {center}\t{role}\t{images}\t{table}")
    (folder / "centers.tsv").write_text("\n".join(lines) + "\n")
    plant_faults(folder / "yunnan" / "images", complete_patients(simulated_study, "yunnan"))
    add_unknown_nodes(folder / "henan", complete_patients(simulated_study, "henan")[0])
    return run(folder, {"study": "own", "data": "own", "centers": str(folder / "centers.tsv")})


def dicom_files(folder: Path) -> list[Path]:
    """Files that begin as DICOM does."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path for path in files if path.read_bytes()[128:132] == b"DICM"]


def add_unknown_nodes(center: Path, patient: str) -> None:
    """Add one more patient, UNKNOWN: images, survival and all as another one's, but no node status at pathology."""
    shutil.copytree(center / "images" / patient, center / "images" / UNKNOWN)
    with (center / "clinical.csv").open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["patient"] == patient)
    with (center / "clinical.csv").open("a", newline="") as file:
        csv.DictWriter(file, row, lineterminator="\n").writerow({**row, "patient": UNKNOWN, "lnm": ""})


def plant_faults(images: Path, patients: list[str]) -> None:
    """No T2 for the first patient, no ROI for the second, the third not on disk, a broken file for the fourth."""
    no_t2, no_roi, absent, broken = (images / patient for patient in patients[:4])
    for path in dicom_files(no_t2):
        if "t2" in pydicom.dcmread(path, stop_before_pixels=True).SeriesDescription.lower():
            path.unlink()
    for path in no_roi.rglob("*.nii*"):
        path.unlink()
    shutil.rmtree(absent)
    (broken / "broken.dcm").write_bytes(dicom_files(broken)[0].read_bytes()[:200])
    (images / "stranger").mkdir()
