"""Compute the accuracy of a yes/no call at a frozen threshold, and McNemar's test between two such calls.

Sources: likelihood-ratio and odds-ratio intervals on the log scale, Simel, Samsa, Matchar, J Clin Epidemiol
1991;44:763-770; McNemar, Psychometrika 1947;12:153-157; Matthews, Biochim Biophys Acta 1975;405:442-451; difference of
paired proportions, Newcombe, Stat Med 1998;17:2635-2650 (method 10); Youden's index as the sum of two independent
proportions, Newcombe, Stat Med 1998;17:873-890 (method 10).
"""

import numpy as np
from scipy.special import bdtr, chdtrc

from hscore.statistics.common import bootstrap
from hscore.statistics.common.estimates import estimate, not_estimable, wald_ratio
from hscore.statistics.common.proportions import NAMES, proportion, wilson

RATES = ("sensitivity", "specificity", "accuracy", "ppv", "npv")
RATIOS = ("positive_likelihood_ratio", "negative_likelihood_ratio", "diagnostic_odds_ratio")
ON_LOGS = "Wald on the log scale"
F1 = "Wilson interval of TP / (TP + FP + FN), transformed"
SUMS = "Newcombe's square-and-add of the Wilson intervals of sensitivity and specificity"


def confusion(y_true: np.ndarray, y_pred: np.ndarray) -> dict[str, int]:
    """Return the counts ``tp fp fn tn``; both arrays are bool [n] and may be empty, which scikit-learn refuses."""
    return {
        "tp": int((y_true & y_pred).sum()),
        "fp": int((~y_true & y_pred).sum()),
        "fn": int((y_true & ~y_pred).sum()),
        "tn": int((~y_true & ~y_pred).sum()),
    }


def rates(counts: dict[str, int], interval: str, confidence: float) -> dict[str, dict]:
    """Return sensitivity, specificity, accuracy, PPV and NPV, each with counts and its named interval."""
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    parts = {
        "sensitivity": (tp, tp + fn, "patients with metastasis"),
        "specificity": (tn, tn + fp, "patients without metastasis"),
        "accuracy": (tp + tn, tp + fp + fn + tn, "patients"),
        "ppv": (tp, tp + fp, "patients called positive"),
        "npv": (tn, tn + fn, "patients called negative"),
    }
    return {
        name: proportion(numerator, denominator, interval, confidence, group)
        for name, (numerator, denominator, group) in parts.items()
    }


def ratios(counts: dict[str, int], confidence: float) -> dict[str, dict]:
    """Return positive and negative likelihood ratio and diagnostic odds ratio, with log-scale Wald intervals.

    A ratio of zero has no interval, one with a zero denominator no value either, each with the reason. No half-counts
    are added.
    """
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    method = ON_LOGS

    def ratio(x: int, n: int, y: int, m: int) -> dict:
        if 0 in (x, y):
            missing = not_estimable("one of the two proportions is zero: no log-scale interval", method)
            return {**missing, "estimate": 0.0} if m and y and n else missing
        error = np.sqrt(1 / x - 1 / n + 1 / y - 1 / m)
        return wald_ratio(np.log((x / n) / (y / m)), error, confidence, method)

    if 0 in (tp, fp, fn, tn):
        odds = not_estimable("one cell of the 2 x 2 table is zero", method)
    else:
        odds = wald_ratio(np.log(tp * tn / (fp * fn)), np.sqrt(1 / tp + 1 / fp + 1 / fn + 1 / tn), confidence, method)
    return {
        "positive_likelihood_ratio": ratio(tp, tp + fn, fp, fp + tn),
        "negative_likelihood_ratio": ratio(fn, tp + fn, tn, fp + tn),
        "diagnostic_odds_ratio": odds,
    }


def without_cut_off(interval: str, why: str) -> dict[str, dict]:
    """Return ``rates``, ``ratios`` and ``indices`` of a model without a frozen cut-off: all None, for this reason."""
    counts = {"numerator": None, "denominator": None}
    return {
        **{name: not_estimable(why, NAMES[interval], **counts) for name in RATES},
        **{name: not_estimable(why, ON_LOGS) for name in RATIOS},
        "indices": {name: not_estimable(why, "none") for name in INDICES},
    }


INDICES = ("f1", "mcc", "kappa", "youden", "balanced_accuracy")


def summary_measures(y_true: np.ndarray, y_pred: np.ndarray, draws: np.ndarray, confidence: float) -> dict[str, dict]:
    """Return F1, Matthews correlation, Cohen's kappa, Youden index and balanced accuracy, each with its interval.

    F1, the Youden index and balanced accuracy are functions of proportions. Their intervals are derived from Wilson's,
    which do not collapse to a point where all or none of the calls are correct. The other two have bootstrap intervals.

    Args:
        y_true: bool [n].
        y_pred: bool [n].
        draws: counts of resamples of the whole cohort (``bootstrap.draw``), [resamples, n].
        confidence: level of the intervals.

    Returns:
        Estimates by name; one that the 2 x 2 table leaves undefined is None with the reason.
    """
    empty = "a row or a column of the 2 x 2 table is empty"
    if not y_true.size:
        return {name: not_estimable("there are no patients", "none") for name in INDICES}
    method = f"percentile bootstrap, {len(draws)} resamples"
    values, resampled = (_indices(y_true, y_pred, drawn) for drawn in (bootstrap.cohort_counts(y_true.size), draws))
    estimates = {
        name: not_estimable(empty, method)
        if np.isnan(value[0])
        else {"estimate": float(value[0]), **bootstrap.percentile_interval(drawn, confidence), "method": method}
        for name, value, drawn in zip(INDICES, values, resampled, strict=True)
    }
    counts = confusion(y_true, y_pred)
    estimates["f1"] = f1(counts, confidence)
    youden, balanced = youden_and_balanced_accuracy(counts, confidence)
    return estimates | {"youden": youden, "balanced_accuracy": balanced}


