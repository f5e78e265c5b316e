"""How much sensitivity, specificity and accuracy owe to the chance by which the cut-off fell where it did.

A frozen cut-off was chosen on a sample. In another development cohort of this size it would be another one, which moves
sensitivity and specificity in opposite directions. Intervals of counts take the cut-off as given and leave this out.
Here the development patients are resampled, class by class, the cut-off is chosen again on each resample, and the
standard deviation over the resamples is taken on the same external patients (docs/verdicts.md has its coverage).
"""

from collections.abc import Mapping

import numpy as np

from hscore.statistics.common import bootstrap
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import thresholds

RESAMPLES = 200  # at most: a standard deviation of these is known to 5 %
MEASURES = ("sensitivity", "specificity", "accuracy")


def describe(evaluations: Mapping[str, ScoredCohort], settings: dict) -> list[dict]:
    """Return ``of_model`` of every model with external scores, each with its ``model``; empty without them."""
    if "external" not in evaluations:
        return []
    external, development = evaluations["external"], evaluations.get("out_of_fold")
    return [{"model": model, **of_model(model, external, development, settings)} for model in external.scores]


def of_model(model: str, external: ScoredCohort, development: ScoredCohort | None, settings: dict) -> dict:
    """Return the standard error of each measure of a model's external calls that comes from choosing the cut-off.

    Args:
        model: name of the model.
        external: the patients who are called.
        development: out-of-fold scores; None where there are none.
        settings: ``threshold`` and ``bootstrap`` of the config's section validate.

    Returns:
        ``sensitivity``, ``specificity``, ``accuracy`` (0 to 1) and ``resamples``; all None with ``why`` where unknown.
    """
    none = {**dict.fromkeys(MEASURES), "resamples": 0}
    if thresholds.parse_rule(settings["threshold"])[0] == "value":
        return {**none, "why": "the cut-off is fixed in the settings: nothing was chosen"}
    if development is None or model not in development.scores:
        return {**none, "why": "there is no development cohort here in which the cut-off could be chosen again"}
    resamples = min(RESAMPLES, settings["bootstrap"]["resamples"])
    cuts = resampled_cuts(development.y_true, development.scores[model], settings, resamples)
    if cuts.size < 2:
        return {**none, "why": "no cut-off separates the resampled development patients"}
    y_true, y_pred = external.y_true, external.scores[model] >= cuts[:, None]
    groups = {"sensitivity": y_true, "specificity": ~y_true, "accuracy": np.ones(y_true.size, dtype=bool)}
    if empty := [name for name, members in groups.items() if not members.any()]:
        return {**none, "why": f"nobody counts for the {empty[0]}"}
    right = y_pred == y_true
    errors = {name: float(right[:, who].sum(axis=1).std(ddof=1) / who.sum()) for name, who in groups.items()}
    return {**errors, "resamples": int(cuts.size)}


def resampled_cuts(y_true: np.ndarray, scores: np.ndarray, settings: dict, resamples: int) -> np.ndarray:
    """Return the cut-offs chosen by the configured rule on resampled patients, [resamples] less those without one."""
    rng = np.random.default_rng(settings["bootstrap"]["seed"])
    drawn = bootstrap.draw_by_class(y_true, resamples, rng)
    cuts = thresholds.on_resamples(y_true, scores, settings["threshold"], drawn)
    return cuts[~np.isnan(cuts)]
