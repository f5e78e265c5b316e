"""Compute performance of every model at its frozen threshold, and the comparisons between models, as written to JSON.

Shapes: an ``ScoredCohort`` contains the outcome, bool [n], and each model's scores, float [n]. There are up to three:
``external``, ``out_of_fold`` and ``apparent`` (both of the development cohort); a study with one role lacks the others.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from hscore.errors import UserError
from hscore.metrics.log_loss import log_loss
from hscore.statistics.common import bootstrap, precision, primary, scored_cohorts
from hscore.statistics.common.multiplicity import add_adjusted_p
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import (
    accuracy,
    added_value,
    calibration,
    centers,
    cross_validation,
    cut_off_error,
    decision,
    discrimination,
    instability,
    intention_to_diagnose,
    reclassification,
    resampled_roc,
    roc_curve,
    selection,
    subgroups,
)
from hscore.statistics.diagnosis.evaluated_patients import EvaluatedPatients

LOWEST_SPECIFICITY = 0.8  # of the partial AUC; a test that spares node dissections must have few false positives
OPTIMISTIC = "optimistic, because the calibration was fitted on these scores"
KINDS = ("recalibrated", "as predicted")  # scores that are risks, and those of models without a recalibration
HELD_OUT = ("external", "out_of_fold")  # evaluations in patients who were not used for training


def validate_study(
    evaluations: Mapping[str, ScoredCohort],
    patients: Mapping[str, EvaluatedPatients],
    frozen: Mapping[str, dict],
    settings: dict,
    index_tests: Mapping[str, str | None],
    selected: Mapping[str, Mapping] | None,
) -> dict:
    """Return the content of the validation file: that of ``validate``, with the chosen models and excluded patients.

    Args:
        evaluations: by name.
        patients: the patients of the evaluations in ``HELD_OUT``.
        frozen: content of the frozen thresholds.
        settings: section ``validate`` of the config.
        index_tests: models counted by intention to diagnose (``intention_to_diagnose.report``).
        selected: models chosen on development, by family (``selection.choose``); None without a choice.
    """
    characteristics = {name: group.characteristics for name, group in patients.items()}
    content = validate(evaluations, frozen, settings, characteristics)
    if selected is not None:
        external = evaluations.get("external")
        content["selection"] = selection.compare_externally(external, selected, settings["confidence"])
    content["intention_to_diagnose"] = intention_to_diagnose.report_all(
        evaluations, patients, index_tests, frozen, settings
    )
    return content


def validate(
    evaluations: Mapping[str, ScoredCohort],
    frozen: Mapping[str, dict],
    settings: dict,
    characteristics: Mapping[str, pd.DataFrame] | None = None,
) -> dict:
    """Return everything that the validate stage reports.

    Scores are calibrated risks, by the frozen calibration of the predict step, unless ``frozen`` gives a reason why
    not. The study's leading analyses (reclassification, study size) are external, or out-of-fold without an external
    cohort.

    Args:
        evaluations: by name.
        frozen: content of the frozen thresholds (``freeze``).
        settings: section ``validate`` of the config.
        characteristics: tables [patients, columns] by evaluation, for subgroups and the reading of the nodes.

    Raises:
        UserError: a model has scores but no frozen threshold.
    """
    thresholds = {model: entry["value"] for model, entry in frozen.items()}
    no_threshold = {model: entry["why"] for model, entry in frozen.items() if entry["value"] is None}
    for name, evaluation in evaluations.items():
        if unfrozen := [model for model in evaluation.scores if model not in thresholds]:
            raise UserError(f"model '{unfrozen[0]}' has {name} scores but no frozen threshold")
    characteristics = characteristics or {}
    rng = np.random.default_rng(settings["bootstrap"]["seed"])
    resamples, confidence, reference = settings["bootstrap"]["resamples"], settings["confidence"], settings["reference"]
    rows, counts = [], {}
    for name, evaluation in evaluations.items():
        draws = bootstrap.draw_both_ways(evaluation.y_true, resamples, rng)
        counts[name] = draws.whole
        rows += [
            performance(model, name, evaluation, thresholds[model], settings, draws, no_threshold.get(model))
            for model in evaluation.scores
        ]
    recalibrated = {
        name: score_kind(evaluations[name], frozen, "recalibrated") for name in held_out_evaluations(evaluations)
    }
    main = held_out_evaluations(evaluations)[0]
    calibrated = calibrations(evaluations, frozen, confidence, counts)
    return {
        "performance": rows,
        "cut_off_error": cut_off_error.describe(evaluations, settings),
        "primary": primary.compare_primary_pair(evaluations.get("external"), settings["primary"], confidence),
        "comparisons": [
            row
            for name in held_out_evaluations(evaluations)
            for row in comparisons(name, evaluations[name], reference, confidence, settings["primary"])
        ],
        "auc_change": auc_change(evaluations, confidence),
        "cross_validation": cross_validation.describe(folds_of(evaluations)),
        "paired_accuracy": [
            row
            for name in held_out_evaluations(evaluations)
            for row in paired_accuracy(name, evaluations[name], thresholds, reference, confidence)
        ],
        "calibration": calibrated,
        "recalibration": recalibration_report(evaluations[main], frozen),
        "decision_curves": [
            row
            for name in held_out_evaluations(evaluations)
            for row in decision_curves(
                name, evaluations[name], frozen, characteristics.get(name), settings, counts[name]
            )
        ],
        "reclassification": reclassifications(
            main, recalibrated[main], reference, settings["decision_thresholds"], confidence
        ),
        "subgroups": [
            row
            for name in held_out_evaluations(evaluations)
            for row in subgroup_report(name, evaluations[name], thresholds, characteristics.get(name), settings)
        ],
        "precision": precision_report(
            main, rows, calibrated, recalibrated[main], frozen, reference, confidence, counts[main]
        ),
        "development_size": development_size(evaluations, recalibrated, reference),
        "added_value": added_value.node_added_value(
            {name: evaluations[name] for name in held_out_evaluations(evaluations)},
            characteristics,
            reference,
            confidence,
        ),
        "instability": instability.report(evaluations, frozen, settings, counts),
        "centers": center_report(evaluations, frozen, characteristics.get("external"), settings),
    }


def held_out_evaluations(evaluations: Mapping[str, ScoredCohort]) -> list[str]:
    """Return those of ``HELD_OUT`` that the study has; the first is the leading one."""
    return [name for name in HELD_OUT if name in evaluations]


def folds_of(evaluations: Mapping[str, ScoredCohort]) -> int | None:
    """Return the number of folds of the out-of-fold scores, None without them or where no model was trained."""
    development = evaluations.get("out_of_fold")
    return development.overlap(*development.scores) if development else None


def score_kind(evaluation: ScoredCohort, frozen: Mapping[str, dict], name: str) -> ScoredCohort:
    """Return the evaluation of the models whose scores are of one of ``KINDS``."""
    scores = {
        model: values
        for model, values in evaluation.scores.items()
        if ("why" in frozen[model]["recalibration"]) == (name == "as predicted")
    }
    return ScoredCohort(evaluation.y_true, scores)


def recalibration_report(evaluation: ScoredCohort, frozen: Mapping[str, dict]) -> list[dict]:
    """Return each model's recalibration, or why there is none."""
    fitted_on = "out-of-fold development scores"
    return [{"model": model, "fitted_on": fitted_on, **frozen[model]["recalibration"]} for model in evaluation.scores]


