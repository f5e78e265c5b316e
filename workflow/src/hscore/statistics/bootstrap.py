"""Bootstrap resamples as counts: how often each patient was drawn, so that statistics become matrix products."""

import numpy as np

from hscore.statistics.discrimination import one_class
from hscore.statistics.estimates import unknown


def draw(n: int, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """How often each of ``n`` patients stands in each resample, float [resamples, n], rows sum to n."""
    return rng.multinomial(n, np.full(n, 1 / n), size=resamples).astype(float)


def draw_by_class(positive: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """As ``draw``, keeping the numbers of positives and negatives (as pROC does)."""
    counts = np.zeros((resamples, positive.size))
    for members in (positive, ~positive):
        if members.any():
            counts[:, members] = draw(int(members.sum()), resamples, rng)
    return counts


def aucs(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """AUC of every resample, [resamples]; every resample must hold both classes."""
    order = np.argsort(scores, kind="stable")
    start = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)  # first of each group of ties
    drawn = counts[:, order]
    cases = np.add.reduceat(drawn * positive[order], start, axis=1)
    controls = np.add.reduceat(drawn * ~positive[order], start, axis=1)
    below = np.cumsum(controls, axis=1) - controls / 2
    return (cases * below).sum(axis=1) / (cases.sum(axis=1) * controls.sum(axis=1))


def auc_interval(positive: np.ndarray, scores: np.ndarray, counts: np.ndarray, confidence: float) -> dict:
    """AUC with the percentile interval over stratified resamples (``counts`` from ``draw_by_class``)."""
    method = f"stratified percentile bootstrap, {len(counts)} resamples"
    if why := one_class(positive):
        return unknown(why, method)
    value = float(aucs(positive, scores, np.ones((1, positive.size)))[0])
    low, high = np.quantile(aucs(positive, scores, counts), [(1 - confidence) / 2, (1 + confidence) / 2])
    return {"estimate": value, "low": float(low), "high": float(high), "method": method}
