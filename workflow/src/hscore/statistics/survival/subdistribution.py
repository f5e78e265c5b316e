"""Compute Gray's test and the subdistribution hazard ratio of Fine and Gray, for competing events.

lifelines has neither. Both concern the cumulative incidence of the event: the share of patients who have it, not the
hazard of those still at risk. Shapes: ``time`` float [n], ``event`` and ``competing`` bool [n], never both true.

Sources: Gray, Ann Stat 1988;16:1141-1154 (R: ``cmprsk::cuminc``, with the same variance); Fine and Gray, JASA
1999;94:496-509 (R: ``cmprsk::crr``): Breslow's ties, variance with the part from estimating the censoring
distribution. At equal times events come before censorings (``censoring``), in contrast to ``crr``.
"""

import numpy as np
import pandas as pd

from hscore.statistics.survival import cox, survival_curves
from hscore.statistics.survival.censoring import probability_uncensored

FINE_GRAY = "Fine-Gray, inverse probability of censoring weights, robust Wald"
GRAY = "Gray's test"
STEPS = 50
LARGEST_ERROR = 100.0  # in standard deviations of a covariate; beyond it the maximum of the likelihood is only apparent


def hazard_ratios(
    time: np.ndarray, event: np.ndarray, competing: np.ndarray, covariates: pd.DataFrame, confidence: float
) -> list[dict]:
    """Return the subdistribution hazard ratio of each covariate, as rows of ``cox``.

    They are refused for the same reasons as a Cox model.
    """

    def refused(why: str) -> list[dict]:
        return [cox.unfitted_row(name, why, FINE_GRAY) for name in covariates]

    if why := cox.reason_refused(event, covariates):
        return refused(why)
    fitted = fit(time, event, competing, covariates.to_numpy(dtype=float))
    if fitted is None:
        return refused(cox.INFINITE)
    beta, errors = fitted[0], np.sqrt(np.diag(fitted[1]))
    if not (errors * covariates.std(ddof=0).to_numpy() > 1e-9).all():
        return refused("there are too few different times for a standard error")
    return cox.wald_rows(list(covariates), beta, errors, confidence, FINE_GRAY)


