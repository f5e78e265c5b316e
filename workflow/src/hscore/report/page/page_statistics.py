"""Prepare rows of text for the page's further statistical tables: measures, comparisons, benefit, study size, survival.

The functions put results.json into words and compute no new number.
"""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting, verdict
from hscore.report.figures import decision_figures
from hscore.report.figures.diagnosis_figures import (
    confidence_text,
    labels_of,
    main_cohort,
    main_evaluation,
    main_model,
    rows_of,
)

Results = Mapping[str, Any]
Rows = list[dict[str, Any]]

SHOWN_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
GROUP_NAMES = {"high": "H score high", "low": "H score low", "positive": "LNM at pathology", "negative": "no LNM"}


def further_measures(results: Results) -> dict[str, Any] | None:
    """Return the measures next to the usual six, one row per model, and the methods of their intervals."""
    rows = rows_of(results, main_evaluation(results))
    if not rows:
        return None
    labels = labels_of(results)
    columns = {
        "AUC, DeLong": ("auc_delong", formatting.auc),
        "AUC, logit DeLong": ("auc_logit", formatting.auc),
        "AUC, bootstrap": ("auc_bootstrap", formatting.auc),
        "Partial AUC": ("partial_auc", formatting.auc),
        "Average precision": ("average_precision", formatting.auc),
        "LR+": ("positive_likelihood_ratio", formatting.ratio),
        "LR\u2212": ("negative_likelihood_ratio", formatting.ratio),
        "F1": ("f1", formatting.ratio),
        "MCC": ("mcc", formatting.ratio),
    }
    shown = [
        {
            "label": labels[row["model"]],
            "main": row["model"] == main_model(results),
            "cells": [formatting.estimate({**row, **row["indices"]}[key], write) for key, write in columns.values()],
        }
        for row in rows
    ]
    first = rows[0]
    methods = {name: first["indices"][name]["method"] for name in ("f1", "mcc")}
    for row in rows:  # a model without a cut-off has no method
        methods |= {name: row["indices"][name]["method"] for name in methods if row["confusion"]}
    note = (
        f"{confidence_text(results)} intervals. {first['partial_auc']['method']}; "
        f"{first['average_precision']['method']} (uninformative score: "
        f"{formatting.auc(first['average_precision']['chance'])}); likelihood ratios: "
        f"{first['positive_likelihood_ratio']['method']}; F1: {methods['f1']}; MCC: {methods['mcc']}."
    )
    return {"heads": list(columns), "rows": shown, "note": note}


def paired_accuracy(results: Results) -> Rows:
    """Return one block per evaluation: McNemar's tests of every pair of frozen calls, with their differences."""
    labels, blocks = labels_of(results), []
    for evaluation in ("external", "out_of_fold"):
        rows = [row for row in results.get("paired_accuracy") or [] if row["evaluation"] == evaluation]
        if not rows:
            continue
        shown = [
            {
                "a": labels[row["model_a"]],
                "b": labels[row["model_b"]],
                "measure": row["measure"],
                "pairs": f"{row['only_a']} : {row['only_b']}",
                "difference": formatting.estimate(row["difference"], formatting.percent),
                "p": formatting.p_value(row["p_exact"]),
                "p_holm": formatting.p_value(row["p_holm"]),
            }
            for row in rows
        ]
        note = f"Difference: {rows[0]['difference']['method']}; p: exact McNemar test; adjusted: Holm, per measure."
        blocks.append({"title": verdict.EVALUATIONS[evaluation], "rows": shown, "note": note})
    return blocks


def auc_change(results: Results) -> dict[str, Any] | None:
    """Return the change of each model's AUC from out-of-fold to external as rows of text, and the methods used."""
    labels, changes = labels_of(results), results.get("auc_change")
    if not changes:
        return None
    rows = [
        {
            "label": labels[row["model"]],
            "text": formatting.estimate({**row, "estimate": row["difference"]}, formatting.auc),
            "p": formatting.p_value(row["p"]),
            "ensemble": formatting.estimate(
                {**row["ensemble"], "estimate": row["ensemble"]["difference"]}, formatting.auc
            ),
        }
        for row in changes
    ]
    return {"rows": rows, "methods": " or ".join(dict.fromkeys(row["method"] for row in changes))}


