"""What is fixed on the development cohort, model by model, before the external one is looked at.

An entry holds the cut-off (``rule``, ``value``, ``chosen_on``, ``n``, ``positives``, ``sensitivity``, ``specificity``,
``why`` where there was no choice), the ``median`` score, and the ``recalibration``: ``intercept`` and ``slope`` of the
logistic line, fitted on the same out-of-fold scores, None with ``why`` where there is no such line.
"""

import numpy as np

from hscore.statistics import calibration, thresholds


def freeze(positive: np.ndarray, scores: np.ndarray, rule: str | dict) -> dict:
    """The entry of a model with out-of-fold development scores, ``positive`` bool [n] and ``scores`` float [n]."""
    return {
        **thresholds.choose(positive, scores, rule),
        "median": float(np.median(scores)),
        "recalibration": calibration.recalibration(positive, scores),
    }


def without_development(rule: str | dict) -> dict:
    """The entry of a model in a study that has no development cohort; UserError unless ``rule`` is a fixed value."""
    why = "this study has no development cohort"
    return {
        **thresholds.fixed(rule),
        "n": 0,
        "positives": 0,
        "sensitivity": None,
        "specificity": None,
        "median": None,
        "recalibration": {"intercept": None, "slope": None, "why": why},
    }
