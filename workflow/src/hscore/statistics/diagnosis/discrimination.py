"""Measure how well scores separate patients with and without metastasis: ROC curve, AUC, DeLong.

Shapes: ``y_true`` is bool [n]; ``scores`` is float [n] for one model or [models, n] for several models on the
same patients. Higher scores mean "more likely positive". Ties count one half.

Sources: DeLong, DeLong, Clarke-Pearson, Biometrics 1988;44:837-845; ranks after Sun and Xu, IEEE Signal Processing
Letters 2014;21:1389-1393 (O(n log n)); logit interval after Pepe, The Statistical Evaluation of Medical Tests, 2003;
Newcombe, Stat Med 2006;25:559-573 (methods 4 and 5).

The interval of a single AUC is Newcombe's method 5, because DeLong's is too short with few patients or a high AUC
(coverage by Monte Carlo in docs/intervals.md). Differences of AUCs are compared by DeLong's covariance. With ``folds``
the scores are out-of-fold ones, and all variances are those of ``cross_validation``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit

from hscore.metrics.ranking import midranks
from hscore.statistics.common.estimates import estimate, normal_quantile, not_estimable, two_sided_p, wald_share
from hscore.statistics.diagnosis import cross_validation

DELONG = "DeLong"
DELONG_LOGIT = "DeLong, logit-transformed"
NEWCOMBE = "Newcombe's method 5"
INTERVALS = {"newcombe": NEWCOMBE, "delong": DELONG, "delong-logit": DELONG_LOGIT}
PAIRED = "paired DeLong test"


@dataclass(frozen=True)
class Delong:
    """AUCs of several models on the same patients, [models], and their covariance, [models, models]."""

    auc: np.ndarray
    covariance: np.ndarray


def reason_one_class(y_true: np.ndarray) -> str | None:
    """Return why nothing can be discriminated, None when both classes are present."""
    if not y_true.size:
        return "there are no patients"
    if y_true.all() or not y_true.any():
        kind = "positive" if y_true.all() else "negative"
        return f"all {y_true.size} patients are {kind}; discrimination needs both classes"
    return None


def reason_undefined(y_true: np.ndarray, *scores: np.ndarray) -> str | None:
    """Return why these scores allow no analysis: no patients, one class, or scores that are not numbers."""
    missing = sum(int((~np.isfinite(row)).sum()) for row in scores)
    if missing:
        return f"{missing} of the scores are missing or infinite"
    return reason_one_class(y_true)


def placements(y_true: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for every positive the share of negatives below it, for every negative that of positives above it.

    Returns:
        Arrays [positives] and [negatives]; both means are the AUC.
    """
    cases, controls = scores[y_true], scores[~y_true]
    ranks = midranks(np.concatenate([cases, controls]))
    of_cases = (ranks[: cases.size] - midranks(cases)) / controls.size
    of_controls = 1 - (ranks[cases.size :] - midranks(controls)) / cases.size
    return of_cases, of_controls


def delong(y_true: np.ndarray, scores: np.ndarray) -> Delong:
    """Return AUCs and their DeLong covariance, which needs two patients of each class (else NaN)."""
    shares = [placements(y_true, row) for row in np.atleast_2d(scores)]
    of_cases = np.array([cases for cases, _ in shares])
    of_controls = np.array([controls for _, controls in shares])
    size = len(shares)
    covariance = np.full((size, size), np.nan)
    if of_cases.shape[1] > 1 and of_controls.shape[1] > 1:
        covariance = np.cov(of_cases) / of_cases.shape[1] + np.cov(of_controls) / of_controls.shape[1]
    return Delong(of_cases.mean(axis=1), np.reshape(covariance, (size, size)))


