"""Compare a rerun with a published value: the difference of two independent estimates against a margin.

The interval of the difference adds the squared distances from each estimate to the ends of its own interval. For
proportions with Wilson's intervals this is Newcombe, Stat Med 1998;17:873-890, method 10; for any other pair of
intervals Zou and Donner, Stat Med 2008;27:1693-1702 (MOVER). Ratios are compared on the log scale.

Entries are mappings with ``estimate``, ``low`` and ``high``.
"""

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtri

from hscore.statistics.common.estimates import estimate, normal_quantile, wald_ratio
from hscore.statistics.diagnosis.discrimination import NEWCOMBE, newcombe_interval

AGREES, INCONCLUSIVE, DIFFERS = "agrees", "inconclusive", "differs"
METHOD = "square-and-add of both intervals"


def difference(ours: Mapping, theirs: Mapping, ratio: bool = False) -> dict:
    """Return ours minus theirs with its interval, which ends at -1 and 1; of ratios, ours over theirs.

    Args:
        ours: entry of a share or an AUC, 0 to 1; with ``ratio`` all three above zero.
        theirs: entry of other patients, on the same scale and at the same level of confidence.
        ratio: whether to take the difference on the log scale.

    Returns:
        An estimate.
    """
    rows = [np.array([entry[key] for key in ("estimate", "low", "high")], dtype=float) for entry in (ours, theirs)]
    (a, a_low, a_high), (b, b_low, b_high) = (np.log(rows) if ratio else np.array(rows)).tolist()
    ends = np.array([a - b, a - b - np.hypot(a - a_low, b_high - b), a - b + np.hypot(a_high - a, b - b_low)])
    return estimate(*(np.exp(ends) if ratio else np.clip(ends, -1, 1)), METHOD)


def verdict(gap: Mapping, margin: float, ratio: bool = False) -> str:
    """Return whether two values agree, differ, or whether the comparison is inconclusive.

    They agree where the whole interval of the ``difference`` is within the margin, even if it excludes zero.
    Otherwise they differ where it excludes zero.

    Args:
        gap: entry of the difference or ratio.
        margin: largest difference without importance, above 0; of ratios a factor above 1.
        ratio: whether both are ratios.

    Returns:
        One of ``AGREES``, ``INCONCLUSIVE`` and ``DIFFERS``.
    """
    low, high, border = gap["low"], gap["high"], margin
    if ratio:
        low, high, border = np.log(low), np.log(high), np.log(margin)
    if -border <= low and high <= border:
        return AGREES
    return DIFFERS if low > 0 or high < 0 else INCONCLUSIVE


def can_agree(theirs: Mapping, margin: float, ratio: bool = False) -> bool:
    """Return whether a rerun without any error could agree: their interval is at most two margins wide."""
    if ratio:
        return bool(theirs["high"] / theirs["low"] <= margin**2)
    return bool(theirs["high"] - theirs["low"] <= 2 * margin)


def widen_interval(entry: Mapping, error: float, confidence: float) -> dict:
    """Return the entry with an independent standard error added to its interval by square-and-add."""
    value, extra = entry["estimate"], normal_quantile(confidence) * error
    low, high = value - np.hypot(value - entry["low"], extra), value + np.hypot(entry["high"] - value, extra)
    return {**entry, "low": float(low), "high": float(high)}


def published_auc(area: float, positives: int, negatives: int, confidence: float) -> dict:
    """Return a published AUC with the interval that its numbers of patients give (Newcombe's method 5)."""
    return estimate(area, *newcombe_interval(area, positives, negatives, confidence), NEWCOMBE)


def ratio_from_bound(ratio: float, p_below: float, confidence: float) -> dict:
    """Return a published ratio of which only ``p < p_below`` is known, with the widest interval that this allows.

    A two-sided Wald p below ``p_below`` means that the standard error of the logarithm is below |log ratio| divided by
    the normal quantile of 1 - p_below / 2. That bound replaces the error, so that the interval is never too short.
    """
    error = abs(np.log(ratio)) / -ndtri(p_below / 2)
    return wald_ratio(np.log(ratio), error, confidence, f"widest interval compatible with p < {p_below:g}")
