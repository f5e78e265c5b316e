"""Do predicted probabilities agree with what happened?

Shapes: ``y_true`` bool [n], ``predicted`` float [n] in 0..1. A prediction of 0 or 1, such as a yes/no reading, has no
logit: what needs one is not estimable, and the number of patients this concerns is reported.

Sources: Cox, Biometrika 1958;45:562-565 (intercept, slope); Brier, Mon Weather Rev 1950;78:1-3; Steyerberg, Clinical
Prediction Models, 2019 (scaled Brier); Austin and Steyerberg, Stat Med 2019;38:4051-4065 (ICI, E50, E90);
Spiegelhalter, Stat Med 1986;5:421-433; binomial variance of O:E, Debray et al., Stat Methods Med Res 2019;28:2768-2786,
and Riley et al., Stat Med 2021;40:4230-4251. The smooth is R's lowess, as in rms ``val.prob``.
"""

import numpy as np
from scipy.special import logit, xlog1py, xlogy

from hscore.statistics.common import logistic
from hscore.statistics.common.bootstrap import band, interval
from hscore.statistics.common.estimates import not_estimable, two_sided_p, wald, wald_ratio
from hscore.statistics.common.smoother import Lowess

CLIP = 1e-6
LARGEST_ERROR = 5.0  # of a slope: beyond it a 95 % interval is some 20 wide, about an ideal value of 1
O_E = "binomial, Wald on the log scale"
LINE = "logistic recalibration, Wald"
FEW_VALUES = 10  # up to so many different predictions the observed share of each is shown, not a smooth
CURVE_POINTS = 50


def clip_probability(predicted: np.ndarray) -> np.ndarray:
    """Probabilities whose logit is finite."""
    return np.clip(predicted, CLIP, 1 - CLIP)


def describe(y_true: np.ndarray, predicted: np.ndarray, confidence: float, counts: np.ndarray) -> dict:
    """Every calibration measure with its interval; ``counts`` [resamples, n] are bootstrap draws.

    Without patients, or with predictions that are no numbers, all are None with the reason.
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
        **line(y_true, predicted, confidence),
        **brier(y_true, predicted, confidence, counts),
        **smooth(y_true, predicted, confidence, counts),
        "spiegelhalter": spiegelhalter(y_true, predicted),
    }


def _nothing(n: int, events: int, why: str) -> dict:
    """Return what ``describe`` returns where nothing can be computed."""
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

    The variance of log O:E is (1 - O / n) / O, that of the formula by which studies are planned (``precision``).
    Poisson's 1 / O would be right for rare events and is too large here.
    """
    n, events, expected = int(y_true.size), int(y_true.sum()), float(predicted.sum())
    if events == 0 or expected == 0:
        return not_estimable("there are no observed or no expected events", O_E)
    if events == n:
        return {**not_estimable("all patients are positive: the variance is zero", O_E), "estimate": events / expected}
    return wald_ratio(np.log(events / expected), np.sqrt((1 - events / n) / events), confidence, O_E)


def line(y_true: np.ndarray, predicted: np.ndarray, confidence: float) -> dict:
    """``intercept`` (calibration in the large: slope held at 1) and ``slope`` of the logistic recalibration.

    Neither is estimable where a prediction is 0 or 1: any number put in the place of its infinite logit would decide
    the result. Nor is a slope whose standard error is so large that it says nothing, because the predictions hardly
    differ or all but separate the classes.
    """
    method = LINE
    if certain := int(((predicted < CLIP) | (predicted > 1 - CLIP)).sum()):
        why = f"{certain} predictions are 0 or 1, which has no logit"
        return {"intercept": not_estimable(why, method), "slope": not_estimable(why, method)}
    predictor = logit(clip_probability(predicted))
    large = logistic.fit(np.empty((y_true.size, 0)), y_true, predictor)
    both = logistic.fit(predictor[:, None], y_true)
    why = "the outcome is the same in all patients or separated perfectly, or all predictions are equal"
    if both and both.errors[1] > LARGEST_ERROR:
        why = (
            f"the predictions hardly differ, or all but separate the classes (standard error {both.errors[1]:.1f} of a "
            f"slope of {both.coefficients[1]:.1f})"
        )
        both = None
    return {
        "intercept": wald(large.coefficients[0], large.errors[0], confidence, method)
        if large
        else not_estimable("the outcome is the same in all patients", method),
        "slope": wald(both.coefficients[1], both.errors[1], confidence, method) if both else not_estimable(why, method),
    }


def brier(y_true: np.ndarray, predicted: np.ndarray, confidence: float, counts: np.ndarray) -> dict:
    """Brier score, and scaled Brier (1 minus Brier over that of predicting the prevalence), bootstrap intervals."""
    method = f"percentile bootstrap, {len(counts)} resamples"
    error = (y_true - predicted) ** 2
    rate = y_true.mean()
    score = float(error.mean())
    total = counts.sum(axis=1)
    draws, rates = counts @ error / total, counts @ y_true / total
    result = {"brier": {"estimate": score, **interval(draws, confidence), "method": method}}
    if rate in (0, 1):
        why = "the outcome is the same in all patients, so predicting the prevalence is perfect"
        return {**result, "scaled_brier": not_estimable(why, method)}
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = 1 - draws / (rates * (1 - rates))
    value = float(1 - score / (rate * (1 - rate)))
    return {**result, "scaled_brier": {"estimate": value, **interval(scaled, confidence), "method": method}}


def smooth(y_true: np.ndarray, predicted: np.ndarray, confidence: float, counts: np.ndarray) -> dict:
    """ICI, E50, E90, Emax (distance of the flexible curve from the diagonal over the patients) and the curve.

    These distances come without an interval: resampling only adds noise to the curve, so that a bootstrap interval of
    them regularly excludes its own estimate. The curve has a band. A model with few different predictions (such as a
    yes/no finding) has no curve between them: the observed share at each value takes its place.
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
    error = np.abs(observed - predicted)
    return {
        "ici": float(error.mean()),
        "e50": float(np.quantile(error, 0.5)),
        "e90": float(np.quantile(error, 0.9)),
        "emax": float(error.max()),
        "curve": {
            "predicted": grid.tolist(),
            "observed": curve.tolist(),
            **band(draws, confidence),
            "method": f"{name}; pointwise percentile bootstrap, {len(counts)} resamples",
        },
    }


def spiegelhalter(y_true: np.ndarray, predicted: np.ndarray) -> dict:
    """Spiegelhalter's test of calibration: ``z``, ``p``."""
    weight = 1 - 2 * predicted
    variance = float((weight**2 * predicted * (1 - predicted)).sum())
    if variance == 0:
        return {"z": None, "p": None, "why": "every prediction is 0, 0.5 or 1"}
    z = float(((y_true - predicted) * weight).sum() / np.sqrt(variance))
    return {"z": z, "p": two_sided_p(z)}


def log_loss(y_true: np.ndarray, predicted: np.ndarray) -> float:
    """Mean negative log likelihood of the predictions."""
    return float(-(xlogy(y_true, predicted) + xlog1py(~y_true, -predicted)).mean())