def calibrations(
    evaluations: Mapping[str, ScoredCohort],
    frozen: Mapping[str, dict],
    confidence: float,
    counts: Mapping[str, np.ndarray],
) -> list[dict]:
    """Return the calibration of every model; ``scores`` of a row is one of ``KINDS``.

    Rows of recalibrated out-of-fold scores have a ``caution``: the calibration was fitted on them.
    """
    return [
        {
            "model": model,
            "evaluation": name,
            "scores": scale,
            **calibration.describe(evaluations[name].y_true, scores, confidence, counts[name]),
            **({"caution": OPTIMISTIC} if (name, scale) == ("out_of_fold", "recalibrated") else {}),
        }
        for name in held_out_evaluations(evaluations)
        for scale in KINDS
        for model, scores in score_kind(evaluations[name], frozen, scale).scores.items()
    ]


def auc_change(evaluations: Mapping[str, ScoredCohort], confidence: float) -> list[dict]:
    """Return the change of each model's AUC: external minus out-of-fold, different patients (unpaired).

    An out-of-fold score comes from one member, the external score is the mean of all. The external AUC is therefore the
    mean of the members' AUCs here. ``ensemble`` is the gain from averaging their scores, a paired difference.
    """
    if not {"external", "out_of_fold"} <= set(evaluations):
        return []
    external, development = evaluations["external"], evaluations["out_of_fold"]
    rows = []
    for model, scores in external.scores.items():
        if model not in development.scores:
            continue
        members = external.members.get(model, scores[None])
        development_scores = development.scores[model]
        change = discrimination.compare_unpaired(
            external.y_true, members, development.y_true, development_scores, confidence, development.overlap(model)
        )
        gain = discrimination.compare_with_mean(external.y_true, scores, members, confidence)
        rows.append({"model": model, **change, "ensemble": {"members": len(members), **gain}})
    return rows


