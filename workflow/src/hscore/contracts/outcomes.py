"""The outcomes of a centre's patients, one file per kind: node status at pathology, and disease-free survival.

They are separate from the manifest, so that a job that must not see an outcome does not get its file.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hscore.contracts import tables
from hscore.contracts.tables import PATIENT

LNM = "lnm"
MONTHS, EVENT, COMPETING = "dfs_months", "dfs_event", "competing_event"
COLUMNS = {"lnm": (LNM,), "dfs": (MONTHS, EVENT, COMPETING)}


def write(path: str | Path, kind: str, patients: pd.DataFrame) -> None:
    """Write one kind of outcome; ``patients`` has ``patient`` and ``COLUMNS[kind]``, and missing values stay empty."""
    tables.write(path, patients[[PATIENT, *COLUMNS[kind]]])


def read_lnm(paths: Sequence[str | Path]) -> pd.Series:
    """Return the node status of the patients of these centres, by patient, as float: 0, 1 or NaN.

    Raises:
        UserError: as ``tables.read_all``, or a status is anything else.
    """
    return tables.yes_no(tables.read_all(paths, [LNM]), LNM, tables.source(paths))


def read_dfs(paths: Sequence[str | Path]) -> pd.DataFrame:
    """Return disease-free survival of the patients of these centres, by patient; missing values are NaN.

    ``competing_event`` is missing for all patients of a file without this column.

    Raises:
        UserError: as ``tables.read_all``; a time is negative or text; an event is neither 0 nor 1.
    """
    table, source = tables.read_all(paths, [MONTHS, EVENT]), tables.source(paths)
    events = table.reindex(columns=[EVENT, COMPETING])
    columns = {column: tables.yes_no(events, column, source) for column in events}
    return pd.DataFrame({MONTHS: tables.numbers(table, MONTHS, source, 0), **columns})
