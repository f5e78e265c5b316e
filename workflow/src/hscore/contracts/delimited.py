"""Read and write delimited text; standard library only, for the stages without pandas."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hscore.errors import UserError
from hscore.files import new_file


def read(path: str | Path, delimiter: str = ",") -> tuple[list[str], dict[int, list[str]]]:
    """Return the header and the rows of a table as stripped text, without blank ones.

    The rows are numbered from 1 after the header. Blank rows count, so that a number is that of a spreadsheet minus 1.

    Raises:
        UserError: the file cannot be read or is empty, a column occurs twice, or a row does not have one
            cell per column.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            lines = [[cell.strip() for cell in line] for line in csv.reader(file, delimiter=delimiter, strict=True)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table ({error})") from None
    if not lines:
        raise UserError(f"{path}: the file is empty; its first line must name the columns")
    header, *rows = lines
    for name in header:
        if header.count(name) > 1:
            raise UserError(f"{path}: column '{name}' occurs twice")
    numbered = {number: row for number, row in enumerate(rows, start=1) if any(row)}
    for number, row in numbered.items():
        if len(row) != len(header):
            raise UserError(f"{path}, row {number}: {len(row)} cells where the header has {len(header)} columns")
    return header, numbered


def records(path: str | Path, delimiter: str = ",") -> list[dict[str, str]]:
    """Return the rows of a table as dictionaries of text by column."""
    header, rows = read(path, delimiter)
    return [dict(zip(header, row, strict=True)) for row in rows.values()]


def write(path: str | Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]], delimiter: str = ",") -> None:
    """Write a table in one move; a column that a row lacks, and None, become an empty cell."""
    with new_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