def auc_interval(
    y_true: np.ndarray, scores: np.ndarray, confidence: float, interval: str = "newcombe", folds: int | None = None
) -> dict:
    """Return the AUC with its interval.

    Args:
        y_true: bool [n].
        scores: float [n].
        confidence: level of the interval.
        interval: "newcombe" (method 5, which also exists where the classes are perfectly separated),
            "delong" (limited to [0, 1], as pROC) or "delong-logit" (on the logit scale).
        folds: of out-of-fold scores, the number of folds.

    Returns:
        An estimate; without an interval, and with the reason, where all scores are equal or DeLong has no variance.
    """
    method = cross_validation.corrected_method(INTERVALS[interval], folds)
    if why := reason_undefined(y_true, scores):
        return not_estimable(why, method)
    result, factor = delong(y_true, scores), cross_validation.variance_factor(folds)
    value, variance = float(result.auc[0]), factor * float(result.covariance[0, 0])
    if np.ptp(scores) == 0:
        return {**not_estimable("all scores are equal, so they do not order the patients", method), "estimate": value}
    if interval == "newcombe":
        low, high = newcombe_interval(value, int(y_true.sum()), int((~y_true).sum()), confidence, factor)
        return estimate(value, low, high, method)
    if not variance > 0:
        why = (
            "one class has only one patient; the DeLong variance needs two of each"
            if np.isnan(variance)
            else "the scores separate the classes perfectly, so the DeLong variance is zero"
        )
        return {**not_estimable(why, method), "estimate": value}
    error = np.sqrt(variance)
    if interval == "delong-logit":
        return wald_share(value, error, confidence, method)
    margin = normal_quantile(confidence) * error
    return estimate(value, max(0.0, value - margin), min(1.0, value + margin), method)


def without_test(why: str, method: str = PAIRED) -> dict:
    """Return the content of ``compare`` without a test: all None, with the reason."""
    return {"difference": None, "low": None, "high": None, "z": None, "p": None, "method": method, "why": why}


def compare(
    y_true: np.ndarray, score_a: np.ndarray, score_b: np.ndarray, confidence: float, folds: int | None = None
) -> dict:
    """Return the difference of two AUCs in the same patients (a minus b): ``difference low high z p method``."""
    return compare_all(y_true, np.array([score_a, score_b]), [(0, 1)], confidence, [folds])[0]


def compare_all(
    y_true: np.ndarray,
    scores: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    confidence: float,
    folds: Sequence[int | None] | None = None,
) -> list[dict]:
    """Return ``compare`` for pairs of rows of ``scores`` [models, n]; ``folds`` has one entry per pair."""
    folds = folds or [None] * len(pairs)
    if why := reason_undefined(y_true, *scores):
        return [without_test(why, cross_validation.corrected_method(PAIRED, number)) for number in folds]
    result = delong(y_true, scores)
    rows = []
    for (a, b), number in zip(pairs, folds, strict=True):
        method, factor = cross_validation.corrected_method(PAIRED, number), cross_validation.variance_factor(number)
        difference = float(result.auc[a] - result.auc[b])
        variance = float(result.covariance[a, a] + result.covariance[b, b] - 2 * result.covariance[a, b])
        if np.isnan(variance):
            why = "one class has only one patient; the DeLong variance needs two of each"
            rows.append({**without_test(why, method), "difference": difference})
        elif variance <= 1e-16:  # both order the patients equally, up to rounding
            why = "both models order the patients equally, so there is nothing to test"
            rows.append({**without_test(why, method), "difference": difference})
        else:
            rows.append(_difference(difference, np.sqrt(factor * variance), confidence, method))
    return rows


def compare_with_mean(y_true: np.ndarray, score: np.ndarray, members: np.ndarray, confidence: float) -> dict:
    """Return the AUC of ``score`` minus the mean AUC of ``members`` [members, n], same patients, like ``compare``."""
    if why := reason_one_class(y_true):
        return without_test(why)
    result = delong(y_true, np.vstack([score, members]))
    weights = np.array([1.0, *np.full(len(members), -1 / len(members))])
    difference, variance = float(weights @ result.auc), float(weights @ result.covariance @ weights)
    if not variance > 1e-16:
        return {**without_test("the members order the patients like their mean"), "difference": difference}
    return _difference(difference, np.sqrt(variance), confidence, PAIRED)


