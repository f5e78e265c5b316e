"""Choosing the cut-off of a score on the development cohort; "score >= threshold is positive".

Candidate thresholds are the midpoints between neighbouring observed scores (as pROC's best thresholds).
"""

import numpy as np

from hscore.errors import UserError
from hscore.statistics.discrimination import cut_points, one_class

REMEDY = 'validate.threshold must be youden, {"sensitivity": 0.9} or {"value": 0.5}'


def counts_at(positive: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at each threshold, both int [thresholds]."""
    cases, controls = np.sort(scores[positive]), np.sort(scores[~positive])
    true = cases.size - np.searchsorted(cases, thresholds, side="left")
    false = controls.size - np.searchsorted(controls, thresholds, side="left")
    return true, false


def youden(positive: np.ndarray, scores: np.ndarray) -> float:
    """Threshold of the largest sensitivity + specificity - 1; of equally good ones the lowest (most sensitive).

    The comparison is made in whole numbers, so ties are exact. Needs both classes and two different scores.
    """
    candidates = cut_points(scores)
    true, false = counts_at(positive, scores, candidates)
    gain = true * int((~positive).sum()) - false * int(positive.sum())
    return float(candidates[np.flatnonzero(gain == gain.max())[0]])


def at_sensitivity(positive: np.ndarray, scores: np.ndarray, target: float) -> float:
    """Highest threshold whose sensitivity reaches the target; the lowest score where no midpoint does."""
    candidates = cut_points(scores)
    true, _ = counts_at(positive, scores, candidates)
    reached = candidates[true >= target * positive.sum() - 1e-9]
    return float(reached[-1]) if reached.size else float(scores.min())


def parse_rule(rule: str | dict) -> tuple[str, float | None]:
    """Name and number of the configured rule: ``("youden", None)``, ``("sensitivity", 0.9)``, ``("value", 0.5)``."""
    if rule == "youden":
        return "youden", None
    if isinstance(rule, dict) and len(rule) == 1:
        ((name, number),) = rule.items()
        if (
            name in ("sensitivity", "value")
            and isinstance(number, int | float)
            and number is not True
            and 0 <= number <= 1
        ):
            return name, float(number)
    raise UserError(f"validate.threshold is {rule!r}: {REMEDY}")


def fixed(rule: str | dict) -> dict:
    """A cut-off that needs no data: ``rule`` in words, ``value``, ``chosen_on``. UserError for another rule."""
    name, number = parse_rule(rule)
    if name != "value":
        raise UserError(
            f"validate.threshold is {rule!r}, but there is no development cohort to choose on; write {{value: ...}}"
        )
    return {"rule": f"fixed value {number:g}", "value": number, "chosen_on": "nothing: fixed in the settings"}


def choose(positive: np.ndarray, scores: np.ndarray, rule: str | dict) -> dict:
    """The frozen threshold: ``rule`` in words, ``value``, what it was chosen on, and how it did there.

    A fixed value needs no data. Where the data allow no choice (one class, all scores equal) the lowest score is
    taken, so that everybody is positive, and ``why`` says so: missing a metastasis is the worse error.
    """
    name, number = parse_rule(rule)
    why = None
    if name == "value":
        cut = fixed(rule)
    else:
        words = (
            "largest Youden index, of equal ones the most sensitive"
            if name == "youden"
            else f"highest threshold with sensitivity of at least {number:g}"
        )
        why = one_class(positive) or ("all scores are equal" if np.unique(scores).size == 1 else None)
        if why:
            why += "; the lowest score is used, so that everybody is positive"
            value = float(scores.min())
        else:
            value = youden(positive, scores) if name == "youden" else at_sensitivity(positive, scores, number)
        cut = {"rule": words, "value": value, "chosen_on": "out-of-fold scores of the development cohort"}
    true, false = (int(counts[0]) for counts in counts_at(positive, scores, np.array([cut["value"]])))
    cases, controls = int(positive.sum()), int((~positive).sum())
    result = {
        **cut,
        "n": cases + controls,
        "positives": cases,
        "sensitivity": true / cases if cases else None,
        "specificity": 1 - false / controls if controls else None,
    }
    return {**result, "why": why} if why else result
