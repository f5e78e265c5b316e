"""Choose the cut-off of a score on the development cohort; "score >= threshold is positive".

Candidate thresholds are the midpoints between neighbouring observed scores (as pROC's best thresholds). A cut-off
whose Youden index (sensitivity + specificity - 1) on these scores is not above zero does not separate the classes. It
is not frozen, and its ``value`` is None with the reason.
"""

import numpy as np

from hscore.errors import UserError
from hscore.statistics.diagnosis.discrimination import cut_points, reason_undefined

AT_ONCE = 200_000  # counts of resamples processed together; limits the memory for large cohorts
REMEDY = 'validate.threshold must be youden, {"sensitivity": 0.9} or {"value": 0.5}'


def counts_at(y_true: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return true and false positives at each threshold, both int [thresholds]."""
    cases, controls = np.sort(scores[y_true]), np.sort(scores[~y_true])
    true = cases.size - np.searchsorted(cases, thresholds, side="left")
    false = controls.size - np.searchsorted(controls, thresholds, side="left")
    return true, false


def youden(y_true: np.ndarray, scores: np.ndarray) -> float:
    """Return the threshold of the largest sensitivity + specificity - 1; of equal ones the lowest (most sensitive).

    The comparison uses whole numbers, so ties are exact. It needs both classes and two different scores.
    """
    candidates = cut_points(scores)
    true, false = counts_at(y_true, scores, candidates)
    gain = true * int((~y_true).sum()) - false * int(y_true.sum())
    return float(candidates[np.flatnonzero(gain == gain.max())[0]])


def at_sensitivity(y_true: np.ndarray, scores: np.ndarray, target: float) -> float:
    """Return the highest threshold whose sensitivity reaches the target; the lowest score where no midpoint does."""
    candidates = cut_points(scores)
    true, _ = counts_at(y_true, scores, candidates)
    reached = candidates[true >= target * y_true.sum() - 1e-9]
    return float(reached[-1]) if reached.size else float(scores.min())


def parse_rule(rule: str | dict) -> tuple[str, float | None]:
    """Return name and number of the rule: ``("youden", None)``, ``("sensitivity", 0.9)`` or ``("value", 0.5)``.

    Raises:
        UserError: the rule is none of these.
    """
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


def fixed_threshold(rule: str | dict) -> dict:
    """Return a cut-off that needs no data: ``rule`` in words, ``value``, ``chosen_on``.

    Raises:
        UserError: the rule is not a fixed value.
    """
    name, number = parse_rule(rule)
    if name != "value":
        raise UserError(
            f"validate.threshold is {rule!r}, but there is no development cohort to choose on. Write {{value: ...}}."
        )
    return {"rule": f"fixed value {number:g}", "value": number, "chosen_on": "nothing: fixed in the settings"}


def choose(y_true: np.ndarray, scores: np.ndarray, rule: str | dict) -> dict:
    """Choose the threshold to freeze.

    A fixed value needs no data and is used unchanged. A value chosen on data must separate the classes. There is none
    where the data allow no choice (no patients, one class, unknown or equal scores), or where the best choice has a
    Youden index of zero or less.

    Args:
        y_true: bool [n].
        scores: float [n].
        rule: as configured, see ``parse_rule``.

    Returns:
        ``rule`` in words, ``value`` (None where no cut-off is frozen, with the reason in ``why``), ``chosen_on``, and
        how the value performed there: ``n``, ``positives``, ``sensitivity``, ``specificity``.
    """
    name, number = parse_rule(rule)
    cases, controls = int(y_true.sum()), int((~y_true).sum())
    size = {"n": cases + controls, "positives": cases}
    if name == "value":
        choice, why = fixed_threshold(rule), None
    else:
        words = (
            "largest Youden index, of equal ones the most sensitive"
            if name == "youden"
            else f"highest threshold with sensitivity of at least {number:g}"
        )
        choice = {"rule": words, "value": None, "chosen_on": "out-of-fold scores of the development cohort"}
        why = reason_undefined(y_true, scores) or ("all scores are equal" if np.unique(scores).size == 1 else None)
        if not why:
            value = youden(y_true, scores) if name == "youden" else at_sensitivity(y_true, scores, number)
            true, false = (int(counts[0]) for counts in counts_at(y_true, scores, np.array([value])))
            if true * controls > false * cases:  # Youden's index above zero, in whole numbers
                choice["value"] = value
            else:
                index = true / cases - false / controls
                why = f"the best threshold has a Youden index of {index:.3f}, so it does not separate the classes"
    if why:
        return {**choice, **size, "sensitivity": None, "specificity": None, "why": f"no threshold was frozen: {why}"}
    true, false = (int(counts[0]) for counts in counts_at(y_true, scores, np.array([choice["value"]])))
    return {
        **choice,
        **size,
        "sensitivity": true / cases if cases else None,
        "specificity": 1 - false / controls if controls else None,
    }


def on_resamples(y_true: np.ndarray, scores: np.ndarray, rule: str | dict, counts: np.ndarray) -> np.ndarray:
    """Return the cut-off that ``choose`` selects in every resample, float [resamples]; NaN where it selects none.

    Args:
        y_true: bool [n].
        scores: float [n].
        rule: as configured, see ``parse_rule``.
        counts: how often each patient was drawn, float [resamples, n].
    """
    parts = np.array_split(counts, 1 + counts.size // AT_ONCE)
    return np.concatenate([_on_resamples(y_true, scores, rule, part) for part in parts])


def _on_resamples(y_true: np.ndarray, scores: np.ndarray, rule: str | dict, counts: np.ndarray) -> np.ndarray:
    """Return the cut-offs of many resamples; patients are sorted by score, candidates are between drawn scores."""
    name, number = parse_rule(rule)
    order = np.argsort(scores, kind="stable")
    values, first = np.unique(scores[order], return_index=True)
    drawn, cases = (np.add.reduceat(part[:, order], first, axis=1) for part in (counts, counts * y_true))
    controls = drawn - cases
    # at value v: patients with a score of v or more
    true, false = (part[:, ::-1].cumsum(axis=1)[:, ::-1] for part in (cases, controls))
    gain = true * controls.sum(axis=1, keepdims=True) - false * cases.sum(axis=1, keepdims=True)
    indices = np.arange(values.size)
    below = np.maximum.accumulate(np.where(drawn > 0, indices, -1), axis=1)[:, :-1]  # nearest value drawn below
    below = np.hstack([np.full((len(counts), 1), -1), below])
    candidate = (drawn > 0) & (below >= 0)
    if name == "youden":
        chosen = np.where(candidate, gain, -np.inf).argmax(axis=1)  # of equal ones the first is the most sensitive
    else:
        reached = candidate & (true >= number * cases.sum(axis=1, keepdims=True) - 1e-9)
        chosen = np.where(reached, indices, -1).max(axis=1)
    rows = np.arange(len(counts))
    upper, lower = values[chosen], values[below[rows, chosen]]
    middle = (lower + upper) / 2
    cut_offs = np.where(middle > lower, middle, upper)
    separates = candidate[rows, chosen] & (gain[rows, chosen] > 0) & (chosen >= 0)
    return np.where(separates, cut_offs, np.nan)
