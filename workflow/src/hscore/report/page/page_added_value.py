"""Prepare the page's section on what the H score adds to node size and SCC antigen, for nodes and for survival."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting, verdict
from hscore.report.figures.diagnosis_figures import confidence_text, survival_confidence_text

Results = Mapping[str, Any]
NAMES = {
    "mri_ln_short_axis_mm": "node size",
    "scc_ag_ng_ml": "SCC antigen",
    "mri_ln_positive": "MRI-LN status",
}
NODES = "LNM"


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    return {"added_value": added_value(results)}


def endpoint(results: Results) -> str:
    """Return the abbreviation of the survival end point, such as DFS."""
    return results["config"]["survive"]["endpoint"]["short"]


def fitted_models(results: Results) -> list[dict[str, Any]]:
    """Return every analysis with its outcome; ``ratio`` is the odds or hazard ratio."""
    nodes = (results.get("added_value") or {}).get("evaluations", [])
    survival = (results["survival"].get("added_value") or {}).get("cohorts", [])
    return [
        *({"outcome": NODES, "cohort": row["evaluation"], "ratio": row["odds_ratio"], **row} for row in nodes),
        *({"outcome": endpoint(results), "ratio": row["hazard_ratio"], **row} for row in survival),
    ]


def frozen_results(results: Results) -> list[dict[str, Any]]:
    """Return the external results of the models frozen on development, by outcome."""
    contents = {NODES: results.get("added_value"), endpoint(results): results["survival"].get("added_value")}
    return [{"outcome": outcome, **content["frozen"]} for outcome, content in contents.items() if content]


def added_value(results: Results) -> dict[str, Any] | None:
    """Return the rows of both tables and the levels of their intervals, or None without an analysis."""
    fitted = fitted_models(results)
    if not fitted:
        return None
    return {
        "rows": [_row(row) for row in fitted],
        "frozen": [_frozen(row) for row in frozen_results(results)],
        "survival": endpoint(results),
        "levels": " and ".join(dict.fromkeys([confidence_text(results), survival_confidence_text(results)])),
    }


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    added, apparent = row["added"], row["apparent"]
    missing = ", ".join(f"{NAMES[name]} of {n}" for name, n in row["missing"].items())
    left_out = f"; {row['left_out']} left out ({missing} unknown)" if missing else ""
    start = {
        "outcome": row["outcome"],
        "cohort": verdict.EVALUATIONS[row["cohort"]].capitalize(),
        "size": f"{row['events']} / {row['n']}{left_out}",
    }
    if added["p"] is None:
        return {**start, "why": formatting.not_estimable_text(added)}
    return {
        **start,
        "why": None,
        "test": f"{formatting.decimal(added['chi2'], 1)}; {formatting.p_equation(added['p'])}",
        "new": formatting.percent(added["new_information"]),
        "ratio": formatting.estimate(row["ratio"], formatting.ratio),
        "apparent": f"{formatting.auc(apparent['baseline'])} \u2192 {formatting.auc(apparent['both'])}",
    }


def _frozen(row: Mapping[str, Any]) -> dict[str, Any]:
    start = {"outcome": row["outcome"], "size": "\u2013" if row["n"] is None else f"{row['events']} / {row['n']}"}
    if row["gain"]["estimate"] is None:
        return {**start, "why": formatting.not_estimable_text(row["gain"])}
    return {
        **start,
        "why": None,
        "cells": [formatting.estimate(row[key], formatting.auc) for key in ("baseline", "both", "gain")],
        "p": formatting.p_value(row["gain"]["p"]),
    }
