"""The report's tables as CSV files: plain numbers in full precision, one file a table.

Every row begins with the column ``data`` ('simulated' or 'own'), so that a table copied out of its folder still
says what it was made from. Missing numbers are empty, with the reason in ``why``.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hscore.files import new_file
from hscore.reporting.checklist import guidelines
from hscore.reporting.figures import cox_rows, labels_of

MEASURES = ("auc", "sensitivity", "specificity", "accuracy", "ppv", "npv")
FURTHER = (
    *("auc_logit", "auc_bootstrap", "partial_auc", "average_precision"),
    *("positive_likelihood_ratio", "negative_likelihood_ratio", "diagnostic_odds_ratio"),
)
CURVE = ("threshold", "measure", "estimate", "low", "high")
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
        "transport": _as_they_are(results.get("transport")),
        "paired_accuracy": paired_accuracy(results),
        "calibration": calibration(results),
        "decision_curves": decision_curves(results),
        "reclassification": reclassification(results),
        "published": published(results),
        "guidelines": checklist(results),
        "subgroups": subgroups(results),
        "study_size": study_size(results),
        "development_size": development_size(results),
        "survival_groups": survival_groups(results),
        "survival_at": survival_at(results),
        "survival_curves": survival_curves(results),
        "cox": cox(results),
        "spline": spline(results),
        "prediction_error": prediction_error(results),
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
        measured = {name: entry[name] for name in (*MEASURES, *FURTHER)} | entry["indices"]
        for measure, value in measured.items():
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
    return _as_they_are(results.get("comparisons"))


def paired_accuracy(results: Mapping[str, Any]) -> Rows:
    """McNemar's tests and differences of the frozen calls of every pair of models."""
    rows = []
    for row in results.get("paired_accuracy") or []:
        difference = row["difference"]
        numbers = {f"difference{'' if key == 'estimate' else '_' + key}": difference[key] for key in ESTIMATE}
        plain = {key: value for key, value in row.items() if key != "difference"}
        rows.append({key: _plain(value) for key, value in {**plain, **numbers}.items()})
    return rows


def reclassification(results: Mapping[str, Any]) -> Rows:
    """NRI and IDI of the reference model against every other."""
    rows = []
    for entry in results.get("reclassification") or []:
        start = {key: entry[key] for key in ("evaluation", "scores", "new", "old")}
        for measure in ("categorical_nri", "continuous_nri", "idi"):
            value = entry[measure]
            parts = {key: _plain(value.get(key)) for key in ("events", "non_events", "p", "method", "why")}
            rows.append({**start, "measure": measure, **_numbers(value), **parts})
    return rows


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
    """Net benefit and what it spares, of every strategy, at every threshold probability."""
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
                        cells = (threshold, measure, *map(_plain, numbers))
                        rows.append({**start, **dict(zip(CURVE, cells, strict=True))})
    return rows


def subgroups(results: Mapping[str, Any]) -> Rows:
    """AUC, sensitivity and specificity in every subgroup, with the test of heterogeneity of its variable."""
    rows = []
    for entry in results.get("subgroups") or []:
        for level in entry["levels"]:
            start = {key: level[key] for key in ("level", "n", "positives")}
            for measure in ("auc", "sensitivity", "specificity"):
                value, test = level[measure], entry["heterogeneity"][measure]
                numbers = {"measure": measure, **_numbers(value), "why": value.get("why", "")}
                tested = {"p_difference": _plain(test["p"]), "p_difference_holm": _plain(test["p_holm"])}
                whose = {key: entry[key] for key in ("evaluation", "model", "variable")}
                rows.append({**whose, **start, **numbers, **tested})
    return rows


def study_size(results: Mapping[str, Any]) -> Rows:
    """Patients that a prospective validation would need."""
    rows = []
    for row in (results.get("precision") or {}).get("needed", []):
        here = {f"{key}_here": _plain(value) for key, value in row["here"].items()}
        rows.append({key: value for key, value in row.items() if key != "here"} | here)
    return rows


def development_size(results: Mapping[str, Any]) -> Rows:
    """Patients that the development of a model would need, by its number of parameters and Riley's criteria."""
    return _as_they_are((results.get("development_size") or {}).get("needed"))


def checklist(results: Mapping[str, Any]) -> Rows:
    """Guideline items with the run's answers and where the report shows it; an empty answer is for the authors."""
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


def survival_at(results: Mapping[str, Any]) -> Rows:
    """Disease-free survival at yearly times: by H score, and by node status at pathology."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        parts = {"H score": content.get("groups") or {}, "LNM": (content.get("pathology") or {}).get("groups") or {}}
        for by, groups in parts.items():
            for name, group in groups.items():
                start = {"cohort": cohort, "by": by, "group": name}
                for row in group.get("at", []):
                    rows.append({**start, "time": row["time"], **_numbers(row), "why": row.get("why", "")})
    return rows


def spline(results: Mapping[str, Any]) -> Rows:
    """The hazard ratio along the score."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        keys = ("score", "hazard_ratio", "low", "high")
        for values in zip(*((content.get("spline") or {}).get(key, []) for key in keys), strict=True):
            rows.append({"cohort": cohort, **dict(zip(keys, values, strict=True))})
    return rows


def prediction_error(results: Mapping[str, Any]) -> Rows:
    """Brier score of the predicted survival by month, external cohort, beside that of predicting without a model."""
    curve = ((results["survival"].get("prediction") or {}).get("external") or {}).get("curve") or {}
    keys = ("month", "model", "no_model")
    return [dict(zip(keys, values, strict=True)) for values in zip(*(curve.get(key, []) for key in keys), strict=True)]


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
        profile = {f"profile_{key}": _plain((entry.get("profile") or {}).get(key)) for key in ("low", "high", "p")}
        size = {key: _plain(entry.get(key)) for key in ("n", "events", "method", "why")}
        rows.append({**start, **_numbers(entry), "p": _plain(entry.get("p")), **profile, **size})
    return rows


def thresholds(results: Mapping[str, Any]) -> Rows:
    """The frozen thresholds."""
    keys = ("rule", "value", "chosen_on", "median", "why")
    return [
        {
            "model": name,
            **{key: _plain(entry.get(key)) for key in keys},
            **{f"recalibration_{key}": _plain(entry["recalibration"][key]) for key in ("intercept", "slope")},
        }
        for name, entry in results["thresholds"].items()
    ]


def _as_they_are(rows: Sequence[Mapping[str, Any]] | None) -> Rows:
    return [{key: _plain(value) for key, value in row.items()} for row in rows or []]


def _numbers(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(entry.get(key)) for key in ESTIMATE}


def _plain(value: Any) -> Any:
    return "" if value is None else value
