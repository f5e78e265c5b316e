"""Check that the study of a negative control shows what it must show.

Intervals are simultaneous (Bonferroni), so that a control without any effect does not fail because of the number of
models.
"""

from dataclasses import dataclass, replace

import numpy as np

from hscore.metrics import ranking
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination

FAMILY = 0.95  # simultaneous confidence level of all intervals of a control
CHANCE = 0.5


@dataclass(frozen=True)
class Cohort:
    """The scored patients of one evaluation, and the centre of each, str [n]."""

    evaluation: ScoredCohort
    center: np.ndarray

    @property
    def y_true(self) -> np.ndarray:
        """Return the outcome, bool [n]."""
        return self.evaluation.y_true

    @property
    def scores(self) -> dict[str, np.ndarray]:
        """Return the scores by model, float [n]."""
        return self.evaluation.scores


def judge(
    control: str, models: dict[str, dict], cohorts: dict[str, Cohort], shortcuts: dict, leaking: list[str]
) -> dict:
    """Return the checks of a control and whether all of them hold.

    Args:
        control: name of the control.
        models: config section ``models``.
        cohorts: "out_of_fold" and "external".
        shortcuts: findings of the shortcut check by centre.
        leaking: centres in which a leak was planted.

    Returns:
        ``control``, ``checks`` (one row per check with ``what``, ``found``, ``expected``, ``holds``) and ``holds``.
    """
    image_models = [name for name, model in models.items() if model.get("region") and not model.get("clinical")]
    if control == "permuted_labels":
        checks = at_chance([(model, name, cohort) for name, cohort in cohorts.items() for model in cohort.scores])
    elif control == "noise_images":
        checks = at_chance([(model, name, cohort) for name, cohort in cohorts.items() for model in image_models])
    elif control == "center_only":
        parts = [("external", cohorts["external"]), *within(cohorts["out_of_fold"])]
        checks = at_chance([(model, name, cohort) for name, cohort in parts for model in image_models])
        checks += [told_apart(model, cohorts["out_of_fold"]) for model in image_models]
    else:
        checks = []
    checks += [guard(center, findings, center in leaking) for center, findings in shortcuts.items()]
    return {"control": control, "checks": checks, "holds": all(check["holds"] for check in checks)}


def within(cohort: Cohort) -> list[tuple[str, Cohort]]:
    """Return the parts of a cohort by centre that contain both classes."""
    parts = []
    for center in sorted(set(cohort.center)):
        mask = cohort.center == center
        if not discrimination.reason_one_class(cohort.y_true[mask]):
            scores = {model: values[mask] for model, values in cohort.scores.items()}
            evaluation = replace(cohort.evaluation, y_true=cohort.y_true[mask], scores=scores, members={}, seeds={})
            parts.append((f"out_of_fold, {center}", Cohort(evaluation, cohort.center[mask])))
    return parts


def at_chance(evaluations: list[tuple[str, str, Cohort]]) -> list[dict]:
    """Return whether the AUC's interval contains 0.5, for every (model, name of the evaluation, cohort)."""
    confidence = 1 - (1 - FAMILY) / max(1, len(evaluations))
    rows = []
    for model, name, cohort in evaluations:
        folds = cohort.evaluation.overlap(model)
        auc = discrimination.auc_interval(cohort.y_true, cohort.scores[model], confidence, folds=folds)
        known = auc["low"] is not None
        rows.append(
            {
                "what": f"AUC of {model}, {name}",
                "found": f"{auc['estimate']:.3f} ({auc['low']:.3f}-{auc['high']:.3f})" if known else auc["why"],
                "expected": "the interval contains 0.5",
                "holds": known and auc["low"] <= CHANCE <= auc["high"],
            }
        )
    return rows


def told_apart(model: str, cohort: Cohort) -> dict:
    """Return how much of the pooled AUC the centre explains: the AUC of the centre's prevalence alone.

    This check always passes. It shows whether a model can profit from recognising the centre.
    """
    prevalence = {center: cohort.y_true[cohort.center == center].mean() for center in set(cohort.center)}
    by_center = np.array([prevalence[center] for center in cohort.center])
    pooled, center_alone = (ranking.auc(cohort.y_true, scores) for scores in (cohort.scores[model], by_center))
    return {
        "what": f"AUC of {model}, out_of_fold, both centres pooled",
        "found": f"{pooled:.3f}; knowing the centre alone gives {center_alone:.3f}",
        "expected": "informational: exceeds 0.5 as far as the model recognises the centre",
        "holds": True,
    }


def guard(center: str, findings: dict, leaking: bool) -> dict:
    """Return whether the shortcut check found a planted leak and nothing else."""
    flagged = findings["flagged"]
    corners = [name for name in flagged if "corner" in name]
    return {
        "what": f"features that reveal the node status, {center}",
        "found": ", ".join(flagged) or "none",
        "expected": "a corner of the image" if leaking else "none",
        "holds": bool(corners) if leaking else not flagged,
    }
