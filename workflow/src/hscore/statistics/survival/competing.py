"""Cumulative incidence where another event can come first (Aalen-Johansen).

One minus Kaplan-Meier with the other event censored answers what would happen if that event did not exist, and is too
high as a statement about patients; this is the share of patients who have the event by a time.
Shapes: ``time`` float [n], ``event`` and ``competing`` bool [n], never both true.

Sources: Aalen and Johansen, Scand J Stat 1978;5:141-150; variance as Marubini and Valsecchi, Analysing Survival Data
from Clinical Trials and Observational Studies, 1995, section 10.3 (delta method).
"""

import numpy as np

from hscore.statistics.common.estimates import estimate, not_estimable, wald
from hscore.statistics.common.proportions import clopper_pearson

METHOD = "Aalen-Johansen, delta-method Wald"
NO_EVENT = "Clopper-Pearson, patients followed to the end (nobody has had the event)"


def incidence(
    time: np.ndarray, event: np.ndarray, competing: np.ndarray, moments: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative incidence of the event by each moment and its variance, both [moments]."""
    times = np.unique(time[event | competing])
    risk = np.array([(time >= t).sum() for t in times], dtype=float)
    own = np.array([(event & (time == t)).sum() for t in times], dtype=float)
    all_events = own + np.array([(competing & (time == t)).sum() for t in times])
    after = np.cumprod(1 - all_events / risk)
    before = np.concatenate([[1.0], after])[: times.size]
    steps = before * own / risk
    curve = np.cumsum(steps)
    values, variances = np.zeros(len(moments)), np.zeros(len(moments))
    for place, moment in enumerate(moments):
        past = times <= moment
        if not past.any():
            continue
        total = curve[past][-1]
        rest, n, d1, d = total - curve[past], risk[past], own[past], all_events[past]
        first = np.where(n > d, rest**2 * d / (n * np.maximum(n - d, 1)), 0.0).sum()
        second = (before[past] ** 2 * (n - d1) * d1 / n**3).sum()
        third = (rest * before[past] * d1 / n**2).sum()
        values[place], variances[place] = total, first + second - 2 * third
    return values, np.maximum(variances, 0)


def describe(
    time: np.ndarray, event: np.ndarray, competing: np.ndarray, moments: np.ndarray, confidence: float
) -> dict:
    """Counts, the curve at ``moments``, and its value with interval at the last of them that was observed."""
    result = {"n": int(time.size), "events": int(event.sum()), "competing_events": int(competing.sum())}
    reached = moments[moments <= time.max()] if time.size else moments[:0]
    if not reached.size:
        return {**result, "time": [], "incidence": [], "at_end": not_estimable("nobody was followed", METHOD)}
    values, variances = incidence(time, event, competing, reached)
    end, value, error = float(reached[-1]), float(values[-1]), float(np.sqrt(variances[-1]))
    if value == 0:  # no variance: the exact limit for those who are known not to have had the event
        at_end = estimate(0.0, *clopper_pearson(0, int((time >= end).sum()), confidence), NO_EVENT, time=end)
    elif error == 0:
        why = "everybody has had the event or left: there is no standard error"
        at_end = {**not_estimable(why, METHOD, time=end), "estimate": value}
    else:
        at_end = wald(value, error, confidence, METHOD, time=end)
        at_end |= {"low": max(0.0, at_end["low"]), "high": min(1.0, at_end["high"])}
    return {**result, "time": reached.tolist(), "incidence": values.tolist(), "at_end": at_end}
