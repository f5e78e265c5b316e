"""Ranks, and the area under the ROC curve as a function of ranks; numpy only."""

import numpy as np


def midranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 1; ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def auc(y_true: np.ndarray, scores: np.ndarray) -> float | None:
    """Return the area under the ROC curve; None without both classes.

    It is the share of pairs of a positive and a negative in which the positive has the higher score; ties count one
    half. The sum of ranks is exact, so that the result is the double nearest to this share.

    Source: Mann and Whitney, Ann Math Stat 1947;18:50-60; Hanley and McNeil, Radiology 1982;143:29-36.

    Args:
        y_true: outcome [n], bool or 0 and 1.
        scores: float [n]; higher scores mean "more likely positive".

    Raises:
        ValueError: a score is not a number.
    """
    if np.isnan(scores).any():
        raise ValueError("a score is not a number, so it has no rank")
    positive = np.asarray(y_true, bool)
    cases, controls = int(positive.sum()), int((~positive).sum())
    if not cases or not controls:
        return None
    pairs_won = midranks(scores)[positive].sum() - cases * (cases + 1) / 2
    return float(pairs_won / (cases * controls))