def compare_unpaired(
    positive_a: np.ndarray,
    score_a: np.ndarray,
    positive_b: np.ndarray,
    score_b: np.ndarray,
    confidence: float,
    folds_b: int | None = None,
) -> dict:
    """Return the difference of AUCs on different patients (a minus b).

    For several rows of scores [members, n] the AUC is the mean of their AUCs, with the variance of that mean. Where
    ``score_b`` are out-of-fold scores, ``folds_b`` is the number of folds.

    The degrees of freedom are Welch-Satterthwaite's, as in pROC's ``roc.test(paired = FALSE)``; the interval uses
    the same t distribution.
    """
    method = cross_validation.corrected_method("unpaired DeLong test", folds_b, whose="development ")
    empty = {"difference": None, "low": None, "high": None, "t": None, "df": None, "p": None, "method": method}
    for y_true, score in ((positive_a, score_a), (positive_b, score_b)):
        if why := reason_undefined(y_true, score):
            return {**empty, "why": why}
    a, b = delong(positive_a, score_a), delong(positive_b, score_b)
    variances = float(a.covariance.mean()), cross_validation.variance_factor(folds_b) * float(b.covariance.mean())
    difference, variance = float(a.auc.mean() - b.auc.mean()), sum(variances)
    if not variance > 0:
        return {**empty, "difference": difference, "why": "the DeLong variances are zero, so there is nothing to test"}
    sizes = positive_a.size, positive_b.size
    freedom = variance**2 / sum(v**2 / (n - 1) for v, n in zip(variances, sizes, strict=True))
    t = difference / np.sqrt(variance)
    margin = float(stdtrit(freedom, 0.5 + confidence / 2)) * np.sqrt(variance)
    return {
        "difference": difference,
        "low": float(difference - margin),
        "high": float(difference + margin),
        "t": float(t),
        "df": float(freedom),
        "p": float(2 * stdtr(freedom, -abs(t))),
        "method": method,
    }


def _difference(difference: float, error: float, confidence: float, method: str) -> dict:
    margin = normal_quantile(confidence) * error
    return {
        "difference": difference,
        "low": float(difference - margin),
        "high": float(difference + margin),
        "z": float(difference / error),
        "p": two_sided_p(difference / error),
        "method": method,
    }


def cut_points(scores: np.ndarray) -> np.ndarray:
    """Return the midpoints between neighbouring observed scores, ascending."""
    values = np.unique(scores)
    middle = (values[:-1] + values[1:]) / 2
    # the midpoint of two neighbouring floats rounds to one of them; only the upper one still separates by ">="
    return np.where(middle > values[:-1], middle, values[1:])


def newcombe_error(area: float, positives: float, negatives: float) -> float:
    """Return the standard error of an AUC from its value and the numbers of patients (Newcombe's method 4).

    The numbers may be expected ones, so fractions are allowed.
    """
    half = (positives + negatives) / 2 - 1
    mixed = 1 + half * (1 - area) / (2 - area) + half * area / (1 + area)
    return float(np.sqrt(area * (1 - area) * mixed / (positives * negatives)))


def newcombe_interval(
    area: float, positives: int, negatives: int, confidence: float, factor: float = 1.0
) -> tuple[float, float]:
    """Return Newcombe's method 5: all areas from which the observed one is less than z standard errors away.

    The interval exists, and is not a point, even for an area of 0 or 1. ``factor`` multiplies the variance.
    """
    z = normal_quantile(confidence) * np.sqrt(factor)

    def excess(candidate: float) -> float:
        return abs(area - candidate) - z * newcombe_error(candidate, positives, negatives)

    low = 0.0 if area == 0 or excess(0.0) <= 0 else brentq(excess, 0.0, area - 1e-12)
    high = 1.0 if area == 1 or excess(1.0) <= 0 else brentq(excess, area + 1e-12, 1.0)
    return float(low), float(high)
