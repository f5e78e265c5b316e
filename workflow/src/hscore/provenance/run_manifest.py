"""Describe a run: everything that its results depend on, and the resources used.

Hashes are SHA-256 of a file's bytes. Images are too large to be read again, so they are identified by a digest of the
names and sizes of all their files.
"""

import os
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hscore.contracts import delimited
from hscore.files import sha256

# Folders and files of a study's results, in the order of the study, that are hashed one by one.
RESULTS = ("cohort", "splits", "models", "predictions", "validation", "survival", "report")
# Files that fix every package: pyproject.toml has the version of torch, requirements.lock all others.
LOCKS = ("pyproject.toml", "requirements.lock")


def manifest(
    *,
    results: Mapping[str, Any],
    folder: Path,
    checkout: Path,
    tables: Iterable[Path],
    images: Mapping[str, str],
    snakemake: str,
) -> dict[str, Any]:
    """Return the content of run_manifest.json.

    Args:
        results: content of results.json, with config, seed, versions and code version.
        folder: the study's results, with Snakemake's benchmarks.
        checkout: root of the workflow, with locks and environments.
        tables: input tables: centres, clinical data, parameters of a simulation.
        images: centre -> digest of the names and sizes of its image files.
        snakemake: version of Snakemake.
    """
    stages = benchmarks(folder / "benchmarks")
    return {
        "study": results["study"],
        "code": {
            "version": results["versions"]["hscore"],
            "commit": results["code_version"],
            "dirty": None if results["code_version"] is None else results["code_version"].endswith("-dirty"),
        },
        "config": results["config"],
        "seeds": {
            "study": results["study"]["seed"],
            "training": sorted({seed for model in results["trained"] for seed in model.get("seeds", [])}),
            "bootstrap": results["config"]["validate"]["bootstrap"]["seed"],
            "imputation": results["config"]["survive"]["imputation"]["seed"],
        },
        "inputs": {"tables": hashes(tables, Path()), "images_names_and_sizes": dict(images)},
        "locks": hashes([checkout / name for name in LOCKS], checkout),
        "environments": hashes(sorted((checkout / "envs").glob("*.yaml")), checkout),
        "results": hashes([path for name in RESULTS for path in files(folder / name)], folder),
        "versions": {**results["versions"], "snakemake": snakemake},
        "hardware": {
            "recorded_on": hardware(),
            "training": sorted({model.get("device", "cpu") for model in results["trained"]}),
        },
        "started": first_start(folder / "benchmarks"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "stages": stages,
        "total": {
            "jobs": sum(stage["jobs"] for stage in stages.values()),
            "wall_seconds": round(sum(stage["wall_seconds"] for stage in stages.values()), 2),
            "cpu_seconds": round(sum(stage["cpu_seconds"] for stage in stages.values()), 2),
            "peak_memory_mb": max((stage["peak_memory_mb"] for stage in stages.values()), default=0),
        },
    }


def hashes(paths: Iterable[Path], root: Path) -> dict[str, str]:
    """Return file name -> SHA-256; names of files below ``root`` are relative to it."""
    named = {path: path.relative_to(root) if path.is_relative_to(root) else path for path in paths}
    return {name.as_posix(): sha256(path) for path, name in named.items()}


def files(folder: Path) -> list[Path]:
    """Return all files below a folder, sorted, without hidden ones (Snakemake's and checkpoints)."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in paths if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def benchmarks(folder: Path) -> dict[str, dict[str, float]]:
    """Return the resources used by the jobs of each rule, from the files of Snakemake's ``benchmark:``.

    Wall and CPU time are sums in seconds, memory is the largest resident memory of a job in MB, over the last run of
    every job. A job too short to be measured adds no CPU time and no memory.
    """
    stages: dict[str, dict[str, float]] = {}
    for path in files(folder):
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        for row in delimited.records(path, delimiter="\t"):
            stage = stages.setdefault(rule, {"jobs": 0, "wall_seconds": 0, "cpu_seconds": 0, "peak_memory_mb": 0})
            stage["jobs"] += 1
            stage["wall_seconds"] = round(stage["wall_seconds"] + number(row["s"]), 2)
            stage["cpu_seconds"] = round(stage["cpu_seconds"] + number(row["cpu_time"]), 2)
            stage["peak_memory_mb"] = max(stage["peak_memory_mb"], number(row["max_rss"]))
    return stages


def first_start(folder: Path) -> str | None:
    """Return when the first job of a study began (ISO time): file time minus duration of each benchmark."""
    begins = []
    for path in files(folder):
        rows = delimited.records(path, delimiter="\t")
        begins += [path.stat().st_mtime - number(row["s"]) for row in rows]
    return datetime.fromtimestamp(min(begins), UTC).isoformat(timespec="seconds") if begins else None


def number(text: str) -> float:
    """Return a value of a benchmark; 0 where there is none (``-``, ``NA``)."""
    try:
        return float(text)
    except ValueError:
        return 0.0


def hardware() -> dict[str, Any]:
    """Return a description of the current machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": ", ".join(sorted(names)) or platform.processor(),
        "cores": os.cpu_count(),
        "memory_mb": memory // 2**20,
    }
