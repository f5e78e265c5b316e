"""Compare a run's numbers with the published ones, one row per item of ``resources/published.yaml``.

The rule is an equivalence statement about the difference, ours minus the published value, with the errors of both
(``statistics.equivalence``). *agrees*: the whole interval of the difference is within a stated margin. *differs*: it
is not, and it excludes zero. *inconclusive*: everything else. There is *no verdict* where the population, end point
or score differs, or where the published number is of another kind. There is *no public target* where the publication
gives no value, and a verdict is *not estimable* where an error is not known. Simulated patients are no clinical
evidence, so their verdicts are worded as statements about simulated data.

The publication's error comes from its counts: Newcombe's method 5 for an AUC, Wilson's interval for a proportion. Both
its cut-off and ours were chosen on a development cohort, which adds to the error of sensitivity, specificity and
accuracy; the publication's part is assumed to be as large as ours. Of its hazard ratio only p < 0.001 is known, which
bounds the error from above. docs/verdicts.md shows how often each verdict is given.
"""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.statistics.common import equivalence
from hscore.statistics.common.equivalence import AGREES, INCONCLUSIVE
from hscore.statistics.common.proportions import proportion

NO_VERDICT = "no verdict"
NO_TARGET = "no public target"
NOT_ESTIMABLE = "not estimable"

EVALUATIONS = {
    "external": "external test cohort",
    "apparent": "development cohort, apparent",
    "out_of_fold": "development cohort, out-of-fold",
    "development": "development cohort",
}
CALLED = ("sensitivity", "specificity", "accuracy")  # shares of correct calls at a cut-off
SURVIVAL = ("hazard_ratio", "median_high")
SPEC = (
    "sequence",
    "sequences",
    "region",
    "fuse",
    "clinical",
    "reading",
)  # keys of a model's config that define its score


