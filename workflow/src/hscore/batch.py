"""Process the patients of one batch in one job, one after the other, and record the outputs.

Snakemake tracks only the record, a file in the folder ``batches`` next to the patients' folders. For each patient it
contains the path of the output (relative to the record's folder) and the SHA-256 of its content. The record therefore
changes whenever an output does.
"""

import errno
import hashlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hscore.errors import UserError
from hscore.files import read_json, sha256, write_json

log = logging.getLogger(__name__)

FOLDER = "batches"  # of the records
NO_FAULT = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}  # disk full or not writable


def folders(record: Path, patients: Iterable[str]) -> dict[str, Path]:
    """Return the output folder of each patient, next to the folder of the record."""
    return {patient: record.parents[1] / f"sub-{patient}" for patient in patients}


def work_through(patients: Iterable[str], work: Callable[[str], None], *records: Path) -> None:
    """Do the work for every patient, even if it fails for some.

    Each log line names its patient. Records of an earlier run with another number of batches are deleted first, because
    the folders that they list are about to be replaced.

    Args:
        patients: patient names.
        work: function that writes the output of one patient.
        records: records that will be written for this batch.

    Raises:
        UserError: the work failed for at least one patient. It is raised after all patients, names each failed one and
            gives the reason.
    """
    for record in records:
        _remove_other_divisions(record)
    patients, failed = list(patients), []
    for number, patient in enumerate(patients, 1):
        with _named_in_log(patient):
            log.info("%d of %d", number, len(patients))
            try:
                work(patient)
            except UserError as error:
                log.error("%s", error)
                failed.append(f"patient '{patient}': {error}")
            except Exception as error:
                refused = isinstance(error, OSError) and error.errno in NO_FAULT
                fault = f"{error}" if refused else f"a fault of this program ({type(error).__name__}: {error})"
                log.exception("%s", "the operating system refused" if refused else "a fault of this program")
                failed.append(f"patient '{patient}': {fault}; its log has the traceback")
    if failed:
        raise UserError("\n".join(failed))


def _remove_other_divisions(record: Path) -> None:
    """Delete the records in the same folder that belong to another number of batches."""
    number = record.stem.split("-of-")[-1]
    for sibling in record.parent.glob("*-of-*.json"):
        if sibling.stem.split("-of-")[-1] != number:
            sibling.unlink(missing_ok=True)


@contextmanager
def _named_in_log(patient: str) -> Iterator[None]:
    """Name the patient in every log line of the block."""
    handlers = logging.getLogger().handlers
    before = [handler.formatter for handler in handlers]
    named = logging.Formatter("%(levelname)s %(patient)s: %(message)s", defaults={"patient": patient})
    for handler in handlers:
        handler.setFormatter(named)
    try:
        yield
    finally:
        for handler, formatter in zip(handlers, before, strict=True):
            handler.setFormatter(formatter)


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
    try:
        entries = read_json(record)
        return {patient: Path(os.path.normpath(record.parent / entry["path"])) for patient, entry in entries.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UserError(f"{record} is damaged; {rerun_hint(record)}") from None


def record_of(folder: Path) -> Path:
    """Return the record of the batch that made a patient's folder, or the folder itself if no record lists it."""
    records = sorted((folder.parent / FOLDER).glob("*.json"))
    return next((record for record in records if folder in _paths(record).values()), folder)


def rerun_hint(record: Path) -> str:
    """Return the instruction for making a batch again."""
    return f"make it again: snakemake --force {record} --configfile ..., and start the study again"
