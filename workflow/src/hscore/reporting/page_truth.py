"""The page's known-truth panel of a simulated study: planted, ideal, achieved."""

from collections.abc import Mapping
from typing import Any

from hscore.reporting import formatting
from hscore.reporting.cells import Rows
from hscore.reporting.figures import labels_of, rows_of

Results = Mapping[str, Any]

EVALUATIONS = {"external": "external", "out_of_fold": "development, out-of-fold"}


def view(results: Results) -> dict[str, Any]:
    """What the template shows of it; nothing for a study of real patients."""
    if not results.get("truth"):
        return {"truth": None}
    rows = comparisons(results)
    shown = [
        {
            **row,
            "planted_text": formatting.decimal(row["planted"], row["digits"]),
            "achieved_text": formatting.estimate(
                row["entry"], formatting.auc if row["digits"] == 3 else formatting.ratio
            ),
            "verdict": {True: "inside the interval", False: "outside", None: "\u2013"}[row["holds"]],
        }
        for row in rows
    ]
    unknown = [labels_of(results)[name] for name, ideal in results["truth"]["ideal_auc"].items() if ideal is None]
    return {"truth": {"rows": shown, "unknown": unknown}}


def comparisons(results: Results) -> list[dict[str, Any]]:
    """Every planted number with ours: AUCs of models whose ideal observer is known, hazard ratios."""
    labels, found = labels_of(results), []
    for evaluation, words in EVALUATIONS.items():
        for row in rows_of(results, evaluation):
            ideal = results["truth"]["ideal_auc"].get(row["model"])
            if ideal is not None:
                found.append(_beside(f"AUC, {labels[row['model']]}", words, ideal, row["auc"], 3))
    for cohort, content in results["survival"].get("cohorts", {}).items():
        ratio = results["truth"]["hazard_ratio"]
        found.append(_beside("Hazard ratio, high vs low H score", cohort, ratio, content["hazard_ratio"], 2))
    return found


def rows(results: Results) -> Rows:
    """The same as a table of plain numbers."""
    if not results.get("truth"):
        return []
    return [
        {
            "item": row["item"],
            "cohort": row["cohort"],
            "planted": row["planted"],
            **{key: row["entry"].get(key) for key in ("estimate", "low", "high")},
            "holds_planted": {True: "yes", False: "no", None: ""}[row["holds"]],
        }
        for row in comparisons(results)
    ]


def _beside(item: str, cohort: str, planted: float, entry: Mapping[str, Any], digits: int) -> dict[str, Any]:
    low, high = entry.get("low"), entry.get("high")
    holds = None if low is None or high is None else low <= planted <= high
    return {"item": item, "cohort": cohort, "planted": planted, "entry": entry, "holds": holds, "digits": digits}
