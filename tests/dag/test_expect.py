"""A dry-run as a check: the table, the plan, and `make dry-run EXPECT=...` on real runs of the study's Snakefile."""

import json
import subprocess

import pytest

from hscore.dag import expect
from workflow_runs import ROOT, snakemake

PLAN = {"build_cohort": 1, "write_outcome": 2, "report": 1}


@pytest.mark.parametrize(
    "text",
    [
        "build_cohort=1 write_outcome=2 report=1",
        "report, build_cohort,write_outcome",
        " write_outcome build_cohort report=1",
    ],
)
def test_the_expected_set_passes(text):
    expect.compare(PLAN, expect.expected(text))


@pytest.mark.parametrize(
    ("plan", "text", "sentence"),
    [
        (PLAN, "nothing", "unexpected: build_cohort (1), write_outcome (2), report (1)"),
        (PLAN, "build_cohort report", "unexpected: write_outcome (2)"),
        ({}, "report", "missing: report"),
        (PLAN, "build_cohort write_outcome=3 report", "in a different number: write_outcome (2, not 3)"),
        (PLAN, "nothing report", "'nothing' is not valid"),
        (PLAN, "report report", "'report' is not valid"),
        (PLAN, "report=many", "'report=many' is not valid"),
        (PLAN, "", "'' is not valid"),
    ],
)
def test_anything_else_is_one_sentence_and_an_exit_code(plan, text, sentence, tmp_path, capsys):
    (tmp_path / "plan").write_text(json.dumps(plan))
    with pytest.raises(SystemExit) as end:
        expect.main(["--plan", str(tmp_path / "plan"), "--expect", text])
    assert str(end.value).startswith("error: ") and sentence in str(end.value)


def test_nothing_is_nothing(tmp_path, capsys):
    (tmp_path / "plan").write_text("{}")
    expect.main(["--plan", str(tmp_path / "plan"), "--expect", "nothing"])
    assert capsys.readouterr().out == "As expected.\n"


def test_the_table_and_the_plan_agree_with_what_snakemake_says_itself(own_study):
    """Our logger's table has every job of Snakemake's own statistics."""
    plan = own_study.folder / "plan.json"
    done = snakemake(
        own_study.folder,
        *own_study.arguments,
        "-n",
        "--logger",
        "hscore",
        "--logger-hscore-plan",
        str(plan),
        PYTHONPATH=str(ROOT / "workflow/src"),
    )
    full = snakemake(own_study.folder, *own_study.arguments, "-n", "--quiet", "rules")
    table = [line.split(maxsplit=2) for line in done.stdout.splitlines() + done.stderr.splitlines()]
    table = {line[0]: int(line[1]) for line in table if len(line) > 1 and line[1].isdigit()}
    stats = [line.split() for line in full.stdout.splitlines() + full.stderr.splitlines()]
    stats = {line[0]: int(line[1]) for line in stats if len(line) == 2 and line[1].isdigit()}
    assert table == stats and table["convert_patient"] == 3
    assert json.loads(plan.read_text()) == {k: v for k, v in table.items() if k not in ("all", "total")}
    assert (
        "build_cohort" in done.stdout + done.stderr and "output missing: far, north, south" in done.stdout + done.stderr
    )


def test_make_dry_run_fails_on_what_was_not_expected(own_study):
    """The words of the README, through make; the study has never run, so everything would."""
    config = f"CONFIG={own_study.folder / 'config.yaml'}"
    before = sorted(path.name for path in ROOT.iterdir())
    done = subprocess.run(
        ["make", "--no-print-directory", "-o", "env", "dry-run", config, "EXPECT=nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "error: The jobs differ from the expected ones: unexpected: " in done.stderr
    assert sorted(path.name for path in ROOT.iterdir()) == before
