"""Run `make verify`: train and evaluate a finished study again and compare every number; standard library only.

The study is rerun from its folds on under another name, with links to the earlier stages, so that the finished study is
not changed. Snakemake receives the list of rules that it may run. Weights are compared by their hash, tables and JSON
value by value, exactly. Times, speeds and locations are not compared.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hscore.contracts import delimited
from hscore.errors import UserError
from hscore.files import read_json, sha256
from hscore.report.summary import results_file

LINKED = ("simulated", "truth", "nifti", "normalized", "samples", "cohort", "splits", "qc")
RULES = ("train_model", "predict_development", "predict_external", "freeze_thresholds", "select_models")
RULES += ("validate_models", "analyze_survival")
TARGETS = ("validate", "survive")
COMPARED = ("models", "predictions", "validation", "survival")
MACHINE = ("device", "cpu_capability", "cuda", "threads", "versions")
PASSING = {"seconds", "fingerprint"}  # not compared: duration, and the fingerprint, which covers comments as well
SHOWN = 5
SUFFIX = "-verify"


def main(argv: list[str] | None = None) -> None:
    """Rerun, compare and print the result; exit code 1 with the first differences where there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, help="config file of the study")
    parser.add_argument("snakemake", nargs="+", help="the Snakemake command with its options, without targets")
    arguments = parser.parse_args(argv)
    try:
        finished = results_file(arguments.config).parents[1]
        rerun_folder = finished.with_name(finished.name + SUFFIX)
        link(finished, rerun_folder)
        try:
            rerun(arguments.snakemake, rerun_folder)
            print(verdict(finished, rerun_folder))
        finally:
            shutil.rmtree(rerun_folder)
    except UserError as error:
        sys.exit(f"error: {error}")


def link(finished: Path, folder: Path) -> None:
    """Create a results folder whose stages up to the split are links to those of a finished study."""
    missing = [name for name in (*COMPARED, "cohort", "splits") if not (finished / name).is_dir()]
    if missing:
        raise UserError(f"{finished} has no '{missing[0]}'. Run the study to its end first, then verify it.")
    if folder.exists():
        raise UserError(f"{folder} already exists. If no other verification is running, remove it and try again.")
    folder.mkdir()
    for name in LINKED:
        if (finished / name).exists():
            (folder / name).symlink_to((finished / name).resolve(), target_is_directory=True)


def rerun(snakemake: list[str], folder: Path) -> None:
    """Run the learning and evaluating rules of the study under its other name."""
    command = [*snakemake, "--config", f"study={folder.name}", "--allowed-rules", *RULES, *TARGETS, "--", *TARGETS]
    if subprocess.run(command, check=False).returncode:
        raise UserError("The rerun failed, so nothing was compared. See its messages above.")


def verdict(finished: Path, rerun_folder: Path) -> str:
    """Return the sentence for a study with identical results.

    Raises:
        UserError: results differ; the message lists the first differences.
    """
    files, values, differences = 0, 0, []
    for name in COMPARED:
        for path in union(finished / name, rerun_folder / name):
            files += 1
            for place, old, new in compared(finished / path, rerun_folder / path):
                values += 1
                if old != new:
                    differences.append(f"{path}{place}: was {shown(old)}, is now {shown(new)}")
    if not differences:
        return f"{finished}: {files} files and {values} values are identical, weights bit for bit"
    first = "\n  ".join(differences[:SHOWN])
    more = f"\n  and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    machines = "".join(f"\n  {line}" for line in other_machine(finished, rerun_folder))
    counts = f"{len(differences)} of {values} values"
    raise UserError(f"{finished} differs after the rerun: {counts}\n  {first}{more}{machines}")


def union(old: Path, new: Path) -> list[Path]:
    """Return the files below either folder, relative to the results folder."""
    paths = {
        path.relative_to(folder.parent)
        for folder in (old, new)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and ".state" not in path.parts
    }
    return sorted(paths)


def compared(old: Path, new: Path) -> Iterator[tuple[str, Any, Any]]:
    """Yield place, old and new value of everything in a file; a file missing on one side is one difference."""
    if not (old.is_file() and new.is_file()):
        yield "", *("present" if path.is_file() else "missing" for path in (old, new))
        return
    contents = [dict(leaves(path)) for path in (old, new)]
    for place in dict.fromkeys([*contents[0], *contents[1]]):
        yield place, *(content.get(place, "missing") for content in contents)


def leaves(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield every value of a JSON or CSV file with its place, or the hash of any other file."""
    if path.suffix == ".json":
        yield from json_leaves(read_json(path))
    elif path.suffix == ".csv":
        for number, row in enumerate(delimited.records(path), 1):
            yield from ((f", row {number}, {name}", value) for name, value in row.items() if name not in PASSING)
    else:
        yield " (SHA-256)", sha256(path)


def json_leaves(content: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every number, text or null with its place; an empty list or object counts as a value."""
    if isinstance(content, dict) and content:
        for key, value in content.items():
            if key not in PASSING:
                yield from json_leaves(value, f"{place}, {key}" if not place else f"{place}.{key}")
    elif isinstance(content, list) and content:
        for number, value in enumerate(content):
            yield from json_leaves(value, f"{place}[{number}]")
    else:
        yield place, json.dumps(content)


def shown(value: Any) -> str:
    """Return a value for a sentence; long ones are shortened."""
    return f"{value[:16]}..." if len(str(value)) > 40 else str(value)


def other_machine(finished: Path, rerun_folder: Path) -> list[str]:
    """Return the differences between the machines that trained the first differing model."""
    for path in sorted(finished.glob("models/*/*/model.json")):
        repeated = rerun_folder / path.relative_to(finished)
        if repeated.is_file():
            pairs = [(key, read_json(path).get(key), read_json(repeated).get(key)) for key in MACHINE]
            if lines := [
                f"the model was trained with another {key}: {before}, now {after}"
                for key, before, after in pairs
                if before != after
            ]:
                return lines
    return []


if __name__ == "__main__":
    main()
