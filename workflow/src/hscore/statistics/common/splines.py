"""Compute restricted cubic splines, to show whether risk rises linearly with the score.

Source: Harrell, Regression Modeling Strategies, 2nd ed., 2015, section 2.4.5 (basis, default knots).
"""

import numpy as np

KNOTS = {3: (0.10, 0.50, 0.90), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.5, 0.725, 0.95)}


def knots(x: np.ndarray, number: int) -> np.ndarray:
    """Return knots at Harrell's default quantiles; fewer where quantiles coincide."""
    return np.unique(np.quantile(x, KNOTS[number]))


def basis(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return columns [n, knots - 1]: x and the non-linear parts, linear beyond the outer knots (as rms ``rcs``)."""
    first, last, before = at[0], at[-1], at[-2]

    def cube(value: np.ndarray) -> np.ndarray:
        return np.maximum(value, 0) ** 3

    columns = [x]
    for knot in at[:-2]:
        part = cube(x - knot) - cube(x - before) * (last - knot) / (last - before)
        part += cube(x - last) * (before - knot) / (last - before)
        columns.append(part / (last - first) ** 2)
    return np.column_stack(columns)
