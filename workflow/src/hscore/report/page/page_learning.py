"""The page's words on learning: what development chose between sequences, and the check of the maps."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import labels_of

Results = Mapping[str, Any]

FAMILIES = {"images": "Images alone", "with_clinical": "With clinical variables"}


def view(results: Results) -> dict[str, Any]:
    """What the template shows of it."""
    return {
        "selection": selection(results),
        "explanation_caption": explanation_caption(results),
        "explanation_check": explanation_check(results),
    }


def selection(results: Results) -> list[str]:
    """A sentence a family of models: the choice between single and combined sequences, and its one external test."""
    return [
        f"{FAMILIES[name]}: {_chosen(labels_of(results), family)}"
        for name, family in (results.get("selection") or {}).items()
        if family["development"]
    ]


def _chosen(labels: Mapping[str, str], family: Mapping[str, Any]) -> str:
    development, external = family["development"], family["external"]
    single, combined = (labels.get(family[group]["model"], family[group]["model"]) for group in ("single", "combined"))
    text = (
        f"of the models of one sequence {single} had the largest out-of-fold AUC, of those of several {combined}. "
        f"{combined} minus {single}: {_difference(development)} in development"
    )
    return f"{text}; {_difference(external)} in the external cohort." if external else f"{text}."


def _difference(pair: Mapping[str, Any]) -> str:
    if pair["difference"] is None:
        return f"not estimable ({pair.get('why', 'unknown')})"
    interval = "" if pair["low"] is None else f" ({pair['low']:+.3f} to {pair['high']:+.3f})"
    p = "" if pair["p"] is None else f", p {formatting.p_value(pair['p'])}"
    return f"{pair['difference']:+.3f}{interval}{p}"


def explanation_caption(results: Results) -> str:
    """What the maps show."""
    return (
        "Where features that raise the score lie (bright, each map on its own scale), over the middle section of the "
        "sample that speaks most for the call; the last row shows the same samples to networks of the same shape with "
        "random weights. A map says where, not why, and nothing about being right."
    )


def explanation_check(results: Results) -> str:
    """Whether the maps depend on what was learned, in numbers."""
    content = results.get("explanation") or {"checks": {}}
    sentences = []
    for key, check in content["checks"].items():
        learned, random = check["members"], check["member_and_random_weights"]
        if learned is not None and random is not None:
            sentences.append(
                f"Check that the maps depend on what was learned ({key.split('_')[0]}): maps of two trained networks "
                f"agree with a Spearman correlation of {learned:.2f}, of a trained and a random one of {random:.2f}."
            )
    return " ".join(sentences)
