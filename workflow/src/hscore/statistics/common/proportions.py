"""Compute proportions of patients and their intervals, by name.

Sources: Wilson, JASA 1927;22:209-212 (score interval, no continuity correction, as R's
``prop.test(correct = FALSE)``); Clopper and Pearson, Biometrika 1934;26:404-413 (exact, as R's ``binom.test``).
"""

import numpy as np
from scipy.special import betaincinv

from hscore.statistics.common.estimates import estimate, normal_quantile, not_estimable


def wilson(numerator: int, denominator: int, confidence: float) -> tuple[float, float]:
    """Return the Wilson score interval of numerator / denominator."""
    z = normal_quantile(confidence)
    rate = numerator / denominator
    middle = (rate + z**2 / (2 * denominator)) / (1 + z**2 / denominator)
    margin = z * np.sqrt(rate * (1 - rate) / denominator + z**2 / (4 * denominator**2)) / (1 + z**2 / denominator)
    # at 0 and 1 the formula gives the bound exactly; rounding must not push it outside
    low = 0.0 if numerator == 0 else float(middle - margin)
    high = 1.0 if numerator == denominator else float(middle + margin)
    return low, high


def clopper_pearson(numerator: int, denominator: int, confidence: float) -> tuple[float, float]:
    """Return the exact Clopper-Pearson interval of numerator / denominator."""
    tail = (1 - confidence) / 2
    low, high = 0.0, 1.0
    if numerator > 0:
        low = float(betaincinv(numerator, denominator - numerator + 1, tail))
    if numerator < denominator:
        high = float(betaincinv(numerator + 1, denominator - numerator, 1 - tail))
    return low, high


INTERVALS = {"wilson": wilson, "clopper-pearson": clopper_pearson}
NAMES = {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson"}


def proportion(numerator: int, denominator: int, interval: str, confidence: float, of: str = "patients") -> dict:
    """Return a proportion with numerator, denominator and named interval; None with the reason if the denominator is 0.

    ``of`` names the denominator in that sentence ("patients with metastasis").
    """
    counts = {"numerator": int(numerator), "denominator": int(denominator)}
    if denominator == 0:
        return not_estimable(f"there are no {of}", NAMES[interval], **counts)
    low, high = INTERVALS[interval](numerator, denominator, confidence)
    return estimate(numerator / denominator, low, high, NAMES[interval], **counts)
