"""The split: one row per development patient with known node status, and the fold that holds the patient out."""

from pathlib import Path

import pandas as pd

from hscore.contracts import tables
from hscore.contracts.outcomes import LNM
from hscore.contracts.tables import CENTER, PATIENT

FOLD = "fold"
COLUMNS = (PATIENT, CENTER, LNM, FOLD)


def write(path: str | Path, folds: pd.DataFrame) -> None:
    """Write the split; ``folds`` has ``COLUMNS``."""
    tables.write(path, folds[list(COLUMNS)])


def read(path: str | Path) -> pd.DataFrame:
    """Return ``COLUMNS`` in the order of the file: patient and center as text, lnm (0/1) and fold (0..k-1) as int.

    Raises:
        UserError: as ``tables.read``; a node status or fold is missing or not valid.
    """
    table = tables.read(path, COLUMNS[1:])
    lnm = tables.complete(tables.yes_no(table, LNM, str(path)), str(path))
    fold = tables.complete(tables.whole_numbers(table, FOLD, str(path), 0), str(path))
    return table.assign(lnm=lnm.astype(int), fold=fold.astype(int)).reset_index()[list(COLUMNS)]