def spared_dissections(results: Results) -> dict[str, Any] | None:
    """Return net benefit and spared dissections at selected thresholds: H score, MRI-LN alone, treating all."""
    content, model = decision_figures.main_curves(results), main_model(results)
    if not content or model not in content["models"]:
        return None
    strategies = {labels_of(results)[model]: content["models"][model]}
    if "net_benefit" in content["mri_ln"]:
        strategies[decision_figures.MRI_LN_LABEL] = content["mri_ln"]
    strategies["Treat all"] = content["treat_all"]
    rows = []
    for index, threshold in enumerate(content["threshold"]):
        if not any(abs(threshold - shown) < 1e-9 for shown in SHOWN_THRESHOLDS):
            continue
        for number, (label, curve) in enumerate(strategies.items()):
            cells = [
                _at(curve.get(measure), index, write)
                for measure, write in (
                    ("net_benefit", formatting.auc),
                    ("interventions_avoided_per_100", formatting.months),
                    ("spared_per_missed", formatting.months),
                    ("against_mri_ln", formatting.auc),
                )
            ]
            counts = f"{curve['spared'][index]:,} / {curve['missed'][index]:,}"
            rows.append(
                {
                    "threshold": formatting.percent(threshold),
                    "first": number == 0,
                    "span": len(strategies),
                    "label": label,
                    "counts": counts,
                    "cells": cells,
                }
            )
    evaluation = verdict.EVALUATIONS[content["evaluation"]]
    return {
        "rows": rows,
        "evaluation": evaluation,
        "method": content["method"],
        "scores": content["scores"],
        "no_reading": content["mri_ln"].get("why"),
    }


def _at(curve: Mapping[str, Any] | None, index: int, write) -> str:
    """Return one point of a curve with its band; a dash where the strategy has none."""
    if curve is None or curve["estimate"][index] is None:
        return "\u2013"
    low, high = (curve[key][index] for key in ("low", "high"))
    if low is None and high is None:
        return f"{write(curve['estimate'][index])} (no interval)"
    ends = formatting.interval(low, "open" if high is None else high, lambda v: v if v == "open" else write(v))
    return f"{write(curve['estimate'][index])} ({ends})"


def reclassification(results: Results) -> Rows:
    """Return NRI with its two components, and IDI, of the H score against each other model."""
    labels = labels_of(results)
    return [
        {
            "label": labels[row["old"]],
            "cells": [
                *(
                    formatting.decimal(row["categorical_nri"].get(part), 2)
                    for part in ("events", "non_events")
                    if row["categorical_nri"]["estimate"] is not None
                ),
                formatting.estimate(row["categorical_nri"], formatting.ratio),
                formatting.estimate(row["continuous_nri"], formatting.ratio),
                formatting.estimate(row["idi"], formatting.auc),
            ],
        }
        for row in results.get("reclassification") or []
        if row["categorical_nri"]["estimate"] is not None
    ]


# Study size


def study_size(results: Results) -> dict[str, Any] | None:
    """Return how many patients a prospective validation would need, as rows of text and sentences."""
    plan = results.get("precision")
    if not plan:
        return None
    level, n = confidence_text(results), plan["n"]
    share = f"{plan['positives']:,} of {n:,} LNM-positive, {formatting.percent(plan['prevalence'])}"
    more = [text for text in (development_size(results), hazard_ratio_size(results)) if text]
    if not plan["needed"]:
        return {"text": f"Study size is not estimable: {plan['why']}.", "rows": [], "more": more}
    largest = max(plan["needed"], key=lambda row: row["patients"])
    cohort = {"external": "external", "out_of_fold": "development"}[plan["evaluation"]]
    text = (
        f"If a new cohort were like this {cohort} cohort ({share}), a prospective validation of the "
        f"{labels_of(results)[plan['model']]} would need {largest['patients']:,} patients, about "
        f"{largest['positives']:,} of them LNM-positive, to estimate all measures below with the stated precision. "
        f"The {largest['for']} requires the most patients."
    )
    rows = []
    for row in plan["needed"]:
        proportion = row["for"] in ("sensitivity", "specificity")
        write = formatting.percent if proportion else formatting.ratio
        write = formatting.auc if row["for"] == "AUC" else write

        def width(value: float | None, proportion: bool = proportion) -> str:
            if value is None:
                return "\u2013"
            return f"{formatting.decimal(100 * value, 1)} points" if proportion else formatting.ratio(value)

        rows.append(
            {
                "measure": row["for"],
                "assumed": write(row["assumed"]),
                "here": width(row["here"]["width"]),
                "width": width(row["width"]),
                "patients": f"{row['patients']:,}",
                "times": f"{formatting.decimal(row['patients'] / n, 1)} times",
            }
        )
    return {"text": text, "rows": rows, "level": level, "more": more}


