"""Patients who stand for the four kinds of calls: of each kind the one of whom the model was most certain."""

import numpy as np

KINDS = ("true positive", "false positive", "true negative", "false negative")


def most_certain(positive: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, int]:
    """Row of the most extreme score of each kind of call that occurs; ``positive`` bool [n], ``scores`` [n] or NaN."""
    called = scores >= threshold
    known = np.isfinite(scores)
    found = {}
    for kind in KINDS:
        says, is_right = kind.endswith("positive"), kind.startswith("true")
        rows = np.flatnonzero(known & (called == says) & (positive == (says == is_right)))
        if rows.size:
            found[kind] = int(rows[np.argmax(scores[rows] if says else -scores[rows])])
    return found
