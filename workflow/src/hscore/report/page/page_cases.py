"""Prepare the page's cases: typical correct calls as in the publication's figure 3, and the worst errors."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import labels_of
from hscore.report.verdict import EVALUATIONS

Results = Mapping[str, Any]

KINDS = {
    "true_positive": "LNM, detected",
    "true_negative": "No LNM, called negative",
    "false_negative": "LNM, missed",
    "false_positive": "No LNM, false alarm",
}
GROUPS = (
    (
        "Typical correct calls",
        "For each kind of correct call, the patient with the median score. The choice follows this rule alone.",
        ("true_positive", "true_negative"),
    ),
    (
        "The worst errors",
        "The missed metastases with the lowest scores and the false alarms with the highest.",
        ("false_negative", "false_positive"),
    ),
)


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows; ``cases`` is None without cases."""
    content = results.get("cases")
    if not content:
        return {"cases": None}
    groups = []
    for title, note, kinds in GROUPS if content["shown"] else ():
        shown = [case(entry, results) for kind in kinds for entry in content["shown"] if entry["kind"] == kind]
        absent = [KINDS[kind] for kind in kinds if all(entry["kind"] != kind for entry in content["shown"])]
        groups.append({"title": title, "note": note, "cases": shown, "absent": absent})
    return {"cases": {"evaluation": EVALUATIONS[content["evaluation"]], "groups": groups}}


def case(entry: Mapping[str, Any], results: Results) -> dict[str, Any]:
    """Return words and numbers on one patient."""
    labels, thresholds = labels_of(results), results["thresholds"]
    names = {center["center"]: center["name"] for center in results["study"]["centers"]}
    rows = []
    for model, score in entry["scores"].items():
        call = entry["called"].get(model)
        words = "\u2013" if call is None else "positive" if call else "negative"
        threshold = (thresholds.get(model) or {}).get("value")
        correct = call is not None and call == entry["lnm"]
        row = {
            "label": labels.get(model, model),
            "score": formatting.decimal(score, 3),
            "call": words,
            "right": correct,
        }
        rows.append({**row, "threshold": formatting.decimal(threshold, 3), "main": model == results["cases"]["model"]})
    return {
        "patient": entry["patient"],
        "kind": KINDS[entry["kind"]],
        "right": entry["kind"].startswith("true"),
        "center": names.get(entry["center"], entry["center"]),
        "lnm": "LNM at pathology" if entry["lnm"] else "No LNM at pathology",
        "follow_up": _follow_up(entry),
        "clinical": _clinical(entry["clinical"]),
        "rows": rows,
        "montage": entry["montage"],
    }


def _follow_up(entry: Mapping[str, Any]) -> str:
    if entry["dfs_months"] is None or entry["dfs_event"] is None:
        return "survival unknown"
    months = formatting.months(entry["dfs_months"])
    return f"event after {months} months" if entry["dfs_event"] else f"followed for {months} months without an event"


def _clinical(values: Mapping[str, Any]) -> str:
    words = {
        "age": "{:.0f} years",
        "figo_stage": "FIGO {}",
        "histology": "{}",
        "mri_ln_short_axis_mm": "largest node {:.1f} mm on MRI",
        "tumour_volume_ml": "tumour {:.1f} ml",
    }
    return ", ".join(text.format(values[key]) for key, text in words.items() if key in values)
