"""Convert values of results.json to cells of a CSV table: plain numbers, an empty cell for a missing one."""

from collections.abc import Mapping, Sequence
from typing import Any

ESTIMATE = ("estimate", "low", "high")

Rows = list[dict[str, Any]]


def as_they_are(rows: Sequence[Mapping[str, Any]] | None) -> Rows:
    """Return the rows with empty cells instead of None."""
    return [{key: bare(value) for key, value in row.items()} for row in rows or []]


def estimated(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells of estimate, low and high."""
    return {key: bare(entry.get(key)) for key in ESTIMATE}


def bare(value: Any) -> Any:
    """Return the value, or an empty cell for None."""
    return "" if value is None else value
