"""Smooth by Cleveland's lowess without robustness steps; 2,000 bootstrap resamples need only a few matrix products.

The numbers equal those of R's ``lowess(x, y, f, iter = 0)``: local lines with tricube weights over the nearest share
``f`` of the points, fitted where the points are at least 1 % of their range apart and interpolated between.

Source: Cleveland, JASA 1979;74:829-836; the C code of R's ``lowess``.
"""

import numpy as np

from hscore.statistics.common.bootstrap import cohort_counts


class Lowess:
    """Smoother for fixed ``x`` [n] with at least two values; outcomes and resampling counts are given later."""

    def __init__(self, x: np.ndarray, share: float = 2 / 3) -> None:
        self.order = np.argsort(x, kind="stable")
        self.x = x[self.order]
        self.places = _anchors(self.x, 0.01 * (self.x[-1] - self.x[0]))
        self.at = self.x[self.places]
        self.weights = _tricube(self.x, self.places, share)  # [anchors, n]
        self.shift = self.x[None, :] - self.at[:, None]

    def __call__(self, y: np.ndarray, at: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
        """Return the smooth of ``y`` [n] at the points ``at`` [k]: [k], or [resamples, k] with ``counts``.

        ``counts`` [resamples, n] contains how often each point was drawn; the neighbourhoods remain those of all
        points. The value is NaN where a resample has no point in a neighbourhood.
        """
        drawn = cohort_counts(y.size) if counts is None else counts
        resampled, y = drawn[:, self.order], y[self.order]
        kernel, shifted = self.weights.T, (self.weights * self.shift).T
        with np.errstate(invalid="ignore", divide="ignore"):
            total = resampled @ kernel
            mean_x, mean_y = (resampled @ shifted) / total, (resampled @ (kernel * y[:, None])) / total
            spread = (resampled @ (shifted * self.shift.T)) / total - mean_x**2
            slope = ((resampled @ (shifted * y[:, None])) / total - mean_x * mean_y) / spread
        flat = ~(np.sqrt(np.maximum(spread, 0)) > 0.001 * (self.x[-1] - self.x[0]))  # R's rule for a local constant
        result = self._between(mean_y - np.where(flat, 0.0, slope) * mean_x, at)
        return result[0] if counts is None else result

    def _between(self, smooth: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Return straight lines between the anchors' values [resamples, anchors] at the points ``at`` [k]."""
        right = np.searchsorted(self.at, at, side="left").clip(1, self.at.size - 1)
        share = ((at - self.at[right - 1]) / (self.at[right] - self.at[right - 1])).clip(0, 1)
        left, right = smooth[:, right - 1], smooth[:, right]
        return np.where(share == 1, right, np.where(share == 0, left, left + share * (right - left)))


def _anchors(x: np.ndarray, delta: float) -> np.ndarray:
    """Return the indices in sorted ``x`` at which a line is fitted: the last point within ``delta`` of the previous."""
    indices, last = [0], 0
    while x[last] < x[-1]:
        beyond = int(np.searchsorted(x, x[last] + delta, side="right"))
        tied = int(np.searchsorted(x, x[last], side="right")) - 1  # ties share one fit
        last = max(tied + 1, beyond - 1)
        indices.append(last)
    return np.array(indices)


def _tricube(x: np.ndarray, anchors: np.ndarray, share: float) -> np.ndarray:
    """Return tricube weights [anchors, n] over the nearest points of each anchor, limited as in R's C code."""
    size = max(2, min(x.size, int(share * x.size + 1e-7)))
    distance = np.abs(x[None, :] - x[anchors][:, None])
    reach = np.sort(distance, axis=1)[:, size - 1][:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = np.where(distance <= 0.001 * reach, 1.0, (1 - (distance / reach) ** 3) ** 3)
    return np.where(distance <= 0.999 * reach, weights, 0.0)
