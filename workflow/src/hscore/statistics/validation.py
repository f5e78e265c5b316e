"""Performance of every model at its frozen threshold, and the comparisons between models, as written to JSON.

Shapes: an ``Evaluation`` holds the outcome, bool [n], and each model's scores, float [n].
"""

from itertools import combinations

import numpy as np
import pandas as pd

from hscore.errors import UserError
from hscore.statistics import (
    accuracy,
    bootstrap,
    calibration,
    decision,
    discrimination,
    precision,
    reclassification,
    subgroups,
)
from hscore.statistics.tables import Evaluation

LOWEST_SPECIFICITY = 0.8  # of the partial AUC: a reading that spares node dissections must rarely cry wolf


def validate(
    evaluations: dict[str, Evaluation],
    thresholds: dict[str, dict],
    settings: dict,
    characteristics: pd.DataFrame | None = None,
) -> dict:
    """Everything the validate stage reports.

    ``evaluations`` are external, out_of_fold and apparent; ``thresholds`` is the frozen file; ``settings`` the
    study's ``validate`` section; ``characteristics`` [external patients, columns] are for the subgroups.
    Probabilities are shown as predicted and after recalibration; intercept and slope of the recalibration come from
    out-of-fold development scores, never from the external cohort.
    """
    cuts = {model: cut["value"] for model, cut in thresholds.items()}
    for name, evaluation in evaluations.items():
        if without := [model for model in evaluation.scores if model not in cuts]:
            raise UserError(f"model '{without[0]}' has {name} scores but no frozen threshold")
    rng = np.random.default_rng(settings["bootstrap"]["seed"])
    resamples = settings["bootstrap"]["resamples"]
    rows = []
    for name, evaluation in evaluations.items():
        draws = bootstrap.draw_by_class(evaluation.positive, resamples, rng)
        rows += [performance(model, name, evaluation, cuts[model], settings, draws) for model in evaluation.scores]
    external, out_of_fold = evaluations["external"], evaluations["out_of_fold"]
    recalibrated, how = recalibrate(out_of_fold, external)
    recalibrated_cuts = {model: float(calibration.recalibrate(cuts[model], *how[model])) for model in how}
    counts = bootstrap.draw(external.positive.size, resamples, rng)
    development_counts = bootstrap.draw(out_of_fold.positive.size, resamples, rng)
    reference, confidence = settings["reference"], settings["confidence"]
    at = decision.thresholds(*settings["decision_thresholds"])
    return {
        "performance": rows,
        "comparisons": [
            *comparisons("external", external, reference, confidence, pairs="all"),
            *comparisons("out_of_fold", out_of_fold, reference, confidence, pairs="reference"),
        ],
        "transport": transport(out_of_fold, external, confidence),
        "paired_accuracy": paired_accuracy(external, cuts, reference),
        "calibration": [
            *calibrations("out_of_fold", "as predicted", out_of_fold, confidence, development_counts),
            *calibrations("external", "as predicted", external, confidence, counts),
            *calibrations("external", "recalibrated", recalibrated, confidence, counts),
        ],
        "recalibration": recalibration_report(out_of_fold, how),
        "decision_curves": {
            name: {
                "evaluation": "external",
                **decision.curves(evaluation.positive, evaluation.scores, at_cuts, at, confidence, counts),
            }
            for name, evaluation, at_cuts in (
                ("as_predicted", external, cuts),
                ("recalibrated", recalibrated, recalibrated_cuts),
            )
        },
        "reclassification": reclassifications(recalibrated, reference, settings["decision_thresholds"], confidence),
        "subgroups": subgroup_report(external, reference, cuts, characteristics, settings),
        "precision": precision_report(rows, external, recalibrated, reference, confidence),
    }


def subgroup_report(
    external: Evaluation, reference: str, cuts: dict[str, float], characteristics: pd.DataFrame | None, settings: dict
) -> list[dict]:
    """The reference model in every subgroup of the external cohort; none where no characteristics were given."""
    if characteristics is None or reference not in external.scores:
        return []
    scores, interval, confidence = external.scores[reference], settings["proportion_interval"], settings["confidence"]
    found = subgroups.describe(external.positive, scores, cuts[reference], characteristics, interval, confidence)
    return [{"model": reference, "evaluation": "external", **row} for row in found]


def precision_report(
    rows: list[dict], external: Evaluation, recalibrated: Evaluation, reference: str, confidence: float
) -> dict | None:
    """Size of a prospective validation of the reference model, planned from what the external cohort showed."""
    row = next((r for r in rows if r["model"] == reference and r["evaluation"] == "external"), None)
    if row is None:
        return None
    expected = [row[name]["estimate"] for name in ("auc", "sensitivity", "specificity")]
    risk = recalibrated.scores.get(reference)
    return {"model": reference, **precision.report(external.positive, *expected, risk, confidence)}


def recalibrate(development: Evaluation, external: Evaluation) -> tuple[Evaluation, dict[str, tuple[float, float]]]:
    """External scores recalibrated by development, and (intercept, slope) by model.

    Models whose development scores do not rise with the frequency of metastasis are left out.
    """
    how = {}
    for model, scores in development.scores.items():
        line = calibration.recalibration(development.positive, scores)
        if line is not None and line[1] > 0:  # a falling line would turn the order of the patients round
            how[model] = line
    scores = {model: calibration.recalibrate(external.scores[model], *line) for model, line in how.items()}
    return Evaluation(external.positive, scores), how