def fit(
    time: np.ndarray, event: np.ndarray, competing: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the coefficients [p] and their covariance [p, p] for ``x`` float [n, p]; None where none are finite."""
    scale = x.std(axis=0)
    x = (x - x.mean(axis=0)) / scale
    moments, deaths = np.unique(time[event], return_counts=True)
    weights = _weights(time, event, competing, moments)
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        mean, spread, _ = _moments(x, weights, beta)
        score = x[event].sum(axis=0) - deaths @ mean
        information = np.tensordot(deaths, spread, 1)
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return None
        beta = beta + step / max(1.0, np.abs(step).max())
        if np.abs(step).max() < 1e-10:
            inverse = np.linalg.inv(information)
            if np.diag(inverse).max() > LARGEST_ERROR**2:
                return None
            influence = _influence(time, event, competing, x, beta, weights) @ inverse / scale
            return beta / scale, influence.T @ influence
    return None


def _weights(time: np.ndarray, event: np.ndarray, competing: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Return the weight of each patient in the risk set of each moment [moments, n].

    The weight is 1 while at risk of any event, and after a competing event G(t-) / G(T-), the probability of still
    being under observation.
    """
    kept = probability_uncensored(time, event | competing, moments)[:, None] / probability_uncensored(
        time, event | competing, time
    )
    at_risk = time >= moments[:, None]
    return np.where(at_risk, 1.0, np.where(competing, kept, 0.0))


def _moments(x: np.ndarray, weights: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean [moments, p] and covariance [moments, p, p] of ``x`` over the risk sets, and each one's total."""
    relative = weights * np.exp(x @ beta)
    total = relative.sum(axis=1)
    mean = relative @ x / total[:, None]
    second = np.einsum("mi,ij,ik->mjk", relative, x, x, optimize=True) / total[:, None, None]
    return mean, second - mean[:, :, None] * mean[:, None, :], total


def _influence(
    time: np.ndarray, event: np.ndarray, competing: np.ndarray, x: np.ndarray, beta: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return each patient's part in the score [n, p], eta + psi of Fine and Gray's equations (7) and (8).

    eta is the patient's own residual, psi the patient's contribution to the estimate of the censoring distribution.
    """
    moments, deaths = np.unique(time[event], return_counts=True)
    mean, _, total = _moments(x, weights, beta)
    hazard = weights * np.exp(x @ beta) * (deaths / total)[:, None]  # expected events [moments, n]
    deviation = x[None, :, :] - mean[:, None, :]
    eta = -np.einsum("mi,mij->ij", hazard, deviation)
    eta[event] += x[event] - mean[np.searchsorted(moments, time[event])]
    lost = ~(event | competing)
    if not lost.any():
        return eta
    censored, number = np.unique(time[lost], return_counts=True)
    # residuals that depend on G at u: patients weighted after a competing event before u, at the moments from u on
    dependent = np.einsum("mi,mij->mij", np.where(competing & (time < moments[:, None]), hazard, 0.0), deviation)
    before = (time < censored[:, None]).astype(float)
    q = np.einsum("cm,ci,mij->cj", (moments > censored[:, None]).astype(float), before, dependent, optimize=True)
    # events at a time come before the censorings of that time: they are not at risk of being censored then
    followed = (time > censored[:, None]) | (lost & (time == censored[:, None]))
    at_risk = followed.sum(axis=1)
    psi = np.zeros_like(x)
    psi[lost] += (q / at_risk[:, None])[np.searchsorted(censored, time[lost])]
    psi -= followed.T @ (q * (number / at_risk**2)[:, None])
    return eta + psi


def gray(time: np.ndarray, event: np.ndarray, competing: np.ndarray, group: np.ndarray) -> dict:
    """Test that the cumulative incidence of the event is the same in two or more groups (Gray's test, rho = 0).

    ``group`` [n] is bool or contains the groups' names.

    Returns:
        ``chi2``, ``df`` and ``p``; None with ``why`` where there is nothing to test.
    """
    empty = {"chi2": None, "df": None, "p": None, "method": GRAY}
    names, index = np.unique(group, return_inverse=True)
    if names.size < 2:
        return {**empty, "why": "fewer than two groups have patients"}
    if not event.any():
        return {**empty, "why": "nobody had an event"}
    sums = _gray_sums(time, event, competing, index, names.size)
    if sums is None:
        return {**empty, "why": "the estimated incidence of all patients together reaches 1 before the last event"}
    return {**empty, **survival_curves.score_test(*sums, time.size)}


def _gray_sums(
    time: np.ndarray, event: np.ndarray, competing: np.ndarray, index: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return Gray's scores [k] and their covariance [k, k] for ``number`` groups; ``index`` [n] is each patient's.

    The result is None where the pooled incidence, which can leave 0..1 with few patients, reaches 1 too early. Arrays
    below are [moments, k], those of the pooled curve [moments, 1].
    """
    member = (index[:, None] == np.arange(number)).astype(float)
    moments = np.unique(time[event | competing])
    n = (time >= moments[:, None]) @ member
    events_of_group, competing_of_group = ((kind & (time == moments[:, None])) @ member for kind in (event, competing))
    at_risk = np.maximum(n, 1)
    free = np.cumprod(1 - (events_of_group + competing_of_group) / at_risk, axis=0)  # of any event
    before = np.vstack([np.ones(number), free[:-1]])
    incidence = np.cumsum(before * events_of_group / at_risk, axis=0)
    size = np.where(n > 0, n / np.where(n > 0, before, 1), 0.0)
    total, events = size.sum(axis=1, keepdims=True), events_of_group.sum(axis=1, keepdims=True)
    followed = size * (1 - np.vstack([np.zeros(number), incidence[:-1]]))
    score = (events_of_group - events * followed / followed.sum(axis=1, keepdims=True)).sum(axis=0)

    pooled = np.cumsum(events / total, axis=0)
    pooled_before = np.vstack([np.zeros(1), pooled[:-1]])
    if (pooled_before[events > 0] > 1 - 1e-9).any():
        return None
    share = size / total
    a = size[:, :, None] * np.eye(number) - size[:, :, None] * share[:, None, :]
    rate = np.divide(events, total * (1 - pooled_before), out=np.zeros_like(events), where=events > 0)
    c = np.cumsum(a * rate[:, :, None], axis=0)
    remaining = c[-1] - c
    ratio = np.where(free > 0, (1 - pooled) / np.where(free > 0, free, 1), 0.0)
    ties = 1 - (events - 1) / np.where(events > 1, np.maximum(total * before - 1, 1e-9), 1)
    first = np.where(n > 0, np.clip(ties, 0, 1) * before * events / total / at_risk, 0.0)
    ties = 1 - (competing_of_group - 1) / np.where(competing_of_group > 1, at_risk - 1, 1)
    second = np.where(free > 0, np.minimum(ties, 1) * before**2 * competing_of_group / at_risk**2, 0.0)
    of_event = a + (1 - ratio)[:, None, :] * remaining
    of_other = ratio[:, None, :] * remaining
    variance = np.einsum("tik,tjk,tk->ij", of_event, of_event, first)
    return score, variance + np.einsum("tik,tjk,tk->ij", of_other, of_other, second)
