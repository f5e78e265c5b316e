"""Describe whether predicted probabilities agree with observed outcomes.

Shapes: ``y_true`` bool [n], ``predicted`` float [n] in 0..1. A prediction of 0 or 1, such as a yes/no reading, has no
logit. Measures that need one are then not estimable, and the number of such patients is reported.

Sources: Cox, Biometrika 1958;45:562-565 (intercept, slope); Brier, Mon Weather Rev 1950;78:1-3; Steyerberg, Clinical
Prediction Models, 2019 (scaled Brier); Austin and Steyerberg, Stat Med 2019;38:4051-4065 (ICI, E50, E90);
Spiegelhalter, Stat Med 1986;5:421-433; binomial variance of O:E, Debray et al., Stat Methods Med Res 2019;28:2768-2786,
and Riley et al., Stat Med 2021;40:4230-4251. The smooth is R's lowess, as in rms ``val.prob``.
"""

import numpy as np

from hscore.metrics import logistic
from hscore.metrics.probability import CLIP, clipped_logit
from hscore.statistics.common.bootstrap import percentile_band, percentile_interval
from hscore.statistics.common.estimates import not_estimable, two_sided_p, wald, wald_ratio
from hscore.statistics.common.smoother import Lowess

LARGEST_ERROR = 5.0  # of a slope; beyond it a 95 % interval is about 20 wide, compared with an ideal value of 1
O_E = "binomial, Wald on the log scale"
LINE = "logistic recalibration, Wald"
FEW_VALUES = 10  # up to this many different predictions, observed shares replace the smooth curve
CURVE_POINTS = 50


def describe(y_true: np.ndarray, predicted: np.ndarray, confidence: float, counts: np.ndarray) -> dict:
    """Return every calibration measure with its interval.

    Without patients, or with missing predictions, all are None with the reason.

    Args:
        y_true: bool [n].
        predicted: float [n], 0..1.
        confidence: level of the intervals, 0..1.
        counts: bootstrap draws, [resamples, n].
    """
    n, events = int(y_true.size), int(y_true.sum())
    missing = int((~np.isfinite(predicted)).sum())
    if missing or not n:
        return _nothing(n, events, f"{missing} predictions are missing" if missing else "there are no patients")
    return {
        "n": n,
        "events": events,
        "clipped": int(((predicted < CLIP) | (predicted > 1 - CLIP)).sum()),
        "observed_rate": events / n,
        "mean_predicted": float(predicted.mean()),
        "observed_expected": observed_expected(y_true, predicted, confidence),
        **intercept_and_slope(y_true, predicted, confidence),
        **brier(y_true, predicted, confidence, counts),
        **smooth_curve(y_true, predicted, confidence, counts),
        "spiegelhalter": spiegelhalter(y_true, predicted),
    }


def _nothing(n: int, events: int, why: str) -> dict:
    """Return the content of ``describe`` where nothing can be computed."""
    curve = {"predicted": [], "observed": [], "low": [], "high": [], "method": "none"}
    methods = {"observed_expected": O_E, "intercept": LINE, "slope": LINE, "brier": "none", "scaled_brier": "none"}
    return {
        **{"n": n, "events": events, "clipped": 0, "observed_rate": None, "mean_predicted": None, "why": why},
        **{name: not_estimable(why, method) for name, method in methods.items()},
        **{"ici": None, "e50": None, "e90": None, "emax": None, "curve": curve},
        "spiegelhalter": {"z": None, "p": None, "why": why},
    }


def observed_expected(y_true: np.ndarray, predicted: np.ndarray, confidence: float) -> dict:
    """Return the observed over the expected number of events, with the binomial interval on the log scale.

    The variance of log O:E is (1 - O / n) / O, as in the formula for planning studies (``precision``). Poisson's 1 / O
    suits rare events and is too large here.
    """
    n, events, expected = int(y_true.size), int(y_true.sum()), float(predicted.sum())
    if events == 0 or expected == 0:
        return not_estimable("there are no observed or no expected events", O_E)
    if events == n:
        return {**not_estimable("all patients are positive: the variance is zero", O_E), "estimate": events / expected}
    return wald_ratio(np.log(events / expected), np.sqrt((1 - events / n) / events), confidence, O_E)


