"""Describe one model in each of several external centres, and what to expect in a new centre.

AUC and proportions are pooled on the logit scale, O:E on the logarithmic scale, the calibration slope untransformed,
after Debray et al., BMJ 2017;356:i6460 and Snell et al., Stat Methods Med Res 2018;27:3505-3522. A centre that has no
estimate with a standard error does not enter and is counted. A proportion of 0 or 1 has no logit, so half a patient is
added to both counts (as R's metafor ``escalc``), which the result counts under ``corrected``. Leaving such centres out
would favour the others.
"""

import numpy as np
from scipy.special import expit, logit

from hscore.metrics import logistic, probability
from hscore.statistics.common import meta_analysis
from hscore.statistics.common.estimates import not_estimable
from hscore.statistics.diagnosis import accuracy, calibration, discrimination
from hscore.statistics.diagnosis.subgroups import NO_CUT_OFF

MEASURES = ("auc", "observed_expected", "slope", "sensitivity", "specificity")
BACK = {"auc": expit, "sensitivity": expit, "specificity": expit, "observed_expected": np.exp, "slope": float}
NOT_RISKS = "the scores are not risks"


def describe(
    y_true: np.ndarray,
    scores: np.ndarray,
    centers: np.ndarray,
    threshold: float | None,
    risks: bool,
    interval: str,
    confidence: float,
) -> dict:
    """Return every centre's measures and, for two or more centres, their pooled values.

    Args:
        y_true: bool [n].
        scores: float [n].
        centers: name of each patient's centre, str [n].
        threshold: frozen cut-off; without one there is neither sensitivity nor specificity.
        risks: whether the scores are risks; O:E and slope need that.
        interval: of the proportions (``proportions.INTERVALS``).
        confidence: level of the intervals.

    Returns:
        ``centers``, one row each, and ``pooled``, an estimate by measure with ``prediction_low`` and
        ``prediction_high`` (of the true value in a new centre), ``tau2``, ``i2``, ``centers`` (how many entered),
        ``left_out`` and ``corrected``. With one centre ``pooled`` is empty, with the reason in ``why``.
    """
    names = list(dict.fromkeys(centers))
    rows, entries = [], []
    for name in names:
        member = centers == name
        row, entry = _center(y_true[member], scores[member], threshold, risks, interval, confidence)
        rows.append({"center": str(name), **row})
        entries.append(entry)
    if len(names) < 2:
        return {"centers": rows, "pooled": {}, "why": "there is only one external centre, so nothing can be pooled"}
    return {"centers": rows, "pooled": {name: _pooled(name, rows, entries, confidence) for name in MEASURES}}


def _center(
    y_true: np.ndarray, scores: np.ndarray, threshold: float | None, risks: bool, interval: str, confidence: float
) -> tuple[dict, dict]:
    """Return a centre's estimates and, by measure, its value and variance on the pooling scale where it has them."""
    rates = accuracy.without_cut_off(interval, NO_CUT_OFF)
    if threshold is not None:
        rates = accuracy.rates(accuracy.confusion(y_true, scores >= threshold), interval, confidence)
    row = {
        "n": int(y_true.size),
        "positives": int(y_true.sum()),
        "auc": discrimination.auc_interval(y_true, scores, confidence),
        "observed_expected": not_estimable(NOT_RISKS, calibration.O_E),
        "slope": not_estimable(NOT_RISKS, calibration.LINE),
        **{name: rates[name] for name in ("sensitivity", "specificity")},
    }
    if risks:
        row["observed_expected"] = calibration.observed_expected(y_true, scores, confidence)
        row["slope"] = calibration.intercept_and_slope(y_true, scores, confidence)["slope"]
    entry = {name: _of_proportion(row[name]) for name in ("sensitivity", "specificity")}
    entry |= {"auc": _of_auc(y_true, scores), "slope": _of_slope(y_true, scores, row["slope"])}
    return row, entry | {"observed_expected": _of_ratio(row)}


def _of_auc(y_true: np.ndarray, scores: np.ndarray) -> tuple[float, float] | None:
    """Return the logit of the AUC and its DeLong variance (delta method)."""
    if discrimination.reason_undefined(y_true, scores):
        return None
    result = discrimination.delong(y_true, scores)
    auc, variance = float(result.auc[0]), float(result.covariance[0, 0])
    if not variance > 0 or not 0 < auc < 1:
        return None
    return float(logit(auc)), variance / (auc * (1 - auc)) ** 2


def _of_proportion(entry: dict) -> tuple[float, float] | None:
    """Return the logit of a proportion and its binomial variance."""
    if entry["estimate"] is None:
        return None
    numerator, denominator = entry["numerator"], entry["denominator"]
    correction = 0.5 if numerator in (0, denominator) else 0.0
    return float(np.log((numerator + correction) / (denominator - numerator + correction))), 1 / (
        numerator + correction
    ) + 1 / (denominator - numerator + correction)


def _of_ratio(row: dict) -> tuple[float, float] | None:
    """Return the logarithm of O:E and its binomial variance."""
    entry = row["observed_expected"]
    if entry["low"] is None:
        return None
    return float(np.log(entry["estimate"])), (1 - row["positives"] / row["n"]) / row["positives"]


def _of_slope(y_true: np.ndarray, scores: np.ndarray, entry: dict) -> tuple[float, float] | None:
    if entry["estimate"] is None:
        return None
    model = logistic.fit(probability.clipped_logit(scores)[:, None], y_true)
    return float(model.coefficients[1]), float(model.covariance[1, 1])


def _pooled(measure: str, rows: list[dict], entries: list[dict], confidence: float) -> dict:
    """Return one measure over the centres, on its own scale."""
    known = [entry[measure] for entry in entries if entry[measure] is not None]
    counts = {"centers": len(known), "left_out": len(entries) - len(known)}
    if measure in ("sensitivity", "specificity"):
        counts["corrected"] = sum(row[measure]["estimate"] in (0, 1) for row in rows)
    missing = {"prediction_low": None, "prediction_high": None, "tau2": None, "i2": None}
    if len(known) < 2:
        why = "fewer than two centres have an estimate with a standard error"
        return not_estimable(why, meta_analysis.METHOD, **missing, **counts)
    values, variances = np.array(known).T
    pooled, inverse = meta_analysis.pool(values, variances, confidence), BACK[measure]
    low, high = pooled.prediction or (None, None)
    result = {
        **{
            "estimate": float(inverse(pooled.mean)),
            "low": float(inverse(pooled.low)),
            "high": float(inverse(pooled.high)),
        },
        "prediction_low": None if low is None else float(inverse(low)),
        "prediction_high": None if high is None else float(inverse(high)),
        **{"tau2": pooled.tau2, "i2": pooled.i2, **counts, "method": meta_analysis.METHOD},
    }
    if pooled.prediction is None:
        result["prediction_why"] = "a prediction interval needs three centres; with two it has no degrees of freedom"
    return result
