"""Firth's logistic regression, and the members of a logistic model; numpy only, no torch.

Firth's penalty (Jeffreys' prior) needs no strength, removes the small-sample bias, and stays finite when a variable
separates the classes, which is common in a fold with few positive patients. For one binary variable it is equivalent to
adding 1/2 to every cell of the 2 x 2 table.

Source: D. Firth, Biometrika 1993;80:27-38; G. Heinze and M. Schemper, Stat Med 2002;21:2409-2419.
"""

from collections.abc import Sequence

import numpy as np

from hscore.learning.samples import standardization

MAXIMUM_ITERATIONS = 200
MAXIMUM_STEP = 5.0  # logits; keeps Newton's first steps inside the range of finite probabilities


def fit_member(values: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict:
    """Fit one member: coefficients of the standardised variables [P, K] and the constants of the standardisation."""
    mean, deviation = standardization(values)
    coefficients = fit((values - mean) / deviation, labels)
    return {
        "intercept": coefficients[0],
        "coefficients": dict(zip(names, coefficients[1:], strict=True)),
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
    }


def probabilities(member: dict, values: np.ndarray) -> np.ndarray:
    """Return the probability of LNM [P] for the variables ``values`` [P, K]."""
    slopes = np.array(list(member["coefficients"].values()))
    return logistic(member["intercept"] + (values - member["mean"]) / member["deviation"] @ slopes)


def fit(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the coefficients [K + 1] (intercept first) for ``values`` [P, K] and ``labels`` [P] of 0 and 1.

    Raises:
        ArithmeticError: no convergence after 200 iterations.
    """
    design = np.column_stack([np.ones(len(values)), np.asarray(values, np.float64)])
    coefficients = np.zeros(design.shape[1])
    current = penalized_likelihood(design, labels, coefficients)
    for _ in range(MAXIMUM_ITERATIONS):
        probability = logistic(design @ coefficients)
        weight = probability * (1 - probability)
        inverse = np.linalg.pinv(design.T @ (design * weight[:, None]))
        leverage = weight * np.einsum("ij,jk,ik->i", design, inverse, design)
        gradient = design.T @ (labels - probability + leverage * (0.5 - probability))
        step = inverse @ gradient
        step *= min(1.0, MAXIMUM_STEP / max(np.abs(step).max(), 1e-300))
        # halve a step that overshoots
        while np.abs(step).max() > 1e-10:
            proposed = penalized_likelihood(design, labels, coefficients + step)
            if proposed >= current:
                break
            step /= 2
        else:
            return coefficients
        coefficients, current = coefficients + step, proposed
    raise ArithmeticError(f"the logistic regression did not converge in {MAXIMUM_ITERATIONS} iterations")


def logistic(logit: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), without overflow for large negative x."""
    return np.exp(-np.logaddexp(0.0, -logit))


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)); probabilities are clipped to 1e-6 from 0 and 1, NaN stays NaN."""
    probability = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(probability) - np.log1p(-probability)


def penalized_likelihood(design: np.ndarray, labels: np.ndarray, coefficients: np.ndarray) -> float:
    """Return the log likelihood plus half the log determinant of the information."""
    logits = design @ coefficients
    probability = logistic(logits)
    likelihood = (labels * logits - np.logaddexp(0.0, logits)).sum()
    information = design.T @ (design * (probability * (1 - probability))[:, None])
    return likelihood + 0.5 * np.linalg.slogdet(information)[1]
