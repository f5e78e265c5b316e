"""The report's tables as CSV files: plain numbers in full precision, one file a table.

Every row begins with the column ``data`` ('simulated' or 'own'), so that a table copied out of its folder still
says what it was made from. Missing numbers are empty, with the reason in ``why``.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hscore.files import new_file
from hscore.reporting.checklist import guidelines
from hscore.reporting.figures import cox_rows, labels_of

MEASURES = ("auc", "sensitivity", "specificity", "accuracy", "ppv", "npv")
ESTIMATE = ("estimate", "low", "high")

Rows = list[dict[str, Any]]


def tables(results: Mapping[str, Any]) -> dict[str, Rows]:
    """File name without suffix -> rows, for every table of the report that has rows."""
    found = {
        "flow": flow(results),
        "table1": table1(results),
        "performance": performance(results),
        "roc": roc(results),
        "comparisons": comparisons(results),
        "calibration": calibration(results),
        "decision_curves": decision_curves(results),
        "published": published(results),
        "guidelines": checklist(results),
        "subgroups": subgroups(results),
        "study_size": study_size(results),
        "survival_groups": survival_groups(results),
        "survival_curves": survival_curves(results),
        "cox": cox(results),
        "thresholds": thresholds(results),
    }
    data = results["study"]["data"]
    return {name: [{"data": data, **row} for row in rows] for name, rows in found.items() if rows}


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write every table as ``folder``/<name>.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables(results).items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with new_file(folder / f"{name}.csv") as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def flow(results: Mapping[str, Any]) -> Rows:
    """Numbers in the table, excluded for each reason, and included, a centre at a time."""
    rows = []
    for center, content in results["flow"].items():
        start = {"center": center, "role": content["role"]}
        rows.append({**start, "step": "in clinical table", "reason": "", "n": content["in_table"]})
        for reason in content["excluded"]:
            rows.append({**start, "step": "excluded", "reason": reason["label"], "n": reason["n"]})
        rows.append({**start, "step": "included", "reason": "", "n": content["included"]})
    return rows


def table1(results: Mapping[str, Any]) -> Rows:
    """One row a variable (or level) and group of patients, then one a standardised difference."""
    content = results["table1"]
    rows = []
    for row in content.get("rows", []):
        start = {"variable": row["variable"], "label": row["label"], "unit": row.get("unit", "")}
        for number, group in enumerate(content["groups"]):
            lnm = {None: "all", 0: "negative", 1: "positive"}[group["lnm"]]
            place = {"cohort": group["cohort"], "lnm": lnm}
            if row["kind"] == "continuous":
                cell = {key: _plain(value) for key, value in row["cells"][number].items()}
                rows.append({**start, "level": "", **place, **cell})
                continue
            for level in row["levels"]:
                cell = {key: _plain(value) for key, value in level["cells"][number].items()}
                rows.append({**start, "level": level["level"], **place, **cell, "missing": row["missing"][number]})
        for difference in row["differences"]:
            place = {"cohort": difference.get("cohort", "development against external")}
            place["lnm"] = "negative against positive" if difference["between"] == "lnm" else "all"
            numbers = {"standardised_difference": _plain(difference["smd"]), "why": difference.get("why", "")}
            rows.append({**start, "level": "", **place, **numbers})
    return rows


def performance(results: Mapping[str, Any]) -> Rows:
    """One row a model, evaluation and measure."""
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
        for measure in MEASURES:
            value = entry[measure]
            row = {**start, "measure": measure, **_numbers(value)}
            for key in ("numerator", "denominator", "method", "why"):
                row[key] = _plain(value.get(key))
            rows.append(row)
    return rows


def roc(results: Mapping[str, Any]) -> Rows:
    """Points of every ROC curve."""
    rows = []
    for entry in results["performance"]:
        curve = entry.get("roc") or {}
        keys = ("threshold", "false_positive_rate", "true_positive_rate")
        for values in zip(*(curve.get(key) or [] for key in keys), strict=True):
            start = {"evaluation": entry["evaluation"], "model": entry["model"]}
            rows.append({**start, **dict(zip(keys, map(_plain, values), strict=True))})
    return rows


def comparisons(results: Mapping[str, Any]) -> Rows:
    """Differences in AUC between models."""
    return [{key: _plain(value) for key, value in row.items()} for row in results.get("comparisons", [])]


def calibration(results: Mapping[str, Any]) -> Rows:
    """Calibration measures of every model, evaluation and kind of score."""
    rows = []
    for entry in results.get("calibration") or []:
        start = {key: entry[key] for key in ("evaluation", "model", "scores", "n", "events")}
        for measure in ("observed_expected", "intercept", "slope", "brier", "scaled_brier"):
            value = entry[measure]
            method = {"method": value.get("method", ""), "why": value.get("why", "")}
            rows.append({**start, "measure": measure, **_numbers(value), **method})
        for measure in ("ici", "e50", "e90", "emax"):
            rows.append({**start, "measure": measure, "estimate": _plain(entry[measure])})
    return rows


def decision_curves(results: Mapping[str, Any]) -> Rows:
    """Net benefit of every model and of treating all, at every threshold probability."""
    rows = []
    for scores, content in (results.get("decision_curves") or {}).items():
        for name, curve in {"treat all": content["treat_all"], **content["models"]}.items():
            columns = zip(content["threshold"], curve["net_benefit"], curve["low"], curve["high"], strict=True)
            for values in columns:
                numbers = dict(zip(("threshold", "net_benefit", "low", "high"), map(_plain, values), strict=True))
                rows.append({"evaluation": content["evaluation"], "scores": scores, "strategy": name, **numbers})
    return rows


def subgroups(results: Mapping[str, Any]) -> Rows:
    """AUC, sensitivity and specificity in every subgroup, with the test of heterogeneity of its variable."""
    rows = []
    for entry in results.get("subgroups") or []:
        test = {"p_difference": _plain(entry["heterogeneity"]["p"])}
        for level in entry["levels"]:
            start = {key: level[key] for key in ("level", "n", "positives")}
            for measure in ("auc", "sensitivity", "specificity"):
                value = level[measure]
                numbers = {"measure": measure, **_numbers(value), "why": value.get("why", "")}
                rows.append({"model": entry["model"], "variable": entry["variable"], **start, **numbers, **test})
    return rows


def study_size(results: Mapping[str, Any]) -> Rows:
    """Patients that a prospective validation would need."""
    return [dict(row) for row in (results.get("precision") or {}).get("needed", [])]


def checklist(results: Mapping[str, Any]) -> Rows:
    """Guideline items with the run's answers; an empty answer is for the authors."""
    return [
        {"guideline": guideline["name"], "item": item["number"], "asks": item["asks"], "answer": item["answer"] or ""}
        for guideline in guidelines(results)
        for item in guideline["items"]
    ]


