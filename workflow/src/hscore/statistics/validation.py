"""Performance of every model at its frozen threshold, and the comparisons between models, as written to JSON.

Shapes: an ``Evaluation`` holds the outcome, bool [n], and each model's scores, float [n].
"""

from itertools import combinations

import numpy as np

from hscore.errors import UserError
from hscore.statistics import accuracy, discrimination
from hscore.statistics.tables import Evaluation


def validate(evaluations: dict[str, Evaluation], thresholds: dict[str, dict], settings: dict) -> dict:
    """Everything the validate stage reports.

    ``evaluations`` are external, out_of_fold and apparent; ``thresholds`` is the frozen file; ``settings`` the
    study's ``validate`` section.
    """
    cuts = {model: cut["value"] for model, cut in thresholds.items()}
    for name, evaluation in evaluations.items():
        if without := [model for model in evaluation.scores if model not in cuts]:
            raise UserError(f"model '{without[0]}' has {name} scores but no frozen threshold")
    rows = [
        performance(model, name, evaluation.positive, scores, cuts[model], settings)
        for name, evaluation in evaluations.items()
        for model, scores in evaluation.scores.items()
    ]
    reference, confidence = settings["reference"], settings["confidence"]
    external, out_of_fold = evaluations["external"], evaluations["out_of_fold"]
    return {
        "performance": rows,
        "comparisons": [
            *comparisons("external", external, reference, confidence, pairs="all"),
            *comparisons("out_of_fold", out_of_fold, reference, confidence, pairs="reference"),
        ],
        "paired_accuracy": paired_accuracy(external, cuts, reference),
    }


def performance(
    model: str, evaluation: str, positive: np.ndarray, scores: np.ndarray, threshold: float, settings: dict
) -> dict:
    """Discrimination and accuracy of one model in one evaluation; ``settings`` is the study's ``validate`` section."""
    confidence = settings["confidence"]
    called = scores >= threshold
    counts = accuracy.confusion(positive, called)
    return {
        "model": model,
        "evaluation": evaluation,
        "n": int(positive.size),
        "positives": int(positive.sum()),
        "threshold": threshold,
        "auc": discrimination.auc_interval(positive, scores, confidence),
        "auc_logit": discrimination.auc_interval(positive, scores, confidence, "logit"),
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
