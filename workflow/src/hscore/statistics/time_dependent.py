"""How well a risk score tells who has the event by a given time, with censoring weighed in.

Shapes: ``time`` float [n], ``event`` bool [n], ``risk`` float [n] (higher: earlier event expected).
Censoring is assumed independent of the score; its distribution is estimated by reverse Kaplan-Meier.

Sources: cumulative/dynamic AUC, Uno, Cai, Tian, Wei, JASA 2007;102:527-537; Hung and Chiang, Can J Stat 2010;38:8-26;
Brier score under censoring, Graf et al., Stat Med 1999;18:2529-2545.
"""

import numpy as np

from hscore.statistics.concordance import censoring_survival
from hscore.statistics.estimates import unknown, wald

METHOD = "cumulative/dynamic AUC, inverse probability of censoring weights, jackknife"


def auc_at(time: np.ndarray, event: np.ndarray, risk: np.ndarray, moment: float, confidence: float) -> dict:
    """Chance that one who has the event by ``moment`` has a higher risk score than one who is event-free then.

    The interval is Wald's with the jackknife standard error (one patient left out at a time, weights included).
    """
    cases, controls = event & (time <= moment), time > moment
    counts = {"time": float(moment), "events": int(cases.sum()), "event_free": int(controls.sum())}
    if not cases.any() or not controls.any():
        who = "has had the event" if not cases.any() else "is still under observation without the event"
        return {**unknown(f"nobody {who} at {moment:g}", METHOD), **counts}
    value = _auc(time, event, risk, moment)
    without = ~np.eye(time.size, dtype=bool)
    left_out = np.array([_auc(time[keep], event[keep], risk[keep], moment) for keep in without])
    if np.isnan(left_out).any():
        why = "one patient alone had the event, or was event-free, by then: the jackknife gives no interval"
        return {**unknown(why, METHOD), "estimate": value, **counts}
    error = np.sqrt((time.size - 1) * left_out.var())
    row = wald(value, error, confidence, METHOD, **counts)
    return row | {"low": max(0.0, row["low"]), "high": min(1.0, row["high"])}


def _auc(time: np.ndarray, event: np.ndarray, risk: np.ndarray, moment: float) -> float:
    """The estimate; NaN without cases or controls."""
    cases, controls = event & (time <= moment), time > moment
    weight = 1 / censoring_survival(time, event, time[cases])
    higher = (risk[cases][:, None] > risk[controls]) + 0.5 * (risk[cases][:, None] == risk[controls])
    total = weight.sum() * controls.sum()
    return float((weight @ higher).sum() / total) if total else np.nan


def brier_at(time: np.ndarray, event: np.ndarray, survival: np.ndarray, moment: float) -> float:
    """Weighted mean squared distance of the predicted event-free probability [n] at ``moment`` from what happened.

    Patients censored before ``moment`` enter through the weights of the others.
    """
    cases, controls = event & (time <= moment), time > moment
    at_events = 1 / censoring_survival(time, event, time[cases])
    after = 1 / censoring_survival(time, event, np.array([np.nextafter(moment, np.inf)]))[0]
    return float(((survival[cases] ** 2 * at_events).sum() + ((1 - survival[controls]) ** 2).sum() * after) / time.size)


def integrated_brier(time: np.ndarray, event: np.ndarray, survival: np.ndarray, moments: np.ndarray) -> float:
    """Mean Brier score over ``moments`` [k] (trapezoids); ``survival`` [n, k] is predicted at each of them."""
    scores = [brier_at(time, event, survival[:, k], moment) for k, moment in enumerate(moments)]
    return float(np.trapezoid(scores, moments) / (moments[-1] - moments[0]))
