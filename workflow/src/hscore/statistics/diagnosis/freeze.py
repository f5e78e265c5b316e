"""What is fixed on the development cohort, model by model, before the external one is looked at.

An entry holds the cut-off (``rule``, ``value``, ``chosen_on``, ``n``, ``positives``, ``sensitivity``, ``specificity``;
``value`` is None, and ``why`` says why, where no cut-off separates), the ``median`` score, and for the record the
``recalibration`` that the predict step fitted and applied to these scores: they are risks, unless it says ``why`` not.
"""

import numpy as np

from hscore.statistics.common.estimates import finite
from hscore.statistics.diagnosis import thresholds


def freeze(y_true: np.ndarray, scores: np.ndarray, recalibration: dict, settings: dict) -> dict:
    """The entry of a model with out-of-fold development scores, ``y_true`` bool [n] and ``scores`` float [n].

    ``settings``: ``threshold`` of the config's section validate.
    """
    return {
        **thresholds.choose(y_true, scores, settings["threshold"]),
        "median": finite(np.median(scores)) if scores.size else None,
        "recalibration": recalibration,
    }


def without_development(settings: dict) -> dict:
    """The entry of a model in a study without development; UserError unless the threshold is a fixed value."""
    why = "this study has no development cohort"
    return {
        **thresholds.fixed(settings["threshold"]),
        "n": 0,
        "positives": 0,
        "sensitivity": None,
        "specificity": None,
        "median": None,
        "recalibration": {"method": settings["recalibration"], "why": why},
    }
