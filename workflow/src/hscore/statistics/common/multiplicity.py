"""Adjust p-values of several tests of one family, and name the family.

Source: Holm, Scand J Stat 1979;6:65-70.
"""

from collections.abc import Sequence


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's step-down adjusted p-values in the given order; None is not counted."""
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[index] = largest
    return adjusted


def add_adjusted_p(rows: Sequence[dict], family: str, key: str = "p") -> None:
    """Give every row its ``p_holm`` over the p-values under ``key``, and ``adjustment`` with the name of the family.

    ``family`` is written after the number of tests: "tested pairs of this evaluation".
    """
    number = sum(row[key] is not None for row in rows)
    for row, p in zip(rows, holm([row[key] for row in rows]), strict=True):
        row["p_holm"] = p
        row["adjustment"] = f"Holm over the {number} {family}"
