"""Log loss."""

import numpy as np
from sklearn import metrics


def log_loss(y_true: np.ndarray, risk: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Return the mean negative log likelihood of the outcome [n] (bool or 0 and 1), by the risks [n], 0..1.

    The mean is weighted by ``weights`` [n], if given.
    """
    return float(metrics.log_loss(np.asarray(y_true, int), risk, sample_weight=weights, labels=[0, 1]))
