"""Bootstrap resamples as counts: how often each patient was drawn, so that statistics become matrix products.

Draws of a statistic are float [resamples, ...]: NaN where a resample has no value (it is passed over), infinity where
the value is unbounded.
"""

from typing import NamedTuple

import numpy as np

from hscore.statistics.common.estimates import finite


def draw(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of ``n`` patients stands in each resample, float [resamples, n], rows sum to n."""
    if n == 0:
        return np.zeros((resamples, 0))
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)


def draw_by_class(y_true: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """As ``draw``, keeping the numbers of positives and negatives (as pROC does)."""
    counts = np.zeros((resamples, y_true.size))
    for members in (y_true, ~y_true):
        if members.any():
            counts[:, members] = draw(int(members.sum()), resamples, rng)
    return counts


POINT = 1e-12  # spread of resamples that differ by rounding alone


class Resamples(NamedTuple):
    """Draws of one cohort, float [resamples, n] each.

    ``by_class`` keeps the numbers of positives and negatives, for what does not depend on them (ROC curves). In
    ``whole`` they vary as they would in another cohort, for what does (precision, F1, kappa): with fixed numbers their
    intervals would be too short.
    """

    by_class: np.ndarray
    whole: np.ndarray


def both(y_true: np.ndarray, resamples: int, rng: np.random.Generator) -> Resamples:
    """``draw_by_class`` and ``draw`` of a cohort."""
    return Resamples(draw_by_class(y_true, resamples, rng), draw(y_true.size, resamples, rng))


def everyone(n: int) -> np.ndarray:
    """The counts of the cohort itself, every patient once, [1, n]: what is computed of it is the estimate."""
    return np.ones((1, n))


def percentiles(draws: np.ndarray, confidence: float) -> np.ndarray:
    """Percentile bounds [2, ...] of draws [resamples, ...]; NaN where no resample has a value.

    Linear between order statistics, as ``numpy.quantile``.
    """
    ordered = np.sort(draws, axis=0)  # NaN last
    known = len(draws) - np.isnan(ordered).sum(axis=0)
    bounds = []
    for share in ((1 - confidence) / 2, (1 + confidence) / 2):
        place = np.maximum(known - 1, 0) * share
        below, above = (
            np.take_along_axis(ordered, side.astype(int)[None], axis=0)[0] for side in (np.floor(place), np.ceil(place))
        )
        with np.errstate(invalid="ignore"):
            between = below + (place - np.floor(place)) * (above - below)
        bounds.append(np.where(below == above, below, between))  # two infinities have no difference
    return np.array(bounds)


def interval(draws: np.ndarray, confidence: float) -> dict[str, float | str | None]:
    """Percentile interval of draws [resamples]; an end that is unbounded is None.

    Where all resamples give the same value the interval would be a point, as if the truth were known: both ends are
    None and ``why`` says so.
    """
    known = draws[~np.isnan(draws)]
    if not known.size:
        return {"low": None, "high": None, "why": "no resample has a value"}
    if np.all(known == known[0]) or np.ptp(known) <= POINT:
        return {"low": None, "high": None, "why": "every resample gives the same value: the bootstrap has no interval"}
    low, high = percentiles(draws, confidence)
    return {"low": finite(low), "high": finite(high)}


def band(draws: np.ndarray, confidence: float) -> dict[str, list[float | None]]:
    """Pointwise percentile band of draws [resamples, points]: ``low`` and ``high``, [points] each."""
    low, high = percentiles(draws, confidence)
    return {"low": [finite(value) for value in low], "high": [finite(value) for value in high]}
