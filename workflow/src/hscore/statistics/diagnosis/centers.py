"""One model in each of several external centres, and what a new centre may expect.

AUC and proportions are pooled on the logit scale, O:E on the logarithmic one, the calibration slope as it is, after
Debray et al., BMJ 2017;356:i6460 and Snell et al., Stat Methods Med Res 2018;27:3505-3522. A centre that has no
estimate with a standard error does not enter and is counted. A proportion of 0 or 1 has no logit: half a patient is
added to both counts (as R's metafor ``escalc``), which the result counts under ``corrected``; to leave such centres out
would favour the others.
"""

import numpy as np
from scipy.special import expit, logit

from hscore.statistics.common import logistic, meta_analysis
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
    """Every centre's measures and, of two centres or more, their pooled values.

    Args:
        y_true: bool [n].
        scores: float [n].
        centers: name of each patient's centre, str [n].
        cut: frozen threshold; without one there is neither sensitivity nor specificity.
        risks: whether the scores are risks; O:E and slope need that.
        interval: of the proportions (``proportions.INTERVALS``).
        confidence: level of the intervals.

    Returns:
        ``centers``, a row each, and ``pooled``, an estimate by measure with ``prediction_low`` and ``prediction_high``
        (of the true value in a new centre), ``tau2``, ``i2``, ``centers`` (how many entered), ``left_out`` and
        ``corrected``. Of one centre ``pooled`` is empty and ``why`` says so.
    """
    names = list(dict.fromkeys(centers))
    rows, entries = [], []
    for name in names:
        member = centers == name
        row, entry = _center(y_true[member], scores[member], threshold, risks, interval, confidence)
        rows.append({"center": str(name), **row})
        entries.append(entry)
    if len(names) < 2:
        return {"centers": rows, "pooled": {}, "why": "there is one external centre: nothing to pool"}
    return {"centers": rows, "pooled": {name: _pooled(name, rows, entries, confidence) for name in MEASURES}}


def _center(
    y_true: np.ndarray, scores: np.ndarray, threshold: float | None, risks: bool, interval: str, confidence: float
) -> tuple[dict, dict]:
    """A centre's estimates, and by measure its value and variance on the scale of pooling where it has them."""
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
        row["slope"] = calibration.line(y_true, scores, confidence)["slope"]
    entry = {name: _of_proportion(row[name]) for name in ("sensitivity", "specificity")}
    entry |= {"auc": _of_auc(y_true, scores), "slope": _of_slope(y_true, scores, row["slope"])}
    return row, entry | {"observed_expected": _of_ratio(row)}


def _of_auc(y_true: np.ndarray, scores: np.ndarray) -> tuple[float, float] | None:
    """Logit of the AUC and its DeLong variance (delta method)."""
    if discrimination.undefined(y_true, scores):
        return None
    found = discrimination.delong(y_true, scores)
    area, variance = float(found.auc[0]), float(found.covariance[0, 0])
    if not variance > 0 or not 0 < area < 1:
        return None
    return float(logit(area)), variance / (area * (1 - area)) ** 2


def _of_proportion(entry: dict) -> tuple[float, float] | None:
    """Logit of a proportion and its binomial variance."""
    if entry["estimate"] is None:
        return None
    right, of = entry["numerator"], entry["denominator"]
    half = 0.5 if right in (0, of) else 0.0
    return float(np.log((right + half) / (of - right + half))), 1 / (right + half) + 1 / (of - right + half)


def _of_ratio(row: dict) -> tuple[float, float] | None:
    """Logarithm of O:E and its binomial variance."""
    entry = row["observed_expected"]
    if entry["low"] is None:
        return None
    return float(np.log(entry["estimate"])), (1 - row["positives"] / row["n"]) / row["positives"]


def _of_slope(y_true: np.ndarray, scores: np.ndarray, entry: dict) -> tuple[float, float] | None:
    if entry["estimate"] is None:
        return None
    found = logistic.fit(logit(calibration.clip_probability(scores))[:, None], y_true)
    return float(found.coefficients[1]), float(found.covariance[1, 1])


def _pooled(measure: str, rows: list[dict], entries: list[dict], confidence: float) -> dict:
    """One measure over the centres, on its own scale."""
    known = [entry[measure] for entry in entries if entry[measure] is not None]
    counts = {"centers": len(known), "left_out": len(entries) - len(known)}
    if measure in ("sensitivity", "specificity"):
        counts["corrected"] = sum(row[measure]["estimate"] in (0, 1) for row in rows)
    nothing = {"prediction_low": None, "prediction_high": None, "tau2": None, "i2": None}
    if len(known) < 2:
        why = "fewer than two centres have an estimate with a standard error"
        return not_estimable(why, meta_analysis.METHOD, **nothing, **counts)
    values, variances = np.array(known).T
    found, back = meta_analysis.pool(values, variances, confidence), BACK[measure]
    low, high = found.prediction or (None, None)
    result = {
        **{"estimate": float(back(found.mean)), "low": float(back(found.low)), "high": float(back(found.high))},
        "prediction_low": None if low is None else float(back(low)),
        "prediction_high": None if high is None else float(back(high)),
        **{"tau2": found.tau2, "i2": found.i2, **counts, "method": meta_analysis.METHOD},
    }
    if found.prediction is None:
        result["prediction_why"] = "a prediction interval needs three centres: with two it has no degree of freedom"
    return result
