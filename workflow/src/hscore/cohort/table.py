"""Read the clinical table of one centre as a typed frame, with its codes mapped to the study's terms.

The table was checked against its schema before any job started. The checks here cover what would otherwise change a
value or a patient without notice.
"""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from hscore import numerals
from hscore.contracts import delimited
from hscore.contracts.manifest import read as read_manifest
from hscore.contracts.outcomes import read_lnm
from hscore.errors import UserError

NUMBERS = ("age", "scc_ag_ng_ml", "mri_ln_short_axis_mm", "dfs_months")
BINARY = ("lnm", "dfs_event")
OPTIONAL = ("mri_ln_positive", "competing_event")  # 0, 1 or empty; all NA if the table has no such column
CODED = ("figo_stage", "histology", "grade")


def read_table(path: str | Path, center: str, codes: Mapping[str, Mapping[str, str]] | None = None) -> pd.DataFrame:
    """Return the rows of a centre's table in their order.

    ``NUMBERS`` become float64, ``BINARY`` and ``OPTIONAL`` nullable Int64 (0, 1), and all missing values NA. Other
    columns stay text.

    Args:
        path: the table, a CSV file.
        center: name of the centre, the same in every row.
        codes: section ``codes`` of the config; if given, the columns ``CODED`` contain the study's terms.

    Raises:
        UserError: a cell is not valid; the message names file, row (counted from 1 after the header, with
            blank ones), column and value.
    """
    header, rows = delimited.read(path)
    table = pd.DataFrame(rows.values(), index=list(rows), columns=header, dtype=object)  # by row of the file
    for column in ("patient", "center", *NUMBERS, *BINARY, *CODED):
        if column not in table:
            raise UserError(f"{path}: column '{column}' is missing")
    _check_each(path, table, "center", table["center"] == center, f"this is the table of centre '{center}'")
    _check_each(path, table, "patient", table["patient"] != "", "every row needs a patient")
    _check_each(path, table, "patient", ~table["patient"].duplicated(), "this patient has two rows")
    for column in NUMBERS:
        table[column] = _numbers(path, table, column)
    for column in OPTIONAL:
        if column not in table:
            table[column] = ""
    for column in (*BINARY, *OPTIONAL):
        numbers = _numbers(path, table, column)
        _check_each(path, table, column, numbers.isna() | numbers.isin([0, 1]), "expected 0, 1 or nothing")
        table[column] = numbers.astype("Int64")
    both = (table["dfs_event"] == 1) & (table["competing_event"] == 1)
    _check_each(
        path, table, "competing_event", ~both.fillna(False).astype(bool), "dfs_event is 1: only one can come first"
    )
    for column in CODED if codes else ():
        known = pd.Series({"": None, **codes[column]}, dtype=object)
        right = f"expected a code listed under codes.{column} in the config, or nothing"
        _check_each(path, table, column, table[column].isin(known.index), right)
        table[column] = table[column].map(known)
    return table.reset_index(drop=True)


def _numbers(path: str | Path, table: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of text as float64, NaN where empty."""
    numbers = numerals.numbers(table[column])
    _check_each(path, table, column, (table[column] == "") | numbers.notna(), "expected a number or nothing")
    return numbers


def _check_each(path: str | Path, table: pd.DataFrame, column: str, good: pd.Series, right: str) -> None:
    """Raise UserError for the first row that is not ``good``; ``right`` describes a valid value."""
    wrong = table.index[~good.to_numpy(bool)]
    if len(wrong):
        row, value = wrong[0], table[column][wrong[0]]
        raise UserError(f"{path}, row {row}, column {column}: '{value}' is not valid; {right}")


def read_with_lnm(manifests: list[Path], lnm: list[Path], **columns: list[str]) -> pd.DataFrame:
    """Concatenate several manifests, with the node status from their outcome files.

    Args:
        manifests: paths of the manifests.
        lnm: paths of the outcome files, one per manifest.
        columns: columns to add, each with one value per manifest.

    Returns:
        The rows of all manifests, with ``lnm`` 0, 1 or NaN (float64).

    Raises:
        UserError: the numbers of outcome files or column values differ from the number of manifests, or an outcome file
            lists other patients than its manifest.
    """
    for name, values in {"lnm": lnm, **columns}.items():
        if len(values) != len(manifests):
            raise UserError(f"{len(manifests)} manifests but {len(values)} values of {name}: one is needed for each")
    frames = []
    for number, (manifest, outcome) in enumerate(zip(manifests, lnm, strict=True)):
        patients, status = read_manifest(manifest), read_lnm([outcome])
        if set(status.index) != set(patients["patient"]):
            raise UserError(f"{outcome}: does not list exactly the patients of {manifest}")
        values = {name: values[number] for name, values in columns.items()}
        frames.append(patients.assign(lnm=status.loc[patients["patient"]].to_numpy(), **values))
    return pd.concat(frames, ignore_index=True)


def with_known_nodes(patients: pd.DataFrame) -> pd.DataFrame:
    """Return the patients with known node status at pathology, ``lnm`` as an integer. The others have no fold."""
    return patients[patients["lnm"].notna()].astype({"lnm": int}).reset_index(drop=True)