def recalibration_report(development: Evaluation, how: dict[str, tuple[float, float]]) -> list[dict]:
    """Intercept and slope of each model's recalibration, and why where there is none."""
    rows = []
    for model in development.scores:
        row = {"model": model, "fitted_on": "out-of-fold development scores", "intercept": None, "slope": None}
        if model in how:
            rows.append({**row, "intercept": how[model][0], "slope": how[model][1]})
        else:
            rows.append({**row, "why": "the development scores do not rise with the frequency of metastasis"})
    return rows


def calibrations(name: str, scale: str, evaluation: Evaluation, confidence: float, counts: np.ndarray) -> list[dict]:
    """Calibration of every model; ``scale`` says whether scores are as predicted or recalibrated."""
    return [
        {
            "model": model,
            "evaluation": name,
            "scores": scale,
            **calibration.describe(evaluation.positive, scores, confidence, counts),
        }
        for model, scores in evaluation.scores.items()
    ]


def transport(development: Evaluation, external: Evaluation, confidence: float) -> list[dict]:
    """What each model's AUC lost or gained on the way: external minus out-of-fold, other patients (unpaired)."""
    return [
        {
            "model": model,
            **discrimination.compare_unpaired(
                external.positive, scores, development.positive, development.scores[model], confidence
            ),
        }
        for model, scores in external.scores.items()
        if model in development.scores
    ]


def reclassifications(evaluation: Evaluation, reference: str, borders: list[float], confidence: float) -> list[dict]:
    """NRI and IDI of the reference model against every other, on recalibrated external risks.

    ``borders`` divide low, intermediate and high risk for the categorical NRI.
    """
    if reference not in evaluation.scores:
        return []
    positive, new = evaluation.positive, evaluation.scores[reference]
    return [
        {
            "evaluation": "external",
            "scores": "recalibrated",
            "new": reference,
            "old": model,
            "categorical_nri": {
                "borders": borders,
                **reclassification.categorical_nri(positive, old, new, borders, confidence),
            },
            "continuous_nri": reclassification.continuous_nri(positive, old, new, confidence),
            "idi": reclassification.idi(positive, old, new, confidence),
        }
        for model, old in evaluation.scores.items()
        if model != reference
    ]


def performance(model: str, name: str, evaluation: Evaluation, cut: float, settings: dict, draws: np.ndarray) -> dict:
    """Discrimination and accuracy of one model in one evaluation; ``draws`` are stratified bootstrap draws."""
    positive, scores = evaluation.positive, evaluation.scores[model]
    confidence = settings["confidence"]
    called = scores >= cut
    counts = accuracy.confusion(positive, called)
    return {
        "model": model,
        "evaluation": name,
        "n": int(positive.size),
        "positives": int(positive.sum()),
        "threshold": cut,
        "auc": discrimination.auc_interval(positive, scores, confidence),
        "auc_logit": discrimination.auc_interval(positive, scores, confidence, "logit"),
        "auc_bootstrap": bootstrap.auc_interval(positive, scores, draws, confidence),
        **discrimination.focused(positive, scores, LOWEST_SPECIFICITY),
        **accuracy.rates(counts, settings["proportion_interval"], confidence),
        **accuracy.ratios(counts, confidence),
        "indices": accuracy.indices(counts),
        "confusion": counts,
        "roc": discrimination.roc_points(positive, scores),
    }


def comparisons(name: str, evaluation: Evaluation, reference: str, confidence: float, pairs: str) -> list[dict]:
    """Paired DeLong tests within one evaluation, with Holm's adjustment over the pairs listed.

    ``pairs`` is "all", or "reference" for those of the reference model only. The reference model always stands
    first in its pairs, the others in the given order.
    """
    scores = evaluation.scores
    order = [reference, *(name for name in scores if name != reference)] if reference in scores else list(scores)
    chosen = [pair for pair in combinations(order, 2) if pairs == "all" or reference in pair]
    rows = []
    for a, b in chosen:
        result = discrimination.compare(evaluation.positive, scores[a], scores[b], confidence)
        rows.append({"evaluation": name, "model_a": a, "model_b": b, **result})
    adjusted = holm([row["p"] for row in rows])
    number = sum(row["p"] is not None for row in rows)
    for row, p in zip(rows, adjusted, strict=True):
        row["p_holm"] = p
        row["adjustment"] = f"Holm over the {number} tested pairs of this evaluation"
    return rows


def holm(p_values: list[float | None]) -> list[float | None]:
    """Holm's step-down adjusted p-values (Scand J Stat 1979;6:65-70) in the given order; None is not counted."""
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        adjusted[place] = largest
    return adjusted


def paired_accuracy(evaluation: Evaluation, cuts: dict[str, float], reference: str) -> list[dict]:
    """McNemar's test of the reference model's calls against every other model's: among positives, negatives, all."""
    positive, scores = evaluation.positive, evaluation.scores
    if reference not in scores:
        return []
    rows = []
    groups = {"sensitivity": positive, "specificity": ~positive, "accuracy": np.ones(positive.size, dtype=bool)}
    for other in (name for name in scores if name != reference):
        for measure, group in groups.items():
            right = {name: ((scores[name] >= cuts[name]) == positive)[group] for name in (reference, other)}
            result = accuracy.mcnemar(right[reference], right[other])
            rows.append({"model_a": reference, "model_b": other, "measure": measure, **result})
    return rows
