"""Measure the concordance of a risk score with survival: Harrell's C and Uno's C.

Shapes: ``time`` float [n], ``event`` bool [n], ``risk`` float [n] (higher: earlier event expected).
A pair counts when the patient with the shorter time had the event. At equal times an event comes before a censoring,
and two events form no pair. Equal risks count one half. lifelines has Harrell's C without a standard error.

Sources: Harrell, Lee, Mark, Stat Med 1996;15:361-387; Uno et al., Stat Med 2011;30:1105-1117 (R: ``concordance(...,
timewt = "n/G2")``); standard error, also of a difference: infinitesimal jackknife, as in R's survival.
"""

import numpy as np

from hscore.statistics.common.estimates import not_estimable, two_sided_p, wald, wald_share
from hscore.statistics.survival.censoring import probability_uncensored

HARRELL = "Harrell's C, infinitesimal jackknife, logit scale"
UNO = "Uno's C, infinitesimal jackknife, logit scale"
PAIRED = "difference of Harrell's C on the same patients, infinitesimal jackknife"
NO_PAIR = "no pair of patients can be ordered in time (no events, or none before the others)"


def concordance(time: np.ndarray, event: np.ndarray, risk: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Return C and its standard error; ``weight`` [n] is each event's weight of its pairs. NaN when no pair counts."""
    value, influence = _influence(time, event, risk, weight)
    return value, float(np.sqrt((influence**2).sum()))


def _influence(time: np.ndarray, event: np.ndarray, risk: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """Return C, and its change with each patient's weight, [n]; NaN when no pair counts."""
    pairs = event[:, None] & ((time[:, None] < time[None, :]) | ((time[:, None] == time[None, :]) & ~event[None, :]))
    pairs = pairs * weight[:, None]
    wins = pairs * np.where(risk[:, None] == risk[None, :], 0.5, risk[:, None] > risk[None, :])
    total = pairs.sum()
    if total == 0:
        return np.nan, np.full(time.size, np.nan)
    value = wins.sum() / total
    # pairs in which the patient has either role
    influence = (wins.sum(axis=0) + wins.sum(axis=1) - value * (pairs.sum(axis=0) + pairs.sum(axis=1))) / total
    return float(value), influence


def compare(time: np.ndarray, event: np.ndarray, risk_a: np.ndarray, risk_b: np.ndarray, confidence: float) -> dict:
    """Return the difference of Harrell's C of two risks in the same patients (a minus b), with interval and ``p``."""
    (a, influence_a), (b, influence_b) = (
        _influence(time, event, risk, np.ones(time.size)) for risk in (risk_a, risk_b)
    )
    if np.isnan(a):
        return not_estimable(NO_PAIR, PAIRED, p=None)
    error = float(np.sqrt(((influence_a - influence_b) ** 2).sum()))
    if error < 1e-12:
        return {
            **not_estimable("both order the patients equally, so there is nothing to test", PAIRED, p=None),
            "estimate": a - b,
        }
    return wald(a - b, error, confidence, PAIRED, p=two_sided_p((a - b) / error))


def harrell(time: np.ndarray, event: np.ndarray, risk: np.ndarray, confidence: float) -> dict:
    """Return Harrell's C with its Wald interval on the logit scale."""
    return _named(time, event, risk, np.ones(time.size), confidence, HARRELL)


def uno(time: np.ndarray, event: np.ndarray, risk: np.ndarray, confidence: float) -> dict:
    """Return Uno's C: pairs are weighted by 1 / G(t-)^2, so that censoring does not affect the result."""
    return _named(time, event, risk, probability_uncensored(time, event, time) ** -2.0, confidence, UNO)


def _named(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, weight: np.ndarray, confidence: float, method: str
) -> dict:
    if unknown_risks := int((~np.isfinite(risk)).sum()):
        return not_estimable(f"{unknown_risks} of the scores are missing or infinite", method)
    value, error = concordance(time, event, risk, np.where(event, weight, 0.0))
    if np.isnan(value):
        return not_estimable(NO_PAIR, method)
    return wald_share(value, error, confidence, method)
