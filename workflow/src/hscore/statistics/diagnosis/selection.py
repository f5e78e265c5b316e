"""Which single sequence is best and whether sequences combined are better: chosen on development, tested once outside.

The choice reads out-of-fold development scores alone. The external test is secondary: it is of the one pair so chosen,
a family of its own that needs no adjustment. The primary hypothesis is that of ``validation.primary``.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination


def choose(development: ScoredCohort, groups: Mapping[str, Sequence[str]], confidence: float) -> dict:
    """The best model (largest out-of-fold AUC, of equal ones the first) of each group, and their comparison.

    ``groups``: ``single``, names of models that see one sequence, and ``combined``, of models that see several; either
    all of them with clinical variables or all without. Returns ``single`` and
    ``combined`` (``model`` or None, ``candidates`` with their AUC), ``chosen_on``, and ``development``: the paired
    DeLong test as of ``pair``, None where a group is empty. A choice among several makes its own AUC optimistic.
    """
    content: dict = {"chosen_on": "out-of-fold scores of the development cohort"}
    for name in ("single", "combined"):
        rows = [{"model": model, "auc": area(development, model)} for model in groups.get(name, [])]
        ranked = [row for row in rows if row["auc"] is not None]
        best = max(ranked, key=lambda row: row["auc"])["model"] if ranked else None
        content[name] = {"model": best, "candidates": rows}
    content["development"] = pair(development, content, confidence)
    return content


def tested(external: ScoredCohort | None, families: Mapping[str, Mapping], confidence: float) -> dict[str, dict]:
    """What development chose, by family, with ``external``: the test of the pair chosen, on the external cohort.

    None without an external cohort.
    """
    return {name: {**chosen, "external": pair(external, chosen, confidence)} for name, chosen in families.items()}


def area(evaluation: ScoredCohort, model: str) -> float | None:
    """AUC among the patients whom the model scored; None without both classes."""
    y_true, (scores,) = both(evaluation, model)
    return None if discrimination.one_class(y_true) else float(discrimination.delong(y_true, scores).auc[0])


def pair(evaluation: ScoredCohort | None, chosen: Mapping, confidence: float) -> dict | None:
    """The combined model against the single one, on the patients whom both scored: AUCs and paired DeLong test."""
    names = [chosen[group]["model"] for group in ("combined", "single")]
    if evaluation is None or None in names or any(name not in evaluation.scores for name in names):
        return None
    y_true, scores = both(evaluation, *names)
    rows = [
        discrimination.auc_interval(y_true, each, confidence, folds=evaluation.overlap(name))
        for name, each in zip(names, scores, strict=True)
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


def both(evaluation: ScoredCohort, *models: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Outcome and scores of the patients whom all of the ``models`` scored."""
    known = np.all([np.isfinite(evaluation.scores[model]) for model in models], axis=0)
    return evaluation.y_true[known], [evaluation.scores[model][known] for model in models]
