"""Turn the members' scores into one H score with the same meaning in every fold and in both cohorts.

A member was trained without one fold: it is one network, or the mean of the networks of all seeds. Raw scores of
different members should not be pooled or averaged, for two reasons.

1. **Each member has its own intercept and slope.** A fold with more positives among similar patients leaves fewer
   to train on, so that the fold's patients get lower scores. Pooled out-of-fold AUCs are therefore biased
   downwards (Parker et al., BMC Bioinformatics 2007;8:326; Forman and Scholz, SIGKDD Explorations 2010;12:49-57;
   Airola et al., Comput Stat Data Anal 2011;55:1828-44). The members are therefore *aligned*: each member's logits of
   all development patients get the same mean and standard deviation. No outcome is used. The reference patients are
   the same for all members, so that members that order patients by one variable give the same score in every fold.
   Fitting each fold's map on the outcomes of that fold would leak: a 0/1 reading with AUC 0.78 would get 0.81.
2. **A score is not a risk.** Networks train with balanced classes. One strictly increasing map, the same for all
   members, is fitted on the aligned out-of-fold scores and outcomes. It preserves the order of the scores, and
   therefore every AUC, comparison, choice of model, and group on either side of a threshold.

Both are frozen. An external patient gets the risk by every member, and their mean. Each member's risk is calibrated on
patients that it did not see. The mean is then calibrated in the large as well; a mean of logits would not be.

The maps: ``platt``, a logistic line on the logit (Platt, in Advances in Large Margin Classifiers, 1999) with Firth's
slope, finite where a score separates the classes, and the intercept at which the mean risk is the observed share
(FLIC: Puhr et al., Stat Med 2017;36:2302-17). ``isotonic``, the nearest non-decreasing step function (Zadrozny and
Elkan, KDD 2002), interpolated between the middles of its steps, needs hundreds of patients. ``none``: aligned scores.

Shapes: M members, P patients. A calibration is plain JSON: ``alignment`` and ``recalibration``. The latter has its
``method``, then ``intercept`` and ``slope``, or ``predicted`` and ``risk`` (points of the curve), or ``why`` there is
none. With several seeds the predict step adds ``seeds``, the alignment of each seed's networks alone.
"""

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import expit

from hscore.errors import UserError
from hscore.metrics import logistic
from hscore.metrics.probability import clipped_logit

FALLS = "the development scores do not rise with the frequency of metastasis"
DIGITS = 9  # of an aligned logit: patients with equal scores stay tied
SMALLEST = 10.0**-DIGITS  # deviation of logits; a smaller one is rounding, and the logits are constant
ORDER = 1e-3  # share of the score itself in an isotonic risk, so that patients of one step are not tied


def fit(scores: np.ndarray, unseen: np.ndarray, y_true: np.ndarray, method: str) -> dict:
    """Return the calibration of a model from development alone.

    Args:
        scores: probabilities [M, P] by every member, for patients it saw and did not see; NaN where it gives none.
        unseen: bool [M, P], True for the one member that never saw the patient.
        y_true: outcome, bool [P].
        method: ``validate.recalibration`` of the config.

    Raises:
        UserError: the method is unknown.
    """
    if method not in METHODS:
        raise UserError(f"validate.recalibration is '{method}'; write one of {', '.join(METHODS)}")
    alignment = align(scores)
    out_of_fold = aligned_logits(alignment, scores)[unseen.argmax(axis=0), np.arange(scores.shape[1])]
    known = np.isfinite(out_of_fold)
    risk_map = METHODS[method](np.asarray(y_true, bool)[known], out_of_fold[known])
    return {"alignment": alignment, "recalibration": {"method": method, **(risk_map or {"why": FALLS})}}


def apply(calibration: dict, scores: np.ndarray) -> np.ndarray:
    """Return the calibrated risks [M, P] of the members' probabilities [M, P]; NaN stays NaN."""
    logits, recalibration = aligned_logits(calibration["alignment"], scores), calibration["recalibration"]
    if "slope" in recalibration:
        logits = recalibration["intercept"] + recalibration["slope"] * logits
    with np.errstate(invalid="ignore"):
        score = expit(logits)
    if "risk" not in recalibration:
        return score
    return (1 - ORDER) * np.interp(score, recalibration["predicted"], recalibration["risk"]) + ORDER * score


def align(scores: np.ndarray) -> dict:
    """Return the alignment of members with probabilities [M, P]: mean and deviation of logits, each and common."""
    logits = clipped_logit(scores)
    location, scale = np.nanmean(logits, axis=1), np.nanstd(logits, axis=1)
    scale = np.where(scale < SMALLEST, 0.0, scale)
    common = {"location": float(location.mean()), "scale": float(scale.mean())}
    return {"location": location.tolist(), "scale": scale.tolist(), "to": common}


def standardized_scores(scores: np.ndarray) -> np.ndarray:
    """Return the scores [P] of one member, 0 to 1, aligned to mean 0 and deviation 1 of the logits."""
    common = {"location": 0.0, "scale": 1.0}
    return expit(aligned_logits(align(scores[None]) | {"to": common}, scores[None])[0])


def aligned_logits(alignment: dict, scores: np.ndarray) -> np.ndarray:
    """Return the members' logits [M, P], each member's shifted and scaled to the common mean and deviation."""
    location, scale = (np.array(alignment[key])[:, None] for key in ("location", "scale"))
    standardized = (clipped_logit(scores) - location) / np.where(scale < SMALLEST, 1.0, scale)
    return np.round(alignment["to"]["location"] + alignment["to"]["scale"] * standardized, DIGITS)


def _platt(y_true: np.ndarray, logits: np.ndarray) -> dict | None:
    center, deviation = logits.mean(), logits.std()
    if deviation < SMALLEST or y_true.all() or not y_true.any():
        return None
    slope = logistic.fit_firth(((logits - center) / deviation)[:, None], y_true)[1] / deviation
    if slope <= 0:
        return None
    return {"intercept": _intercept(y_true, slope * logits), "slope": float(slope)}


def _intercept(y_true: np.ndarray, logits: np.ndarray) -> float:
    """Return the intercept at which the mean risk is the share of positives, by bisection to the last digit."""
    low, high = -logits.max() - 40.0, -logits.min() + 40.0
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if expit(middle + logits).mean() < y_true.mean() else (low, middle)
    return float(middle)


def _isotonic(y_true: np.ndarray, logits: np.ndarray) -> dict | None:
    """Return the points of the isotonic curve.

    scikit-learn's ``IsotonicRegression`` calls the same function of scipy, but interpolates between the ends of steps.
    """
    values, inverse = np.unique(expit(logits), return_inverse=True)
    weights = np.bincount(inverse).astype(float)
    fitted = isotonic_regression(np.bincount(inverse, y_true) / weights, weights=weights)
    steps = fitted.blocks[:-1]
    if len(steps) == 1:
        return None
    middles = np.add.reduceat(values * weights, steps) / np.add.reduceat(weights, steps)
    return {"predicted": middles.tolist(), "risk": fitted.x[steps].tolist()}


def _none(y_true: np.ndarray, logits: np.ndarray) -> dict:
    return {"why": "the setting validate.recalibration is none"}


METHODS = {"platt": _platt, "isotonic": _isotonic, "none": _none}
