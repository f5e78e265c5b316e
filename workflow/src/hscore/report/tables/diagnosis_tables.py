"""Return the report's tables of patients and diagnosis as rows of plain numbers; see ``csv_tables``."""

from collections.abc import Mapping, Sequence
from typing import Any

from hscore.report import adds_to_reading
from hscore.report.figures.diagnosis_figures import labels_of
from hscore.report.guidelines.checklist import guidelines
from hscore.report.tables.cells import (
    ESTIMATE,
    Rows,
    blank_if_none,
    curve_rows,
    estimate_cells,
    method_cells,
    named_cells,
    without_none,
)

MEASURES = ("auc", "sensitivity", "specificity", "accuracy", "ppv", "npv")
FURTHER = (
    *("auc_delong", "auc_logit", "auc_bootstrap", "partial_auc", "average_precision"),
    *("positive_likelihood_ratio", "negative_likelihood_ratio", "diagnostic_odds_ratio"),
)
CURVE = ("threshold", "measure", "estimate", "low", "high")


def flow(results: Mapping[str, Any]) -> Rows:
    """Return the numbers in the table, excluded per reason, and included, centre by centre."""
    rows = []
    for center, content in results["flow"].items():
        start = {"center": center, "role": content["role"]}
        rows.append({**start, "step": "in clinical table", "reason": "", "n": content["in_table"]})
        for reason in content["excluded"]:
            rows.append({**start, "step": "excluded", "reason": reason["label"], "n": reason["n"]})
        rows.append({**start, "step": "included", "reason": "", "n": content["included"]})
        if content["survival_only"]["n"]:
            only = content["survival_only"]
            rows.append({**start, "step": "of these for survival only", "reason": only["label"], "n": only["n"]})
    return rows


def table1(results: Mapping[str, Any]) -> Rows:
    """Return one row per variable (or level) and group of patients, then one per standardised difference."""
    content = results["table1"]
    signs = {None: "all", 0: "negative", 1: "positive", "unknown": "unknown"}
    groups = [{"cohort": patients["cohort"], "lnm": signs[patients["lnm"]]} for patients in content.get("groups", [])]
    rows = []
    for row in content.get("rows", []):
        rows += _cells(row, groups)
        for difference in row["differences"]:
            group = {"cohort": difference.get("cohort", "development against external")}
            group["lnm"] = "negative against positive" if difference["between"] == "lnm" else "all"
            rows.append(_difference(row, group, difference))
    return rows


def table1_centers(results: Mapping[str, Any]) -> Rows:
    """Return Table 1 by centre; the difference is the largest between two centres."""
    content = results["table1"].get("centers") or {"groups": [], "rows": []}
    groups = [{"center": patients["center"]} for patients in content["groups"]]
    rows = []
    for row in content["rows"]:
        rows += _cells(row, groups)
        rows += [_difference(row, {"center": "largest of all pairs"}, difference) for difference in row["differences"]]
    return rows


def _variable(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"variable": row["variable"], "label": row["label"], "unit": row.get("unit", "")}


def _cells(row: Mapping[str, Any], groups: Sequence[Mapping[str, str]]) -> Rows:
    """Return the rows of one variable of a description; ``groups`` names its groups."""
    rows = []
    for number, group in enumerate(groups):
        if row["kind"] == "continuous":
            cell = {key: blank_if_none(value) for key, value in row["cells"][number].items()}
            rows.append({**_variable(row), "level": "", **group, **cell})
            continue
        for level in row["levels"]:
            cell = {key: blank_if_none(value) for key, value in level["cells"][number].items()}
            start = {**_variable(row), "level": level["level"], **group}
            rows.append({**start, **cell, "missing": row["missing"][number]})
    return rows


