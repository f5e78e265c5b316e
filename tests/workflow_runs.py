"""Call Snakemake as a user does, and read what it says it would do."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Job:
    """One job of a dry-run."""

    rule: str
    wildcards: dict[str, str] = field(hash=False)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reason: str


def snakemake(directory: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    """Run ``snakemake`` on this checkout's Snakefile with ``directory`` as working directory."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(directory)]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=directory, env=environment)
    if check and done.returncode:
        raise AssertionError(f"snakemake {' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
    return done


def planned(directory: Path, *arguments: str) -> list[Job]:
    """The jobs a dry-run lists; an empty list when nothing is to be done."""
    done = snakemake(directory, "--dry-run", *arguments)
    return [parse_job(block) for block in re.split(r"\n\n+", done.stdout) if is_job(block)]


def is_job(block: str) -> bool:
    return re.search(r"^(local)?rule \w+:$", block, flags=re.M) is not None and "jobid:" in block


def parse_job(block: str) -> Job:
    """Read one ``rule ...:`` paragraph of a dry-run."""
    rule = re.search(r"^(?:local)?rule (\w+):$", block, flags=re.M)[1]
    entries = dict(re.findall(r"^    (\w+): (.*)$", block, flags=re.M))

    def items(name: str) -> tuple[str, ...]:
        return tuple(entry.split(" (")[0] for entry in entries.get(name, "").split(", ") if entry)

    wildcards = dict(pair.split("=", 1) for pair in items("wildcards"))
    return Job(rule, wildcards, items("input"), items("output"), entries.get("reason", ""))


def counts(jobs: list[Job]) -> dict[str, int]:
    """How many jobs of each rule."""
    rules = [job.rule for job in jobs]
    return {rule: rules.count(rule) for rule in dict.fromkeys(rules)}


def ancestors(jobs: list[Job], job: Job) -> list[Job]:
    """Every job whose output ``job`` needs, directly or through others."""
    writer = {output: other for other in jobs for output in other.outputs}
    found, waiting = [], [job]
    while waiting:
        for needed in waiting.pop().inputs:
            other = writer.get(needed)
            if other is not None and other not in found:
                found.append(other)
                waiting.append(other)
    return found
