"""The groups of jobs in the SLURM profile."""

import pytest

from workflow_runs import ROOT, planned


@pytest.mark.parametrize("target", ["all", "recovery", "leave_one_center_out", "search"])
def test_the_packs_of_the_cluster_profile_do_not_wait_for_each_other(tmp_path, target):
    """Snakemake refuses a group that waits for a job outside that waits for the group; a new rule is easily missed."""
    pytest.importorskip("snakemake_executor_plugin_slurm")
    (tmp_path / "config").symlink_to(ROOT / "config")
    (tmp_path / "resources").symlink_to(ROOT / "resources")
    profile = ["--workflow-profile", str(ROOT / "workflow/profiles/slurm")]
    assert planned(tmp_path, target, *profile, "--configfile", str(ROOT / "config/test.yaml"))