def decision_curves(
    name: str,
    evaluation: ScoredCohort,
    frozen: Mapping[str, dict],
    characteristics: pd.DataFrame | None,
    settings: dict,
    counts: np.ndarray,
) -> list[dict]:
    """Return one entry per kind of scores, with the models of that kind; frozen calls of those with a cut-off."""
    at, confidence = decision.thresholds(*settings["decision_thresholds"]), settings["confidence"]
    y_true, reading = evaluation.y_true, scored_cohorts.node_reading(characteristics)
    rows = []
    for scale in KINDS:
        scores = score_kind(evaluation, frozen, scale).scores
        if not scores:
            continue
        thresholds = {model: frozen[model]["value"] for model in scores if frozen[model]["value"] is not None}
        frozen_scores = {model: scores[model] for model in thresholds}
        row = {
            "evaluation": name,
            "scores": scale,
            **decision.curves(y_true, scores, reading, at, confidence, counts),
            "frozen_calls": decision.frozen_call_curves(y_true, frozen_scores, thresholds, at, confidence, counts),
        }
        if (name, scale) == ("out_of_fold", "recalibrated"):
            row["caution"] = OPTIMISTIC
        rows.append(row)
    return rows


def reclassifications(
    name: str, evaluation: ScoredCohort, reference: str, borders: list[float], confidence: float
) -> list[dict]:
    """Return NRI and IDI of the reference model against every other, on recalibrated risks.

    ``borders`` divide low, intermediate and high risk for the categorical NRI.
    """
    if reference not in evaluation.scores:
        return []
    y_true, new = evaluation.y_true, evaluation.scores[reference]
    return [
        {
            "evaluation": name,
            "scores": "recalibrated",
            "new": reference,
            "old": model,
            "categorical_nri": {
                "borders": borders,
                **reclassification.categorical_nri(y_true, old, new, borders, confidence),
            },
            "continuous_nri": reclassification.continuous_nri(y_true, old, new, confidence),
            "idi": reclassification.idi(y_true, old, new, confidence),
        }
        for model, old in evaluation.scores.items()
        if model != reference
    ]


def subgroup_report(
    name: str,
    evaluation: ScoredCohort,
    thresholds: Mapping[str, float | None],
    characteristics: pd.DataFrame | None,
    settings: dict,
) -> list[dict]:
    """Return the reference model in every subgroup of an evaluation; none where no characteristics were given."""
    reference = settings["reference"]
    if characteristics is None or reference not in evaluation.scores:
        return []
    scores, interval, confidence = evaluation.scores[reference], settings["proportion_interval"], settings["confidence"]
    rows = subgroups.describe(
        evaluation.y_true,
        scores,
        thresholds[reference],
        characteristics,
        interval,
        confidence,
        evaluation.overlap(reference),
    )
    return [{"model": reference, "evaluation": name, **row} for row in rows]


def center_report(
    evaluations: Mapping[str, ScoredCohort],
    frozen: Mapping[str, dict],
    characteristics: pd.DataFrame | None,
    settings: dict,
) -> dict | None:
    """Return the reference model in every external centre and pooled; None where the centres are not known."""
    reference, external = settings["reference"], evaluations.get("external")
    if external is None or reference not in external.scores:
        return None
    if characteristics is None or "center" not in characteristics:
        return None
    content = centers.describe(
        external.y_true,
        external.scores[reference],
        characteristics["center"].to_numpy(str),
        frozen[reference]["value"],
        "why" not in frozen[reference]["recalibration"],
        settings["proportion_interval"],
        settings["confidence"],
    )
    return {"model": reference, "evaluation": "external", **content}


def precision_report(
    name: str,
    rows: list[dict],
    calibrated: list[dict],
    recalibrated: ScoredCohort,
    frozen: Mapping[str, dict],
    reference: str,
    confidence: float,
    counts: np.ndarray,
) -> dict | None:
    """Return the size of a prospective validation of the reference model, planned from this evaluation."""
    row = next((entry for entry in rows if (entry["model"], entry["evaluation"]) == (reference, name)), None)
    if row is None:
        return None
    estimates = {"AUC": row["auc"], "sensitivity": row["sensitivity"], "specificity": row["specificity"]}
    calibrations_of_model = [
        entry for entry in calibrated if (entry["model"], entry["evaluation"]) == (reference, name)
    ]
    if calibrations_of_model:
        estimates |= {
            "O/E": calibrations_of_model[0]["observed_expected"],
            "calibration slope": calibrations_of_model[0]["slope"],
        }
    y_true, risk, threshold = recalibrated.y_true, recalibrated.scores.get(reference), None
    if risk is not None and frozen[reference]["value"] is not None:
        threshold = float(frozen[reference]["value"])
        acted = (risk >= threshold)[:, None]
        curve = decision.curve(y_true, acted, np.array([threshold]), confidence, counts)["standardised"]
        method = decision.band_method(counts)
        estimates["standardised net benefit"] = {**{key: value[0] for key, value in curve.items()}, "method": method}
    plan = precision.validation(y_true, estimates, risk, threshold, confidence)
    return {"model": reference, "evaluation": name, "threshold": threshold, **plan}


