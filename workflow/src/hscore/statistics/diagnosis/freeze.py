"""Fix what is decided on the development cohort, model by model, before the external one is used.

An entry contains the cut-off (``rule``, ``value``, ``chosen_on``, ``n``, ``positives``, ``sensitivity``,
``specificity``), the ``median`` score, and for the record the ``recalibration`` that the predict step fitted and
applied to these scores. Where no cut-off separates, ``value`` is None with the reason in ``why``. Scores are risks,
unless the recalibration has a ``why``.
"""

import numpy as np

from hscore.statistics.common.estimates import finite_or_none
from hscore.statistics.diagnosis import thresholds


def freeze(y_true: np.ndarray, scores: np.ndarray, recalibration: dict, settings: dict) -> dict:
    """Return the entry of a model with out-of-fold development scores.

    Args:
        y_true: bool [n].
        scores: float [n].
        recalibration: as the predict step wrote it.
        settings: ``threshold`` of the config's section validate.
    """
    return {
        **thresholds.choose(y_true, scores, settings["threshold"]),
        "median": finite_or_none(np.median(scores)) if scores.size else None,
        "recalibration": recalibration,
    }


def without_development(settings: dict) -> dict:
    """Return the entry of a model in a study without development.

    Raises:
        UserError: the threshold is not a fixed value.
    """
    why = "this study has no development cohort"
    return {
        **thresholds.fixed_threshold(settings["threshold"]),
        "n": 0,
        "positives": 0,
        "sensitivity": None,
        "specificity": None,
        "median": None,
        "recalibration": {"method": settings["recalibration"], "why": why},
    }
