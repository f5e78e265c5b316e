"""Prepare the page's rows on settings: frozen thresholds and trained models."""

from collections.abc import Mapping
from typing import Any

import yaml

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import labels_of

Results = Mapping[str, Any]


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    return {
        "thresholds": thresholds(results),
        "settings": yaml.safe_dump(results["config"], sort_keys=False, allow_unicode=True, width=100),
        "trained": trained_models(results),
    }


def thresholds(results: Results) -> list[dict[str, Any]]:
    """Return the frozen thresholds in words."""
    labels = labels_of(results)
    rows = []
    for name, entry in results["thresholds"].items():
        value = (
            formatting.decimal(entry["value"], 3)
            if entry.get("value") is not None
            else formatting.not_estimable_text(entry)
        )
        rows.append(
            {"label": labels.get(name, name), "value": value, "rule": entry["rule"], "chosen_on": entry["chosen_on"]}
        )
    return rows


def trained_models(results: Results) -> list[dict[str, Any]]:
    """Return one row per trained model: its label, its seeds and what it was trained on."""
    labels = labels_of(results)
    return [
        {
            "label": labels.get(model["model"], model["model"]),
            "seed": ", ".join(map(str, model.get("seeds", ["\u2013"]))),
            "folds": model.get("folds", "\u2013"),
            "patients": model.get("patients", "\u2013"),
            "positives": model.get("positives", "\u2013"),
        }
        for model in results["trained"]
    ]
