"""Predict the probability of staying event-free from the score, fitted on development and tested in other patients.

The model is a Cox model of the score with Breslow's baseline. Its error is compared with that of the model without any
information on the patient: the Kaplan-Meier curve of the test cohort for all patients (Kattan and Gerds 2018, R's
riskRegression). Both begin at month 0 with a probability of 1.
"""

import numpy as np
import pandas as pd

from hscore.statistics.common import bootstrap
from hscore.statistics.common.estimates import not_estimable, wald
from hscore.statistics.survival import cox, survival_calibration, time_dependent


def fit(time: np.ndarray, event: np.ndarray, score: np.ndarray, horizon: float) -> dict:
    """Return the model: ``log_hazard_ratio`` of the score, and ``cumulative_hazard`` by ``month``.

    The cumulative hazard is that of a score of 0. Where the Cox model is refused, all are None with the reason in
    ``why``.
    """
    months = np.arange(0.0, np.floor(horizon) + 1)
    size = {"n": int(time.size), "events": int(event.sum())}
    model = cox.fit(time, event, pd.DataFrame({"score": score}))
    if model.why or months.size < 3:
        why = model.why or "the horizon is shorter than two months"
        return {"log_hazard_ratio": None, "month": [], "cumulative_hazard": [], **size, "why": why}
    return {
        "log_hazard_ratio": float(model.beta[0]),
        "month": months.tolist(),
        "cumulative_hazard": cox.baseline_hazard(time, event, model.x, model.beta, months).tolist(),
        **size,
    }


def event_free_probability(model: dict, score: np.ndarray) -> np.ndarray:
    """Return the event-free probability [n, months] of patients with these scores [n]."""
    return np.exp(-np.exp(model["log_hazard_ratio"] * score)[:, None] * np.array(model["cumulative_hazard"]))


def followed_months(model: dict, time: np.ndarray) -> np.ndarray:
    """Return the model's months beyond which at least one patient was followed, [months]."""
    last = np.floor(np.nextafter(time.max(), 0)) if time.size else 0.0
    return np.array([month for month in model["month"] if month <= last])


def _refusal(model: dict, months: np.ndarray, score: np.ndarray) -> str | None:
    """Return why the model cannot be tested in patients with these scores, None when it can."""
    if model["log_hazard_ratio"] is None or months.size < 3:
        return (
            f"no Cox model on development: {model['why']}" if "why" in model else "nobody was followed for two months"
        )
    missing = int((~np.isfinite(score)).sum())
    return f"{missing} of the scores are missing or infinite" if missing else None


def calibrate(model: dict, time: np.ndarray, event: np.ndarray, score: np.ndarray, settings: dict) -> dict:
    """Return the calibration of predicted survival of other patients at the last month beyond which one was followed.

    ``settings`` is the study's ``survive`` section; see ``survival_calibration.describe``.
    """
    months = followed_months(model, time)
    if why := _refusal(model, months, score):
        return survival_calibration.without_prediction(time, event, why)
    risk = 1 - event_free_probability(model, score)[:, months.size - 1]
    limits = (settings["confidence"], settings["events_per_variable"])
    return survival_calibration.describe(time, event, risk, months[-1], *limits)


def evaluate(model: dict, time: np.ndarray, event: np.ndarray, score: np.ndarray, confidence: float) -> dict:
    """Return the integrated Brier score in other patients, up to the horizon or the last whole month with follow-up.

    It is given for ``model``, ``no_model`` (these patients' own Kaplan-Meier curve), and ``scaled``: 1 - model /
    no_model, the index of prediction accuracy (Kattan and Gerds, Diagn Progn Res 2018;2:7). ``curve`` is the Brier
    score by month.
    """
    names = ("model", "no_model", "scaled")
    months = followed_months(model, time)
    if why := _refusal(model, months, score):
        empty = {"to_month": None, "curve": {"month": [], "model": [], "no_model": []}}
        return {**{name: not_estimable(why, time_dependent.BRIER) for name in names}, **empty}
    probabilities = event_free_probability(model, score)[:, : months.size]

    def scores(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        of_model = time_dependent.brier_scores(time, event, probabilities, months, counts)
        return of_model, time_dependent.null_brier_scores(time, event, months, counts)

    def integrated(counts: np.ndarray) -> np.ndarray:
        of_model, of_null = (time_dependent.time_average(part, months) for part in scores(counts))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([of_model, of_null, 1 - of_model / of_null], axis=1)

    values, errors = integrated(bootstrap.cohort_counts(time.size))[0], time_dependent.jackknife(integrated, time.size)
    rows = {
        name: _row(*value_and_error, confidence) for name, *value_and_error in zip(names, values, errors, strict=True)
    }
    for name in ("model", "no_model"):
        if rows[name]["low"] is not None:
            rows[name]["low"] = max(0.0, rows[name]["low"])
    of_model, of_null = scores(bootstrap.cohort_counts(time.size))
    curves = {"model": of_model[0].tolist(), "no_model": of_null[0].tolist()}
    return {**rows, "to_month": float(months[-1]), "curve": {"month": months.tolist(), **curves}}


def _row(value: float, error: float, confidence: float) -> dict:
    """Return an estimate with its Wald interval, without one where the jackknife has no standard error."""
    if not np.isfinite(value):
        return not_estimable("the Kaplan-Meier curve has no error to scale by", time_dependent.BRIER)
    if not (np.isfinite(error) and error > 0):
        why = "the jackknife has no standard error: too few patients, or the same value whichever patient is left out"
        return {**not_estimable(why, time_dependent.BRIER), "estimate": float(value)}
    return wald(value, error, confidence, time_dependent.BRIER)
