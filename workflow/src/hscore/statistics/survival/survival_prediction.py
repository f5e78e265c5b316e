"""From the score to a predicted chance of staying event-free, fitted on development and tested on other patients.

A Cox model of the score with Breslow's baseline. Its error is compared with that of the model without any knowledge of
the patient: the Kaplan-Meier curve of the cohort on which it is tested, for everybody (Kattan and Gerds 2018, R's
riskRegression). Both begin at month 0 with a chance of 1.
"""

import numpy as np
import pandas as pd

from hscore.statistics.common import bootstrap
from hscore.statistics.common.estimates import not_estimable, wald
from hscore.statistics.survival import cox, survival_calibration, time_dependent


def fit(time: np.ndarray, event: np.ndarray, score: np.ndarray, horizon: float) -> dict:
    """The model in full: ``log_hazard_ratio`` of the score, by ``month`` the ``cumulative_hazard``.

    The cumulative hazard is that of a score of 0. Where the Cox model is refused all is None and ``why`` says why.
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


def predicted(model: dict, score: np.ndarray) -> np.ndarray:
    """Event-free probability [n, months] of patients with these scores [n]."""
    return np.exp(-np.exp(model["log_hazard_ratio"] * score)[:, None] * np.array(model["cumulative_hazard"]))


def followed_months(model: dict, time: np.ndarray) -> np.ndarray:
    """Return the model's months that one of the patients was followed beyond, [months]."""
    last = np.floor(np.nextafter(time.max(), 0)) if time.size else 0.0
    return np.array([month for month in model["month"] if month <= last])


def _refusal(model: dict, months: np.ndarray, score: np.ndarray) -> str | None:
    """Return why the model cannot be tested on patients with these scores, None when it can."""
    if model["log_hazard_ratio"] is None or months.size < 3:
        return (
            f"no Cox model on development: {model['why']}" if "why" in model else "nobody was followed for two months"
        )
    missing = int((~np.isfinite(score)).sum())
    return f"{missing} of the scores are missing or infinite" if missing else None


def calibrate(model: dict, time: np.ndarray, event: np.ndarray, score: np.ndarray, settings: dict) -> dict:
    """Calibration of the predicted survival of other patients at the last month that one was followed beyond.

    ``settings`` is the study's ``survive`` section; see ``survival_calibration.describe``.
    """
    months = followed_months(model, time)
    if why := _refusal(model, months, score):
        return survival_calibration.nothing(time, event, why)
    risk = 1 - predicted(model, score)[:, months.size - 1]
    limits = (settings["confidence"], settings["events_per_variable"])
    return survival_calibration.describe(time, event, risk, months[-1], *limits)


def evaluate(model: dict, time: np.ndarray, event: np.ndarray, score: np.ndarray, confidence: float) -> dict:
    """Integrated Brier score on other patients, up to the horizon or the last whole month that one was followed.

    ``model``, ``no_model`` (these patients' own Kaplan-Meier curve), and ``scaled``: 1 - model / no_model, the index of
    prediction accuracy (Kattan and Gerds, Diagn Progn Res 2018;2:7). ``curve`` is the Brier score by month.
    """
    names = ("model", "no_model", "scaled")
    months = followed_months(model, time)
    if why := _refusal(model, months, score):
        empty = {"to_month": None, "curve": {"month": [], "model": [], "no_model": []}}
        return {**{name: not_estimable(why, time_dependent.BRIER) for name in names}, **empty}
    chances = predicted(model, score)[:, : months.size]

    def scores(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        own = time_dependent.brier_scores(time, event, chances, months, counts)
        return own, time_dependent.null_brier_scores(time, event, months, counts)

    def integrated(counts: np.ndarray) -> np.ndarray:
        own, nobody = (time_dependent.mean_over(part, months) for part in scores(counts))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([own, nobody, 1 - own / nobody], axis=1)

    values, errors = integrated(bootstrap.everyone(time.size))[0], time_dependent.jackknife(integrated, time.size)
    rows = {name: _row(*found, confidence) for name, *found in zip(names, values, errors, strict=True)}
    for name in ("model", "no_model"):
        if rows[name]["low"] is not None:
            rows[name]["low"] = max(0.0, rows[name]["low"])
    own, nobody = scores(bootstrap.everyone(time.size))
    curves = {"model": own[0].tolist(), "no_model": nobody[0].tolist()}
    return {**rows, "to_month": float(months[-1]), "curve": {"month": months.tolist(), **curves}}


def _row(value: float, error: float, confidence: float) -> dict:
    """Return an estimate with its Wald interval, without one where the jackknife has no standard error."""
    if not np.isfinite(value):
        return not_estimable("the curve for everybody makes no error: nothing to scale by", time_dependent.BRIER)
    if not (np.isfinite(error) and error > 0):
        why = "the jackknife has no standard error: too few patients, or the same value whoever is left out"
        return {**not_estimable(why, time_dependent.BRIER), "estimate": float(value)}
    return wald(value, error, confidence, time_dependent.BRIER)
