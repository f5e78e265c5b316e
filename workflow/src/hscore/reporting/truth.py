"""What was planted in a simulated study, of what the report compares itself with: ideal AUCs and the hazard ratio."""

from collections.abc import Mapping, Sequence
from typing import Any

READING = ["mri_ln_positive"]


def planted(truth: Mapping[str, Any], models: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """``ideal_auc`` by model (None where the truth file knows no ideal observer of it) and ``hazard_ratio``.

    ``truth`` is the planted truth of any centre: what concerns the whole population is the same in all.
    """
    return {
        "ideal_auc": {model["model"]: ideal_auc(truth["ideal_auc"], model) for model in models},
        "hazard_ratio": truth["hazard_ratio"],
    }


def ideal_auc(ideal: Mapping[str, Any], model: Mapping[str, Any]) -> float | None:
    """Population AUC of the observer that reads the planted signs themselves, seeing what ``model`` may see."""
    if model["sequence"] and not model["clinical"]:
        return ideal.get(model["sequence"], {}).get(model["region"])
    if model["clinical"] == READING:
        if not model["sequence"]:
            return ideal.get("mri_ln")
        if (model["sequence"], model["region"]) == ("CET1WI", "peritumoral"):
            return ideal.get("hybrid")
    return None
