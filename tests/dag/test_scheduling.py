"""The work-around for the scheduler's timers, in real runs of the installed Snakemake."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_runs import ROOT, planned

SNAKEFILE = """
from hscore.dag.scheduling import lift_default_rate_limit

rule all:
    input: "c"

rule a:
    output: "a"
    shell: "touch {output}"

rule b:
    input: "a"
    output: "b"
    shell: "touch {output}"

rule c:
    input: "b"
    output: "c"
    shell: "touch {output}"

onstart:
    lift_default_rate_limit(workflow)

onsuccess:
    print("limited:", workflow.scheduler.job_rate_limiter is not None)
"""


@pytest.mark.parametrize(("options", "limited"), [([], False), (["--max-jobs-per-timespan", "10/1s"], True)])
def test_the_default_limit_is_lifted_and_a_user_s_stays(tmp_path: Path, options, limited):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert f"limited: {limited}" in done.stdout + done.stderr
    assert (tmp_path / "c").exists()


def test_the_study_lifts_it():
    assert "onstart:\n    lift_default_rate_limit(workflow)\n" in (ROOT / "Snakefile").read_text()


@pytest.mark.parametrize("target", ["all", "recovery", "leave_one_center_out", "search"])
def test_the_packs_of_the_cluster_profile_do_not_wait_for_each_other(tmp_path, target):
    """Snakemake refuses a group that waits for a job outside that waits for the group; a new rule is easily missed."""
    pytest.importorskip("snakemake_executor_plugin_slurm")
    (tmp_path / "config").symlink_to(ROOT / "config")
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    profile = ["--workflow-profile", str(ROOT / "workflow/profiles/slurm")]
    assert planned(tmp_path, target, *profile, "--configfile", str(ROOT / "config/test.yaml"))
