"""Compute how many patients a study needs for a given precision, and the precision of a given cohort.

Sources: external validation, Riley et al., Stat Med 2021;40:4230-4251 (O/E, calibration slope, c-statistic, net
benefit; R package pmvalsampsize); Buderer, Acad Emerg Med 1996;3:895-900 (sensitivity and specificity). Development,
Riley et al., Stat Med 2019;38:1276-1296 (R package pmsampsize). Hazard ratio: variance of Schoenfeld, Biometrika
1981;68:316-319.
"""

import numpy as np
from scipy.special import expit

from hscore.metrics.probability import clipped_logit
from hscore.statistics.common.estimates import normal_quantile
from hscore.statistics.diagnosis.discrimination import newcombe_error

# Target widths of the intervals of a prospective validation; for the hazard ratio: upper over lower end.
WIDTHS = {
    "AUC": 0.1,
    "sensitivity": 0.1,
    "specificity": 0.1,
    "O/E": 0.4,
    "calibration slope": 0.4,
    "standardised net benefit": 0.2,
    "hazard ratio": 4.0,
}

# Riley's targets for developing a model: uniform shrinkage, loss of Nagelkerke's R-squared, margin of the overall risk.
SHRINKAGE, OPTIMISM, RISK_MARGIN = 0.9, 0.05, 0.05
PARAMETERS = (1, 5, 10, 20)


def for_observed_expected(prevalence: float, width: float, confidence: float) -> int:
    """Return the patients needed for an O/E of 1 with an interval of this width (on the ratio scale)."""
    z = normal_quantile(confidence)
    # exp(z s) - exp(-z s) = width for the standard error s of log O/E
    error = np.arcsinh(width / 2) / z
    return int(np.ceil((1 - prevalence) / (prevalence * error**2)))


def for_auc(area: float, prevalence: float, width: float, confidence: float) -> int:
    """Return the patients needed for an AUC interval of this width (Newcombe's variance, as Riley et al. 2021)."""
    error = width / (2 * normal_quantile(confidence))

    def too_wide(n: int) -> bool:
        return newcombe_error(area, n * prevalence, n * (1 - prevalence)) > error

    low, high = 1, 2
    while too_wide(high):
        low, high = high, 2 * high
    while high - low > 1:  # too wide at low, not at high
        middle = (low + high) // 2
        low, high = (middle, high) if too_wide(middle) else (low, middle)
    return high


def for_slope(predictor: np.ndarray, width: float, confidence: float) -> int:
    """Return the patients needed for a calibration slope of 1 with an interval of this width.

    ``predictor`` [n] are logits of predicted risk, with the distribution of the target population.
    """
    risk = expit(predictor)
    weight = risk * (1 - risk)
    a, ab, b = weight.mean(), (weight * predictor).mean(), (weight * predictor**2).mean()
    error = width / (2 * normal_quantile(confidence))
    return int(np.ceil(a / (error**2 * (a * b - ab**2))))


def for_proportion(rate: float, share: float, width: float, confidence: float) -> int:
    """Return the patients needed for a sensitivity (or specificity) of ``rate``; ``share`` of all contribute to it."""
    z = normal_quantile(confidence)
    return int(np.ceil(np.ceil((2 * z / width) ** 2 * rate * (1 - rate)) / share))


def for_net_benefit(
    sensitivity: float, specificity: float, prevalence: float, threshold: float, width: float, confidence: float
) -> int:
    """Return the patients needed for this width of the standardised net benefit at a threshold probability."""
    weight = (1 - prevalence) / prevalence * threshold / (1 - threshold)
    variance = (
        sensitivity * (1 - sensitivity) / prevalence
        + weight**2 * specificity * (1 - specificity) / (1 - prevalence)
        + weight**2 * (1 - specificity) ** 2 / (prevalence * (1 - prevalence))
    )
    return int(np.ceil(variance / (width / (2 * normal_quantile(confidence))) ** 2))


def for_hazard_ratio(share: float, ratio: float, confidence: float) -> int:
    """Return the events needed for a hazard ratio whose interval's upper end is ``ratio`` times its lower end.

    ``share`` is the share of patients in one of the two groups. The variance of the log hazard ratio is 1 / (events
    share (1 - share)), which is valid near a ratio of 1 and slightly too small far from it.
    """
    error = np.log(ratio) / (2 * normal_quantile(confidence))
    return int(np.ceil(1 / (error**2 * share * (1 - share))))


