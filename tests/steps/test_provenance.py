"""The record of a run: the manifest's hashes and times, and that the crate keeps to the Workflow Run Crate profile."""

import hashlib
import json
from pathlib import Path

import pytest
import rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

from example_results import example_results
from hscore.files import read_json, write_json
from hscore.provenance import run_manifest
from hscore.steps import record_run
from workflow_runs import ROOT

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time"
# RO-Crate's own terms come with `rocrate` in version 1.3; these four had other addresses in 1.1.
TERMS_1_1 = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}


@pytest.fixture
def finished(tmp_path) -> Path:
    """The folder of a study that has ended, as far as the record of the run looks at it."""
    folder = tmp_path / "results/example"
    write_json(folder / "report/results.json", example_results())
    (folder / "report/report.html").write_text("<title>report</title>")
    (folder / "models/hybrid/seed-1").mkdir(parents=True)
    (folder / "models/hybrid/seed-1/seed-1-fold-0.safetensors").write_bytes(b"weights")
    (folder / "models/.state").mkdir()
    (folder / "models/.state/half").write_bytes(b"a checkpoint")
    for name, row in {
        "train_model/hybrid/seed-1.tsv": "60.5\t0:01:00\t353.25\t1\t1\t1\t0\t0\t90\t55.5",
        "train_model/clinical/seed-1.tsv": "2.0\t0:00:02\t90\t1\t1\t1\t0\t0\t90\t1.5",
        "report.tsv": "0.1\t0:00:00\t-\t-\t-\t-\t-\t-\t-\tNA",
    }.items():
        path = folder / "benchmarks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEADER}\n{row}\n")
    return folder


def record(folder: Path) -> Path:
    """Run the step; returns the crate."""
    table = folder.parent / "north.csv"
    table.write_text("patient\nnorth1\n")
    record_run.main(
        ["--results", str(folder / "report/results.json"), "--snakemake", "9.27.1"]
        + ["--report", str(folder / "report/report.html"), "--tables", str(table)]
        + ["--images", json.dumps({"north": "0123456789abcdef"}), "--output", str(folder / "provenance")]
    )
    return folder / "provenance"


def test_the_manifest_says_what_went_in_and_what_it_took(finished):
    content = read_json(record(finished) / "run_manifest.json")
    table = finished.parent / "north.csv"
    assert content["inputs"]["tables"] == {str(table): hashlib.sha256(table.read_bytes()).hexdigest()}
    assert content["inputs"]["images_names_and_sizes"] == {"north": "0123456789abcdef"}
    assert (
        content["results"]["models/hybrid/seed-1/seed-1-fold-0.safetensors"] == hashlib.sha256(b"weights").hexdigest()
    )
    assert not [name for name in content["results"] if ".state" in name]
    lock = (ROOT / "requirements.lock").read_bytes()
    assert content["locks"]["requirements.lock"] == hashlib.sha256(lock).hexdigest()
    assert set(content["environments"]) == {f"envs/{path.name}" for path in (ROOT / "envs").glob("*.yaml")}
    assert content["stages"]["train_model"] == {
        "jobs": 2,
        "wall_seconds": 62.5,
        "cpu_seconds": 57.0,
        "peak_memory_mb": 353.25,
    }
    assert content["stages"]["report"]["cpu_seconds"] == content["stages"]["report"]["peak_memory_mb"] == 0
    assert content["total"]["jobs"] == 3 and content["started"] < content["ended"]
    assert content["versions"]["snakemake"] == "9.27.1" and content["versions"]["torch"]
    assert content["hardware"]["recorded_on"]["cores"] >= 1
    results = read_json(finished / "report/results.json")
    assert content["config"] == results["config"] and content["code"]["commit"] == results["code_version"]


def test_dirty_code_is_called_dirty(finished):
    results = example_results()
    for commit, dirty in (("1a2b3c4-dirty", True), ("1a2b3c4", False), (None, None)):
        given = {**results, "code_version": commit}
        content = run_manifest.manifest(
            results=given, folder=finished, checkout=ROOT, tables=[], images={}, snakemake="9"
        )
        assert content["code"]["dirty"] is dirty


def issues(crate: Path, monkeypatch) -> list[str]:
    """What the validator finds against the requirements of the profile, with RO-Crate's terms from the package."""
    terms = json.loads((Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_text())["@context"] | TERMS_1_1

    class Answer:
        status_code, headers = 200, {"Content-Type": "application/ld+json"}
        text = json.dumps({"@context": terms})

        def json(self) -> dict:
            return {"@context": terms}

    monkeypatch.setattr(HttpRequester, "get", lambda *_args, **_options: Answer(), raising=False)
    settings = services.ValidationSettings(
        rocrate_uri=str(crate),
        profile_identifier="workflow-run-crate",
        requirement_severity=models.Severity.REQUIRED,
    )
    return [f"{issue.check.identifier}: {issue.message}" for issue in services.validate(settings).get_issues()]


@pytest.mark.slow
def test_the_crate_is_a_valid_workflow_run_crate_and_holds_no_patient(finished, monkeypatch):
    crate = record(finished)
    assert issues(crate, monkeypatch) == []
    metadata = (crate / "ro-crate-metadata.json").read_text()
    assert "north.csv" in metadata and not list(crate.rglob("north.csv"))
    assert not list(crate.rglob("*.pyc"))
    graph = json.loads(metadata)["@graph"]
    run = next(entity for entity in graph if entity["@id"] == "#run")
    del run["instrument"]
    (crate / "ro-crate-metadata.json").write_text(json.dumps({**json.loads(metadata), "@graph": graph}))
    assert issues(crate, monkeypatch)  # the validator does look
