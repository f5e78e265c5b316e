"""Fix what is decided on the development cohort, model by model, before the external one is used.

An entry contains the cut-off (``rule``, ``value``, ``chosen_on``, ``n``, ``positives``, ``sensitivity``,
``specificity``), the ``median`` score, and for the record the ``recalibration`` that the predict step fitted and
applied to these scores. Where no cut-off separates, ``value`` is None with the reason in ``why``. Scores are risks,
unless the recalibration has a ``why``.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hscore.statistics.common.estimates import finite_or_none
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import thresholds


def freeze_models(development: ScoredCohort, recalibrations: Mapping[str, dict], settings: dict) -> dict[str, dict]:
    """Return the entry of every model with out-of-fold development scores.

    Args:
        development: outcome and out-of-fold scores.
        recalibrations: by model, as the predict step wrote it.
        settings: section validate of the config.
    """
    return {
        model: freeze(development.y_true, scores, recalibrations[model], settings)
        for model, scores in development.scores.items()
    }


def freeze(y_true: np.ndarray, scores: np.ndarray, recalibration: dict, settings: dict) -> dict:
    """Return the entry of a model with out-of-fold development scores.

    Args:
        y_true: bool [n].
        scores: float [n].
        recalibration: as the predict step wrote it.
        settings: section validate of the config.
    """
    return {
        **thresholds.choose(y_true, scores, settings["threshold"]),
        "median": finite_or_none(np.median(scores)) if scores.size else None,
        "recalibration": recalibration,
    }


def without_development(models: Sequence[str], settings: dict) -> dict[str, dict]:
    """Return the entry of every model in a study without development.

    Raises:
        UserError: the threshold is not a fixed value.
    """
    why = "this study has no development cohort"
    entry = {
        **thresholds.fixed_threshold(settings["threshold"]),
        "n": 0,
        "positives": 0,
        "sensitivity": None,
        "specificity": None,
        "median": None,
        "recalibration": {"method": settings["recalibration"], "why": why},
    }
    return dict.fromkeys(models, entry)
