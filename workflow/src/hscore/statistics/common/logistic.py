"""Logistic regression by maximum likelihood, for recalibration and tests of interaction.

scikit-learn penalises by default and statsmodels takes two seconds to import; this needs a few lines of Newton steps.
Shapes: ``x`` float [n, p] without the constant, ``y_true`` bool [n], ``offset`` float [n].
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlog1py, xlogy

LONGEST_STEP = 4.0  # logits; where all predictions are near 0 and 1, Newton's first step would be a million


@dataclass(frozen=True)
class Logistic:
    """Intercept first: ``coefficients`` [1 + p], their ``covariance``, and the maximised log likelihood."""

    coefficients: np.ndarray
    covariance: np.ndarray
    log_likelihood: float

    @property
    def errors(self) -> np.ndarray:
        """Standard errors [1 + p]."""
        return np.sqrt(np.diag(self.covariance))


def fit(x: np.ndarray, y_true: np.ndarray, offset: np.ndarray | float = 0.0) -> Logistic | None:
    """The maximum-likelihood fit; None where there is none (one class, separation, collinear columns)."""
    design = np.column_stack([np.ones(y_true.size), x])
    scale = np.maximum(np.abs(design).max(axis=0), 1e-12)
    design = design / scale
    beta = np.zeros(design.shape[1])
    for _ in range(100):
        p = expit(design @ beta + offset)
        information = (design * (p * (1 - p))[:, None]).T @ design
        if np.linalg.cond(information) > 1e12:
            return None
        step = np.linalg.solve(information, design.T @ (y_true - p))
        step = step * min(1.0, LONGEST_STEP / np.abs(step).max(initial=1e-300))
        beta = beta + step
        if not np.abs(beta).max() < 1e4:
            return None
        if np.abs(step).max() < 1e-12 * (1 + np.abs(beta).max()):
            p = expit(design @ beta + offset)
            likelihood = float((xlogy(y_true, p) + xlog1py(~y_true, -p)).sum())
            return Logistic(beta / scale, np.linalg.inv(information) / np.outer(scale, scale), likelihood)
    return None
