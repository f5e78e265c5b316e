"""Convert values of results.json to cells of a CSV table: plain numbers, an empty cell for a missing one."""

from collections.abc import Mapping, Sequence
from typing import Any

ESTIMATE = ("estimate", "low", "high")

Rows = list[dict[str, Any]]


def without_none(rows: Sequence[Mapping[str, Any]] | None) -> Rows:
    """Return the rows with empty cells instead of None."""
    return [{key: blank_if_none(value) for key, value in row.items()} for row in rows or []]


def estimate_cells(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of estimate, low and high."""
    return {key: blank_if_none(entry.get(key)) for key in ESTIMATE}


def method_cells(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of estimate, low, high and the method that they come from."""
    return {**estimate_cells(entry), "method": entry.get("method", "")}


def blank_if_none(value: Any) -> Any:
    """Return the value, or an empty cell for None."""
    return "" if value is None else value
