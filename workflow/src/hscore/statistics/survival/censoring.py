"""Estimate the censoring distribution by reverse Kaplan-Meier, the basis of all censoring weights.

Shapes: ``time`` float [n], ``event`` bool [n], ``counts`` float [resamples, n]: how often each patient is in each
resample (``bootstrap``).

lifelines fits one cohort at a time, and counts patients with the event at a time among those at risk of censoring then.

Source: Graf et al., Stat Med 1999;18:2529-2545.
"""

import numpy as np

from hscore.statistics.common import bootstrap


def probability_uncensored(
    time: np.ndarray, event: np.ndarray, moments: np.ndarray, counts: np.ndarray | None = None
) -> np.ndarray:
    """Return the probability of being uncensored just before each moment, G(t-): [moments], or [resamples, moments].

    At equal times events come before censorings, so patients with the event at a time are not at risk of censoring
    then.
    """
    drawn = bootstrap.cohort_counts(time.size) if counts is None else counts
    times, index = np.unique(time[~event], return_inverse=True)
    drops = np.zeros((len(drawn), times.size))
    if times.size:
        order = np.argsort(index, kind="stable")
        starts = np.searchsorted(index[order], np.arange(times.size))
        drops = np.add.reduceat(drawn[:, ~event][:, order], starts, axis=1)
    by_time = np.argsort(time, kind="stable")
    followed = np.cumsum(drawn[:, by_time[::-1]], axis=1)[:, ::-1]  # of those with at least this time
    followed = np.pad(followed, ((0, 0), (0, 1)))
    at_risk = followed[:, np.searchsorted(time[by_time], times, side="right")] + drops
    steps = 1 - np.divide(drops, at_risk, out=np.zeros_like(drops), where=at_risk > 0)
    curve = np.pad(np.cumprod(steps, axis=1), ((0, 0), (1, 0)), constant_values=1.0)
    result = curve[:, np.searchsorted(times, moments, side="left")]
    return result[0] if counts is None else result
