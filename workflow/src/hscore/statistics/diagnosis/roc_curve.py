"""Compute the ROC curve by scikit-learn, separate from ``discrimination``, whose other users need not import it."""

import numpy as np
from sklearn import metrics

from hscore.statistics.diagnosis.discrimination import cut_points, reason_undefined


def points(y_true: np.ndarray, scores: np.ndarray) -> dict:
    """Return the ROC curve from (0, 0) to (1, 1) at every threshold that changes it; score >= threshold is positive.

    ``y_true`` bool [n], ``scores`` float [n]. Thresholds are the midpoints between neighbouring observed scores, as
    in pROC; at both ends they are None (nobody positive, everybody positive). With only one class the rates are None,
    with the reason in ``why``.
    """
    if why := reason_undefined(y_true, scores):
        return {"false_positive_rate": None, "true_positive_rate": None, "threshold": None, "why": why}
    false, true, _ = metrics.roc_curve(y_true, scores, drop_intermediate=False)
    return {
        "false_positive_rate": false.tolist(),
        "true_positive_rate": true.tolist(),
        "threshold": [None, *cut_points(scores)[::-1].tolist(), None],
    }
