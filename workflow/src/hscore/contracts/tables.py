"""Read and write the tables of patients: one reader, one writer, the same rules for every contract.

Every cell is text, and only an empty cell is missing. A centre or patient may therefore be called ``NA``, ``nan``,
``007`` or ``1e5``. A contract then turns its columns of numbers into numbers, exactly (``hscore.numerals``).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hscore import numerals
from hscore.contracts import delimited
from hscore.errors import UserError
from hscore.files import new_file

PATIENT = "patient"
CENTER = "center"


def read(path: str | Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return a table as text, indexed by ``patient``; empty cells are NaN.

    Args:
        path: the table, a CSV file.
        columns: columns that it must have.

    Raises:
        UserError: the table cannot be read, lacks a column, or has a row without a patient or a patient twice.
    """
    header, rows = delimited.read(path)
    for column in (PATIENT, *columns):
        if column not in header:
            raise UserError(f"{path} has no column '{column}'; its columns are {', '.join(header)}")
    cells = [[cell or np.nan for cell in row] for row in rows.values()]
    table = pd.DataFrame(cells, columns=header, dtype=object).set_index(PATIENT)
    if table.index.hasnans:
        raise UserError(f"{path}, row {list(rows)[int(table.index.isna().argmax())]}, column patient: it is empty")
    if table.index.has_duplicates:
        patient = table.index[table.index.duplicated()][0]
        raise UserError(f"{path} lists patient '{patient}' more than once; each patient needs exactly one row")
    return table


def read_all(paths: Sequence[str | Path], columns: Iterable[str] = ()) -> pd.DataFrame:
    """Return several tables below each other.

    Raises:
        UserError: as ``read``, or a patient is in two of them.
    """
    columns = list(columns)
    parts = [read(path, columns) for path in paths]
    table = pd.concat(parts)
    if table.index.has_duplicates:
        patient = table.index[table.index.duplicated()][0]
        files = [str(path) for path, part in zip(paths, parts, strict=True) if patient in part.index]
        raise UserError(
            f"patient '{patient}' is in {' and in '.join(files)}; patient names must differ between centres"
        )
    return table


def write(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table in one move, without its index; numbers read back exactly, missing values become empty cells."""
    with new_file(path) as temporary:
        table.to_csv(temporary, index=False, float_format=numerals.text)


def source(paths: Iterable[str | Path]) -> str:
    """Return the names of several files, for a message."""
    return " + ".join(map(str, paths))


def numbers(table: pd.DataFrame, column: str, source: str, low: float = -np.inf, high: float = np.inf) -> pd.Series:
    """Return a column as float64; missing values are NaN.

    Args:
        table: as ``read`` returns it.
        column: name of the column.
        source: name of the file, for the message.
        low: smallest allowed value.
        high: largest allowed value.

    Raises:
        UserError: a value is text or outside low..high; the message names the patient, or what else indexes the table.
    """
    values = numerals.numbers(table[column])
    wrong = (values.isna() & table[column].notna()) | (values < low) | (values > high)
    if wrong.any():
        place = table.index[wrong][0]
        raise UserError(f"{_place(values, place, source)}: '{table[column][place]}' is not a number{_span(low, high)}")
    return values


def _place(values: pd.Series, place: object, source: str) -> str:
    """Return file, patient (or what else indexes the column) and column as the start of a sentence."""
    return f"{source}, {values.index.name} {place!r}, {values.name}"


def _span(low: float, high: float) -> str:
    """Return the allowed range as the end of a sentence."""
    if np.isfinite(high):
        return f" from {low:g} to {high:g}"
    return f" of at least {low:g}" if np.isfinite(low) else ""


def yes_no(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    """Return a 0/1 column as float; missing values are NaN.

    Raises:
        UserError: a value is anything else; the message names the patient.
    """
    values = numbers(table, column, source, 0, 1)
    between = values[values.notna() & ~values.isin([0, 1])]
    if len(between):
        raise UserError(f"{source}, patient '{between.index[0]}', {column}: {between.iloc[0]:g} is neither 0 nor 1")
    return values


def whole_numbers(table: pd.DataFrame, column: str, source: str, low: float = -np.inf) -> pd.Series:
    """Return a column of whole numbers as float64; missing values are NaN.

    Raises:
        UserError: as ``numbers``, or a value has decimals.
    """
    values = numbers(table, column, source, low)
    broken = values[values % 1 > 0]
    if len(broken):
        raise UserError(f"{_place(values, broken.index[0], source)}: {broken.iloc[0]:g} is not a whole number")
    return values


def complete(values: pd.Series, source: str) -> pd.Series:
    """Return the column.

    Raises:
        UserError: a value is missing; the message names the first such patient.
    """
    if values.isna().any():
        raise UserError(f"{source}, patient '{values.index[values.isna()][0]}', {values.name}: the value is missing")
    return values


def some_patients(patients: pd.Index, source: str, expected: pd.Index) -> None:
    """Raise UserError, naming the first of the ``expected`` patients who is missing."""
    if len(missing := expected.difference(patients)):
        raise UserError(f"{source} has no row for patient '{missing[0]}' ({len(missing)} such patients)")


def same_patients(patients: pd.Index, source: str, expected: pd.Index) -> None:
    """Raise UserError, naming the first patient who is in only one of both."""
    some_patients(patients, source, expected)
    if len(unknown := patients.difference(expected)):
        raise UserError(
            f"{source} has a row for patient '{unknown[0]}', who has no outcome ({len(unknown)} such patients)"
        )