def intercept_and_slope(y_true: np.ndarray, predicted: np.ndarray, confidence: float) -> dict:
    """Return ``intercept`` (calibration in the large: slope fixed at 1) and ``slope`` of logistic recalibration.

    Neither is estimable where a prediction is 0 or 1, because any replacement of its infinite logit would determine the
    result. A slope is not estimable either if its standard error is so large that it is uninformative, because the
    predictions hardly differ or almost separate the classes.
    """
    method = LINE
    if certain := int(((predicted < CLIP) | (predicted > 1 - CLIP)).sum()):
        why = f"{certain} predictions are 0 or 1, which has no logit"
        return {"intercept": not_estimable(why, method), "slope": not_estimable(why, method)}
    predictor = clipped_logit(predicted)
    in_the_large = logistic.fit(np.empty((y_true.size, 0)), y_true, predictor)
    with_slope = logistic.fit(predictor[:, None], y_true)
    why = "the outcome is the same in all patients or separated perfectly, or all predictions are equal"
    if with_slope and with_slope.errors[1] > LARGEST_ERROR:
        why = (
            "the predictions hardly differ, or almost separate the classes (standard error "
            f"{with_slope.errors[1]:.1f} of a slope of {with_slope.coefficients[1]:.1f})"
        )
        with_slope = None
    return {
        "intercept": wald(in_the_large.coefficients[0], in_the_large.errors[0], confidence, method)
        if in_the_large
        else not_estimable("the outcome is the same in all patients", method),
        "slope": wald(with_slope.coefficients[1], with_slope.errors[1], confidence, method)
        if with_slope
        else not_estimable(why, method),
    }


def brier(y_true: np.ndarray, predicted: np.ndarray, confidence: float, counts: np.ndarray) -> dict:
    """Return Brier score and scaled Brier (1 minus Brier over that of the prevalence), with bootstrap intervals."""
    method = f"percentile bootstrap, {len(counts)} resamples"
    error = (y_true - predicted) ** 2
    rate = y_true.mean()
    score = float(error.mean())
    total = counts.sum(axis=1)
    draws, rates = counts @ error / total, counts @ y_true / total
    result = {"brier": {"estimate": score, **percentile_interval(draws, confidence), "method": method}}
    if rate in (0, 1):
        why = "the outcome is the same in all patients, so predicting the prevalence is perfect"
        return {**result, "scaled_brier": not_estimable(why, method)}
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = 1 - draws / (rates * (1 - rates))
    value = float(1 - score / (rate * (1 - rate)))
    return {**result, "scaled_brier": {"estimate": value, **percentile_interval(scaled, confidence), "method": method}}


def smooth_curve(y_true: np.ndarray, predicted: np.ndarray, confidence: float, counts: np.ndarray) -> dict:
    """Return ICI, E50, E90, Emax (distances of the flexible curve from the diagonal over the patients) and the curve.

    These distances have no interval: resampling only adds noise to the curve, so a bootstrap interval often excludes
    its own estimate. The curve has a band. For a model with few different predictions (such as a yes/no finding), the
    observed share at each value replaces the curve.
    """
    values = np.unique(predicted)
    if values.size <= FEW_VALUES:
        name, grid = "observed share at each predicted value", values
        member = (predicted[:, None] == values).astype(float)
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = (counts * y_true) @ member / (counts @ member)
        curve = (y_true @ member) / member.sum(axis=0)
        observed = curve[np.searchsorted(values, predicted)]
    else:
        name, grid = (
            "lowess, two thirds of the points, no robustness steps",
            np.linspace(*values[[0, -1]], CURVE_POINTS),
        )
        smoother = Lowess(predicted)
        curve, draws = smoother(y_true * 1.0, grid), smoother(y_true * 1.0, grid, counts)
        observed = smoother(y_true * 1.0, predicted)
    distance = np.abs(observed - predicted)
    return {
        "ici": float(distance.mean()),
        "e50": float(np.quantile(distance, 0.5)),
        "e90": float(np.quantile(distance, 0.9)),
        "emax": float(distance.max()),
        "curve": {
            "predicted": grid.tolist(),
            "observed": curve.tolist(),
            **percentile_band(draws, confidence),
            "method": f"{name}; pointwise percentile bootstrap, {len(counts)} resamples",
        },
    }


def spiegelhalter(y_true: np.ndarray, predicted: np.ndarray) -> dict:
    """Return ``z`` and ``p`` of Spiegelhalter's test of calibration."""
    weight = 1 - 2 * predicted
    variance = float((weight**2 * predicted * (1 - predicted)).sum())
    if variance == 0:
        return {"z": None, "p": None, "why": "every prediction is 0, 0.5 or 1"}
    z = float(((y_true - predicted) * weight).sum() / np.sqrt(variance))
    return {"z": z, "p": two_sided_p(z)}
