"""Comparing a study with its rerun: what counts as a difference, and what is said."""

import sys

import numpy as np
import pandas as pd
import pytest

from hscore.files import write_json
from hscore.provenance import verify


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A results folder with one of everything that is compared."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "results" / "s"
    for folder in ("models/m/seed-1", "predictions/m", "validation", "survival", "cohort", "splits", "samples"):
        (root / folder).mkdir(parents=True)
    (root / "models/m/seed-1/seed-1-fold-0.safetensors").write_bytes(bytes(range(50)))
    model = {
        "fingerprint": "a",
        "device": "x86_64 CPU",
        "threads": 1,
        "versions": {"torch": "2"},
        "members": [{"epochs": 3}],
    }
    write_json(root / "models/m/seed-1/model.json", model)
    history = {"epoch": [1, 2], "loss": [0.7, 0.6], "seconds": [1.0, 2.0]}
    pd.DataFrame(history).to_csv(root / "models/m/seed-1/history.csv", index=False)
    pd.DataFrame({"patient": ["P1", "P2"], "score": [0.25, np.nan]}).to_csv(root / "predictions/m/external.csv")
    write_json(
        root / "validation/validation.json", {"performance": [{"auc": {"estimate": 0.8, "low": None}}], "none": []}
    )
    write_json(root / "survival/survival.json", {})
    return root


def rerun_program(tmp_path, edit=""):
    """A stand-in for Snakemake: copies the finished results as a rerun would write them, then edits them."""
    program = tmp_path / "rerun.py"
    program.write_text(
        "import pathlib, shutil, sys\n"
        "study = next(a for a in sys.argv if a.startswith('study=')).removeprefix('study=')\n"
        "assert sys.argv[-3:] == ['--', 'validate', 'survive']\n"
        "assert 'train_model' in sys.argv and 'convert_patient' not in sys.argv\n"
        "new = pathlib.Path('results') / study\n"
        "old = new.with_name(study.removesuffix('-verify'))\n"
        f"for name in {verify.COMPARED}: shutil.copytree(old / name, new / name)\n"
        f"{edit}\n"
    )
    return [sys.executable, str(program)]


def run(tmp_path, edit=""):
    (tmp_path / "study.yaml").write_text("study: s\n")
    verify.main(["--config", str(tmp_path / "study.yaml"), "--", *rerun_program(tmp_path, edit)])


def test_the_same_is_said_with_what_was_compared(finished, tmp_path, capsys):
    run(tmp_path)
    said = capsys.readouterr().out
    assert said.strip() == "results/s: 6 files and 19 values are identical, weights bit for bit"
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["s"]  # nothing of the rerun is left


def test_times_and_fingerprints_are_of_no_account(finished, tmp_path, capsys):
    edit = (
        "import json; p = new / 'models/m/seed-1/model.json'; c = json.loads(p.read_text()); c['fingerprint'] = 'b'\n"
        "p.write_text(json.dumps(c)); p = new / 'models/m/seed-1/history.csv'\n"
        "p.write_text(p.read_text().replace(',2.0', ',9.5'))"
    )
    run(tmp_path, edit)
    assert "the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (
            "p = new / 'models/m/seed-1/seed-1-fold-0.safetensors'; p.write_bytes(p.read_bytes()[:-1] + b'x')",
            r"models/m/seed-1/seed-1-fold-0.safetensors \(SHA-256\): was \w{16}\.\.\., is now \w{16}\.\.\.",
        ),
        (
            "p = new / 'predictions/m/external.csv'; p.write_text(p.read_text().replace('0.25', '0.2500001'))",
            "predictions/m/external.csv, row 1, score: was 0.25, is now 0.2500001",
        ),
        (
            "p = new / 'validation/validation.json'; p.write_text(p.read_text().replace('0.8', '0.9'))",
            r"validation/validation.json, performance\[0\].auc.estimate: was 0.8, is now 0.9",
        ),
        ("(new / 'predictions/m/external.csv').unlink()", "predictions/m/external.csv: was there, is now missing"),
        (
            "p = new / 'models/m/seed-1/model.json'\n"
            "p.write_text(p.read_text().replace('\"threads\": 1', '\"threads\": 2'))",
            r"(?s)threads: was 1, is now 2.*it was trained with another threads: 1, now 2",
        ),
    ],
)
def test_a_difference_is_named_and_fails(finished, tmp_path, edit, sentence):
    with pytest.raises(SystemExit, match=sentence) as error:
        run(tmp_path, edit)
    assert "differs after the rerun: 1 of" in str(error.value)
    assert not (tmp_path / "results/s-verify").exists()


def test_many_differences_are_counted(finished, tmp_path):
    edit = "import json; (new / 'survival/survival.json').write_text(json.dumps({str(k): k for k in range(9)}))"
    with pytest.raises(SystemExit, match="and 5 more"):
        run(tmp_path, edit)


def test_a_rerun_that_fails_compares_nothing(finished, tmp_path):
    with pytest.raises(SystemExit, match="The rerun failed"):
        run(tmp_path, "sys.exit(3)")
    assert not (tmp_path / "results/s-verify").exists() and (finished / "models").is_dir()


def test_a_study_that_is_not_finished(finished, tmp_path):
    (finished / "survival/survival.json").unlink()
    (finished / "survival").rmdir()
    with pytest.raises(SystemExit, match="results/s has no 'survival'. Run the study to its end first"):
        run(tmp_path)


def test_a_rerun_in_the_way_is_not_removed(finished, tmp_path):
    (tmp_path / "results/s-verify").mkdir()
    with pytest.raises(SystemExit, match="results/s-verify already exists"):
        run(tmp_path)
    assert (tmp_path / "results/s-verify").is_dir()


def test_stages_before_are_linked_not_copied(finished, tmp_path):
    again = finished.with_name("again")
    verify.link(finished, again)
    assert (again / "samples").is_symlink() and (again / "samples").resolve() == finished / "samples"
    assert not (again / "models").exists()


def test_every_leaf_of_json_has_a_place():
    content = {"a": [1, {"b": None}], "c": {}, "seconds": 5}
    assert dict(verify.json_leaves(content)) == {", a[0]": "1", ", a[1].b": "null", ", c": "{}"}
