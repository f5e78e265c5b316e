"""How many patients a study needs for a stated precision, and what precision a given cohort has.

Sources: Riley et al., Stat Med 2021;40:4230-4251 (external validation of a binary outcome: O/E, calibration slope,
c-statistic; as ``pmvalsampsize``); Hanley and McNeil 1982 for the AUC given numbers of patients; Buderer, Acad Emerg
Med 1996;3:895-900 for sensitivity and specificity.
"""

import numpy as np
from scipy.special import expit, logit

from hscore.statistics.calibration import cut
from hscore.statistics.estimates import quantile


def for_observed_expected(prevalence: float, width: float, confidence: float) -> int:
    """Patients needed for an O/E of 1 with an interval of this width (on the ratio scale)."""
    z = quantile(confidence)
    # exp(z s) - exp(-z s) = width for the standard error s of log O/E
    error = np.arcsinh(width / 2) / z
    return int(np.ceil((1 - prevalence) / (prevalence * error**2)))


def for_auc(area: float, prevalence: float, width: float, confidence: float) -> int:
    """Patients needed for an AUC interval of this width (Newcombe's variance, as Riley et al. 2021)."""
    error = width / (2 * quantile(confidence))
    n = 10
    while auc_error(area, n, prevalence) > error:
        n = max(n + 1, int(n * 1.001))
    while n > 10 and auc_error(area, n - 1, prevalence) <= error:
        n -= 1
    return n


def auc_error(area: float, n: int, prevalence: float) -> float:
    """Standard error of an AUC by Newcombe's method 4 (Stat Med 2006;25:559-573)."""
    mixed = 1 + (n / 2 - 1) * (1 - area) / (2 - area) + (n / 2 - 1) * area / (1 + area)
    return float(np.sqrt(area * (1 - area) * mixed / (n**2 * prevalence * (1 - prevalence))))


def for_slope(predictor: np.ndarray, width: float, confidence: float) -> int:
    """Patients needed for a calibration slope of 1 with an interval of this width.

    ``predictor`` [n] are logits of predicted risk, as distributed in the population to be studied.
    """
    risk = expit(predictor)
    weight = risk * (1 - risk)
    a, ab, b = weight.mean(), (weight * predictor).mean(), (weight * predictor**2).mean()
    error = width / (2 * quantile(confidence))
    return int(np.ceil(a / (error**2 * (a * b - ab**2))))


def for_proportion(rate: float, share: float, width: float, confidence: float) -> int:
    """Patients needed for a sensitivity (or specificity) of ``rate``: ``share`` of all patients count for it."""
    z = quantile(confidence)
    return int(np.ceil(np.ceil((2 * z / width) ** 2 * rate * (1 - rate)) / share))


# Widths of the 95 % intervals a prospective validation would aim at.
WIDTHS = {"AUC": 0.1, "sensitivity": 0.1, "specificity": 0.1, "O/E": 0.4, "calibration slope": 0.4}


def report(
    positive: np.ndarray,
    area: float | None,
    sensitivity: float | None,
    specificity: float | None,
    risk: np.ndarray | None,
    confidence: float,
) -> dict:
    """How many patients a prospective validation needs, if this cohort (``positive`` bool [n]) shows what to expect.

    ``risk`` float [n] are calibrated probabilities, None where there are none.
    """
    prevalence = float(positive.mean())
    result = {"n": int(positive.size), "positives": int(positive.sum()), "prevalence": prevalence, "needed": []}
    if prevalence in (0, 1):
        return {**result, "why": "the cohort has one class only: there is nothing to plan with"}

    def row(name: str, assumed: float, patients: int) -> dict:
        return {"for": name, "assumed": assumed, "width": WIDTHS[name], "patients": patients}

    if area is not None and area < 1:
        result["needed"].append(row("AUC", area, for_auc(area, prevalence, WIDTHS["AUC"], confidence)))
    for name, rate, share in (("sensitivity", sensitivity, prevalence), ("specificity", specificity, 1 - prevalence)):
        if rate is not None and 0 < rate < 1:
            patients = for_proportion(rate, share, WIDTHS[name], confidence)
            result["needed"].append(row(name, rate, patients))
    patients = for_observed_expected(prevalence, WIDTHS["O/E"], confidence)
    result["needed"].append(row("O/E", 1.0, patients))
    if risk is not None and np.unique(risk).size > 1:
        patients = for_slope(logit(cut(risk)), WIDTHS["calibration slope"], confidence)
        result["needed"].append(row("calibration slope", 1.0, patients))
    return result
