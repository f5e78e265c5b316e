"""What each negative control must show, and whether the study of it did.

Intervals are simultaneous (Bonferroni): a control with nothing to find may not fail because many models were looked at.
"""

from dataclasses import dataclass, replace

import numpy as np

from hscore.statistics.diagnosis import discrimination

FAMILY = 0.95  # confidence that all intervals of a control hold together
CHANCE = 0.5


@dataclass(frozen=True)
class Cohort:
    """One evaluation: LNM, bool [n]; centre, str [n]; scores by model, float [n]; of out-of-fold ones the folds."""

    y_true: np.ndarray
    center: np.ndarray
    scores: dict[str, np.ndarray]
    folds: int | None = None


def judge(
    control: str, models: dict[str, dict], cohorts: dict[str, Cohort], shortcuts: dict, leaking: list[str]
) -> dict:
    """``checks``, one a row (``what``, what was ``found``, what was ``expected``, ``holds``), and whether all hold.

    ``models`` is the study's section; ``cohorts`` are "out_of_fold" and "external"; ``shortcuts`` by centre what the
    guard found; ``leaking`` names the centres in which a leak was planted.
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
    checks += [guard(center, found, center in leaking) for center, found in shortcuts.items()]
    return {"control": control, "checks": checks, "holds": all(check["holds"] for check in checks)}


def within(cohort: Cohort) -> list[tuple[str, Cohort]]:
    """The parts of a cohort by centre that hold both classes."""
    found = []
    for center in sorted(set(cohort.center)):
        here = cohort.center == center
        if not discrimination.one_class(cohort.y_true[here]):
            scores = {model: values[here] for model, values in cohort.scores.items()}
            found.append(
                (
                    f"out_of_fold, {center}",
                    replace(cohort, y_true=cohort.y_true[here], center=cohort.center[here], scores=scores),
                )
            )
    return found


def at_chance(wanted: list[tuple[str, str, Cohort]]) -> list[dict]:
    """Does the AUC's interval hold 0.5, for every (model, name of the evaluation, cohort)?"""
    confidence = 1 - (1 - FAMILY) / max(1, len(wanted))
    rows = []
    for model, name, cohort in wanted:
        auc = discrimination.auc_interval(cohort.y_true, cohort.scores[model], confidence, folds=cohort.folds)
        known = auc["low"] is not None
        rows.append(
            {
                "what": f"AUC of {model}, {name}",
                "found": f"{auc['estimate']:.3f} ({auc['low']:.3f}-{auc['high']:.3f})" if known else auc["why"],
                "expected": "the interval holds 0.5",
                "holds": known and auc["low"] <= CHANCE <= auc["high"],
            }
        )
    return rows


def told_apart(model: str, cohort: Cohort) -> dict:
    """How much of the pooled AUC the centre explains: the AUC that knowing the centre's prevalence alone would have.

    Not a thing to pass or fail: it shows whether a model can profit from recognising the centre.
    """
    prevalence = {center: cohort.y_true[cohort.center == center].mean() for center in set(cohort.center)}
    by_center = np.array([prevalence[center] for center in cohort.center])
    pooled, center_alone = (
        float(discrimination.delong(cohort.y_true, s).auc[0]) for s in (cohort.scores[model], by_center)
    )
    return {
        "what": f"AUC of {model}, out_of_fold, both centres pooled",
        "found": f"{pooled:.3f}; knowing the centre alone gives {center_alone:.3f}",
        "expected": "reported: above 0.5 by as much as the model recognises the centre",
        "holds": True,
    }


def guard(center: str, found: dict, leaking: bool) -> dict:
    """Did the guard catch a planted leak, and cry nowhere else?"""
    flagged = found["flagged"]
    corners = [name for name in flagged if "corner" in name]
    return {
        "what": f"features that tell the label, {center}",
        "found": ", ".join(flagged) or "none",
        "expected": "a corner of the image" if leaking else "none",
        "holds": bool(corners) if leaking else not flagged,
    }
