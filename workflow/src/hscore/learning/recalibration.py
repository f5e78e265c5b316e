"""From scores to risks: calibration fitted on out-of-fold development scores.

A score of a network trained with balanced classes ranks patients; it is no probability for a cohort in which one in
five has metastases. ``platt``: logistic regression on the score's logit, fitted by Firth's method in place of Platt's
smoothed targets, for the same reason (J. Platt, in Advances in Large Margin Classifiers, 1999). ``isotonic``: the
non-decreasing step function nearest to the outcomes (B. Zadrozny and C. Elkan, KDD 2002), linear between the steps'
middles; it needs hundreds of patients. Neither is fitted on a patient whose own risk it gives, and neither turns an
order round.
"""

import numpy as np
import pandas as pd

from hscore.errors import UserError
from hscore.learning import firth

METHODS = ("platt", "isotonic", "none")


def fit(scores: np.ndarray, labels: np.ndarray, method: str) -> dict:
    """The calibration of ``scores`` float [P] by ``labels`` 0/1 [P], as plain JSON, for ``apply``.

    Platt's slope is never negative: where scores do not rise with metastasis every risk is the share of positives.
    """
    if method == "platt":
        intercept, slope = firth.fit(firth.logit(scores)[:, None], labels)
        if slope < 0:
            (intercept,), slope = firth.fit(np.empty((len(labels), 0)), labels), 0.0
        return {"method": method, "intercept": float(intercept), "slope": float(slope)}
    if method == "isotonic":
        from scipy.optimize import isotonic_regression  # here, because it costs half a second

        values, places = np.unique(scores, return_inverse=True)
        weights = np.bincount(places).astype(float)
        found = isotonic_regression(np.bincount(places, labels) / weights, weights=weights).x
        blocks = np.flatnonzero(np.diff(found, prepend=-1.0))
        sums = [np.add.reduceat(part * weights, blocks) for part in (values, found)]
        at, risk = (total / np.add.reduceat(weights, blocks) for total in sums)
        return {"method": method, "scores": at.tolist(), "risks": risk.tolist()}
    raise UserError(f"predict.calibration is '{method}'; write one of {', '.join(METHODS)}")


def apply(calibration: dict, scores: np.ndarray) -> np.ndarray:
    """Risks [P] of ``scores`` [P]; NaN stays NaN."""
    known = np.isfinite(scores)
    risks = np.full(len(scores), np.nan)
    if calibration["method"] == "platt":
        logits = calibration["intercept"] + calibration["slope"] * firth.logit(scores[known])
        risks[known] = firth.logistic(logits)
    else:
        risks[known] = np.interp(scores[known], calibration["scores"], calibration["risks"])
    return risks


def cross_fit(table: pd.DataFrame, method: str) -> tuple[np.ndarray, dict]:
    """Risks [P] of out-of-fold scores, each fold's by a calibration fitted on the others, and the one fitted on all.

    ``table`` has the columns out_of_fold (NaN where there is no score), fold and lnm.
    """
    scores, labels, folds = (table[name].to_numpy() for name in ("out_of_fold", "lnm", "fold"))
    known = np.isfinite(scores)
    risks = np.full(len(table), np.nan)
    for fold in np.unique(folds):
        others = known & (folds != fold)
        risks[folds == fold] = apply(fit(scores[others], labels[others], method), scores[folds == fold])
    content = fit(scores[known], labels[known], method)
    return risks, {**content, "fitted_on": "out-of-fold scores of the development cohort", "n": int(known.sum())}
