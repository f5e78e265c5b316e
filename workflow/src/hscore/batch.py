"""Process the patients of one batch in one job, one after the other."""

import errno
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hscore.errors import UserError

log = logging.getLogger(__name__)

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
            except Exception as error:
                failed.append(f"patient '{patient}': {_reported(error)}")
    if failed:
        raise UserError("\n".join(failed))


def _reported(error: Exception) -> str:
    """Log an error, with a traceback if this program caused it, and return what to tell the user."""
    if isinstance(error, OSError) and error.errno in NO_FAULT:
        place = f": {error.filename}" if error.filename else ""
        error = UserError(f"{error.strerror}{place}")
    if isinstance(error, UserError):
        log.error("%s", error)
        return str(error)
    log.exception("internal error")
    return f"internal error ({type(error).__name__}: {error}); its log has the traceback"


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
