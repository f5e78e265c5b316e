"""Describe the AUC of every model in each centre that was held out as a whole, and in all of them together."""

import numpy as np

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination, selection

ALL = "all"  # held_out of the row with all centres together


def describe(evaluation: ScoredCohort, centers: np.ndarray, confidence: float) -> list[dict]:
    """Return one row per model and centre, and one per model for all centres: ``model held_out n positives auc_...``.

    Args:
        evaluation: outcome, and scores by models that did not see the patient's centre.
        centers: the centre of each patient, str [n].
        confidence: level of the intervals, 0..1.
    """
    rows = []
    for model in evaluation.scores:
        for name in np.unique(centers):
            row = describe_part(evaluation, model, centers == name, confidence, folds=None)
            rows.append({"model": model, "held_out": name, **row})
        everyone = np.ones(len(centers), bool)
        together = describe_part(evaluation, model, everyone, confidence, evaluation.overlap(model))
        rows.append({"model": model, "held_out": ALL, **together})
    return rows


def describe_part(evaluation: ScoredCohort, model: str, part: np.ndarray, confidence: float, folds: int | None) -> dict:
    """Return numbers of patients and the AUC with its interval, for the scored patients of a part.

    Args:
        evaluation: outcome and scores.
        model: name of the model.
        part: which patients, bool [n].
        confidence: level of the interval, 0..1.
        folds: number of members that scored them, None for one or for a model without training.
    """
    restricted = ScoredCohort(evaluation.y_true[part], {model: evaluation.scores[model][part]})
    y_true, (scores,) = selection.scored_by_all(restricted, model)
    interval = discrimination.auc_interval(y_true, scores, confidence, folds=folds)
    numbers = {"n": y_true.size, "positives": int(y_true.sum())}
    return numbers | {f"auc_{key}": interval.get(key) for key in ("estimate", "low", "high", "method", "why")}
