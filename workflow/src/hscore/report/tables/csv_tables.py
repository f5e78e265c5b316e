"""Write the report's tables as CSV files: plain numbers in full precision, one file per table.

Every row begins with the column ``data`` ('simulated' or 'own'), so that a copied table still shows its origin.
Missing numbers are empty, with the reason in ``why``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hscore.contracts import delimited
from hscore.report import registry
from hscore.report.tables.cells import Rows


def tables(results: Mapping[str, Any]) -> dict[str, Rows]:
    """Return file name without suffix -> rows, for every table of the report that has rows."""
    rows_by_table = {name: table.make(results) for name, table in registry.TABLES.items()}
    data = results["study"]["data"]
    return {name: [{"data": data, **row} for row in rows] for name, rows in rows_by_table.items() if rows}


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write every table as ``folder``/<name>.csv."""
    for name, rows in tables(results).items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        delimited.write(folder / f"{name}.csv", columns, rows)
