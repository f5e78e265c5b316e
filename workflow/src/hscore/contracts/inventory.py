"""The inventory of one centre: one row per series that was delivered, tab-separated; standard library only."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hscore.contracts import delimited

COLUMNS = (
    *("patient", "day", "series", "vendor", "model", "field_strength_t", "description", "guess", "chosen_as"),
    *("why_not", "orientation", "matrix", "spacing_mm", "slice_thickness_mm", "slices", "images", "b_values"),
    *("echo_time_ms", "repetition_time_ms", "contrast_agent", "image_type", "private_tags", "findings"),
)


def write(path: str | Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write the rows; a column that a row lacks stays empty."""
    delimited.write(path, COLUMNS, map(_clean, rows), delimiter="\t")


def _clean(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without line breaks and tabs in its cells, such as in a description."""
    return {name: " ".join(cell.split()) if isinstance(cell, str) else cell for name, cell in row.items()}


def read(path: str | Path) -> list[dict[str, str]]:
    """Return the rows as text by column.

    Raises:
        UserError: as ``delimited.read``.
    """
    return delimited.records(path, delimiter="\t")
