"""Measure how well a risk score predicts who has the event by a given time, with weights for censoring.

Shapes: ``time`` float [n], ``event`` bool [n], ``risk`` float [n] (higher: earlier event expected), ``counts`` float
[resamples, n]. Censoring is assumed independent of the score; its distribution is estimated by reverse Kaplan-Meier,
separately in every resample. Intervals are Wald's, for an AUC on the logit scale, with the jackknife standard error
(one patient left out at a time).

Sources: cumulative/dynamic AUC, Uno, Cai, Tian, Wei, JASA 2007;102:527-537; Hung and Chiang, Can J Stat 2010;38:8-26;
Brier score under censoring, Graf et al., Stat Med 1999;18:2529-2545; jackknife, Efron and Tibshirani, An Introduction
to the Bootstrap, 1993, chapter 11.
"""

from collections.abc import Callable

import numpy as np

from hscore.statistics.common import bootstrap
from hscore.statistics.common.estimates import not_estimable, wald_share
from hscore.statistics.survival.censoring import probability_uncensored

AUC = "cumulative/dynamic AUC, inverse probability of censoring weights, jackknife, logit scale"
BRIER = "integrated Brier score, inverse probability of censoring weights (Graf), jackknife"
BLOCK = 500  # resamples at once; limits the memory for a large cohort


def auc_at(time: np.ndarray, event: np.ndarray, risk: np.ndarray, moment: float, confidence: float) -> dict:
    """Return the probability that a patient with the event by ``moment`` has a higher risk than an event-free one."""
    cases, controls = event & (time <= moment), time > moment
    counts = {"time": float(moment), "events": int(cases.sum()), "event_free": int(controls.sum())}
    if not cases.any() or not controls.any():
        state = "has had the event" if not cases.any() else "is still under observation without the event"
        return {**not_estimable(f"nobody {state} at {moment:g}", AUC), **counts}
    if unknown_risks := int((~np.isfinite(risk)).sum()):
        return {**not_estimable(f"{unknown_risks} of the scores are missing or infinite", AUC), **counts}
    value = float(aucs(time, event, risk, moment, bootstrap.cohort_counts(time.size))[0])
    error = jackknife(lambda drawn: aucs(time, event, risk, moment, drawn), time.size)
    if np.isnan(error):
        why = "only one patient had the event, or was event-free, by then, so the jackknife gives no interval"
        return {**not_estimable(why, AUC), "estimate": value, **counts}
    return wald_share(value, error, confidence, AUC, **counts)


def aucs(time: np.ndarray, event: np.ndarray, risk: np.ndarray, moment: float, counts: np.ndarray) -> np.ndarray:
    """Return the estimate in every resample, [resamples]; NaN where it has no cases or no controls."""
    cases, controls = event & (time <= moment), time > moment
    weight = _weights(time, event, time[cases], counts, counts[:, cases])
    higher = (risk[cases][:, None] > risk[controls]) + 0.5 * (risk[cases][:, None] == risk[controls])
    total = weight.sum(axis=1) * counts[:, controls].sum(axis=1)
    wins = ((weight @ higher) * counts[:, controls]).sum(axis=1)
    return np.divide(wins, total, out=np.full(len(counts), np.nan), where=total > 0)


def brier_scores(
    time: np.ndarray, event: np.ndarray, survival: np.ndarray, moments: np.ndarray, counts: np.ndarray | None = None
) -> np.ndarray:
    """Return the weighted mean squared distance of the predicted event-free probability from the outcome.

    ``survival`` float [n, k] is predicted at the ``moments`` [k]; returns [resamples, k], [k] without ``counts``.
    Patients censored before a moment enter through the weights of the others.
    """
    drawn = bootstrap.cohort_counts(time.size) if counts is None else counts
    had_event, event_free_then = event[:, None] & (time[:, None] <= moments), time[:, None] > moments
    early = _weights(time, event, time, drawn, drawn * event) @ np.where(had_event, survival**2, 0.0)
    later = drawn @ np.where(event_free_then, (1 - survival) ** 2, 0.0)
    later = _weights(time, event, np.nextafter(moments, np.inf), drawn, later)
    scores = (early + later) / drawn.sum(axis=1, keepdims=True)
    return scores[0] if counts is None else scores


def _weights(
    time: np.ndarray, event: np.ndarray, moments: np.ndarray, counts: np.ndarray, values: np.ndarray
) -> np.ndarray:
    """Return ``values`` [resamples, moments] over the probability of being uncensored by then; zero stays zero."""
    kept = probability_uncensored(time, event, moments, counts)
    return np.divide(values, kept, out=np.zeros_like(values), where=values > 0)


def time_average(scores: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Return the mean over ``moments`` [k] of scores [..., k], by trapezoids."""
    return np.trapezoid(scores, moments, axis=-1) / (moments[-1] - moments[0])


def null_brier_scores(time: np.ndarray, event: np.ndarray, moments: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the Brier scores of each resample's own Kaplan-Meier curve for all patients, [resamples, moments].

    Let h be the weighted share with the event by a moment and f the share free of it. A probability S for all patients
    then scores h S^2 + f (1 - S)^2. A probability of 1 scores h, one of 0 scores f.
    """
    score_of_one, score_of_zero = (
        brier_scores(time, event, np.full((time.size, moments.size), probability), moments, counts)
        for probability in (1.0, 0.0)
    )
    probability = resampled_survival(time, event, moments, counts)
    return score_of_one * probability**2 + score_of_zero * (1 - probability) ** 2


def resampled_survival(time: np.ndarray, event: np.ndarray, moments: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the Kaplan-Meier estimate of every resample at ``moments``, [resamples, moments]."""
    times = np.unique(time[event])
    died = counts @ (event[:, None] & (time[:, None] == times))
    followed = counts @ (time[:, None] >= times).astype(float)
    steps = 1 - np.divide(died, followed, out=np.zeros_like(died), where=followed > 0)
    curve = np.pad(np.cumprod(steps, axis=1), ((0, 0), (1, 0)), constant_values=1.0)
    return curve[:, np.searchsorted(times, moments, side="right")]


def jackknife(statistics: Callable[[np.ndarray], np.ndarray], n: int) -> np.ndarray:
    """Return standard errors of statistics of counts ([resamples, n] -> [resamples, ...]); NaN if one draw is NaN."""
    blocks = np.array_split(np.arange(n), max(1, -(-n // BLOCK)))
    left_out = np.concatenate([statistics((np.arange(n) != block[:, None]) * 1.0) for block in blocks])
    return np.sqrt((n - 1) * left_out.var(axis=0))
