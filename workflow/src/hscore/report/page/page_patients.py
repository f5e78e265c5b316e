"""Prepare the page's text and rows on patients: the flow diagram's caption and notes, and Table 1."""

from collections.abc import Mapping, Sequence
from typing import Any

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import main_model

Results = Mapping[str, Any]

NODES = {None: "All", 0: "LNM\u2212", 1: "LNM+", "unknown": "LNM not known"}
ALL = "all"  # the only span of a table without cohorts


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    return {
        "flow_threshold": flow_threshold(results),
        "flow_notes": flow_notes(results),
        "table1": table1(results),
        "survival_only": survival_only(results),
        "table1_centers": table1_centers(results),
    }


def flow_threshold(results: Results) -> str:
    """Return the sentence on the threshold in the caption of the flow diagram; empty without a threshold."""
    threshold = results["thresholds"].get(main_model(results), {}).get("value")
    if threshold is None:
        return ""
    return f"H score high: at least {formatting.decimal(threshold, 3)}, the frozen threshold."


def survival_only(results: Results) -> int:
    """Return how many included patients have no known node status and are analysed for survival only."""
    return sum(flow["survival_only"]["n"] for flow in results["flow"].values())


def flow_notes(results: Results) -> list[str]:
    """Return notes and image folders without a row, centre by centre."""
    names = {center["center"]: center["name"] for center in results["study"]["centers"]}
    lines = []
    for center, content in results["flow"].items():
        name = names.get(center, center)
        lines += [
            f"{name}: {note['label']} ({formatting.count(note['n'], 'patient')})" for note in content.get("notes", [])
        ]
        stray = content.get("not_in_table") or []
        if stray:
            shown = ", ".join(stray[:5]) + (f" and {len(stray) - 5} more" if len(stray) > 5 else "")
            folders = formatting.count(len(stray), "image folder")
            lines.append(f"{name}: {folders} without a row in the clinical table, not used: {shown}")
    return lines


def table1(results: Results) -> dict[str, Any] | None:
    """Return column heads and rows of Table 1, cohorts next to each other with their standardised differences."""
    content = results["table1"]
    if not content.get("rows"):
        return None
    names = {"development": "Development cohort", "external": "External test cohort"}
    spans = list(dict.fromkeys(group["cohort"] for group in content["groups"]))
    between = len(spans) == 2
    heads, columns = [], []
    for cohort in spans:
        cohort_groups = [group for group in content["groups"] if group["cohort"] == cohort]
        columns += [{"title": NODES[group["lnm"]], "n": f"n = {group['n']:,}"} for group in cohort_groups]
        columns.append({"title": "SMD", "n": ""})
        heads.append({"title": names[cohort], "span": len(cohort_groups) + 1})
    rows = []
    for row in content["rows"]:
        rows += _table1_rows(row, content["groups"], spans, between)
    return {"heads": heads, "columns": columns, "between": between, "rows": rows}


def table1_centers(results: Results) -> dict[str, Any] | None:
    """Return Table 1 by centre with the largest standardised difference between two centres; None with one centre."""
    content = results["table1"].get("centers")
    if not content or len(content["groups"]) < 2:
        return None
    names = {center["center"]: center["name"] for center in results["study"]["centers"]}
    groups = [{**group, "cohort": ALL} for group in content["groups"]]
    columns = [{"title": names.get(group["center"], group["center"]), "n": f"n = {group['n']:,}"} for group in groups]
    rows = [line for row in content["rows"] for line in _table1_rows(row, groups, [ALL], between=False)]
    return {"columns": [*columns, {"title": "Largest SMD", "n": ""}], "rows": rows}


def _table1_rows(row: Mapping[str, Any], groups: Sequence, spans: Sequence[str], between: bool) -> list[dict[str, Any]]:
    """Return the lines of one variable: itself, its levels, and 'missing' where a value is missing."""
    within = {entry.get("cohort", ALL): entry for entry in row["differences"] if entry["between"] != "cohort"}
    between_cohorts = next((entry for entry in row["differences"] if entry["between"] == "cohort"), None)

    def line(label: str, kind: str, cells: Sequence[str], differences: bool) -> dict[str, Any]:
        texts = []
        for cohort in spans:
            cohort_cells = (cell for cell, group in zip(cells, groups, strict=True) if group["cohort"] == cohort)
            texts += [*cohort_cells, _smd(within.get(cohort)) if differences else ""]
        if between:
            texts.append(_smd(between_cohorts) if differences else "")
        return {"label": label, "kind": kind, "cells": texts}

    missing = row["missing"] if row["kind"] == "categorical" else [cell["missing"] for cell in row["cells"]]
    if row["kind"] == "continuous":
        label = f"{row['label']}, {row['unit']}: median (quartiles)"
        lines = [line(label, "variable", [_median(cell) for cell in row["cells"]], True)]
    else:
        lines = [line(f"{row['label']}: n (%)", "variable", [""] * len(groups), True)]
        for level in row["levels"]:
            cells = [
                f"{cell['n']} ({formatting.decimal(cell['percent'], 1)})" if cell["n"] else "0"
                for cell in level["cells"]
            ]
            lines.append(line(level["level"], "level", cells, False))
    if any(missing):
        lines.append(line("missing", "level missing", [str(n) for n in missing], False))
    return lines


def _median(cell: Mapping[str, Any]) -> str:
    if cell["median"] is None:
        return "\u2013"
    q1, q3 = formatting.decimal(cell["q1"], 1), formatting.decimal(cell["q3"], 1)
    return f"{formatting.decimal(cell['median'], 1)} ({q1} to {q3})"


def _smd(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return ""
    return formatting.decimal(entry["smd"], 2) if entry["smd"] is not None else formatting.not_estimable_text(entry)
