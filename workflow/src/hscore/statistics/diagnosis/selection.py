"""Choose the best single-sequence and the best combined model on development, and compare them once externally.

The choice uses out-of-fold development scores alone. The external test is secondary and concerns only the chosen pair,
a family of one that needs no adjustment. The primary hypothesis is that of ``validation.primary``.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination


def choose(development: ScoredCohort, groups: Mapping[str, Sequence[str]], confidence: float) -> dict:
    """Return the best model (largest out-of-fold AUC, the first of equal ones) of each group, and their comparison.

    A choice among several makes its own AUC optimistic.

    Args:
        development: out-of-fold scores.
        groups: ``single``, names of models of one sequence, and ``combined``, of models of several; either all with
            clinical variables or all without.
        confidence: level of the interval, 0..1.

    Returns:
        ``single`` and ``combined`` (``model`` or None, ``candidates`` with their AUC), ``chosen_on``, and
        ``development``: the paired DeLong test of ``compare_pair``, None where a group is empty.
    """
    content: dict = {"chosen_on": "out-of-fold scores of the development cohort"}
    for name in ("single", "combined"):
        rows = [{"model": model, "auc": auc_where_scored(development, model)} for model in groups.get(name, [])]
        ranked = [row for row in rows if row["auc"] is not None]
        best = max(ranked, key=lambda row: row["auc"])["model"] if ranked else None
        content[name] = {"model": best, "candidates": rows}
    content["development"] = compare_pair(development, content, confidence)
    return content


def compare_externally(
    external: ScoredCohort | None, families: Mapping[str, Mapping], confidence: float
) -> dict[str, dict]:
    """Return the choice made on development, by family, with ``external``: the test of the chosen pair.

    The test is None without an external cohort.
    """
    return {
        name: {**chosen, "external": compare_pair(external, chosen, confidence)} for name, chosen in families.items()
    }


def auc_where_scored(evaluation: ScoredCohort, model: str) -> float | None:
    """Return the AUC among the patients scored by the model; None without both classes."""
    y_true, (scores,) = scored_by_all(evaluation, model)
    return None if discrimination.reason_one_class(y_true) else float(discrimination.delong(y_true, scores).auc[0])


def compare_pair(evaluation: ScoredCohort | None, chosen: Mapping, confidence: float) -> dict | None:
    """Return the combined against the single model, in patients scored by both: AUCs and paired DeLong test."""
    names = [chosen[group]["model"] for group in ("combined", "single")]
    if evaluation is None or None in names or any(name not in evaluation.scores for name in names):
        return None
    y_true, scores = scored_by_all(evaluation, *names)
    rows = [
        discrimination.auc_interval(y_true, model_scores, confidence, folds=evaluation.overlap(name))
        for name, model_scores in zip(names, scores, strict=True)
    ]
    return {
        "n": int(y_true.size),
        "positives": int(y_true.sum()),
        **{
            group: {"model": name, "auc": row}
            for group, name, row in zip(("combined", "single"), names, rows, strict=True)
        },
        **discrimination.compare(y_true, *scores, confidence, evaluation.overlap(*names)),
    }


def scored_by_all(evaluation: ScoredCohort, *models: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return outcome and scores of the patients scored by all of the ``models``."""
    known = np.all([np.isfinite(evaluation.scores[model]) for model in models], axis=0)
    return evaluation.y_true[known], [evaluation.scores[model][known] for model in models]
