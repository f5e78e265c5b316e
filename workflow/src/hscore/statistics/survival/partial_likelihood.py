"""Compute Cox's partial likelihood with Efron's ties: value, score, information, and the contribution of each event.

lifelines fits Cox models but has no profile interval, no Firth correction and no score test for proportional hazards
in R's present form; all three are built on these sums.

Shapes: ``x`` float [n, p], ``time`` float [n], ``event`` bool [n], ``beta`` float [p], ``strata`` [n] (any labels).
Source: Efron, JASA 1977;72:557-565.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Contributions:
    """Per event (in order of time): [events], [events, p], [events, p, p]."""

    time: np.ndarray
    log_likelihood: np.ndarray
    residual: np.ndarray  # covariates of the event minus their expectation in the risk set (Schoenfeld)
    variance: np.ndarray


def contributions(x: np.ndarray, time: np.ndarray, event: np.ndarray, beta: np.ndarray) -> Contributions:
    """Return what each event adds to log likelihood, score and information at ``beta``."""
    first, second, weights, log_shift, dead, share = _prepare(x, time, event, beta)
    a0 = _risk_sum(weights, time, dead, share)
    a1 = _risk_sum(weights[:, None] * first, time, dead, share)
    a2 = _risk_sum(weights[:, None, None] * second, time, dead, share)
    mean = a1 / a0[:, None]
    variance = a2 / a0[:, None, None] - mean[:, :, None] * mean[:, None, :]
    log_likelihood = first[dead] @ beta - log_shift - np.log(a0)
    return Contributions(time[dead], log_likelihood, first[dead] - mean, variance)


def third_moments(x: np.ndarray, time: np.ndarray, event: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Return the derivative of the information by each coefficient, [p, p, p]: summed third central moments."""
    first, second, weights, _, dead, share = _prepare(x, time, event, beta)
    third = second[:, :, :, None] * first[:, None, None, :]
    a0 = _risk_sum(weights, time, dead, share)
    m1 = _risk_sum(weights[:, None] * first, time, dead, share) / a0[:, None]
    m2 = _risk_sum(weights[:, None, None] * second, time, dead, share) / a0[:, None, None]
    m3 = _risk_sum(weights[:, None, None, None] * third, time, dead, share) / a0[:, None, None, None]
    mixed = sum(np.einsum(pattern, m2, m1) for pattern in ("eab,ec->eabc", "eac,eb->eabc", "ebc,ea->eabc"))
    return (m3 - mixed + 2 * np.einsum("ea,eb,ec->eabc", m1, m1, m1)).sum(axis=0)


def log_likelihood(
    x: np.ndarray, time: np.ndarray, event: np.ndarray, beta: np.ndarray, strata: np.ndarray | None = None
) -> float:
    """Return the log partial likelihood at ``beta``, summed over the strata if there are any."""
    return derivatives(x, time, event, beta, strata)[0]


def derivatives(
    x: np.ndarray, time: np.ndarray, event: np.ndarray, beta: np.ndarray, strata: np.ndarray | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the log partial likelihood, its first derivative [p] and minus its second derivative [p, p].

    With ``strata``, each stratum has its own baseline hazard: the sums are taken within it. Each needs an event.
    """
    if strata is None:
        parts = contributions(x, time, event, beta)
        return float(parts.log_likelihood.sum()), parts.residual.sum(axis=0), parts.variance.sum(axis=0)
    members = [strata == label for label in np.unique(strata)]
    results = [derivatives(x[member], time[member], event[member], beta) for member in members]
    values, slopes, information = zip(*results, strict=True)
    return sum(values), np.sum(slopes, axis=0), np.sum(information, axis=0)


def _prepare(x: np.ndarray, time: np.ndarray, event: np.ndarray, beta: np.ndarray) -> tuple:
    """Return centred covariates, their outer products, relative risks, events in time order, and their Efron shares."""
    first = x - x.mean(axis=0)  # a shift of the covariates affects only rounding
    predictor = first @ beta
    log_shift = predictor.max()
    weights = np.exp(predictor - log_shift)
    dead = np.flatnonzero(event)
    dead = dead[np.argsort(time[dead], kind="stable")]
    _, start, counts = np.unique(time[dead], return_index=True, return_counts=True)
    share = (np.arange(dead.size) - np.repeat(start, counts)) / np.repeat(counts, counts)
    return first, first[:, :, None] * first[:, None, :], weights, log_shift, dead, share


def _risk_sum(values: np.ndarray, time: np.ndarray, dead: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return the sum over each event's risk set, less its share of those with the event at the same time (Efron)."""
    order = np.argsort(-time, kind="stable")
    running = np.cumsum(values[order], axis=0)
    at_risk = running[np.searchsorted(-time[order], -time[dead], side="right") - 1]
    _, group = np.unique(time[dead], return_inverse=True)
    tied = np.zeros((group.max() + 1, *values.shape[1:]))
    np.add.at(tied, group, values[dead])
    return at_risk - share.reshape(-1, *[1] * (values.ndim - 1)) * tied[group]
