"""The manifest: the included patients of one centre, without outcomes, and the excluded ones with the reason."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from hscore.contracts import tables
from hscore.contracts.tables import CENTER, PATIENT
from hscore.errors import UserError

READING = "mri_ln_positive"  # the radiologist's call of the lymph nodes
SAMPLES = "samples"  # folder of the patient's image samples
CLINICAL = ("age", "figo_stage", "histology", "grade", "scc_ag_ng_ml", "mri_ln_short_axis_mm", READING)
IMAGING = ("tumour_volume_ml", "scanner")  # from patient.json of the sample stage
NUMBERS = ("age", "scc_ag_ng_ml", "mri_ln_short_axis_mm", READING, "tumour_volume_ml")
COLUMNS = (PATIENT, CENTER, *CLINICAL, *IMAGING, SAMPLES)
# For an excluded patient: the reason, and the clinical values, which the reading alone may still need.
EXCLUDED_COLUMNS = (PATIENT, CENTER, "reason", *CLINICAL)


def write(path: str | Path, patients: pd.DataFrame) -> None:
    """Write the included patients; ``patients`` has ``COLUMNS``."""
    tables.write(path, patients[list(COLUMNS)])


def write_excluded(path: str | Path, patients: pd.DataFrame) -> None:
    """Write the excluded patients; ``patients`` has ``EXCLUDED_COLUMNS``."""
    tables.write(path, patients[list(EXCLUDED_COLUMNS)])


def read_cells(paths: Sequence[str | Path], columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return the patients of several centres, included or excluded: all columns as text, indexed by patient.

    Raises:
        UserError: as ``tables.read_all``; ``columns`` are those that every file must have.
    """
    return tables.read_all(paths, columns)


def read(path: str | Path) -> pd.DataFrame:
    """Return the patients of one centre, included or excluded: ``NUMBERS`` as float64, all other columns as text.

    The column ``patient`` is among the columns, and the rows are numbered.

    Raises:
        UserError: as ``tables.read``, or a number is text.
    """
    return read_patients([path])


def read_patients(paths: Sequence[str | Path], patients: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the patients of several centres as ``read`` does; with ``patients``, exactly these, in this order.

    Raises:
        UserError: as ``tables.read_all``; a number is text; one of ``patients`` is in no file.
    """
    table = tables.read_all(paths, [CENTER])
    for column in table.columns.intersection(NUMBERS):
        table[column] = tables.numbers(table, column, tables.source(paths))
    if patients is not None:
        missing = [patient for patient in patients if patient not in table.index]
        if missing:
            raise UserError(f"patient '{missing[0]}' has a fold but is in none of {', '.join(map(str, paths))}")
        table = table.loc[list(patients)]
    return table.reset_index()