def validation(
    y_true: np.ndarray,
    estimates: dict[str, dict],
    risk: np.ndarray | None,
    threshold: float | None,
    confidence: float,
) -> dict:
    """Return how many patients a prospective validation needs, if they are like this cohort.

    Args:
        y_true: outcome of this cohort, bool [n].
        estimates: this cohort's estimates under the names of ``WIDTHS``: the expected values, and, as ``here``, their
            precision in this cohort.
        risk: calibrated probabilities, float [n]; None without them.
        threshold: frozen cut-off on their scale; None without one.
        confidence: level of the intervals, 0..1.
    """
    prevalence = float(y_true.mean()) if y_true.size else None
    result = {"n": int(y_true.size), "positives": int(y_true.sum()), "prevalence": prevalence, "needed": []}
    if prevalence is None:
        return {**result, "why": "there are no patients to plan with"}
    if prevalence in (0, 1):
        return {**result, "why": "the cohort has only one class"}

    def plan(name: str, assumed: float, patients: int) -> None:
        here = {key: estimates.get(name, {}).get(key) for key in ("low", "high", "method")}
        known = None not in (here["low"], here["high"])
        result["needed"].append(
            {
                "for": name,
                "assumed": assumed,
                "width": WIDTHS[name],
                "here": {**here, "width": here["high"] - here["low"] if known else None},
                "patients": patients,
                "positives": int(np.ceil(patients * prevalence)),
            }
        )

    area, sensitivity, specificity = (estimates[name]["estimate"] for name in ("AUC", "sensitivity", "specificity"))
    if area is not None and 0 < area < 1:
        plan("AUC", area, for_auc(area, prevalence, WIDTHS["AUC"], confidence))
    for name, rate, share in (("sensitivity", sensitivity, prevalence), ("specificity", specificity, 1 - prevalence)):
        if rate is not None and 0 < rate < 1:
            plan(name, rate, for_proportion(rate, share, WIDTHS[name], confidence))
    plan("O/E", 1.0, for_observed_expected(prevalence, WIDTHS["O/E"], confidence))
    if risk is not None and np.unique(risk).size > 1:
        plan(
            "calibration slope",
            1.0,
            for_slope(clipped_logit(risk), WIDTHS["calibration slope"], confidence),
        )
    if threshold is not None and None not in (sensitivity, specificity) and 0 < threshold < 1:
        name = "standardised net benefit"
        assumed = sensitivity - (1 - specificity) * (1 - prevalence) / prevalence * threshold / (1 - threshold)
        patients = for_net_benefit(sensitivity, specificity, prevalence, threshold, WIDTHS[name], confidence)
        if patients:
            plan(name, assumed, patients)
    return result


def max_r2(prevalence: float) -> float:
    """Return the largest possible Cox-Snell R-squared of a binary outcome."""
    return float(1 - np.exp(2 * (prevalence * np.log(prevalence) + (1 - prevalence) * np.log1p(-prevalence))))


def for_development(parameters: int, r2: float, prevalence: float) -> dict[str, int]:
    """Return the patients needed to develop a logistic model, by Riley's three criteria; the largest counts.

    ``parameters`` counts all candidate parameters, ``r2`` is the expected Cox-Snell R-squared of the model.
    """
    small_optimism = r2 / (r2 + OPTIMISM * max_r2(prevalence))
    patients = {
        name: parameters / ((shrinkage - 1) * np.log1p(-r2 / shrinkage))
        for name, shrinkage in (("shrinkage", SHRINKAGE), ("optimism", small_optimism))
    }
    patients["overall risk"] = (1.96 / RISK_MARGIN) ** 2 * prevalence * (1 - prevalence)
    return {name: int(np.ceil(number)) for name, number in patients.items()}


def development(y_true: np.ndarray, log_likelihood: float | None) -> dict:
    """Return the model size for which the development cohort was large enough, by Riley's criteria.

    Args:
        y_true: bool [n].
        log_likelihood: of the recalibrated out-of-fold predictions, None without them.

    Returns:
        ``parameters`` is the largest number of parameters for which the cohort meets all criteria, ``needed`` the
        patients for some numbers of parameters.
    """
    n, prevalence = int(y_true.size), float(y_true.mean())
    result = {
        "n": n,
        "positives": int(y_true.sum()),
        "prevalence": prevalence,
        "r2": None,
        "max_r2": None,
        "parameters": None,
        "needed": [],
        "method": (
            f"Riley's criteria for logistic regression: shrinkage {SHRINKAGE}, optimism of Nagelkerke's R-squared "
            f"{OPTIMISM}, overall risk within {RISK_MARGIN}; Cox-Snell R-squared of the recalibrated out-of-fold scores"
        ),
    }
    if prevalence in (0, 1) or log_likelihood is None:
        return {**result, "why": "there are no calibrated out-of-fold predictions of both classes"}
    null = n * (prevalence * np.log(prevalence) + (1 - prevalence) * np.log1p(-prevalence))
    r2 = float(1 - np.exp(-2 * (log_likelihood - null) / n))
    result |= {"r2": r2, "max_r2": max_r2(prevalence)}
    if not 0 < r2 < SHRINKAGE:
        return {**result, "why": "the out-of-fold predictions are no better than the prevalence"}
    fitting = [p for p in range(1, n + 1) if max(for_development(p, r2, prevalence).values()) <= n]
    parameters = max(fitting, default=0)
    needed = [{"parameters": p, **for_development(p, r2, prevalence)} for p in PARAMETERS]
    if not parameters:
        largest = max(needed[0], key=lambda name: needed[0][name])
        result["why"] = (
            f"too small by Riley's criteria even for one parameter ({largest}: {needed[0][largest]} patients)"
        )
    return {**result, "parameters": parameters, "needed": needed}