def published(results: Mapping[str, Any]) -> Rows:
    """Ours beside the published numbers, with the verdict."""
    rows = []
    for row in results["verdicts"]:
        beside = row.get("beside") or {}
        rows.append(
            {
                "item": row["item"],
                "published": _plain(row["published"]),
                **_numbers(row["ours"]),
                "verdict": row["verdict"],
                "beside": beside.get("evaluation", ""),
                **{f"beside_{key}": value for key, value in _numbers(beside).items() if beside},
                "detail": row["detail"],
            }
        )
    return rows


def survival_groups(results: Mapping[str, Any]) -> Rows:
    """Patients, events and median of the two groups in each cohort."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        for name, group in (content.get("groups") or {}).items():
            row = {"cohort": cohort, "group": name}
            for key in ("n", "events", "median", "median_low", "median_high"):
                row[key] = _plain(group.get(key))
            row["why"] = group.get("median_why", "")
            rows.append(row)
    return rows


def survival_curves(results: Mapping[str, Any]) -> Rows:
    """Points of the Kaplan-Meier curves; time in months."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        for name, group in (content.get("groups") or {}).items():
            curve = group.get("curve") or {}
            keys = ("time", "survival", "low", "high")
            for values in zip(*(curve.get(key, []) for key in keys), strict=True):
                rows.append({"cohort": cohort, "group": name, **dict(zip(keys, map(_plain, values), strict=True))})
    return rows


def cox(results: Mapping[str, Any]) -> Rows:
    """Hazard ratios."""
    rows = []
    for row in cox_rows(results):
        entry = row["entry"]
        start = {"cohort": row["cohort"], "model": row["model"], "term": row["term"]}
        rows.append({**start, **_numbers(entry), "p": _plain(entry.get("p")), "why": _plain(entry.get("why"))})
    return rows


def thresholds(results: Mapping[str, Any]) -> Rows:
    """The frozen thresholds."""
    keys = ("rule", "value", "chosen_on", "why")
    return [
        {"model": name, **{key: _plain(entry.get(key)) for key in keys}}
        for name, entry in results["thresholds"].items()
    ]


def _numbers(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(entry.get(key)) for key in ESTIMATE}


def _plain(value: Any) -> Any:
    return "" if value is None else value
