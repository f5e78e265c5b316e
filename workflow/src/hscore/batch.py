"""A batch of patients: one job works through them, one after the other, and leaves a record of what it made.

Snakemake tracks the record only, a file in the folder ``batches`` next to the patients' folders. For each patient it
gives the path of the output (relative to the record's folder) and a SHA-256 of its content, so that the record changes
whenever an output does.
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
NO_FAULT = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}  # full, or not to be written


def folders(record: Path, patients: Iterable[str]) -> dict[str, Path]:
    """Return where the patients' folders go: beside the folder of the record."""
    return {patient: record.parents[1] / f"sub-{patient}" for patient in patients}


def work_through(patients: Iterable[str], work: Callable[[str], None], *records: Path) -> None:
    """Do the work for every patient, whatever happens to another.

    Lines of the log name their patient. Records of another number of batches are removed first: their folders are about
    to be replaced.

    Args:
        patients: names.
        work: writes the output of one patient.
        records: that will be written for this batch.

    Raises:
        UserError: the work failed for at least one patient, after all others were done; it names each and says why.
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
    number = record.stem.split("-of-")[-1]
    for other in record.parent.glob("*-of-*.json"):
        if other.stem.split("-of-")[-1] != number:
            other.unlink(missing_ok=True)


@contextmanager
def _named_in_log(patient: str) -> Iterator[None]:
    """Name the patient in every line of the log."""
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
    """Write the record of what was made for each patient, a file or a folder."""
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
    """Return what was made, by patient, of all batches with these records.

    Raises:
        UserError: a record is damaged, or an output that it lists does not exist.
    """
    found = {}
    for record in map(Path, records):
        for patient, path in _paths(record).items():
            if not path.exists():
                raise UserError(f"{path} does not exist, but {record} lists it; {again(record)}")
            found[patient] = path
    return found


def _paths(record: Path) -> dict[str, Path]:
    try:
        entries = read_json(record)
        return {patient: Path(os.path.normpath(record.parent / entry["path"])) for patient, entry in entries.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise UserError(f"{record} is damaged; {again(record)}") from None


def record_of(folder: Path) -> Path:
    """Return the record of the batch that made the folder of a patient; the folder itself where none lists it."""
    records = sorted((folder.parent / FOLDER).glob("*.json"))
    return next((record for record in records if folder in _paths(record).values()), folder)


def again(record: Path) -> str:
    """Say how to have a batch made again."""
    return f"make it again: snakemake --force {record} --configfile ..., and start the study again"
