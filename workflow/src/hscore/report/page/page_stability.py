"""Prepare the page's text and rows on instability and on several external centres."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.report.figures.centers_figure import MEASURES, center_names
from hscore.report.figures.diagnosis_figures import confidence_text, label_of, labels_of, main_model

Results = Mapping[str, Any]


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    parts = {
        "instability": member_rows(results),
        "threshold_instability": thresholds(results),
        "external_centers": external_centers(results),
    }
    return {**parts, "stable": any(parts.values())}


def member_rows(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the table of members; models with fewer than two members have none."""
    labels = labels_of(results)
    rows = []
    for row in (results.get("instability") or {}).get("members", []):
        if "why" in row:
            continue
        calls = row["calls"]
        share = formatting.not_estimable_text(calls)
        if calls["changed"] is not None:
            share = f"{formatting.percent(calls['changed'] / calls['n'])} ({calls['changed']}/{calls['n']})"
        aucs = row["auc"]
        ends = formatting.interval(aucs["lowest"], aucs["highest"], formatting.auc)
        points = ("mean_absolute_difference", "absolute_difference_90", "mean_range")
        cells = [f"{row['members']} {row['source']}", *(formatting.decimal(100 * row[key], 1) for key in points)]
        rows.append(
            {
                "label": labels[row["model"]],
                "main": row["model"] == main_model(results),
                "cells": [*cells, formatting.not_estimable_text(aucs) if aucs["lowest"] is None else ends, share],
            }
        )
    return rows


def thresholds(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the table of resampled thresholds."""
    labels = labels_of(results)
    rows = []
    for row in (results.get("instability") or {}).get("thresholds", []):
        external = row["external"] or {}
        cells = [_between(row["cut_off"], formatting.auc)]
        cells += [formatting.percent(external[key]) if external else "\u2013" for key in ("changed", "unsure")]
        for key in ("sensitivity", "specificity"):
            cells.append(_between(external[key], formatting.percent) if external else "\u2013")
        rows.append({"label": labels[row["model"]], "main": row["model"] == main_model(results), "cells": cells})
    return rows


def _between(entry: Mapping[str, Any], write) -> str:
    """Return a value at the frozen threshold and its range over the resampled ones."""
    if entry["from"] is None:
        return formatting.not_estimable_text(entry)
    if entry["from"] == entry["to"] == entry["frozen"]:
        return f"{write(entry['frozen'])}, always"
    return f"{write(entry['frozen'])} ({formatting.interval_ends({'low': entry['from'], 'high': entry['to']}, write)})"


def external_centers(results: Results) -> dict[str, Any] | None:
    """Return the table of external centres with pooled values, or why there is none."""
    content = results.get("centers")
    if not content:
        return None
    label = label_of(results, content["model"])
    if not content["pooled"]:
        return {"label": label, "why": content["why"], "rows": []}
    names = center_names(results)
    rows = [
        {"label": names[row["center"]], "size": f"{row['positives']} / {row['n']}", "cells": _cells(row)}
        for row in content["centers"]
    ]
    return {
        "label": label,
        "heads": [title for title, _ in MEASURES.values()],
        "rows": rows,
        "pooled": _cells(content["pooled"]),
        "predicted": [_predicted(content["pooled"][name], write) for name, (_, write) in MEASURES.items()],
        "entered": [_entered(content["pooled"][name]) for name in MEASURES],
        "between": [_share(content["pooled"][name]["i2"]) for name in MEASURES],
        "level": confidence_text(results),
    }


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [formatting.estimate(row[name], write) for name, (_, write) in MEASURES.items()]


def _predicted(entry: Mapping[str, Any], write) -> str:
    if entry["prediction_low"] is None:
        return formatting.not_estimable_text({"why": entry.get("prediction_why") or entry.get("why")})
    low, high = entry["prediction_low"], entry["prediction_high"]
    sign = f"{formatting.NBSP}%" if write is formatting.percent else ""
    return f"{formatting.interval_ends({'low': low, 'high': high}, write)}{sign}"


def _entered(entry: Mapping[str, Any]) -> str:
    total = entry["centers"] + entry["left_out"]
    corrected = f", {entry['corrected']} corrected" if entry.get("corrected") else ""
    return f"{entry['centers']} of {total}{corrected}"


def _share(value: float | None) -> str:
    return "\u2013" if value is None else formatting.percent(value)
