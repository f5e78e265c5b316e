"""From scores to risks: fitted on out-of-fold development scores, frozen, and applied to other patients.

A network trained with balanced classes ranks patients; its score is no probability for a cohort in which one in five
has metastases. ``platt``: the logistic line on the score's logit (Cox, Biometrika 1958;45:562-565; Platt, in Advances
in Large Margin Classifiers, 1999, without his smoothed targets). ``isotonic``: the non-decreasing step function nearest
to the outcomes (Zadrozny and Elkan, KDD 2002), straight between the middles of its steps; it needs
hundreds of patients.

Shapes: ``positive`` bool [n], ``predicted`` float [n] in 0..1. A recalibration is plain JSON: its ``method``, then
``intercept`` and ``slope``, or ``predicted`` and ``risk`` (points of the curve), or ``why`` there is none.
"""

import numpy as np
from scipy.special import expit, logit

from hscore.errors import UserError
from hscore.statistics import logistic
from hscore.statistics.calibration import cut

FALLS = "the development scores do not rise with the frequency of metastasis"


def fit(positive: np.ndarray, predicted: np.ndarray, method: str) -> dict:
    """The recalibration of ``predicted``; none where it would turn the order of the patients round or make all equal.

    UserError for an unknown ``method``.
    """
    if method not in METHODS:
        raise UserError(f"validate.recalibration is '{method}'; write one of {', '.join(METHODS)}")
    found = METHODS[method](positive, predicted)
    return {"method": method, **found} if found else missing(method, FALLS)


def missing(method: str, why: str) -> dict:
    """There is no recalibration, for this reason."""
    return {"method": method, "why": why}


def exists(recalibration: dict) -> bool:
    """Whether there is one to apply."""
    return "why" not in recalibration


def apply(recalibration: dict, predicted: np.ndarray | float) -> np.ndarray:
    """Risks, in the shape of ``predicted``."""
    if recalibration["method"] == "platt":
        return expit(recalibration["intercept"] + recalibration["slope"] * logit(cut(predicted)))
    return np.interp(predicted, recalibration["predicted"], recalibration["risk"])


def _platt(positive: np.ndarray, predicted: np.ndarray) -> dict | None:
    model = logistic.fit(logit(cut(predicted))[:, None], positive)
    if model is None or model.coefficients[1] <= 0:
        return None
    return {"intercept": float(model.coefficients[0]), "slope": float(model.coefficients[1])}


def _isotonic(positive: np.ndarray, predicted: np.ndarray) -> dict | None:
    from scipy.optimize import isotonic_regression  # here, because it costs half a second

    values, places = np.unique(predicted, return_inverse=True)
    weights = np.bincount(places).astype(float)
    found = isotonic_regression(np.bincount(places, positive) / weights, weights=weights)
    steps = found.blocks[:-1]
    if len(steps) == 1:
        return None
    middles = np.add.reduceat(values * weights, steps) / np.add.reduceat(weights, steps)
    return {"predicted": middles.tolist(), "risk": found.x[steps].tolist()}


def _none(positive: np.ndarray, predicted: np.ndarray) -> dict:
    return {"why": "the setting validate.recalibration is none"}


METHODS = {"platt": _platt, "isotonic": _isotonic, "none": _none}
