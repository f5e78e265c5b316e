"""Prepare the page's text and rows on performance: one block per evaluation, comparisons, calibration."""

from collections.abc import Mapping, Sequence
from typing import Any

from hscore.report import formatting, verdict
from hscore.report.figures import diagnosis_figures
from hscore.report.figures.diagnosis_figures import (
    confidence_text,
    label_of,
    labels_of,
    main_evaluation,
    main_model,
    rows_of,
)
from hscore.report.page import page_statistics
from hscore.report.page.page_summary import headline

Results = Mapping[str, Any]

BLOCKS = {
    "external": (
        "External test cohort",
        "The test of the models, in patients who took no part in training, threshold choice or any other fitting.",
    ),
    "out_of_fold": (
        "Development cohort, out-of-fold (cross-validation)",
        "Each patient is scored by models that were not trained on this patient. The thresholds were chosen on "
        "the same scores, so sensitivity and specificity are slightly optimistic.",
    ),
    "apparent": (
        "Development cohort, apparent (training data)",
        "Patients scored by models that were trained on them. These values are optimistic and shown only because the "
        "publication's primary column is of this kind.",
    ),
}


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    return {
        "performance_text": performance_text(results),
        "not_learned": not_learned(results),
        "auc_marks": auc_marks(results),
        "calibration_text": calibration_text(results),
        "blocks": performance_blocks(results),
        "write_auc": formatting.auc,
        "write_percent": formatting.percent,
        "explorer": explorer_models(results),
        "further": page_statistics.further_measures(results),
        "comparisons": comparison_blocks(results),
        "paired_accuracy": page_statistics.paired_accuracy(results),
        "auc_change": page_statistics.auc_change(results),
        "calibration": calibration(results),
        "spared": page_statistics.spared_dissections(results),
        "reclassification": page_statistics.reclassification(results),
        "study_size": page_statistics.study_size(results),
        "led": verdict.EVALUATIONS[main_evaluation(results)],
    }


def performance_text(results: Results) -> str:
    """Return where the thresholds come from, and what the blocks answer."""
    roles = {center["role"] for center in results["study"]["centers"]}
    if roles == {"development", "external"}:
        return (
            "Thresholds were chosen on the development cohort and frozen before the external test cohort was read. The "
            "three blocks answer different questions and are never mixed: external is the test, out-of-fold is "
            "cross-validation inside the development cohort, apparent is the models\u2019 own training data."
        )
    if roles == {"development"}:
        return (
            "This study has no external test cohort. Thresholds were chosen on out-of-fold scores. The two blocks "
            "are never mixed: out-of-fold is cross-validation inside the development cohort, apparent is the "
            "models\u2019 own training data."
        )
    if frozen := results["config"].get("frozen"):
        return f"Models and thresholds are those of a finished study ({frozen}), used as they were frozen there."
    return "This study has no development cohort: nothing was fitted, and thresholds are fixed in the settings."


def not_learned(results: Results) -> str:
    """Return the warning about models whose training did not succeed; empty without one."""
    names = dict.fromkeys(label_of(results, model["model"]) for model in results["trained"] if not model["learned"])
    if not names:
        return ""
    return (
        f"Not learned: {formatting.join_words(list(names))}. In cross-validation the loss on held-out patients was "
        "never below that of the prevalence, so these scores carry no evidence about the images or variables behind "
        "them."
    )


def auc_marks(results: Results) -> str:
    """Return the meaning of the marks in the AUC overview."""
    marks = {
        "external": "filled: external test cohort",
        "out_of_fold": "open: development cohort by out-of-fold scores",
    }
    shown = [text for name, text in marks.items() if rows_of(results, name)]
    if any(row["measure"] == "auc" and row["published"] is not None for row in headline(results)):
        shown.append("diamond: published external value")
    return ", ".join(shown).capitalize()


def calibration_text(results: Results) -> str:
    """Return where the recalibration comes from."""
    question = "Can the scores be read as probabilities, and is acting on them worthwhile?"
    if all("why" in row for row in results.get("recalibration") or []):
        return f"{question} {recalibration(results)}"
    external = main_evaluation(results) == "external"
    where = (
        ", never on the external cohort" if external else ", so its results on the same scores are slightly optimistic"
    )
    fitted = f"Scores were turned into risks by a calibration fitted on out-of-fold development scores{where}."
    return f"{question} {fitted} {recalibration(results)}"


