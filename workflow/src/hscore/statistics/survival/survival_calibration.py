"""Describe whether predicted and observed survival agree: mean, weak and moderate calibration at one month.

Patients who are followed beyond the month are censored there, so that later events have no influence. Shapes: ``time``
float [n], ``event`` bool [n], ``risk`` float [n], the predicted probability of the event by the month.

Sources: what to report, McLernon et al., Ann Intern Med 2023;176:105-114; flexible curve, ICI, E50 and E90 by hazard
regression of log(-log(1 - risk)) with a restricted cubic spline of 3 knots, Austin, Harrell and van Klaveren, Stat Med
2020;39:2714-2742; its standard error, Tsiatis, Ann Stat 1981;9:93-108 (as R's ``survfit.coxph`` with ``ctype = 1``).
"""

import numpy as np
import pandas as pd

from hscore.statistics.common import splines
from hscore.statistics.common.estimates import finite_or_none, normal_quantile, not_estimable, wald, wald_ratio
from hscore.statistics.diagnosis.calibration import FEW_VALUES, LARGEST_ERROR
from hscore.statistics.survival import competing, cox

KNOTS = 3
POINTS = 50
SPLINE = f"restricted cubic spline, {KNOTS} knots"
O_E = "Kaplan-Meier (Greenwood) over the mean predicted risk, Wald on the log scale"
SLOPE = "Cox model of the frozen linear predictor, Wald"
CURVE = "Cox model of log(-log(1 - predicted risk)), {form}; Wald band on the log(-log) scale"


def describe(
    time: np.ndarray, event: np.ndarray, risk: np.ndarray, month: float, confidence: float, events_per_variable: float
) -> dict:
    """Return every calibration measure of predicted risks in 0..1 at ``month``, which at least one patient reached.

    ``observed_expected`` is calibration in the large, ``slope`` weak and the curve with ``ici``, ``e50`` and ``e90``
    moderate calibration. The curve is refused with fewer than ``events_per_variable`` events per coefficient.
    """
    inside = event & (time <= month)
    size = {"month": float(month), "n": int(time.size), "events": int(inside.sum()), "expected": float(risk.mean()),
            "at_risk": int((time >= month).sum())}  # fmt: skip
    time_to_month = np.minimum(time, month)
    if not ((risk > 0) & (risk < 1)).all():
        why = "predicted risks of 0 or 1 have no log(-log)"
        measures = {"slope": not_estimable(why, SLOPE), **_no_curve(why)}
    else:
        predictor = np.log(-np.log1p(-risk))
        measures = {"slope": slope(time_to_month, inside, predictor, confidence),
                **smooth(time_to_month, inside, risk, predictor, confidence, events_per_variable)}  # fmt: skip
    return {**size, "observed_expected": observed_expected(time, event, risk, month, confidence), **measures}


def without_prediction(time: np.ndarray, event: np.ndarray, why: str) -> dict:
    """Return the content of ``describe`` without a prediction, with the reason ``why``."""
    size = {"month": None, "n": int(time.size), "events": int(event.sum()), "expected": None, "at_risk": None}
    return {**size, "observed_expected": not_estimable(why, O_E), "slope": not_estimable(why, SLOPE), **_no_curve(why)}


def observed_expected(time: np.ndarray, event: np.ndarray, risk: np.ndarray, month: float, confidence: float) -> dict:
    """Return the Kaplan-Meier share with the event by ``month`` (``observed``) over the mean predicted risk.

    Without censoring this is the binomial O:E of ``calibration.observed_expected``.
    """
    values, variances = competing.incidence(time, event, np.zeros(time.size, dtype=bool), np.array([month]))
    observed, error, expected = float(values[0]), float(np.sqrt(variances[0])), float(risk.mean())
    if observed == 0 or expected == 0:
        reason = "nobody had an event" if observed == 0 else "no event is expected"
        return not_estimable(f"{reason} by {month:g} months", O_E, observed=observed)
    if error == 0:
        why = "every patient had the event, so the standard error is zero"
        return {**not_estimable(why, O_E, observed=observed), "estimate": observed / expected}
    return wald_ratio(np.log(observed / expected), error / observed, confidence, O_E, observed=observed)


