"""Percentiles and medians of whole volumes: sorting takes a fraction of the time of numpy's own functions."""

from collections.abc import Sequence

import numpy as np


def percentiles(values: np.ndarray, percents: Sequence[float]) -> np.ndarray:
    """Return the percentiles of all values, equal to those of ``np.percentile``.

    Args:
        values: floating-point numbers of any shape, at least one, none of them NaN.
        percents: which percentiles, 0 to 100.
    """
    ordered = np.sort(values, axis=None)
    position = np.asarray(percents) / 100 * (ordered.size - 1)
    first = np.floor(position).astype(int)
    low, high = ordered[first], ordered[np.minimum(first + 1, ordered.size - 1)]
    share = position - first
    return np.where(share < 0.5, low + (high - low) * share, high - (high - low) * (1 - share))


def median(values: np.ndarray) -> float:
    """Return the median of all values, equal to that of ``np.median``; ``values`` as in ``percentiles``."""
    ordered = np.sort(values, axis=None)
    return float(ordered[(ordered.size - 1) // 2 : ordered.size // 2 + 1].mean())