def auc_method(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the method of the AUC intervals, once, with the correction that only models trained in folds have."""
    plain, *corrected = sorted({row["auc"]["method"] for row in rows}, key=len)
    corrections = "; ".join(method.removeprefix(f"{plain}, ") for method in corrected)
    return f"{plain} (models trained in folds: {corrections})" if corrections else plain


def performance_blocks(results: Results) -> list[dict[str, Any]]:
    """Return one block per evaluation."""
    blocks = []
    for name, (title, meaning) in BLOCKS.items():
        rows = rows_of(results, name)
        if not rows:
            continue
        proportion = rows[0]["sensitivity"].get("method")
        methods = (
            f"Small print in each cell: {confidence_text(results)} interval; AUC by {auc_method(rows)}, "
            f"proportions by {proportion}, with numerator/denominator. PPV and NPV apply only where the share of "
            f"LNM-positive patients is as here ({rows[0]['positives']}/{rows[0]['n']})."
        )
        if name == "out_of_fold" and (overlap := results.get("cross_validation")):
            methods = f"{methods} Members share training patients. {overlap['note']}"
        size = diagnosis_figures.cohort_size(rows)
        block = {"evaluation": name, "title": title, "meaning": meaning, "rows": rows, "methods": methods, "size": size}
        blocks.append(block)
    return blocks


def explorer_models(results: Results) -> list[dict[str, Any]]:
    """Return counts at every threshold of the external ROC curves, lowest threshold first, for the threshold slider."""
    labels, models = labels_of(results), []
    for row in rows_of(results, "external"):
        if not diagnosis_figures.has_curve(row):
            continue
        curve = row["roc"]
        positives, negatives = row["positives"], row["n"] - row["positives"]
        columns = zip(curve["threshold"], curve["true_positive_rate"], curve["false_positive_rate"], strict=True)
        points = [
            {"threshold": frozen_threshold, "tp": round(true * positives), "fp": round(false * negatives)}
            for frozen_threshold, true, false in columns
        ]
        points.reverse()
        frozen = len(points) // 2  # where the slider starts
        if confusion := row["confusion"]:
            counts = (confusion["tp"], confusion["fp"])
            frozen = next((index for index, point in enumerate(points) if (point["tp"], point["fp"]) == counts), 0)
            frozen_threshold = results["thresholds"].get(row["model"], {}).get("value")
            points[frozen] = {**points[frozen], "threshold": frozen_threshold, "frozen": True}
        label = labels.get(row["model"], row["model"])
        start = {"model": row["model"], "label": label, "n": row["n"], "positives": positives}
        models.append({**start, "points": points, "frozen": frozen})
    return models


def comparison_blocks(results: Results) -> list[dict[str, Any]]:
    """Return differences in AUC, one block per evaluation."""
    blocks = []
    for evaluation in ("external", "out_of_fold"):
        rows = [row for row in results.get("comparisons", []) if row["evaluation"] == evaluation]
        if not rows:
            continue
        shown = []
        for row in rows:
            entry = {"estimate": row["difference"], "low": row["low"], "high": row["high"], "why": row.get("why")}
            adjusted = "primary" if row["role"] == "primary" else formatting.p_value(row["p_holm"])
            shown.append({**row, "text": formatting.estimate(entry, formatting.auc), "p_adjusted": adjusted})
        adjustment = next((row["adjustment"] for row in rows if row["role"] == "secondary"), None)
        methods = " or ".join(dict.fromkeys(row["method"] for row in rows if row.get("method")))
        note = ". ".join(text for text in (methods, adjustment) if text)
        if any(row["role"] == "primary" for row in rows):
            note += ". The primary hypothesis is not adjusted"
        adjusted = any(row.get("p_holm") is not None for row in rows)
        block = {
            "title": verdict.EVALUATIONS[evaluation],
            "rows": shown,
            "note": f"{note[:1].upper()}{note[1:]}.",
            "adjusted": adjusted,
        }
        blocks.append(block)
    return blocks


def calibration(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the calibration table, one or two per model."""
    labels = labels_of(results)
    rows = []
    for row in results.get("calibration") or []:
        if row["evaluation"] != main_evaluation(results):
            continue
        columns = {
            "observed_expected": formatting.ratio,
            "intercept": formatting.ratio,
            "slope": formatting.ratio,
            "brier": formatting.auc,
            "scaled_brier": formatting.auc,
        }
        cells = [formatting.estimate(row[key], write) for key, write in columns.items()]
        cells += [formatting.auc(row[key]) for key in ("ici", "e50", "e90")]
        z = row["spiegelhalter"]
        cells.append(formatting.p_value(z["p"]) if z["p"] is not None else formatting.not_estimable_text(z))
        rows.append({"model": row["model"], "label": labels[row["model"]], "scores": row["scores"], "cells": cells})
    order = list(labels)
    return sorted(rows, key=lambda row: order.index(row["model"]))


def recalibration(results: Results) -> str:
    """Return how the H score was recalibrated, in words."""
    row = next((row for row in results.get("recalibration") or [] if row["model"] == main_model(results)), None)
    if row is None:
        return ""
    if "why" in row:
        return f"Scores are not risks: {row['why']}."
    name = labels_of(results)[row["model"]]
    if row["method"] == "isotonic":
        return f"For {name}: isotonic regression in {len(row['risk'])} steps."
    intercept, slope = formatting.ratio(row["intercept"]), formatting.ratio(row["slope"])
    return f"For {name}: logit of the risk = {intercept} + {slope} \u00d7 aligned logit of the member."
