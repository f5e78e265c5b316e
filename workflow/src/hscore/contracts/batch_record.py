"""The record of a batch: which output each of its patients has, and the hash of its content.

Snakemake tracks only the record, a file in the folder ``batches`` next to the patients' folders. For each patient it
contains the path of the output (relative to the record's folder) and the SHA-256 of its content. The record therefore
changes whenever an output does.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hscore.contracts.json_file import read_json, rerun_hint
from hscore.errors import UserError
from hscore.files import sha256, write_json

FOLDER = "batches"  # of the records


def write(record: str | Path, made: Mapping[str, Path]) -> None:
    """Write the record of the outputs, one file or folder per patient."""
    start = Path(record).parent
    write_json(
        record,
        {
            patient: {"path": Path(os.path.relpath(path, start)).as_posix(), "sha256": digest(path)}
            for patient, path in made.items()
        },
    )


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files of a folder."""
    if path.is_file():
        return sha256(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    lines = [f"{file.relative_to(path).as_posix()} {sha256(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read(records: Iterable[str | Path]) -> dict[str, Path]:
    """Return the output path of each patient in the batches with these records.

    Raises:
        UserError: a record is damaged, or an output that it lists does not exist.
    """
    outputs = {}
    for record in map(Path, records):
        for patient, path in _paths(record).items():
            if not path.exists():
                raise UserError(f"{path} does not exist, but {record} lists it; {rerun_hint(record)}")
            outputs[patient] = path
    return outputs


def _paths(record: Path) -> dict[str, Path]:
    """Return the output path of each patient in one record."""

    def paths(entries: Any) -> dict[str, Path]:
        return {patient: Path(os.path.normpath(record.parent / entry["path"])) for patient, entry in entries.items()}

    return read_json(record, paths)


def record_of(folder: Path) -> Path:
    """Return the record of the batch that made a patient's folder, or the folder itself if no record lists it."""
    records = sorted((folder.parent / FOLDER).glob("*.json"))
    return next((record for record in records if folder in _paths(record).values()), folder)
