"""The report's tables of survival as rows of plain numbers; see tables."""

from collections.abc import Mapping
from typing import Any

from hscore.reporting.cells import Rows, bare, estimated
from hscore.reporting.survival_figures import cox_rows


def survival_groups(results: Mapping[str, Any]) -> Rows:
    """Patients, events and median of the two groups in each cohort."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        for name, group in (content.get("groups") or {}).items():
            row = {"cohort": cohort, "group": name}
            for key in ("n", "events", "median", "median_low", "median_high"):
                row[key] = bare(group.get(key))
            row["why"] = group.get("median_why", "")
            rows.append(row)
    return rows


def survival_at(results: Mapping[str, Any]) -> Rows:
    """Survival at yearly times: by H score, and by node status at pathology."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        parts = {"H score": content.get("groups") or {}, "LNM": (content.get("pathology") or {}).get("groups") or {}}
        for by, groups in parts.items():
            for name, group in groups.items():
                start = {"cohort": cohort, "by": by, "group": name}
                for row in group.get("at", []):
                    rows.append({**start, "time": row["time"], **estimated(row)})
                    rows[-1] |= {"method": row.get("method", ""), "why": row.get("why", "")}
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
                rows.append({"cohort": cohort, "group": name, **dict(zip(keys, map(bare, values), strict=True))})
    return rows


def cox(results: Mapping[str, Any]) -> Rows:
    """Hazard ratios."""
    rows = []
    for row in cox_rows(results):
        entry = row["entry"]
        start = {"cohort": row["cohort"], "model": row["model"], "term": row["term"]}
        profile = {f"profile_{key}": bare((entry.get("profile") or {}).get(key)) for key in ("low", "high", "p")}
        size = {key: bare(entry.get(key)) for key in ("n", "events", "method", "why")}
        rows.append({**start, **estimated(entry), "p": bare(entry.get("p")), **profile, **size})
    return rows
