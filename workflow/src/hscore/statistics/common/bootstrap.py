"""Draw bootstrap resamples as counts of how often each patient was drawn, so that statistics become matrix products.

Draws of a statistic are float [resamples, ...]: NaN where a resample has no value (it is ignored), infinity where
the value is unbounded.
"""

from typing import NamedTuple

import numpy as np

from hscore.statistics.common.estimates import finite_or_none


def draw(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each of ``n`` patients is in each resample, float [resamples, n]; rows sum to n."""
    if n == 0:
        return np.zeros((resamples, 0))
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)


def draw_by_class(y_true: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return counts like ``draw``, with fixed numbers of positives and negatives (as pROC does)."""
    counts = np.zeros((resamples, y_true.size))
    for members in (y_true, ~y_true):
        if members.any():
            counts[:, members] = draw(int(members.sum()), resamples, rng)
    return counts


POINT = 1e-12  # spread of resamples that differ only by rounding


class Resamples(NamedTuple):
    """Draws of one cohort, float [resamples, n] each.

    ``by_class`` has fixed numbers of positives and negatives, for statistics that do not depend on them (ROC curves).
    In ``whole`` the numbers vary as they would in another cohort, for statistics that do (precision, F1, kappa). With
    fixed numbers their intervals would be too short.
    """

    by_class: np.ndarray
    whole: np.ndarray


def draw_both_ways(y_true: np.ndarray, resamples: int, rng: np.random.Generator) -> Resamples:
    """Return ``draw_by_class`` and ``draw`` of a cohort."""
    return Resamples(draw_by_class(y_true, resamples, rng), draw(y_true.size, resamples, rng))


def cohort_counts(n: int) -> np.ndarray:
    """Return the counts of the cohort itself, every patient once, [1, n]; they give the estimate."""
    return np.ones((1, n))


def percentiles(draws: np.ndarray, confidence: float) -> np.ndarray:
    """Return percentile bounds [2, ...] of draws [resamples, ...]; NaN where no resample has a value.

    They are linear between order statistics, as in ``numpy.quantile``.
    """
    ordered = np.sort(draws, axis=0)  # NaN last
    known = len(draws) - np.isnan(ordered).sum(axis=0)
    bounds = []
    for share in ((1 - confidence) / 2, (1 + confidence) / 2):
        position = np.maximum(known - 1, 0) * share
        below, above = (
            np.take_along_axis(ordered, rank.astype(int)[None], axis=0)[0]
            for rank in (np.floor(position), np.ceil(position))
        )
        with np.errstate(invalid="ignore"):
            between = below + (position - np.floor(position)) * (above - below)
        bounds.append(np.where(below == above, below, between))  # two infinities have no difference
    return np.array(bounds)


def percentile_interval(draws: np.ndarray, confidence: float) -> dict[str, float | str | None]:
    """Return the percentile interval of draws [resamples]; an unbounded end is None.

    Where all resamples give the same value the interval would be a point, as if the true value were known. Both ends
    are then None, with the reason in ``why``.
    """
    known = draws[~np.isnan(draws)]
    if not known.size:
        return {"low": None, "high": None, "why": "no resample has a value"}
    if np.all(known == known[0]) or np.ptp(known) <= POINT:
        return {
            "low": None,
            "high": None,
            "why": "every resample gives the same value, so the bootstrap has no interval",
        }
    low, high = percentiles(draws, confidence)
    return {"low": finite_or_none(low), "high": finite_or_none(high)}


def percentile_band(draws: np.ndarray, confidence: float) -> dict[str, list[float | None]]:
    """Return the pointwise percentile band of draws [resamples, points]: ``low`` and ``high``, [points] each."""
    low, high = percentiles(draws, confidence)
    return {"low": [finite_or_none(value) for value in low], "high": [finite_or_none(value) for value in high]}
