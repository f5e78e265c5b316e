"""The page's cases: typical right calls as in the publication's figure 3, and the worst errors, with their pictures."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import labels_of
from hscore.report.verdict import EVALUATIONS

Results = Mapping[str, Any]

KINDS = {
    "true_positive": "LNM, found",
    "true_negative": "No LNM, called so",
    "false_negative": "LNM, missed",
    "false_positive": "No LNM, false alarm",
}
GROUPS = (
    (
        "Typical right calls",
        "Of each kind of right call the patient with the median score: chosen by rule, not by looks.",
        ("true_positive", "true_negative"),
    ),
    (
        "The worst errors",
        "The missed metastases with the lowest scores and the false alarms with the highest.",
        ("false_negative", "false_positive"),
    ),
)


def view(results: Results) -> dict[str, Any]:
    """What the template shows of it; nothing without cases."""
    content = results.get("cases")
    if not content:
        return {"cases": None}
    groups = []
    for title, note, kinds in GROUPS if content["shown"] else ():
        own = [case(one, results) for kind in kinds for one in content["shown"] if one["kind"] == kind]
        absent = [KINDS[kind] for kind in kinds if all(one["kind"] != kind for one in content["shown"])]
        groups.append({"title": title, "note": note, "cases": own, "absent": absent})
    return {"cases": {"evaluation": EVALUATIONS[content["evaluation"]], "groups": groups}}


def case(one: Mapping[str, Any], results: Results) -> dict[str, Any]:
    """Words and numbers on one patient."""
    labels, cuts = labels_of(results), results["thresholds"]
    names = {center["center"]: center["name"] for center in results["study"]["centers"]}
    rows = []
    for model, score in one["scores"].items():
        call = one["called"].get(model)
        words = "\u2013" if call is None else "positive" if call else "negative"
        threshold = (cuts.get(model) or {}).get("value")
        right = call is not None and call == one["lnm"]
        row = {"label": labels.get(model, model), "score": formatting.decimal(score, 3), "call": words, "right": right}
        rows.append({**row, "cut": formatting.decimal(threshold, 3), "main": model == results["cases"]["model"]})
    return {
        "patient": one["patient"],
        "kind": KINDS[one["kind"]],
        "right": one["kind"].startswith("true"),
        "center": names.get(one["center"], one["center"]),
        "lnm": "LNM at pathology" if one["lnm"] else "No LNM at pathology",
        "follow_up": _follow_up(one),
        "clinical": _clinical(one["clinical"]),
        "rows": rows,
        "montage": one["montage"],
    }


def _follow_up(one: Mapping[str, Any]) -> str:
    if one["dfs_months"] is None or one["dfs_event"] is None:
        return "survival unknown"
    months = formatting.months(one["dfs_months"])
    return f"event after {months} months" if one["dfs_event"] else f"followed for {months} months without an event"


def _clinical(values: Mapping[str, Any]) -> str:
    words = {
        "age": "{:.0f} years",
        "figo_stage": "FIGO {}",
        "histology": "{}",
        "mri_ln_short_axis_mm": "largest node {:.1f} mm on MRI",
        "tumour_volume_ml": "tumour {:.1f} ml",
    }
    return ", ".join(text.format(values[key]) for key, text in words.items() if key in values)
