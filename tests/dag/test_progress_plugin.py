"""The logger plugin in real Snakemake runs of a small workflow: success, failure, kill, retry, dry-run, no-op."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "workflow" / "src"
SNAKEFILE = """
import os

from hscore.dag.batches import announce

BATCHES = ["1-of-3", "2-of-3", "3-of-3"]

onstart:
    announce(workflow.dag.needrun_jobs(), {"A": {batch: ["A-1", "A-2"] for batch in BATCHES}})

if os.environ.get("WRONG"):
    raise WorkflowError("config.yaml: 'epoch' is not a key of train; did you mean 'epochs'?")

rule all:
    input: "out/joined"

rule convert:
    output: "out/{center}/{batch}"
    log: "logs/{center}/{batch}.log"
    shell: "(. ./{wildcards.batch}; touch {output}) > {log} 2>&1"

rule join:
    input: expand("out/A/{batch}", batch=BATCHES)
    output: "out/joined"
    log: "logs/join.log"
    shell: "touch {output} > {log} 2>&1"
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """Three batches of two patients, whose conversion does what the shell file of the batch's name says."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    for batch in ("1-of-3", "2-of-3", "3-of-3"):
        (tmp_path / batch).write_text("true\n")
    return tmp_path


def snakemake(folder: Path, *options: str, **environment: str) -> tuple[int, str]:
    """Exit status and all output of one run."""
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--logger", "hscore", "--scheduler", "greedy", "--cores", "2", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "XDG_CACHE_HOME": str(folder / "cache"), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    return run.returncode, run.stdout


def test_dry_run_then_run_then_nothing_to_do(workflow):
    status, output = snakemake(workflow, "--dry-run")
    assert status == 0
    assert [line.split(maxsplit=2)[:2] for line in output.splitlines()] == [
        ["rule", "jobs"],
        ["convert", "3"],
        ["join", "1"],
        ["all", "1"],
        ["total", "5"],
    ]
    assert not (workflow / "out").exists()

    status, output = snakemake(workflow)
    assert status == 0
    lines = output.splitlines()
    assert re.fullmatch(r"5 jobs to do on 2 cores, about .+", lines[0])
    assert re.fullmatch(r"\[ 0:\d\d\] convert: 6 patients done in .+", lines[1])
    assert re.fullmatch(r"\[ 0:\d\d\] join: 1 job done in .+", lines[2])
    assert re.fullmatch(r"5 jobs done in .+", lines[3])
    assert len(lines) == 4

    for options in ([], ["--dry-run"]):
        status, output = snakemake(workflow, *options)
        assert (status, output.splitlines()) == (
            0,
            ["Nothing to be done (all requested files are present and up to date)."],
        )


def test_a_failed_job_says_why_at_once_and_the_end_says_what_to_do(workflow):
    (workflow / "2-of-3").write_text("echo INFO reading; echo 'error: patient A-2: no DICOM.' >&2; exit 1\n")
    status, output = snakemake(workflow, "--keep-going")
    assert status == 1
    assert "FAILED: convert A 2-of-3\n    error: patient A-2: no DICOM.\n    log: logs/A/2-of-3.log" in output
    assert output.splitlines()[-2] == "1 of 5 jobs failed (convert A 2-of-3); 2 are done, 2 did not run."
    assert "Run the same command again" in output.splitlines()[-1]
    for noise in ("Traceback", "CalledProcessError", "RuleException", "INFO reading"):
        assert noise not in output


def test_a_killed_job_is_called_killed(workflow):
    (workflow / "2-of-3").write_text("kill -9 $BASHPID\n")
    status, output = snakemake(workflow, "--keep-going")
    assert status == 1
    assert "FAILED: convert A 2-of-3" in output and "killed, most often because memory ran out" in output


def test_a_job_that_succeeds_at_the_second_attempt_is_no_failure(workflow):
    (workflow / "2-of-3").write_text("test -e tried || { touch tried; echo 'error: busy.'; exit 1; }\n")
    status, output = snakemake(workflow, "--keep-going", "--retries", "1")
    assert status == 0
    assert "retrying: convert A 2-of-3" in output
    assert output.splitlines()[-1].startswith("5 jobs done in")


def test_many_failures_are_told_in_full_only_at_first(workflow):
    names = [f"{number}-of-8" for number in range(1, 9)]
    text = SNAKEFILE.replace('["1-of-3", "2-of-3", "3-of-3"]', repr(names))
    (workflow / "Snakefile").write_text(text)
    for name in names:
        (workflow / name).write_text("echo error: no.; exit 1\n")
    status, output = snakemake(workflow, "--keep-going")
    assert status == 1
    assert output.count("FAILED: convert") == 8 and output.count("    error: no.") == 5
    assert output.count("log: logs/A/") == 8
    assert "8 of 10 jobs failed (8 convert); 0 are done, 2 did not run." in output


def test_a_mistake_in_the_config_is_one_sentence(workflow):
    status, output = snakemake(workflow, WRONG="1")
    assert status == 1
    assert output == "error: config.yaml: 'epoch' is not a key of train; did you mean 'epochs'?\n"


def test_why_a_job_would_run_again(workflow):
    snakemake(workflow)
    (workflow / "Snakefile").write_text(SNAKEFILE.replace("; touch {output})", "; touch {output} )"))
    (workflow / "out/A/3-of-3").unlink()
    _, output = snakemake(workflow, "--dry-run")
    assert "its rule changed: A 1-of-3, A 2-of-3; output missing: A 3-of-3\n" in output
    assert re.search(r"join +1 +follows from the above", output)


def test_stopping_a_run_is_no_failure(workflow):
    for batch in ("1-of-3", "2-of-3", "3-of-3"):
        (workflow / batch).write_text("touch started-$(basename $PWD)-$BASHPID; sleep 10\n")
    run = subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--logger", "hscore", "--scheduler", "greedy", "--cores", "2"],
        cwd=workflow,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "XDG_CACHE_HOME": str(workflow / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    for _ in range(300):
        if list(workflow.glob("started-*")):
            break
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "FAILED" not in output
    assert re.search(r"Stopped after .+ with 0 of 5 jobs done. Run the same command again to resume", output)
