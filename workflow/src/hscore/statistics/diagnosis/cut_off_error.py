"""Estimate how much of the error of sensitivity, specificity and accuracy comes from choosing the cut-off.

A frozen cut-off was chosen on a sample. Another development cohort of this size would give another cut-off, which moves
sensitivity and specificity in opposite directions. Intervals of counts treat the cut-off as given and omit this error.
Here the development patients are resampled by class, the cut-off is chosen again on each resample, and the standard
deviation over the resamples is computed in the same external patients (docs/verdicts.md shows its coverage).
"""

from collections.abc import Mapping

import numpy as np

from hscore.statistics.common import bootstrap
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import thresholds

RESAMPLES = 200  # upper limit; gives a standard deviation with an error of 5 %
MEASURES = ("sensitivity", "specificity", "accuracy")


def describe(evaluations: Mapping[str, ScoredCohort], settings: dict) -> list[dict]:
    """Return ``standard_errors`` of every model with external scores, each with its ``model``; empty without them."""
    if "external" not in evaluations:
        return []
    external, development = evaluations["external"], evaluations.get("out_of_fold")
    return [{"model": model, **standard_errors(model, external, development, settings)} for model in external.scores]


def standard_errors(model: str, external: ScoredCohort, development: ScoredCohort | None, settings: dict) -> dict:
    """Return the standard error of each measure of a model's external calls that comes from choosing the cut-off.

    Args:
        model: name of the model.
        external: the patients who are called.
        development: out-of-fold scores; None where there are none.
        settings: ``threshold`` and ``bootstrap`` of the config's section validate.

    Returns:
        ``sensitivity``, ``specificity``, ``accuracy`` (0 to 1) and ``resamples``; all None with ``why`` where unknown.
    """
    missing = {**dict.fromkeys(MEASURES), "resamples": 0}
    if thresholds.parse_rule(settings["threshold"])[0] == "value":
        return {**missing, "why": "the threshold is fixed in the settings, so nothing was chosen"}
    if development is None or model not in development.scores:
        return {**missing, "why": "there is no development cohort here in which the threshold could be chosen again"}
    resamples = min(RESAMPLES, settings["bootstrap"]["resamples"])
    thresholds_drawn = resampled_cuts(development.y_true, development.scores[model], settings, resamples)
    if thresholds_drawn.size < 2:
        return {**missing, "why": "no threshold separates the resampled development patients"}
    y_true, y_pred = external.y_true, external.scores[model] >= thresholds_drawn[:, None]
    groups = {"sensitivity": y_true, "specificity": ~y_true, "accuracy": np.ones(y_true.size, dtype=bool)}
    if empty := [name for name, group in groups.items() if not group.any()]:
        return {**missing, "why": f"no patient counts for the {empty[0]}"}
    correct = y_pred == y_true
    errors = {
        name: float(correct[:, members].sum(axis=1).std(ddof=1) / members.sum()) for name, members in groups.items()
    }
    return {**errors, "resamples": int(thresholds_drawn.size)}


def resampled_cuts(y_true: np.ndarray, scores: np.ndarray, settings: dict, resamples: int) -> np.ndarray:
    """Return the cut-offs chosen by the configured rule on resampled patients, [resamples] less those without one."""
    rng = np.random.default_rng(settings["bootstrap"]["seed"])
    draws = bootstrap.draw_by_class(y_true, resamples, rng)
    cut_offs = thresholds.on_resamples(y_true, scores, settings["threshold"], draws)
    return cut_offs[~np.isnan(cut_offs)]