def verdicts(results: Mapping[str, Any], published: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row per published item: ours, theirs, their difference, the verdict and a sentence.

    Args:
        results: ``study``, ``config``, ``models``, ``performance``, ``cut_off_error`` and ``survival`` of results.json.
        published: content of resources/published.yaml.

    Returns:
        Rows of item, group, published, published_text, theirs and ours {estimate, low, high[, why]}, beside (an
        additional value of ours without a verdict, or None), difference (None without one; for hazard ratios their
        ratio), margin, verdict, detail (the sentence), and the keys id, model, evaluation, measure.
    """
    labels = {model["model"]: model["label"] for model in results["models"]}
    return [_row(item, results, published, labels) for item in published["items"]]


def _row(
    item: Mapping[str, Any], results: Mapping[str, Any], published: Mapping[str, Any], labels: Mapping[str, str]
) -> dict[str, Any]:
    survival = item["measure"] in SURVIVAL
    model = results["survival"].get("model") if survival else item["model"]
    name = labels.get(model, model)
    group = EVALUATIONS[item["evaluation"]] if survival else f"{name}, {EVALUATIONS[item['evaluation']]}"
    ours = _ours(results, model, item["evaluation"], item["measure"])
    additional = None
    if "beside" in item:
        value = _ours(results, model, item["beside"], item["measure"])
        additional = {"evaluation": item["beside"], "label": EVALUATIONS[item["beside"]], **value}
    confidence = results["config"].get("survive" if survival else "validate", {}).get("confidence", 0.95)
    theirs = published_entry(item, published, confidence)
    judged = {"difference": None, "margin": None}
    patients = "simulated patients" if results["study"]["simulated"] else "these patients"
    if item["published"] is None:
        verdict, detail = NO_TARGET, "Nothing to compare with."
    elif reason := reason_not_comparable(item, results, published):
        verdict, detail = NO_VERDICT, f"No verdict: {reason}."
    else:
        error = _cut_off_error(item, model, results)
        margin = margin_of(item["measure"], published)
        judged = {**judge(item["measure"], ours, theirs, margin, error, confidence), "margin": margin}
        verdict, detail = judged.pop("verdict"), f"On {patients}: {judged.pop('detail')}."
    statement = f" The publication says: {item['said']}." if item.get("said") else ""
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
        "theirs": theirs,
        "ours": ours,
        "beside": additional,
        **judged,
        "verdict": verdict,
        "detail": detail + statement,
    }


def reason_not_comparable(
    item: Mapping[str, Any], results: Mapping[str, Any], published: Mapping[str, Any]
) -> str | None:
    """Return why a number of this study is not comparable with the published one, None when it is.

    Population and end point are compared by their names in the config, a score by the config of its model.
    """
    config = results["config"]
    population, endpoint = config["report"]["population"], config["survive"]["endpoint"]["name"]
    if population.casefold() != published["population"].casefold():
        return f"another population ({population})"
    if item["measure"] == "hazard_ratio" and endpoint.casefold() != published["endpoint"].casefold():
        return f"another end point ({endpoint})"
    name, theirs = (config["survive"]["model"], "hybrid") if item["measure"] == "hazard_ratio" else (item["model"],) * 2
    spec, published_spec = config["models"].get(name), published["models"][theirs]
    if spec is None:
        return f"the study has no model '{name}'"
    if {key: spec[key] for key in SPEC if key in spec} != published_spec:
        return f"another score ({spec.get('label', name)})"
    millimetres = config["cohort"]["mri_ln_positive_mm"]
    if "clinical" in published_spec and millimetres != published["mri_ln_positive_mm"]:
        return f"another reading (nodes are positive from {millimetres:g} mm on)"
    return item.get("unlike")


def published_entry(item: Mapping[str, Any], published: Mapping[str, Any], confidence: float) -> dict[str, Any]:
    """Return the published value with the interval that the published counts give it, or why there is none."""
    value, measure = item["published"], item["measure"]
    if value is None:
        return {"estimate": None, "low": None, "high": None, "why": "the publication gives no value"}
    if measure == "auc":
        role = "external" if item["evaluation"] == "external" else "development"
        cohort = next(cohort for cohort in published["cohorts"] if cohort["role"] == role)
        positives = cohort["lnm_positive"]
        return equivalence.published_auc(value, positives, cohort["patients"] - positives, confidence)
    if measure == "hazard_ratio":
        return equivalence.ratio_from_bound(value, item["p_below"], confidence)
    if "count" not in item:
        return {"estimate": value, "low": None, "high": None, "why": "the publication gives no counts"}
    return proportion(*(int(part) for part in item["count"].split("/")), "wilson", confidence)


def judge(
    measure: str,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    margin: float,
    cut_off_error: Mapping[str, Any] | None,
    confidence: float,
) -> dict[str, Any]:
    """Return difference, verdict and its sentence for two entries of one measure.

    Args:
        measure: such as "auc"; a "hazard_ratio" is judged on the log scale.
        ours: estimate, low, high; the last two or all three None with ``why``.
        theirs: the same of the publication.
        margin: largest difference without importance.
        cut_off_error: standard error from choosing the cut-off, ``estimate`` or None with ``why``, which counts for
            both; None where the measure needs no cut-off.
        confidence: level of both intervals.

    Returns:
        ``difference`` (None where not estimable), ``verdict`` and ``detail`` (without a full stop).
    """
    lacking = [
        entry for entry in (ours, theirs) if None in (entry.get("estimate"), entry.get("low"), entry.get("high"))
    ]
    if cut_off_error and cut_off_error["estimate"] is None:
        lacking.append(cut_off_error)
    if lacking:
        why = lacking[0].get("why", "the interval could not be computed")
        return {"difference": None, "verdict": NOT_ESTIMABLE, "detail": f"no comparison, because {why}"}
    ratio, pair = measure == "hazard_ratio", [ours, theirs]
    if cut_off_error:
        pair = [equivalence.widen_interval(entry, cut_off_error["estimate"], confidence) for entry in pair]
    gap = equivalence.difference(*pair, ratio)
    verdict = equivalence.verdict(gap, margin, ratio)
    detail = f"ours is {difference(gap, measure, formatting.confidence(confidence))}"
    within = f"within {_margin(margin, measure)}"
    if verdict == AGREES:
        detail += f", the whole interval {within}"
    elif verdict == INCONCLUSIVE:
        detail += f", neither {within} nor excluding a difference of zero"
        if not equivalence.can_agree(theirs, margin, ratio):
            ends = formatting.interval_ends(theirs, formatting.WRITERS[measure])
            detail += f". No rerun can agree {within}, because the published value itself is only known to be {ends}"
    return {"difference": gap, "verdict": verdict, "detail": detail}


def difference(gap: Mapping[str, Any], measure: str, level: str) -> str:
    """Return by how much ours differs, with its interval: '0.041 lower (95 % interval -0.100 to 0.018)'."""
    if measure == "hazard_ratio":
        ends = formatting.interval_ends(gap, formatting.ratio)
        return f"{formatting.ratio(gap['estimate'])} times the published ratio ({level} interval {ends})"
    direction = "higher" if gap["estimate"] > 0 else "lower"
    if _kind(measure) == "proportion":
        ends = formatting.interval_ends(gap, formatting.percent)
        size = formatting.decimal(100 * abs(gap["estimate"]), 1)
        return f"{size} percentage points {direction} ({level} interval {ends})"
    ends = formatting.interval_ends(gap, formatting.auc)
    return f"{formatting.auc(abs(gap['estimate']))} {direction} ({level} interval {ends})"


def margin_of(measure: str, published: Mapping[str, Any]) -> float:
    """Return the largest difference in a measure that does not matter, as ``published`` states it."""
    return published["margins"][_kind(measure)]["margin"]


def _margin(margin: float, measure: str) -> str:
    if measure == "hazard_ratio":
        return f"a factor of {margin:g}"
    return f"\u00b1{100 * margin:g} points" if _kind(measure) == "proportion" else f"\u00b1{margin:g}"


def _kind(measure: str) -> str:
    """Return the key of the measure's margin."""
    return "proportion" if measure in CALLED else measure


def _cut_off_error(item: Mapping[str, Any], model: str, results: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what choosing the cut-off adds to the error of an external rate; None for measures without a cut-off."""
    if item["measure"] not in CALLED:
        return None
    row = next((row for row in results["cut_off_error"] if row["model"] == model), {"why": "it has no external calls"})
    return {"estimate": row.get(item["measure"]), "why": row.get("why")}


def _published_text(item: Mapping[str, Any]) -> str:
    if item["published"] is None:
        return "not public"
    text = formatting.WRITERS[item["measure"]](item["published"])
    return f"{text} ({item['count']})" if item.get("count") else text


def _ours(results: Mapping[str, Any], model: str | None, evaluation: str, measure: str) -> dict[str, Any]:
    """Return our estimate with its interval, or None with the reason."""
    if measure in SURVIVAL:
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
    entry = {
        "estimate": high.get("median"),
        "low": high.get("median_low"),
        "high": high.get("median_high"),
        "method": high.get("median_method"),
    }
    reason = high.get("median_why") or "the curve does not determine the interval"
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