def f1(counts: dict[str, int], confidence: float) -> dict:
    """Return F1 = 2 p / (1 + p) with the transformed Wilson interval of p = TP / (TP + FP + FN).

    Given the number of patients who are positive or called so, TP is binomial.
    """
    correct, total = counts["tp"], counts["tp"] + counts["fp"] + counts["fn"]
    if not total:
        return not_estimable("no patient is positive or called positive", F1)
    return estimate(*(2 * share / (1 + share) for share in (correct / total, *wilson(correct, total, confidence))), F1)


def youden_and_balanced_accuracy(counts: dict[str, int], confidence: float) -> tuple[dict, dict]:
    """Return the Youden index and balanced accuracy, with Newcombe's square-and-add interval of two proportions."""
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    if not tp + fn or not tn + fp:
        missing = not_estimable("one of the classes has no patients", SUMS)
        return missing, {**missing}
    shares, lows, highs = [], [], []
    for correct, total in ((tp, tp + fn), (tn, tn + fp)):
        low, high = wilson(correct, total, confidence)
        shares.append(correct / total)
        lows.append(correct / total - low)
        highs.append(high - correct / total)
    index = sum(shares) - 1
    low, high = index - np.hypot(*lows), index + np.hypot(*highs)
    return estimate(index, low, high, SUMS), estimate(*((1 + value) / 2 for value in (index, low, high)), SUMS)


def _indices(y_true: np.ndarray, y_pred: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the ``INDICES`` of every resample, [resamples] each; NaN where undefined."""
    cells = (y_true & y_pred, ~y_true & y_pred, y_true & ~y_pred, ~y_true & ~y_pred)
    tp, fp, fn, tn = (counts @ cell for cell in cells)
    n = tp + fp + fn + tn
    with np.errstate(invalid="ignore", divide="ignore"):
        chance = ((tp + fp) * (tp + fn) + (tn + fp) * (tn + fn)) / n**2
        sum_of_rates = tp / (tp + fn) + tn / (tn + fp)
        return (
            2 * tp / (2 * tp + fp + fn),
            (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)),
            np.where(chance < 1, ((tp + tn) / n - chance) / (1 - chance), np.nan),
            sum_of_rates - 1,
            sum_of_rates / 2,
        )


def paired_difference(right_a: np.ndarray, right_b: np.ndarray, confidence: float) -> dict:
    """Return the difference of the shares of correct calls of two models on the same patients (a minus b).

    Newcombe's method 10: the Wilson intervals of both shares, squared and added with their correlation. The arrays are
    bool [n]: the call was correct.
    """
    method = "Newcombe's square-and-add for paired proportions (method 10)"
    n = right_a.size
    if n == 0:
        return not_estimable("there are no such patients", method)
    shares, lows, highs = [], [], []
    for right in (right_a, right_b):
        low, high = wilson(int(right.sum()), n, confidence)
        shares.append(right.mean())
        lows.append(right.mean() - low)
        highs.append(high - right.mean())
    both, neither = int((right_a & right_b).sum()), int((~right_a & ~right_b).sum())
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    product = both * neither - only_a * only_b
    margins = float(both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    correlation = 0.0
    if margins:
        correlation = (max(product - n / 2, 0.0) if product > 0 else product) / np.sqrt(margins)
    difference = shares[0] - shares[1]
    down = lows[0] ** 2 - 2 * correlation * lows[0] * highs[1] + highs[1] ** 2
    up = highs[0] ** 2 - 2 * correlation * highs[0] * lows[1] + lows[1] ** 2
    return estimate(difference, difference - np.sqrt(max(down, 0)), difference + np.sqrt(max(up, 0)), method)


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> dict:
    """Test whether one of two calls on the same patients is correct more often.

    Args:
        right_a: whether the first call was correct, bool [n].
        right_b: the same of the second call.

    Returns:
        ``only_a`` and ``only_b``, the discordant pairs; ``chi2`` and ``p`` of McNemar's test without continuity
        correction; ``p_exact`` of the binomial test, preferable below about 25 discordant pairs.
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    result = {"n": int(right_a.size), "only_a": only_a, "only_b": only_b}
    discordant = only_a + only_b
    if discordant == 0:
        return {
            **result,
            "chi2": None,
            "p": None,
            "p_exact": 1.0,
            "why": "both models are correct for the same patients",
        }
    chi2 = (only_a - only_b) ** 2 / discordant
    exact = min(1.0, 2 * float(bdtr(min(only_a, only_b), discordant, 0.5)))
    return {**result, "chi2": chi2, "p": float(chdtrc(1, chi2)), "p_exact": exact}