def development_size(results: Results) -> str:
    """Return the model size for which the development cohort was large enough, in a sentence; empty without one."""
    plan = results.get("development_size")
    if not plan:
        return ""
    cohort = f"The development cohort ({plan['n']:,} patients, {plan['positives']:,} LNM-positive)"
    if plan.get("why"):
        return f"{cohort}: {plan['why']}."
    r2 = f"Cox-Snell R\u00b2 {formatting.decimal(plan['r2'], 3)} of at most {formatting.decimal(plan['max_r2'], 3)}"
    return (
        f"{cohort} was large enough for a logistic model of up to {formatting.count(plan['parameters'], 'parameter')} "
        f"by Riley\u2019s criteria for development ({r2}, out-of-fold). A network has many more parameters, so only "
        "held-out results count."
    )


def hazard_ratio_size(results: Results) -> str:
    """Return how many events a given precision of the hazard ratio needs, in a sentence."""
    cohort = main_cohort(results)
    plan = (results["survival"].get("cohorts", {}).get(cohort) or {}).get("hazard_ratio_precision")
    if not plan or plan["events"] is None:
        return ""
    width_here = "" if plan["here"] is None else f"; here it is {formatting.decimal(plan['here'], 1)} times"
    return (
        f"A hazard ratio whose interval\u2019s upper end is {plan['width']:g} times its lower end needs "
        f"{formatting.count(plan['events'], 'event')}, or {formatting.count(plan['patients'], 'patient')} at this "
        f"cohort\u2019s share of events{width_here}."
    )


# Survival


def survival_at(results: Results) -> dict[str, Any] | None:
    """Return survival at yearly times, by H score and by nodes at pathology, in every cohort."""
    rows, times = [], []
    for cohort in ("external", "development"):
        content = results["survival"].get("cohorts", {}).get(cohort)
        if not content:
            continue
        times = [f"{moment:g}" for moment in content["at_risk"]["time"][1:]]
        groups = {**content["groups"], **((content.get("pathology") or {}).get("groups") or {})}
        for number, (name, group) in enumerate(groups.items()):
            by_time = {f"{row['time']:g}": row for row in group["at"]}
            cells = [
                formatting.estimate(by_time[time], formatting.percent)
                if by_time.get(time, {}).get("estimate") is not None
                else "\u2013"
                for time in times
            ]
            rows.append(
                {
                    "cohort": verdict.EVALUATIONS[cohort].capitalize(),
                    "first": number == 0,
                    "span": len(groups),
                    "group": f"{GROUP_NAMES[name]} (n = {group['n']})",
                    "cells": cells,
                }
            )
    return {"times": times, "rows": rows} if rows else None


def prediction(results: Results) -> str:
    """Return how well the development cohort's Cox model predicts external survival, in a sentence."""
    content = results["survival"].get("prediction") or {}
    error = content.get("external")
    if not error:
        return ""
    if error["model"]["estimate"] is None:
        return f"Integrated Brier score: {formatting.not_estimable_text(error['model'])}."
    texts = {key: formatting.estimate(error[key], formatting.auc) for key in ("model", "no_model", "scaled")}
    return (
        f"A Cox model of the H score fitted on development predicts external survival with an integrated Brier score "
        f"of {texts['model']} up to {error['to_month']:g} months. The external cohort's own Kaplan-Meier curve for all "
        f"patients has {texts['no_model']}; index of prediction accuracy {texts['scaled']} "
        f"({error['model']['method']})."
    )
