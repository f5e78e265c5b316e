"""``--sdm env-modules`` in real runs: a job that does not get its own environment fails with one sentence."""

import shutil
import subprocess
from pathlib import Path

import pytest

from workflow_runs import ENVIRONMENTS, ROOT, modules_or_skip, snakemake, with_modules

TABLE = "results/simulated-tiny/simulated/henan/clinical.csv"
ARGUMENTS = [
    *(TABLE, "--cores", "1", "--show-failed-logs", "--configfile", str(ROOT / "config/test.yaml"), "--config"),
    *(f"centers={ROOT}/config/centers.test.tsv", f"simulation={{parameters: {ROOT}/resources/simulation.yaml}}"),
]


@pytest.fixture(autouse=True)
def modules() -> None:
    modules_or_skip()


def module(folder: Path, bin_folder: Path) -> Path:
    """A folder of modules whose ``hscore/simulate`` leads to ``bin_folder``."""
    path = folder / "modulefiles/hscore/simulate"
    path.parent.mkdir(parents=True)
    path.write_text(f"#%Module\nprepend-path PATH {bin_folder}\n")
    return folder / "modulefiles"


def refused(folder: Path, modulefiles: Path) -> str:
    """What a run says that must fail without leaving an output."""
    done = with_modules(folder, *ARGUMENTS, folder=modulefiles, check=False)
    assert done.returncode == 1
    assert not (folder / TABLE).exists()
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    return output


def test_with_its_module_a_job_runs(tmp_path):
    with_modules(tmp_path, *ARGUMENTS)
    assert (tmp_path / TABLE).is_file()


def test_without_its_module_a_job_fails_although_snakemake_goes_on(tmp_path):
    (tmp_path / "none").mkdir()
    output = refused(tmp_path, tmp_path / "none")
    assert "Unable to locate a modulefile" in output
    assert "is not the environment of envs/simulate.yaml: it lacks " in output
    assert "has the module or conda environment of 'simulate' been loaded?" in output


def test_with_the_module_of_another_stage_a_job_fails(tmp_path):
    output = refused(tmp_path, module(tmp_path, ENVIRONMENTS / "report/bin"))
    assert (
        f"error: {ENVIRONMENTS}/report is not the environment of envs/simulate.yaml: it lacks importlib-resources"
        in output
    )


def test_with_all_packages_and_more_a_job_fails(tmp_path):
    """The common environment would do the work, and would hide that the stage's own is missing something."""
    (tmp_path / "common").symlink_to(ROOT / ".venv")
    output = refused(tmp_path, module(tmp_path, tmp_path / "common/bin"))
    assert "is not the environment of envs/simulate.yaml: it also has " in output


def test_a_package_missing_from_the_environment_fails_the_job(tmp_path):
    shutil.copytree(ENVIRONMENTS / "simulate", tmp_path / "simulate", symlinks=True)
    (package,) = (tmp_path / "simulate").glob("lib/python*/site-packages/pydicom-*.dist-info")
    shutil.rmtree(package)
    output = refused(tmp_path, module(tmp_path, tmp_path / "simulate/bin"))
    assert f"error: {tmp_path}/simulate is not the environment of envs/simulate.yaml: it lacks pydicom (" in output


def test_a_package_missing_from_the_file_fails_the_build(tmp_path):
    """The pins are installed by name alone, so a missing dependency is found at once."""
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    shutil.copytree(
        ROOT / "workflow/src/hscore", tmp_path / "workflow/src/hscore", ignore=shutil.ignore_patterns("__pycache__")
    )
    file = tmp_path / "envs/cohort.yaml"
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "pytz" not in line))
    build = [str(ROOT / ".venv/bin/python"), str(tmp_path / "envs/build.py"), str(tmp_path / "built"), "cohort"]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 1
    assert "pytz" in done.stderr and done.stderr.startswith("error: uv pip check")
    assert not (tmp_path / "built/cohort/pins.txt").exists()


def test_a_study_begun_in_one_kind_of_environment_goes_on_in_another(tmp_path):
    with_modules(tmp_path, *ARGUMENTS)
    profile = ["--workflow-profile", str(ROOT / "workflow/profiles/test")]
    assert "Nothing to be done" in "".join(snakemake(tmp_path, *ARGUMENTS, *profile, "-n").stdout)
