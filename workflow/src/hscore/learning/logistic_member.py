"""A member of a logistic model: Firth's regression on standardised variables; no torch."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from hscore.learning.samples import standardization
from hscore.metrics import logistic


def fit_member(values: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict:
    """Fit one member: coefficients of the standardised variables [P, K] and the constants of the standardisation."""
    mean, deviation = standardization(values)
    coefficients = logistic.fit_firth((values - mean) / deviation, labels)
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