def slope(time: np.ndarray, event: np.ndarray, predictor: np.ndarray, confidence: float) -> dict:
    """Return the calibration slope, the Cox coefficient of the frozen linear predictor [n]; ideal is 1."""
    model = cox.fit(time, event, pd.DataFrame({"predicted risk": predictor}))
    if model.why:
        return not_estimable(model.why, SLOPE)
    value, error = float(model.beta[0]), float(np.sqrt(model.covariance[0, 0]))
    if error > LARGEST_ERROR:
        return not_estimable(
            f"the predictions hardly differ, or almost order the events (standard error {error:.1f} of a slope of "
            f"{value:.1f})", SLOPE
        )  # fmt: skip
    return wald(value, error, confidence, SLOPE)


def smooth(
    time: np.ndarray,
    event: np.ndarray,
    risk: np.ndarray,
    predictor: np.ndarray,
    confidence: float,
    events_per_variable: float,
) -> dict:
    """Return the calibration curve with its band, and the distances ``ici``, ``e50`` and ``e90`` over the patients.

    ``time`` ends at the month of the prediction. With fewer different predictions than knots (a reading has two), a
    straight line replaces the spline. ``deciles`` are those of the predicted risk. The distances have no interval, like
    those of ``calibration.smooth_curve``.
    """
    values, at = np.unique(risk), splines.knots(predictor, KNOTS)
    has_spline = min(values.size, at.size) == KNOTS

    def columns(values: np.ndarray) -> np.ndarray:
        return splines.basis(values, at) if has_spline else values[:, None]

    form = SPLINE if has_spline else "straight line"
    x = columns(predictor)
    model = cox.fit(time, event, pd.DataFrame(x).add_prefix("predicted risk, part "), events_per_variable)
    if model.why:
        return _no_curve(model.why, form)
    grid = values if values.size <= FEW_VALUES else np.linspace(*values[[0, -1]], POINTS)
    log_hazard, error = cumulative_hazard(model, columns(np.log(-np.log1p(-grid))))
    margin = normal_quantile(confidence) * error
    lines = {"observed": log_hazard, "low": log_hazard - margin, "high": log_hazard + margin}
    with np.errstate(over="ignore"):
        curve = {name: [finite_or_none(value) for value in -np.expm1(-np.exp(line))] for name, line in lines.items()}
        distance = np.abs(-np.expm1(-np.exp(cumulative_hazard(model, x)[0])) - risk)
    return {
        "ici": float(distance.mean()),
        "e50": float(np.quantile(distance, 0.5)),
        "e90": float(np.quantile(distance, 0.9)),
        "curve": {"predicted": grid.tolist(), **curve, "method": CURVE.format(form=form)},
        "deciles": np.quantile(risk, np.arange(1, 10) / 10).tolist(),
    }


def cumulative_hazard(model: cox.Model, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the log cumulative hazard at the end of follow-up and its standard error, both [k], by Breslow's estimate.

    ``at`` [k, p] are the covariates of the patients.
    """
    center = model.x.mean(axis=0)
    x, at = model.x - center, at - center
    weights = np.exp(x @ model.beta)
    moments, deaths = np.unique(model.time[model.event], return_counts=True)
    followed = (model.time >= moments[:, None]).astype(float)
    total = followed @ weights
    steps = deaths / total
    mean = followed @ (weights[:, None] * x) / total[:, None]
    deviation = steps.sum() * at - steps @ mean
    variance = (deaths / total**2).sum() + np.einsum("ij,jk,ik->i", deviation, model.covariance, deviation)
    return np.log(steps.sum()) + at @ model.beta, np.sqrt(variance) / steps.sum()


def _no_curve(why: str, form: str = SPLINE) -> dict:
    """Return the distances and the curve as None and empty, with the reason."""
    empty_curve = {
        "predicted": [],
        "observed": [],
        "low": [],
        "high": [],
        "method": CURVE.format(form=form),
        "why": why,
    }
    return {"ici": None, "e50": None, "e90": None, "curve_why": why, "curve": empty_curve, "deciles": []}
