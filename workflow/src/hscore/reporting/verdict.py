"""What a run's numbers say about the published ones, one row an item of ``resources/published.yaml``.

The rule: *consistent* when the published point lies inside our interval, *differs* when it does not (and by how
much), *no public target* when the publication gives no value, *not estimable* when this run has no interval to
compare. A rerun on other patients cannot "match" a published number; and simulated patients say nothing about
the clinic, so for them every verdict is worded as a statement about simulated data.
"""

from collections.abc import Mapping
from typing import Any

from hscore.reporting import formatting

CONSISTENT = "consistent"
DIFFERS = "differs"
NO_TARGET = "no public target"
NOT_ESTIMABLE = "not estimable"

EVALUATIONS = {
    "external": "external test cohort",
    "apparent": "development cohort, apparent",
    "out_of_fold": "development cohort, out-of-fold",
    "development": "development cohort",
}


def verdicts(results: Mapping[str, Any], published: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a published item: ours beside theirs, the verdict, and a sentence in ``detail``.

    ``results`` needs ``study``, ``config``, ``models``, ``performance`` and ``survival`` of results.json.
    Each row: item, group, published, published_text, ours {estimate, low, high[, why]}, beside (an extra value of
    ours without a verdict, or None), verdict, detail, and the keys to find it again (id, model, evaluation, measure).
    """
    level = results["config"].get("validate", {}).get("confidence", 0.95)
    labels = {model["model"]: model["label"] for model in results["models"]}
    return [_row(item, results, labels, level) for item in published["items"]]


def _row(item: Mapping[str, Any], results: Mapping[str, Any], labels: Mapping[str, str], level: float) -> dict:
    survival = "model" not in item
    model = results["survival"].get("model") if survival else item["model"]
    name = labels.get(model, model)
    group = EVALUATIONS[item["evaluation"]] if survival else f"{name}, {EVALUATIONS[item['evaluation']]}"
    ours = _ours(results, model, item["evaluation"], item["measure"])
    beside = None
    if "beside" in item:
        value = _ours(results, model, item["beside"], item["measure"])
        beside = {"evaluation": item["beside"], "label": EVALUATIONS[item["beside"]], **value}
    verdict, detail = judge(item, ours, formatting.confidence(level), results["study"]["simulated"])
    return {
        "id": item["id"],
        "item": f"{item['label']} ({group})"
        if survival
        else f"{name}: {item['label']} ({EVALUATIONS[item['evaluation']]})",
        "label": item["label"],
        "group": group,
        "model": model,
        "evaluation": item["evaluation"],
        "measure": item["measure"],
        "published": item["published"],
        "published_text": _published_text(item),
        "ours": ours,
        "beside": beside,
        "verdict": verdict,
        "detail": detail,
    }


def judge(item: Mapping[str, Any], ours: Mapping[str, Any], level: str, simulated: bool) -> tuple[str, str]:
    """Verdict and its sentence for one item; ``level`` is the written confidence level, e.g. '95 %'."""
    whose = "simulated patients" if simulated else "these patients"
    said = f" The publication says: {item['said']}." if item.get("said") else ""
    if item["published"] is None:
        return NO_TARGET, f"Nothing to compare with.{said}"
    if ours.get("estimate") is None or ours.get("low") is None or ours.get("high") is None:
        return (
            NOT_ESTIMABLE,
            f"No comparison on {whose}: {ours.get('why', 'the interval could not be computed')}.{said}",
        )
    write = formatting.WRITERS[item["measure"]]
    published = write(item["published"])
    if ours["low"] <= item["published"] <= ours["high"]:
        return CONSISTENT, f"The published {published} lies inside our {level} interval on {whose}.{said}"
    side = "above" if item["published"] > ours["high"] else "below"
    gap = difference(ours["estimate"], item["published"], item["measure"])
    return DIFFERS, f"On {whose} ours is {gap}; the published {published} lies {side} our {level} interval.{said}"


def difference(ours: float, published: float, measure: str) -> str:
    """By how much ours differs, in the measure's own unit: '0.041 lower', '6.3 percentage points higher'."""
    direction = "higher" if ours > published else "lower"
    if measure == "hazard_ratio":
        return f"{formatting.decimal(ours / published, 2)} times the published ratio"
    if formatting.WRITERS[measure] is formatting.percent:
        return f"{formatting.decimal(100 * abs(ours - published), 1)} percentage points {direction}"
    return f"{formatting.decimal(abs(ours - published), 3)} {direction}"


def _published_text(item: Mapping[str, Any]) -> str:
    if item["published"] is None:
        return "not public"
    text = formatting.WRITERS[item["measure"]](item["published"])
    return f"{text} ({item['count']})" if item.get("count") else text


def _ours(results: Mapping[str, Any], model: str | None, evaluation: str, measure: str) -> dict[str, Any]:
    """Our estimate with its interval, or None with the reason."""
    if measure in ("hazard_ratio", "median_high"):
        return _ours_survival(results["survival"], evaluation, measure)
    for row in results["performance"]:
        if row["model"] == model and row["evaluation"] == evaluation:
            return _interval(row.get(measure) or {}, row.get("why"))
    return _interval({}, f"this study has no {evaluation.replace('_', '-')} evaluation of a model named '{model}'")


def _ours_survival(survival: Mapping[str, Any], cohort: str, measure: str) -> dict[str, Any]:
    content = survival.get("cohorts", {}).get(cohort)
    if not content:
        return _interval({}, survival.get("why") or f"no survival analysis of the {cohort} cohort")
    if measure == "hazard_ratio":
        return _interval(content.get("hazard_ratio") or {}, content.get("why"))
    high = (content.get("groups") or {}).get("high") or {}
    entry = {"estimate": high.get("median"), "low": high.get("median_low"), "high": high.get("median_high")}
    reason = high.get("median_why") or "the curve does not settle the interval"
    return _interval(entry, reason)


def _interval(entry: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
    value = {key: entry.get(key) for key in ("estimate", "low", "high")}
    for key in ("numerator", "denominator", "method"):
        if entry.get(key) is not None:
            value[key] = entry[key]
    if value["estimate"] is None or value["low"] is None or value["high"] is None:
        reason = entry.get("why") or reason
        if reason:
            value["why"] = reason
    return value
