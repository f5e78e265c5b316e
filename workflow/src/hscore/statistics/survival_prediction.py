"""From the score to a predicted chance of staying event-free, fitted on development and tested on other patients.

A Cox model of the score with Breslow's baseline; beside it, as the model without any knowledge of the patient, the
development cohort's Kaplan-Meier curve for everybody. Both begin at month 0 with a chance of 1.
"""

import numpy as np
import pandas as pd

from hscore.statistics import bootstrap, cox, survival, time_dependent
from hscore.statistics.estimates import unknown, wald


def fit(time: np.ndarray, event: np.ndarray, score: np.ndarray, horizon: float) -> dict:
    """The model in full: ``log_hazard_ratio`` of the score, by ``month`` the ``cumulative_hazard`` and ``no_model``.

    The cumulative hazard is that of a score of 0; ``no_model`` is the Kaplan-Meier curve. Where the Cox model is
    refused all is None and ``why`` says why.
    """
    months = np.arange(0.0, np.floor(horizon) + 1)
    size = {"n": int(time.size), "events": int(event.sum())}
    model = cox.fit(time, event, pd.DataFrame({"score": score}))
    if model.why or months.size < 3:
        why = model.why or "the horizon is shorter than two months"
        return {"log_hazard_ratio": None, "month": [], "cumulative_hazard": [], "no_model": [], **size, "why": why}
    curve = survival.kaplan_meier(time, event, 0.95)
    return {
        "log_hazard_ratio": float(model.beta[0]),
        "month": months.tolist(),
        "cumulative_hazard": cox.baseline_hazard(time, event, model.x, model.beta, months).tolist(),
        "no_model": [survival.at_time(curve, month)[0] for month in months],
        **size,
    }


def predicted(model: dict, score: np.ndarray) -> np.ndarray:
    """Event-free probability [n, months] of patients with these scores [n]."""
    return np.exp(-np.exp(model["log_hazard_ratio"] * score)[:, None] * np.array(model["cumulative_hazard"]))


def evaluate(model: dict, time: np.ndarray, event: np.ndarray, score: np.ndarray, confidence: float) -> dict:
    """Integrated Brier score on other patients, up to the horizon or the last whole month that one was followed.

    ``model``, ``no_model``, and ``scaled``: 1 - model / no_model, the index of prediction accuracy (Kattan and Gerds,
    Diagn Progn Res 2018;2:7). ``curve`` is the Brier score by month.
    """
    names = ("model", "no_model", "scaled")
    empty = {"to_month": None, "curve": {"month": [], "model": [], "no_model": []}}
    last = np.floor(np.nextafter(time.max(), 0)) if time.size else 0.0
    months = np.array([month for month in model["month"] if month <= last])
    if model["log_hazard_ratio"] is None or months.size < 3:
        why = f"no Cox model on development: {model['why']}" if "why" in model else "nobody was followed for two months"
        return {**{name: unknown(why, time_dependent.BRIER) for name in names}, **empty}
    chances = {
        "model": predicted(model, score)[:, : months.size],
        "no_model": np.tile(model["no_model"][: months.size], (time.size, 1)),
    }

    def integrated(counts: np.ndarray) -> np.ndarray:
        own, nobody = (
            time_dependent.integrated_brier(time, event, chances[name], months, counts)
            for name in ("model", "no_model")
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([own, nobody, 1 - own / nobody], axis=1)

    values, errors = integrated(bootstrap.everyone(time.size))[0], time_dependent.jackknife(integrated, time.size)
    rows = {
        name: wald(value, error, confidence, time_dependent.BRIER)
        if np.isfinite(value) and np.isfinite(error)
        else unknown("the curve for everybody makes no error: nothing to scale by", time_dependent.BRIER)
        for name, value, error in zip(names, values, errors, strict=True)
    }
    curves = {
        name: time_dependent.brier_scores(time, event, chance, months).tolist() for name, chance in chances.items()
    }
    return {**rows, "to_month": float(months[-1]), "curve": {"month": months.tolist(), **curves}}
