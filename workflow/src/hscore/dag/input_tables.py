"""Read the tables people write (centres, clinical data), check them against their schema, report every mistake."""

import csv
import difflib
import math
from pathlib import Path

from jsonschema import Draft202012Validator

from hscore import numerals

SAME_NAME = 0.85  # similarity of a column that is probably a misspelt one of the schema


def number(text: str, kind: str) -> int | float | str:
    """Return ``text`` as the schema's ``integer`` or ``number``; unchanged where it is neither."""
    value = numerals.number(text)
    if math.isnan(value) or (kind == "integer" and not value.is_integer()):
        return text
    return int(value) if kind == "integer" else value


def nearest(name: str, known: list[str]) -> str:
    """Return a hint: the known name most similar to ``name``, or the whole list when none is similar."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(known)}"


def _misspelt(name: str, columns: set[str]) -> str | None:
    """Return the one of ``columns`` that is probably meant to be ``name``; None if there is none."""
    spelt = {column.strip().lower().replace(" ", "_").replace("-", "_"): column for column in sorted(columns)}
    close = difflib.get_close_matches(name, list(spelt), n=1, cutoff=SAME_NAME)
    return spelt[close[0]] if close else None


class Table:
    """Rows of one delimited text file as typed values, with one sentence per mistake.

    A column marked ``x-optional`` may be absent, which has the same effect as empty cells. Empty cells are None and are
    allowed unless the column is listed under ``required``.

    Args:
        path: the file.
        schema: closed JSON schema of one row. Each property's ``description`` states the correct values and ends the
            sentence on a wrong value.
        delimiter: separator of the columns.

    Attributes:
        rows: one dict per row that is not blank (str, int, float or None).
        row_numbers: number of each of ``rows`` in the file; they count from 1 after the header, blank rows included.
        problems: the sentences.
    """

    def __init__(self, path: str | Path, schema: dict, delimiter: str) -> None:
        self.path = Path(path)
        self.schema = schema
        self.rows: list[dict] = []
        self.row_numbers: list[int] = []
        self.problems: list[str] = []
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                self._read(csv.reader(file, delimiter=delimiter, strict=True))
        except FileNotFoundError:
            self.problems.append(f"{path}: the file does not exist")
        except UnicodeDecodeError as error:
            self.problems.append(f"{path}: byte {error.start} is not UTF-8; save the table as UTF-8 text")
        except (OSError, csv.Error) as error:
            self.problems.append(f"{path}: cannot be read ({error})")

    def _read(self, lines) -> None:
        header = next(lines, None)
        if header is None:
            self.problems.append(f"{self.path}: the file is empty; its first line must name the columns")
            return
        header = [name.strip() for name in header]
        if not self._header_is_good(header):
            return
        checks = {name: self._column_check(name) for name in header}
        absent = [name for name in self.schema["properties"] if name not in header]
        for row_number, line in enumerate(lines, 1):
            if not any(cell.strip() for cell in line):
                continue
            if len(line) != len(header):
                self.problems.append(
                    f"{self.path}, row {row_number}: {len(line)} cells where the header has {len(header)} columns"
                )
                line = (line + [""] * len(header))[: len(header)]
            row = dict.fromkeys(absent)
            for name, cell in zip(header, line, strict=True):
                row[name], wrong = checks[name](cell.strip())
                if wrong:
                    self.problem(row_number, name, cell.strip(), wrong)
            self.rows.append(row)
            self.row_numbers.append(row_number)

    def _header_is_good(self, header: list[str]) -> bool:
        known = list(self.schema["properties"])
        problems_before = len(self.problems)
        for name in known:
            if name not in header and not self.schema["properties"][name].get("x-optional"):
                stray = [column for column in header if column not in known]
                close = difflib.get_close_matches(name, stray, n=1)
                hint = f"; is '{close[0]}' meant?" if close else ""
                self.problems.append(f"{self.path}: column '{name}' is missing{hint}")
            elif name not in header and (misspelt := _misspelt(name, set(header) - set(known))):
                self.problems.append(
                    f"{self.path}: column '{misspelt}' is not known; write '{name}' if that is meant, else rename it"
                )
        for name in sorted({name for name in header if header.count(name) > 1}):
            self.problems.append(f"{self.path}: column '{name}' occurs twice")
        if not self.schema["additionalProperties"]:
            for name in header:
                if name not in known:
                    self.problems.append(f"{self.path}: column '{name}' is not known; {nearest(name, known)}")
        return len(self.problems) == problems_before

    def _column_check(self, name: str):
        """Return a function: cell text -> (value, correct values or None); it caches its results."""
        rule = self.schema["properties"].get(name)
        if rule is None:
            return lambda cell: (cell or None, None)
        validator = Draft202012Validator(rule)
        required = name in self.schema.get("required", [])
        cache: dict[str, tuple] = {}

        def check(cell: str) -> tuple:
            if cell not in cache:
                value = number(cell, rule["type"]) if rule["type"] != "string" else cell
                if cell == "":
                    cache[cell] = (None, f"give {rule['description']}" if required else None)
                else:
                    cache[cell] = (value, None if validator.is_valid(value) else f"expected {rule['description']}")
            return cache[cell]

        return check

    def problem(self, row_number: int, column: str, value: object, remedy: str) -> None:
        """Add a sentence about one cell; ``row_number`` is one of ``row_numbers``."""
        shown = "it is empty" if value in ("", None) else f"'{value}' is not valid"
        self.problems.append(f"{self.path}, row {row_number}, column {column}: {shown}; {remedy}")
