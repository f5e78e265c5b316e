"""Read decimal numbers exactly: the nearest double, and only plain numbers.

pandas' own parsers (``read_csv`` without ``float_precision="round_trip"``, ``to_numeric``) change the last digits of
more than a third of all doubles. A score whose last digit changes can cross its own frozen cut-off.
"""

import re

import numpy as np
import pandas as pd

PLAIN = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


def number(cell: object) -> float:
    """Return the double nearest to a cell of text, or NaN if the cell is not a plain finite number."""
    if not isinstance(cell, str):
        return float(cell) if isinstance(cell, int | float | np.number) else np.nan
    value = float(cell) if PLAIN.fullmatch(cell) else np.nan
    return value if np.isfinite(value) else np.nan


def numbers(cells: pd.Series) -> pd.Series:
    """Return a column of text as float64, NaN where a cell is not a plain finite number."""
    return pd.Series([number(cell) for cell in cells], cells.index, dtype=float, name=cells.name)


def text(value: float) -> str:
    """Return the shortest decimal that reads back as the same double, without a point for whole numbers."""
    return repr(float(value)).removesuffix(".0")
