"""Read decimal numbers exactly: the nearest double, and only plain numbers.

pandas' own parsers (``read_csv`` without ``float_precision="round_trip"``, ``to_numeric``) change the last digits of
more than a third of all doubles. A score whose last digit changes can cross its own frozen cut-off.
"""

from __future__ import annotations

import math
import re
from numbers import Real
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the workflow's own code reads tables without pandas
    import pandas as pd

PLAIN = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def number(cell: object) -> float:
    """Return the double nearest to a cell of text, or NaN if the cell is not a plain finite number."""
    if not isinstance(cell, str):
        return float(cell) if isinstance(cell, Real) else math.nan
    value = float(cell) if PLAIN.fullmatch(cell) else math.nan
    return value if math.isfinite(value) else math.nan


def numbers(cells: pd.Series) -> pd.Series:
    """Return a column of text as float64, NaN where a cell is not a plain finite number."""
    return cells.map(number).astype(float)


def text(value: float) -> str:
    """Return the shortest decimal that reads back as the same double, without a point for whole numbers."""
    return repr(float(value)).removesuffix(".0")
