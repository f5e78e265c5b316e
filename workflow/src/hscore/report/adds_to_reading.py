"""Answer the report's first question: does the H score add to the MRI reading of the nodes that it contains?

For nodes the answer is the primary hypothesis. For survival it is the Cox model of the score and the reading
(``statistics.score_and_reading``). An answer follows from the interval alone: *adds* where the whole interval is on the
better side of no difference. Only the standard library is imported, because the last lines of ``make study`` use this
module, too.
"""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.report.formatting import NBSP

ADDS = "adds"
NO_EVIDENCE = "no evidence that it adds"
WORSE = "is worse"
NOT_TESTED = "not tested"

Results = Mapping[str, Any]


def answers(results: Results) -> list[dict[str, Any]]:
    """Return the answer for nodes and for survival, each with ``subject``, ``question``, ``answer`` and ``text``.

    ``entry`` contains estimate, low, high, p and method of the underlying test; ``measure`` names the estimate.
    """
    return [_nodes(results), _survival(results)]


def judge(entry: Mapping[str, Any], no_effect: float) -> str:
    """Return the answer for an estimate whose value without any effect is ``no_effect``; larger is better."""
    if entry.get("low") is None or entry.get("high") is None:
        return NOT_TESTED
    if entry["low"] > no_effect:
        return ADDS
    return WORSE if entry["high"] < no_effect else NO_EVIDENCE


def _nodes(results: Results) -> dict[str, Any]:
    primary = results["primary"]
    model, against = (_label(results, primary[key]) for key in ("model", "against"))
    entry = {**primary, "estimate": primary["difference"]}
    answer = judge(entry, 0)
    if answer == NOT_TESTED:
        text = f"the primary hypothesis could not be tested: {primary.get('why', 'there is no interval')}"
    else:
        text = (
            f"external AUC minus that of {against}: {_estimate(entry, formatting.auc, results, 'validate')}, "
            f"{formatting.p_equation(primary['p'])} (primary hypothesis, {primary['method']}; "
            f"n{NBSP}={NBSP}{primary['n']:,}, {primary['positives']:,} LNM-positive)"
        )
    return {
        "subject": "Lymph-node metastasis",
        "question": f"Does {model} add to {against}?",
        "measure": "difference in AUC",
        "evaluation": primary["evaluation"],
        "answer": answer,
        "text": text,
        "entry": entry,
    }


def _survival(results: Results) -> dict[str, Any]:
    survival = results["survival"]
    cohort = next((name for name in ("external", "development") if name in survival.get("cohorts", {})), None)
    content = survival["cohorts"][cohort]["beside_reading"] if cohort else {}
    entry = content["rows"][0] if cohort else {"why": survival.get("why", "there are no survival data")}
    endpoint = results["config"]["survive"]["endpoint"]["name"]
    answer = judge(entry, 1)
    if answer == NOT_TESTED:
        text = entry.get("why", "the interval is not known")
    else:
        scores = "external" if cohort == "external" else "development cohort, out-of-fold scores"
        penalty = "with Firth's penalty, " if entry.get("plain_why") else ""
        text = (
            f"hazard ratio per doubling of its odds, next to the MRI reading in one Cox model: "
            f"{_estimate(entry, formatting.ratio, results, 'survive')}, {formatting.p_equation(entry['p'])} "
            f"(likelihood-ratio test, {penalty}secondary; {scores}, n{NBSP}={NBSP}{content['n']:,}, "
            f"{formatting.count(content['events'], 'event')})"
        )
    return {
        "subject": endpoint[:1].upper() + endpoint[1:],
        "question": f"Does {_label(results, survival.get('model'))} add to the MRI reading?",
        "measure": "hazard ratio per doubling of the odds",
        "evaluation": cohort,
        "answer": answer,
        "text": text,
        "entry": entry,
    }


def sentences(results: Results) -> list[str]:
    """Return each answer as one line of plain text."""
    return [
        f"{row['subject']}: {row['question']} {row['answer'].capitalize()}: {row['text']}." for row in answers(results)
    ]


def _label(results: Results, name: str | None) -> str:
    return next((model["label"] for model in results["models"] if model["model"] == name), name or "the H score")


def _estimate(entry: Mapping[str, Any], write, results: Results, section: str) -> str:
    return formatting.estimate_at_level(entry, write, results["config"][section]["confidence"])