def development_size(
    evaluations: Mapping[str, ScoredCohort], recalibrated: Mapping[str, ScoredCohort], reference: str
) -> dict | None:
    """Return the model size for which the development cohort was large enough; None without one."""
    if "out_of_fold" not in evaluations:
        return None
    y_true, risk = evaluations["out_of_fold"].y_true, recalibrated["out_of_fold"].scores.get(reference)
    likelihood = None if risk is None else -y_true.size * log_loss(y_true, risk)
    return {"model": reference, **precision.development(y_true, likelihood)}


def performance(
    model: str,
    name: str,
    evaluation: ScoredCohort,
    threshold: float | None,
    settings: dict,
    draws: bootstrap.Resamples,
    why: str | None = None,
) -> dict:
    """Return discrimination and accuracy of one model in one evaluation; ``why``: reason for having no cut-off."""
    y_true, scores = evaluation.y_true, evaluation.scores[model]
    confidence, interval, folds = settings["confidence"], settings["proportion_interval"], evaluation.overlap(model)
    counts, measures = None, accuracy.without_cut_off(interval, why or "no threshold was frozen")
    if threshold is not None:
        counts = accuracy.confusion(y_true, scores >= threshold)
        measures = {
            **accuracy.rates(counts, interval, confidence),
            **accuracy.ratios(counts, confidence),
            "indices": accuracy.summary_measures(y_true, scores >= threshold, draws.whole, confidence),
        }
    return {
        "model": model,
        "evaluation": name,
        "n": int(y_true.size),
        "positives": int(y_true.sum()),
        "threshold": threshold,
        "auc": discrimination.auc_interval(y_true, scores, confidence, "newcombe", folds),
        "auc_delong": discrimination.auc_interval(y_true, scores, confidence, "delong", folds),
        "auc_logit": discrimination.auc_interval(y_true, scores, confidence, "delong-logit", folds),
        **resampled_roc.describe(y_true, scores, draws, confidence, LOWEST_SPECIFICITY),
        **measures,
        "confusion": counts,
        "roc": roc_curve.points(y_true, scores),
        "roc_band": resampled_roc.band(y_true, scores, draws.by_class, confidence),
    }


def model_pairs(scores: Mapping[str, np.ndarray], reference: str) -> list[tuple[str, str]]:
    """Return every pair of models; the reference model comes first in its pairs, the others in the given order."""
    order = [reference, *(name for name in scores if name != reference)] if reference in scores else list(scores)
    return list(combinations(order, 2))


def comparisons(
    name: str, evaluation: ScoredCohort, reference: str, confidence: float, hypothesis: Mapping[str, str]
) -> list[dict]:
    """Return paired DeLong tests of every pair of models within one evaluation, with Holm's adjustment.

    The family contains all pairs of the evaluation except that of the primary ``hypothesis``.
    """
    pairs, models = model_pairs(evaluation.scores, reference), list(evaluation.scores)
    tests = discrimination.compare_all(
        evaluation.y_true,
        np.array(list(evaluation.scores.values())),
        [(models.index(a), models.index(b)) for a, b in pairs],
        confidence,
        [evaluation.overlap(*pair) for pair in pairs],
    )
    rows = [{"evaluation": name, "model_a": a, "model_b": b, **row} for (a, b), row in zip(pairs, tests, strict=True)]
    add_adjusted_p(primary.assign_roles(rows, hypothesis), "secondary pairs of this evaluation")
    return rows


def paired_accuracy(
    name: str, evaluation: ScoredCohort, thresholds: Mapping[str, float | None], reference: str, confidence: float
) -> list[dict]:
    """Return McNemar's test of the frozen calls of every pair of models, with the difference of correct shares.

    It compares sensitivity among positives, specificity among negatives and accuracy among all. Holm's adjustment of
    the exact p-values is applied per measure. Models without a cut-off make no calls and form no pair.
    """
    y_true = evaluation.y_true
    scores = {model: score for model, score in evaluation.scores.items() if thresholds[model] is not None}
    correct = {model: (score >= thresholds[model]) == y_true for model, score in scores.items()}
    rows = []
    groups = {"sensitivity": y_true, "specificity": ~y_true, "accuracy": np.ones(y_true.size, dtype=bool)}
    for measure, group in groups.items():
        tested = []
        for a, b in model_pairs(scores, reference):
            calls = correct[a][group], correct[b][group]
            row = {"evaluation": name, "model_a": a, "model_b": b, "measure": measure, **accuracy.mcnemar(*calls)}
            tested.append({**row, "difference": accuracy.paired_difference(*calls, confidence)})
        add_adjusted_p(tested, f"exact p-values of {measure} of this evaluation", key="p_exact")
        rows += tested
    return rows
