"""Fit logistic regressions: by maximum likelihood, by Firth's penalised likelihood, and with a normal prior.

scikit-learn penalises by default and gives no covariance, and statsmodels takes two seconds to import; each fit needs a
few lines of Newton steps.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlog1py, xlogy

LONGEST_STEP = 4.0  # logits; where all predictions are near 0 and 1, Newton's first step would be a million
ROUNDING = 1e-12  # share of a column's largest value; a smaller spread is rounding, and the column is constant
FIRTH_ITERATIONS = 200
FIRTH_LONGEST_STEP = 5.0  # logits; keeps the first steps inside the range of finite probabilities


@dataclass(frozen=True)
class Logistic:
    """A fitted model, intercept first: ``coefficients`` [1 + p], their ``covariance``, maximised log likelihood."""

    coefficients: np.ndarray
    covariance: np.ndarray
    log_likelihood: float

    @property
    def errors(self) -> np.ndarray:
        """Return the standard errors [1 + p]."""
        return np.sqrt(np.diag(self.covariance))


def fit(x: np.ndarray, y_true: np.ndarray, offset: np.ndarray | float = 0.0) -> Logistic | None:
    """Return the maximum-likelihood fit; None where there is none (one class, separation, collinear columns).

    Args:
        x: float [n, p] without the constant.
        y_true: bool [n].
        offset: float [n], added to the predictor.
    """
    center = x.mean(axis=0)
    largest = np.abs(x - center).max(axis=0)
    scale = np.where(largest > ROUNDING * np.abs(x).max(axis=0), largest, 1.0)
    design = np.column_stack([np.ones(y_true.size), (x - center) / scale])
    back = np.diag([1.0, *1 / scale])  # from the coefficients of the design to those of ``x``
    back[0, 1:] = -center / scale
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
            return Logistic(back @ beta, back @ np.linalg.inv(information) @ back.T, likelihood)
    return None


def fit_firth(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the coefficients [K + 1], intercept first, by Firth's penalised likelihood.

    Firth's penalty (Jeffreys' prior) needs no strength, removes the small-sample bias, and stays finite when a variable
    separates the classes, which is common in a fold with few positive patients. For one binary variable it is
    equivalent to adding 1/2 to every cell of the 2 x 2 table.

    Source: D. Firth, Biometrika 1993;80:27-38; G. Heinze and M. Schemper, Stat Med 2002;21:2409-2419.

    Args:
        values: variables [P, K] without the constant.
        labels: outcome [P], 0 and 1.

    Raises:
        ArithmeticError: the iterations do not converge.
    """
    design = np.column_stack([np.ones(len(values)), np.asarray(values, np.float64)])
    largest = np.abs(design).max(axis=0)
    scale = np.where(largest > 0, largest, 1.0)
    # Uncorrelated columns of unit mean square: the fit is the same, and Newton's steps do not lose digits. Directions
    # without spread are left out, so that variables that determine each other share a slope.
    left, spread, right = np.linalg.svd(design / scale, full_matrices=False)
    kept = spread > len(design) * np.finfo(float).eps * spread[0]
    size = np.sqrt(len(design))
    coefficients = _maximize_penalized(size * left[:, kept], labels)
    return size * right[kept].T @ (coefficients / spread[kept]) / scale


def _maximize_penalized(design: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the maximum of the penalised likelihood for uncorrelated columns of unit mean square."""
    coefficients = np.zeros(design.shape[1])
    current = _penalized_likelihood(design, labels, coefficients)
    for _ in range(FIRTH_ITERATIONS):
        step = _newton_step(design, labels, coefficients)
        step *= min(1.0, FIRTH_LONGEST_STEP / max(np.abs(step).max(), 1e-300))
        # halve a step that overshoots
        while np.abs(step).max() > 1e-10 * (1 + np.abs(coefficients).max()):
            proposed = _penalized_likelihood(design, labels, coefficients + step)
            if proposed >= current:
                break
            step /= 2
        else:
            return coefficients
        coefficients, current = coefficients + step, proposed
    raise ArithmeticError(f"the logistic regression did not converge in {FIRTH_ITERATIONS} iterations")


def _newton_step(design: np.ndarray, labels: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    """Return Newton's step on the penalised likelihood, and where it is not concave Fisher's.

    Fisher's step leaves out the second derivative of the penalty. Alone it takes thousands of steps where variables
    nearly separate the classes.
    """
    risk = expit(design @ coefficients)
    weight = risk * (1 - risk)
    information = design.T @ (design * weight[:, None])
    inverse = np.linalg.pinv(information, hermitian=True)
    distance = np.einsum("ij,jk,ik->i", design, inverse, design)
    gradient = design.T @ (labels - risk + weight * distance * (0.5 - risk))
    changes = [inverse @ (design.T @ (design * (weight * (1 - 2 * risk) * column)[:, None])) for column in design.T]
    bend = design.T @ (design * (weight * (1 - 6 * weight) * distance)[:, None])
    curvature = information - 0.5 * (bend - np.einsum("kab,lba->kl", changes, changes))
    values, directions = np.linalg.eigh(curvature)
    if values[0] <= ROUNDING * values[-1]:
        return inverse @ gradient
    return directions @ (directions.T @ gradient / values)


def _penalized_likelihood(design: np.ndarray, labels: np.ndarray, coefficients: np.ndarray) -> float:
    """Return the log likelihood plus half the log determinant of the information."""
    logits = design @ coefficients
    risk = expit(logits)
    likelihood = (labels * logits - np.logaddexp(0.0, logits)).sum()
    information = design.T @ (design * (risk * (1 - risk))[:, None])
    return likelihood + 0.5 * np.linalg.slogdet(information)[1]


def fit_with_prior(design: np.ndarray, y_true: np.ndarray, precision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients [p] with the highest posterior density, and the information [p, p] there.

    Args:
        design: float [n, p] with its constant.
        y_true: outcome, float [n] of 0 and 1.
        precision: of the coefficients' normal prior about 0, [p, p].
    """
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        p = expit(design @ beta)
        information = (design * (p * (1 - p))[:, None]).T @ design + precision
        step = np.linalg.solve(information, design.T @ (y_true - p) - precision @ beta)
        beta = beta + step / max(1.0, np.abs(step).max() / 2)
        if np.abs(step).max() < 1e-8:
            break
    return beta, information
