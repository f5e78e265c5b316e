"""Define the form of every estimate: value, interval, the method's name, and the reason if it is missing.

No function of this package returns NaN or infinity. An estimate that cannot be computed is None with a sentence in
``why``.
"""

from typing import Any

import numpy as np
from scipy.special import expit, logit, ndtr, ndtri

LARGEST_LOG_RATIO = float(np.log(np.finfo(float).max))
TOO_LARGE = "the ratio per unit is too large or too small to write; use a smaller unit"


def normal_quantile(confidence: float) -> float:
    """Return the two-sided standard normal quantile: 1.96 for a confidence of 0.95."""
    return float(ndtri(0.5 + confidence / 2))


def two_sided_p(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic."""
    return float(2 * ndtr(-abs(z)))


def finite_or_none(value: float) -> float | None:
    """Return the value as a plain float, None if it is NaN or infinite."""
    return float(value) if np.isfinite(value) else None


def estimate(value: float, low: float, high: float, method: str, **more: Any) -> dict:
    """Return a computed estimate with its interval."""
    return {
        "estimate": float(value),
        "low": finite_or_none(low),
        "high": finite_or_none(high),
        "method": method,
        **more,
    }


def not_estimable(why: str, method: str, **more: Any) -> dict:
    """Return an estimate that cannot be computed, with the reason in one sentence."""
    return {"estimate": None, "low": None, "high": None, "method": method, **more, "why": why}


def wald(value: float, error: float, confidence: float, method: str, **more: Any) -> dict:
    """Return an estimate with the symmetric interval value +- z x standard error."""
    margin = normal_quantile(confidence) * error
    return estimate(value, value - margin, value + margin, method, **more)


def wald_share(value: float, error: float, confidence: float, method: str, **more: Any) -> dict:
    """Return an estimate between 0 and 1 with its Wald interval on the logit scale, which stays between 0 and 1.

    An estimate of 0 or 1, or a standard error of zero, has no such interval, with the reason in ``why``.
    """
    if not error > 0 or not 0 < value < 1:
        why = "the standard error is zero" if error == 0 else "an estimate of 0 or 1 has no standard error"
        return {**not_estimable(f"{why}, so these patients give no interval", method, **more),
                "estimate": float(value)}  # fmt: skip
    margin = normal_quantile(confidence) * error / (value * (1 - value))
    return estimate(value, expit(logit(value) - margin), expit(logit(value) + margin), method, **more)


def wald_ratio(log_value: float, log_error: float, confidence: float, method: str, **more: Any) -> dict:
    """Return a ratio with its Wald interval on the log scale: exp(log value +- z x standard error)."""
    if abs(log_value) > LARGEST_LOG_RATIO:
        return not_estimable(TOO_LARGE, method, **more)
    margin = normal_quantile(confidence) * log_error
    with np.errstate(over="ignore"):  # an end that is too large is None
        return estimate(np.exp(log_value), np.exp(log_value - margin), np.exp(log_value + margin), method, **more)
