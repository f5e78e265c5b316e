"""Call Snakemake as a user does, and read what it would do."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".environments"  # of `make environments`
MODULE_COMMAND = Path("/usr/share/modules/init/bash")  # of Debian's package environment-modules


def modules_or_skip() -> None:
    """Skip the test where the environments of the stages were not built, or cannot be loaded as modules."""
    if not MODULE_COMMAND.is_file():
        pytest.skip("the command `module` is not on this machine (Debian: environment-modules)")
    if not (ENVIRONMENTS / "sizes.tsv").is_file():
        pytest.skip("the environments of the stages were not built: make environments")


def with_modules(directory: Path, *arguments: str, folder: Path = ENVIRONMENTS / "modulefiles", **options):
    """``snakemake --sdm env-modules`` from the thin environment, without what the steps need for their work."""
    startup = directory / "modules.bash"
    startup.write_text(f". {MODULE_COMMAND}\n")
    variables = {"BASH_ENV": str(startup), "MODULEPATH": str(folder), "PYTHONDONTWRITEBYTECODE": ""}
    thin = ENVIRONMENTS / "workflow/bin/python"
    return snakemake(directory, *arguments, "--sdm", "env-modules", python=thin, **variables, **options)


@dataclass(eq=False)
class Job:
    """One job of a dry-run."""

    rule: str
    wildcards: dict[str, str]
    inputs: list[str]
    outputs: list[str]
    resources: dict[str, int]
    priority: int
    reason: str


def snakemake(
    directory: Path,
    *arguments: str,
    check: bool = True,
    python: str | Path = sys.executable,
    snakefile: Path = ROOT / "Snakefile",
    first_on_path: Path | None = None,
    **variables: str,
) -> subprocess.CompletedProcess:
    """Run the ``snakemake`` of ``python`` on a Snakefile, this checkout's, with ``directory`` as working directory."""
    command = [str(python), "-m", "snakemake", "--snakefile", str(snakefile), "--directory", str(directory)]
    folders = [first_on_path, Path(python).parent, os.environ["PATH"]]
    path = os.pathsep.join(str(folder) for folder in folders if folder)
    done = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        cwd=directory,
        env={**os.environ, "PATH": path, **variables},
    )
    if check and done.returncode:
        raise AssertionError(f"snakemake {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
    return done


def planned(directory: Path, *arguments: str, **options) -> list[Job]:
    """The jobs of a dry-run, through the plugin of this folder; an empty list when nothing is to be done."""
    with tempfile.NamedTemporaryFile("r", suffix=".jsonl", encoding="utf-8") as jobs:
        listing = ["--dry-run", "--logger", "jobs"]
        snakemake(directory, *arguments, *listing, JOBS=jobs.name, PYTHONPATH=str(ROOT / "tests"), **options)
        return [Job(**json.loads(line)) for line in jobs]


def counts(jobs: list[Job]) -> dict[str, int]:
    """How many jobs of each rule."""
    rules = [job.rule for job in jobs]
    return {rule: rules.count(rule) for rule in dict.fromkeys(rules)}


def ancestors(jobs: list[Job], job: Job) -> list[Job]:
    """Every job whose output ``job`` needs, directly or through others."""
    writer = {output: other for other in jobs for output in other.outputs}
    found, waiting = set(), [job]
    while waiting:
        needed = {writer[name] for name in waiting.pop().inputs if name in writer} - found
        found |= needed
        waiting += needed
    return list(found)
