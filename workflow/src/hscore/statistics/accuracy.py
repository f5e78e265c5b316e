"""Accuracy of a yes/no call at a frozen threshold, and McNemar's test between two such calls.

Sources: likelihood-ratio and odds-ratio intervals on the log scale, Simel, Samsa, Matchar, J Clin Epidemiol
1991;44:763-770; McNemar, Psychometrika 1947;12:153-157; Matthews, Biochim Biophys Acta 1975;405:442-451.
"""

import numpy as np
from scipy.special import bdtr, chdtrc

from hscore.statistics.estimates import unknown, wald_ratio
from hscore.statistics.proportions import proportion


def confusion(positive: np.ndarray, called: np.ndarray) -> dict[str, int]:
    """Counts ``tp fp fn tn``; both arrays are bool [n]."""
    return {
        "tp": int((positive & called).sum()),
        "fp": int((~positive & called).sum()),
        "fn": int((positive & ~called).sum()),
        "tn": int((~positive & ~called).sum()),
    }


def rates(counts: dict[str, int], interval: str, confidence: float) -> dict[str, dict]:
    """Sensitivity, specificity, accuracy, PPV and NPV, each with counts and its named interval."""
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    parts = {
        "sensitivity": (tp, tp + fn, "patients with metastasis"),
        "specificity": (tn, tn + fp, "patients without metastasis"),
        "accuracy": (tp + tn, tp + fp + fn + tn, "patients"),
        "ppv": (tp, tp + fp, "patients called positive"),
        "npv": (tn, tn + fn, "patients called negative"),
    }
    return {name: proportion(x, n, interval, confidence, of) for name, (x, n, of) in parts.items()}


def ratios(counts: dict[str, int], confidence: float) -> dict[str, dict]:
    """Positive and negative likelihood ratio and diagnostic odds ratio, with log-scale Wald intervals.

    A ratio with a zero in its numerator or denominator has no such interval and is None with the reason: no
    half-counts are added behind the reader's back.
    """
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    method = "Wald on the log scale"

    def ratio(x: int, n: int, y: int, m: int) -> dict:
        if 0 in (x, y):
            return unknown("one of the two proportions is zero, so the ratio has no log-scale interval", method)
        error = np.sqrt(1 / x - 1 / n + 1 / y - 1 / m)
        return wald_ratio(np.log((x / n) / (y / m)), error, confidence, method)

    if 0 in (tp, fp, fn, tn):
        odds = unknown("one cell of the 2 x 2 table is zero", method)
    else:
        odds = wald_ratio(np.log(tp * tn / (fp * fn)), np.sqrt(1 / tp + 1 / fp + 1 / fn + 1 / tn), confidence, method)
    return {
        "positive_likelihood_ratio": ratio(tp, tp + fn, fp, fp + tn),
        "negative_likelihood_ratio": ratio(fn, tp + fn, tn, fp + tn),
        "diagnostic_odds_ratio": odds,
    }


def indices(counts: dict[str, int]) -> dict[str, float | str | None]:
    """F1, Matthews correlation, Cohen's kappa, Youden index, balanced accuracy; None with ``why`` where undefined."""
    tp, fp, fn, tn = (counts[name] for name in ("tp", "fp", "fn", "tn"))
    n = tp + fp + fn + tn
    margins = float(tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    chance = ((tp + fp) * (tp + fn) + (tn + fp) * (tn + fn)) / n**2 if n else 1.0
    result: dict[str, float | str | None] = {
        "f1": 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else None,
        "mcc": (tp * tn - fp * fn) / float(np.sqrt(margins)) if margins else None,
        "kappa": ((tp + tn) / n - chance) / (1 - chance) if chance < 1 else None,
        "youden": None,
        "balanced_accuracy": None,
    }
    if tp + fn and tn + fp:
        both = tp / (tp + fn) + tn / (tn + fp)
        result |= {"youden": both - 1, "balanced_accuracy": both / 2}
    if None in result.values():
        result["why"] = "a row or a column of the 2 x 2 table is empty"
    return result


def mcnemar(right_a: np.ndarray, right_b: np.ndarray) -> dict:
    """Does one of two calls on the same patients go right more often? Arrays are bool [n]: the call was right.

    ``only_a`` and ``only_b`` are the discordant pairs; ``chi2`` and ``p`` are McNemar's test without continuity
    correction, ``p_exact`` the binomial test, to be preferred below some 25 discordant pairs.
    """
    only_a, only_b = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    result = {"n": int(right_a.size), "only_a": only_a, "only_b": only_b}
    discordant = only_a + only_b
    if discordant == 0:
        return {**result, "chi2": None, "p": None, "p_exact": 1.0, "why": "both models call every patient alike"}
    chi2 = (only_a - only_b) ** 2 / discordant
    exact = min(1.0, 2 * float(bdtr(min(only_a, only_b), discordant, 0.5)))
    return {**result, "chi2": chi2, "p": float(chdtrc(1, chi2)), "p_exact": exact}
