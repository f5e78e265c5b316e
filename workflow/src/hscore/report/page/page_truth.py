"""Prepare the known-truth panel of a simulated study: AUCs next to the ideal ones, hazard ratios in four steps."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import labels_of, rows_of

Results = Mapping[str, Any]

EVALUATIONS = {"external": "external", "out_of_fold": "development, out-of-fold"}
VERDICTS = {True: "inside the interval", False: "outside", None: "\u2013"}


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows; ``truth`` is None for a study of real patients."""
    if not results.get("truth"):
        return {"truth": None}
    rows = comparisons(results)
    shown = [
        {
            **row,
            "planted_text": formatting.auc(row["planted"]),
            "achieved_text": formatting.estimate(row["entry"], formatting.auc),
            "verdict": VERDICTS[row["holds"]],
        }
        for row in rows
    ]
    unknown = [labels_of(results)[name] for name, ideal in results["truth"]["ideal_auc"].items() if ideal is None]
    return {"truth": {"rows": shown, "unknown": unknown, "ratios": hazard_ratios(results)}}


def hazard_ratios(results: Results) -> dict[str, Any]:
    """Return the hazard ratios from planted to achieved as text, one row per cohort."""
    content = results["truth"]["hazard_ratios"]
    planted = content["planted"]
    return {
        "slope": formatting.decimal(planted["log_hazard_per_logit"], 3),
        "cut_off": formatting.decimal(planted["cut_off"], 3),
        "rows": [
            {
                "cohort": name,
                "planted": formatting.ratio(planted["estimate"]),
                "true_groups": formatting.estimate(row["true_groups"], formatting.ratio),
                "expected": formatting.not_estimable_text(row["expected"])
                if row["expected"]["estimate"] is None
                else formatting.ratio(row["expected"]["estimate"]),
                "achieved": formatting.estimate(row["achieved"], formatting.ratio),
                "verdict": VERDICTS[row["holds_expected"]],
                "table": [f"{counts['high']} / {counts['low']}" for counts in row["table"].values()]
                if row["table"]
                else ["\u2013"] * 2,
            }
            for name, row in content["cohorts"].items()
        ],
    }


def comparisons(results: Results) -> list[dict[str, Any]]:
    """Return every known ideal AUC with ours."""
    labels, rows = labels_of(results), []
    for evaluation, cohort in EVALUATIONS.items():
        for row in rows_of(results, evaluation):
            ideal = results["truth"]["ideal_auc"].get(row["model"])
            if ideal is not None:
                rows.append(_beside(f"AUC, {labels[row['model']]}", cohort, ideal, row["auc"]))
    return rows


def _beside(item: str, cohort: str, planted: float, entry: Mapping[str, Any]) -> dict[str, Any]:
    low, high = entry.get("low"), entry.get("high")
    holds = None if low is None or high is None else low <= planted <= high
    return {"item": item, "cohort": cohort, "planted": planted, "entry": entry, "holds": holds}
