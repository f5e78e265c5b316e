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


def named_cells(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of estimate (column ``name``), low, high and method (``name``_low and so on)."""
    ends = {f"{name}_{key}": blank_if_none(entry[key]) for key in ("low", "high", "method")}
    return {name: blank_if_none(entry["estimate"]), **ends}


def curve_rows(curve: Mapping[str, Any], columns: Sequence[str]) -> Rows:
    """Return one row per point of a curve, which has a list of values for each column; no rows without a curve."""
    points = zip(*(curve.get(column) or [] for column in columns), strict=True)
    return [dict(zip(columns, map(blank_if_none, point), strict=True)) for point in points]


def blank_if_none(value: Any) -> Any:
    """Return the value, or an empty cell for None."""
    return "" if value is None else value