def _difference(row: Mapping[str, Any], group: Mapping[str, str], difference: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {"standardised_difference": blank_if_none(difference["smd"]), "why": difference.get("why", "")}
    return {**_variable(row), "level": "", **group, **numbers}


def performance(results: Mapping[str, Any]) -> Rows:
    """Return one row per model, evaluation and measure."""
    labels = labels_of(results)
    rows = []
    for entry in results["performance"]:
        start = {
            "evaluation": entry["evaluation"],
            "model": entry["model"],
            "label": labels.get(entry["model"], entry["model"]),
            "n": entry["n"],
            "positives": entry["positives"],
        }
        measured = {name: entry[name] for name in (*MEASURES, *FURTHER)} | entry["indices"]
        for measure, value in measured.items():
            row = {**start, "measure": measure, **estimate_cells(value)}
            for key in ("numerator", "denominator", "method", "why"):
                row[key] = blank_if_none(value.get(key))
            rows.append(row)
    return rows


def roc(results: Mapping[str, Any]) -> Rows:
    """Return the points of every ROC curve."""
    columns = ("threshold", "false_positive_rate", "true_positive_rate")
    return [
        {"evaluation": entry["evaluation"], "model": entry["model"], **point}
        for entry in results["performance"]
        for point in curve_rows(entry.get("roc") or {}, columns)
    ]


def roc_bands(results: Mapping[str, Any]) -> Rows:
    """Return the pointwise bands of every ROC curve that has one."""
    return [
        {"evaluation": entry["evaluation"], "model": entry["model"], **point, "method": entry["roc_band"]["method"]}
        for entry in results["performance"]
        for point in curve_rows(entry["roc_band"], ("false_positive_rate", "low", "high"))
    ]


def comparisons(results: Mapping[str, Any]) -> Rows:
    """Return the differences in AUC between models."""
    return without_none(results.get("comparisons"))


def paired_accuracy(results: Mapping[str, Any]) -> Rows:
    """Return McNemar's tests and differences of the frozen calls of every pair of models."""
    rows = []
    for row in results.get("paired_accuracy") or []:
        plain = {key: blank_if_none(value) for key, value in row.items() if key != "difference"}
        rows.append({**plain, **named_cells("difference", row["difference"])})
    return rows


def reclassification(results: Mapping[str, Any]) -> Rows:
    """Return NRI and IDI of the reference model against every other."""
    rows = []
    for entry in results.get("reclassification") or []:
        start = {key: entry[key] for key in ("evaluation", "scores", "new", "old")}
        for measure in ("categorical_nri", "continuous_nri", "idi"):
            value = entry[measure]
            parts = {key: blank_if_none(value.get(key)) for key in ("events", "non_events", "method", "why")}
            rows.append({**start, "measure": measure, **estimate_cells(value), **parts})
    return rows


def calibration(results: Mapping[str, Any]) -> Rows:
    """Return the calibration measures of every model, evaluation and kind of score."""
    rows = []
    for entry in results.get("calibration") or []:
        start = {key: entry[key] for key in ("evaluation", "model", "scores", "n", "events")}
        for measure in ("observed_expected", "intercept", "slope", "brier", "scaled_brier"):
            value = entry[measure]
            method = {"method": value.get("method", ""), "why": value.get("why", "")}
            rows.append({**start, "measure": measure, **estimate_cells(value), **method})
        for measure in ("ici", "e50", "e90", "emax"):
            rows.append({**start, "measure": measure, "estimate": blank_if_none(entry[measure])})
    return rows


def decision_curves(results: Mapping[str, Any]) -> Rows:
    """Return net benefit and spared dissections of every strategy at every threshold probability."""
    rows = []
    for content in results.get("decision_curves") or []:
        strategies = {"treat all": content["treat_all"], "MRI-LN alone": content["mri_ln"], **content["models"]}
        strategies |= {f"{name}, frozen call": curve for name, curve in content.get("frozen_calls", {}).items()}
        for name, curve in strategies.items():
            start = {"evaluation": content["evaluation"], "scores": content["scores"], "strategy": name}
            for measure, values in curve.items():
                if isinstance(values, dict):
                    columns = (content["threshold"], *(values[key] for key in ESTIMATE))
                    for threshold, *numbers in zip(*columns, strict=True):
                        cells = (threshold, measure, *map(blank_if_none, numbers))
                        rows.append({**start, **dict(zip(CURVE, cells, strict=True)), "method": content["method"]})
    return rows


def subgroups(results: Mapping[str, Any]) -> Rows:
    """Return AUC, sensitivity and specificity in every subgroup, with the test of heterogeneity of its variable."""
    rows = []
    for entry in results.get("subgroups") or []:
        for level in entry["levels"]:
            start = {key: level[key] for key in ("level", "n", "positives")}
            for measure in ("auc", "sensitivity", "specificity"):
                value, test = level[measure], entry["heterogeneity"][measure]
                numbers = {"measure": measure, **estimate_cells(value)}
                numbers |= {"method": value.get("method", ""), "why": value.get("why", "")}
                tested = {"p_difference": blank_if_none(test["p"]), "p_difference_holm": blank_if_none(test["p_holm"])}
                subgroup = {key: entry[key] for key in ("evaluation", "model", "variable")}
                rows.append({**subgroup, **start, **numbers, **tested})
    return rows


def study_size(results: Mapping[str, Any]) -> Rows:
    """Return the number of patients that a prospective validation would need."""
    rows = []
    for row in (results.get("precision") or {}).get("needed", []):
        interval_here = {f"{key}_here": blank_if_none(value) for key, value in row["here"].items()}
        rows.append({key: value for key, value in row.items() if key != "here"} | interval_here)
    return rows


def development_size(results: Mapping[str, Any]) -> Rows:
    """Return the patients needed to develop a model, by number of parameters (Riley's criteria)."""
    return without_none((results.get("development_size") or {}).get("needed"))


def checklist(results: Mapping[str, Any]) -> Rows:
    """Return guideline items with answers and their place in the report; empty answers are for the authors."""
    return [
        {
            "guideline": guideline["name"],
            "item": item["number"],
            "asks": item["asks"],
            "status": "answered" if item["answer"] else "for the authors",
            "answer": item["answer"] or "",
            "place": f"report.html#{item['place']}" if item["place"] else "",
        }
        for guideline in guidelines(results)
        for item in guideline["items"]
    ]


def adds_to_reading_answers(results: Mapping[str, Any]) -> Rows:
    """Return whether the H score adds to the reading it contains, for nodes and for survival."""
    keys = ("subject", "question", "evaluation", "answer", "measure")
    return [
        {
            **{key: blank_if_none(row[key]) for key in keys},
            **estimate_cells(row["entry"]),
            **{key: blank_if_none(row["entry"].get(key)) for key in ("p", "method", "why")},
        }
        for row in adds_to_reading.answers(results)
    ]


def cut_off_error(results: Mapping[str, Any]) -> Rows:
    """Return the standard errors of the external rates that come from choosing the cut-off."""
    return without_none(results.get("cut_off_error"))


def published(results: Mapping[str, Any]) -> Rows:
    """Return our values and the published ones, with the verdict."""
    rows = []
    for row in results["verdicts"]:
        additional = row.get("beside") or {}
        rows.append(
            {
                "item": row["item"],
                "published": blank_if_none(row["published"]),
                **{f"published_{key}": blank_if_none(row["theirs"].get(key)) for key in ("low", "high", "method")},
                **method_cells(row["ours"]),
                **{f"difference_{key}": value for key, value in method_cells(row["difference"] or {}).items()},
                "margin": blank_if_none(row["margin"]),
                "verdict": row["verdict"],
                "beside": additional.get("evaluation", ""),
                **{f"beside_{key}": value for key, value in method_cells(additional).items() if additional},
                "detail": row["detail"],
            }
        )
    return rows


def auc_change(results: Mapping[str, Any]) -> Rows:
    """Return the change of every model's AUC between the cohorts, and the external gain from averaging the members."""
    return [
        {
            **{key: blank_if_none(value) for key, value in row.items() if key != "ensemble"},
            **{f"ensemble_{key}": blank_if_none(value) for key, value in row["ensemble"].items()},
        }
        for row in results.get("auc_change") or []
    ]


def thresholds(results: Mapping[str, Any]) -> Rows:
    """Return the frozen thresholds."""
    keys = ("rule", "value", "chosen_on", "median", "why")
    return [
        {
            "model": name,
            **{key: blank_if_none(entry.get(key)) for key in keys},
            "recalibration": entry["recalibration"]["method"],
            **{
                f"recalibration_{key}": blank_if_none(entry["recalibration"].get(key))
                for key in ("intercept", "slope", "why")
            },
        }
        for name, entry in results["thresholds"].items()
    ]
