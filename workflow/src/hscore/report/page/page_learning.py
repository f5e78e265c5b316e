"""Prepare the page's text on learning: the choice between sequences, and the check of the saliency maps."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import labels_of

Results = Mapping[str, Any]

FAMILIES = {"images": "Images alone", "with_clinical": "With clinical variables"}


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    return {
        "selection": selection(results),
        "explanation_check": explanation_check(results),
    }


def selection(results: Results) -> list[str]:
    """Return one sentence per family of models: the chosen single and combined sequences, and their external test."""
    return [
        f"{FAMILIES[name]}: {_chosen(labels_of(results), family)}"
        for name, family in (results.get("selection") or {}).items()
        if family["development"]
    ]


def _chosen(labels: Mapping[str, str], family: Mapping[str, Any]) -> str:
    development, external = family["development"], family["external"]
    single, combined = (labels.get(family[group]["model"], family[group]["model"]) for group in ("single", "combined"))
    text = (
        f"{single} had the largest out-of-fold AUC of the single-sequence models, {combined} of the combined ones. "
        f"{combined} minus {single}: {_difference(development)} in development"
    )
    return f"{text}; {_difference(external)} in the external cohort." if external else f"{text}."


def _difference(pair: Mapping[str, Any]) -> str:
    p = "" if pair["p"] is None else f", {formatting.p_equation(pair['p'])}"
    return f"{formatting.estimate({**pair, 'estimate': pair['difference']}, formatting.auc)}{p}"


def explanation_check(results: Results) -> str:
    """Return whether the maps depend on what was learned, in numbers."""
    content = results.get("explanation") or {"checks": {}}
    sentences = []
    for key, check in content["checks"].items():
        learned, random = check["members"], check["member_and_random_weights"]
        if learned is not None and random is not None:
            sentences.append(
                f"Check that the maps depend on what was learned ({key.split('_')[0]}): the Spearman correlation is "
                f"{formatting.decimal(learned, 2)} between two trained networks and {formatting.decimal(random, 2)} "
                "between a trained and a random one."
            )
    return " ".join(sentences)
