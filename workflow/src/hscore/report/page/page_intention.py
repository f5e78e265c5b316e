"""Prepare the page's rows on intention to diagnose: the effect on accuracy of patients without a result."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting, verdict
from hscore.report.figures.diagnosis_figures import labels_of, main_model

Results = Mapping[str, Any]

CASES = {"complete": "complete cases", "worst": "worst case", "best": "best case"}
RATES = ("sensitivity", "specificity", "ppv", "npv")
STATUS = {"positive": "LNM-positive", "negative": "LNM-negative"}
READING = "mri_ln_positive"


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows: one table per held-out evaluation, or that nobody lacks a result."""
    return {"intention": [_block(results, name) for name in ("external", "out_of_fold") if _rows_of(results, name)]}


def _rows_of(results: Results, evaluation: str) -> list[Mapping[str, Any]]:
    rows = results.get("intention_to_diagnose") or []
    return [row for row in rows if row["evaluation"] == evaluation and row["with_result"]["all"]["denominator"]]


def _block(results: Results, evaluation: str) -> dict[str, Any]:
    """Return the H score and the readings; other image models have results for the same patients as the H score."""
    readings = [name for name, spec in results["config"]["models"].items() if "reading" in spec]
    rows = _rows_of(results, evaluation)
    shown = [row for row in rows if row["test"] in (main_model(results), READING, *readings)] or rows
    tests = [
        {
            "label": test_label(results, row["test"]),
            "counts": [_counts(name, row["table"][key]) for key, name in STATUS.items()],
            "with_result": _with_result(row["with_result"]),
            "cases": [{"name": words, **{rate: row[case][rate] for rate in RATES}} for case, words in CASES.items()],
        }
        for row in shown
    ]
    complete = all(row["with_result"]["all"]["estimate"] == 1 for row in shown)
    without_reference = shown[0]["without_reference"]
    return {
        "title": verdict.EVALUATIONS[evaluation],
        "tests": [] if complete else tests,
        "without_reference": formatting.count(without_reference, "further patient") if without_reference else "",
    }


def test_label(results: Results, test: str) -> str:
    """Return the label of the model, or that of the node reading on MRI."""
    return labels_of(results).get(test, "MRI-LN reading")


def _counts(name: str, row: Mapping[str, int | None]) -> str:
    """Return such as 'LNM-positive 32: 25 called positive, 5 negative, 2 without a result'."""
    if row["called_positive"] is None:
        return f"{name} {row['n']}: {row['no_result']} without a result"
    calls = f"{row['called_positive']} called positive, {row['called_negative']} negative"
    return f"{name} {row['n']}: {calls}, {row['no_result']} without a result"


def _with_result(shares: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the share of patients with a result, overall and by node status."""
    texts = [
        f"{name} {formatting.estimate(shares[key], formatting.percent)}"
        for key, name in (("all", "With a result:"), *STATUS.items())
    ]
    return f"{texts[0]}; {texts[1]}; {texts[2]}"
