"""`make verify`: train and evaluate a finished study once more and compare every number; standard library only.

The study is rerun from its folds on under another name, with the stages before linked, so that nothing of the finished
one is touched; Snakemake is told which rules it may run. Weights are compared by their hash, tables and JSON value by
value, exactly. What only says when, how fast or from where is not compared.
"""

import argparse
import csv
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hscore.errors import UserError
from hscore.files import read_json
from hscore.report.summary import results_file

LINKED = ("simulated", "truth", "nifti", "normalized", "samples", "cohort", "splits", "qc")
RULES = ("train_model", "predict_development", "predict_external", "freeze_thresholds", "select_models")
RULES += ("validate_models", "analyse_survival")
TARGETS = ("validate", "survive")
COMPARED = ("models", "predictions", "validation", "survival")
MACHINE = ("device", "cpu_capability", "cuda", "threads", "versions")
PASSING = {"seconds", "fingerprint"}  # of no account: how long it took; the fingerprint covers comments, too
SHOWN = 5
SUFFIX = "-verify"


def main(argv: list[str] | None = None) -> None:
    """Rerun, compare, say so; exit code 1 and the first differences where there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, required=True, help="config file of the study")
    parser.add_argument("snakemake", nargs="+", help="the Snakemake command with its options, without targets")
    arguments = parser.parse_args(argv)
    try:
        finished = results_file(arguments.config).parents[1]
        again = finished.with_name(finished.name + SUFFIX)
        link(finished, again)
        try:
            rerun(arguments.snakemake, again)
            print(verdict(finished, again))
        finally:
            shutil.rmtree(again)
    except UserError as error:
        sys.exit(f"error: {error}")


def link(finished: Path, again: Path) -> None:
    """A results folder ``again`` whose stages up to the split are those of the study ``finished``."""
    missing = [name for name in (*COMPARED, "cohort", "splits") if not (finished / name).is_dir()]
    if missing:
        raise UserError(f"{finished} has no '{missing[0]}'; run the study to its end first")
    if again.exists():
        raise UserError(f"{again} is in the way; if no other verification is running, remove it")
    again.mkdir()
    for name in LINKED:
        if (finished / name).exists():
            (again / name).symlink_to((finished / name).resolve(), target_is_directory=True)


def rerun(snakemake: list[str], again: Path) -> None:
    """Run the learning and evaluating rules of the study under its other name."""
    command = [*snakemake, "--config", f"study={again.name}", "--allowed-rules", *RULES, *TARGETS, "--", *TARGETS]
    if subprocess.run(command, check=False).returncode:
        raise UserError("the rerun did not get to its end, so nothing was compared; see above")


def verdict(finished: Path, again: Path) -> str:
    """The sentence for a study that came out the same; UserError with the first differences where it did not."""
    files, values, differences = 0, 0, []
    for name in COMPARED:
        for path in union(finished / name, again / name):
            files += 1
            for place, old, new in compared(finished / path, again / path):
                values += 1
                if old != new:
                    differences.append(f"{path}{place}: was {shown(old)}, is now {shown(new)}")
    if not differences:
        return f"{finished}: the same in {files} files and {values} values, weights bit for bit"
    first = "\n  ".join(differences[:SHOWN])
    more = f"\n  and {len(differences) - SHOWN} more" if len(differences) > SHOWN else ""
    machines = "".join(f"\n  {line}" for line in other_machine(finished, again))
    counts = f"{len(differences)} of {values} values"
    raise UserError(f"{finished} did not come out the same: {counts}\n  {first}{more}{machines}")


def union(old: Path, new: Path) -> list[Path]:
    """Files below either folder, relative to the results folder."""
    found = {
        path.relative_to(folder.parent)
        for folder in (old, new)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".") and ".state" not in path.parts
    }
    return sorted(found)


def compared(old: Path, new: Path) -> Iterator[tuple[str, Any, Any]]:
    """Place, old and new value of everything in a file; a file that is missing on one side is one difference."""
    if not (old.is_file() and new.is_file()):
        yield "", *("there" if path.is_file() else "missing" for path in (old, new))
        return
    contents = [dict(leaves(path)) for path in (old, new)]
    for place in dict.fromkeys([*contents[0], *contents[1]]):
        yield place, *(content.get(place, "missing") for content in contents)


def leaves(path: Path) -> Iterator[tuple[str, Any]]:
    """Every value of a JSON or CSV file by its place; the hash of any other file."""
    if path.suffix == ".json":
        yield from json_leaves(read_json(path))
    elif path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file), 1):
                yield from ((f", row {number}, {name}", value) for name, value in row.items() if name not in PASSING)
    else:
        yield " (SHA-256)", hashlib.sha256(path.read_bytes()).hexdigest()


def json_leaves(content: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every number, text or null, by its place; an empty list or object is one, too."""
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
    """A value in a sentence; hashes by their beginning."""
    return f"{value[:16]}..." if len(str(value)) > 40 else str(value)


def other_machine(finished: Path, again: Path) -> list[str]:
    """What the weights depend on and is another one now, of the first model where anything is."""
    for path in sorted(finished.glob("models/*/*/model.json")):
        new = again / path.relative_to(finished)
        if new.is_file():
            pairs = [(key, read_json(path).get(key), read_json(new).get(key)) for key in MACHINE]
            if lines := [f"it was trained with another {key}: {a}, now {b}" for key, a, b in pairs if a != b]:
                return lines
    return []


if __name__ == "__main__":
    main()
