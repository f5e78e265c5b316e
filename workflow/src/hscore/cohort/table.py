"""The clinical table of one centre as a typed frame, its codes mapped to the study's terms.

The table was checked against its schema before any job ran. What is checked again here is what would otherwise turn
silently into another value or another patient.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from hscore import numerals
from hscore.errors import UserError

NUMBERS = ("age", "scc_ag_ng_ml", "mri_ln_short_axis_mm", "dfs_months")
BINARY = ("lnm", "dfs_event")
OPTIONAL = ("mri_ln_positive", "competing_event")  # 0, 1 or nothing; all NA where the table has no such column
CODED = ("figo_stage", "histology", "grade")
OUTCOMES = {"lnm": ("lnm",), "dfs": ("dfs_months", "dfs_event", "competing_event")}


def read_table(path: str | Path, center: str, codes: Mapping[str, Mapping[str, str]] | None = None) -> pd.DataFrame:
    """The rows of ``center``'s table in their order; optional columns stay as text.

    ``NUMBERS`` become float64, ``BINARY`` and ``OPTIONAL`` nullable Int64 (0, 1), all missing values NA.
    With ``codes`` (the section codes of the config) the columns ``CODED`` hold the study's terms.

    Raises:
        UserError: naming file, row (counted from 1 after the header), column and value.
    """
    table = _read_text(Path(path))
    for column in ("patient", "center", *NUMBERS, *BINARY, *CODED):
        if column not in table:
            raise UserError(f"{path}: column '{column}' is missing")
    _check_each(path, table, "center", table["center"] == center, f"this is the table of centre '{center}'")
    _check_each(path, table, "patient", table["patient"] != "", "every row needs a patient")
    _check_each(path, table, "patient", ~table["patient"].duplicated(), "this patient stands there twice")
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
    return table


def _read_text(path: Path) -> pd.DataFrame:
    """All cells as stripped text, '' where empty; blank lines are left out."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [[cell.strip() for cell in line] for line in csv.reader(file)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table ({error})") from None
    if not lines:
        raise UserError(f"{path}: the file is empty; its first line must name the columns")
    header, *rows = lines
    rows = [row for row in rows if any(row)]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise UserError(f"{path}, row {number}: {len(row)} cells where the header has {len(header)} columns")
    return pd.DataFrame(rows, columns=header, dtype=object)


def _numbers(path: str | Path, table: pd.DataFrame, column: str) -> pd.Series:
    """A column of text as float64, NaN where empty."""
    numbers = numerals.numbers(table[column])
    _check_each(path, table, column, (table[column] == "") | numbers.notna(), "expected a number or nothing")
    return numbers


def _check_each(path: str | Path, table: pd.DataFrame, column: str, good: pd.Series, right: str) -> None:
    """UserError for the first row that is not ``good``; ``right`` says what would be."""
    wrong = table.index[~good.to_numpy(bool)]
    if len(wrong):
        row, value = wrong[0] + 1, table[column][wrong[0]]
        raise UserError(f"{path}, row {row}, column {column}: '{value}' is not valid; {right}")


def read_manifest(path: str | Path) -> pd.DataFrame:
    """The included patients of one centre as the cohort step wrote them; patients and centre stay text."""
    return _read_written(path, ("patient", "center", "samples", "scanner", *CODED))


def _read_written(path: str | Path, text: Iterable[str]) -> pd.DataFrame:
    """A table that a step wrote. Only an empty cell is missing: a centre or patient may be called 'NA'."""
    types = dict.fromkeys(text, str)
    return pd.read_csv(path, dtype=types, keep_default_na=False, na_values=[""], float_precision="round_trip")


def read_with_lnm(manifests: list[Path], lnm: list[Path], **columns: list[str]) -> pd.DataFrame:
    """Several manifests joined one below the other, with the node status (``lnm``) from their outcome files.

    ``lnm`` is 0, 1 or NaN (float64). ``columns`` are added, one value for all patients of a manifest.

    Raises:
        UserError: another number of outcome files or column values than manifests, or other patients in them.
    """
    for name, values in {"lnm": lnm, **columns}.items():
        if len(values) != len(manifests):
            raise UserError(f"{len(manifests)} manifests but {len(values)} values of {name}: one is needed for each")
    frames = []
    for number, (manifest, outcome) in enumerate(zip(manifests, lnm, strict=True)):
        patients = read_manifest(manifest)
        status = _read_written(outcome, ["patient"]).set_index("patient")["lnm"]
        if set(status.index) != set(patients["patient"]):
            raise UserError(f"{outcome}: does not list exactly the patients of {manifest}")
        values = {name: values[number] for name, values in columns.items()}
        frames.append(patients.assign(lnm=status.loc[patients["patient"]].to_numpy(float), **values))
    return pd.concat(frames, ignore_index=True)


def with_known_nodes(patients: pd.DataFrame) -> pd.DataFrame:
    """Return the patients whose node status at pathology is known, ``lnm`` as an integer; the others have no fold."""
    return patients[patients["lnm"].notna()].astype({"lnm": int}).reset_index(drop=True)
