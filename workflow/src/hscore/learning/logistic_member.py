"""A member of a logistic model: Firth's regression on standardised variables; no torch."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from hscore.errors import UserError
from hscore.learning.samples import standardization
from hscore.metrics import logistic


def fit_member(values: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict:
    """Fit one member: coefficients of the standardised variables [P, K] and the constants of the standardisation.

    Raises:
        UserError: the regression does not converge.
    """
    mean, deviation = standardization(values)
    try:
        coefficients = logistic.fit_firth((values - mean) / deviation, labels)
    except ArithmeticError as error:
        counts = f"{int(np.sum(labels))} positive and {int(np.sum(1 - labels))} negative patients"
        raise UserError(
            f"models: the logistic model of {', '.join(names)} cannot be fitted to {counts}; use fewer variables, or "
            "more folds (split.folds), which leave more patients to train on"
        ) from error
    return {
        "intercept": coefficients[0],
        "coefficients": dict(zip(names, coefficients[1:], strict=True)),
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
    }


def probabilities(member: dict, values: np.ndarray) -> np.ndarray:
    """Return the probability of LNM [P] for the variables ``values`` [P, K]."""
    slopes = np.array(list(member["coefficients"].values()))
    return expit(member["intercept"] + (values - member["mean"]) / member["deviation"] @ slopes)
