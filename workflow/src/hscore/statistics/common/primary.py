"""Test the primary hypothesis of a study; every other test is secondary.

A single test needs no adjustment, so the primary one is left out of every family of tests that is adjusted.
"""

from collections.abc import Mapping, Sequence

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination

EVALUATION = "external"
PRIMARY, SECONDARY = "primary", "secondary"
UNADJUSTED = "none: the primary hypothesis"


def compare_primary_pair(external: ScoredCohort | None, hypothesis: Mapping[str, str], confidence: float) -> dict:
    """Test that two models have the same AUC in the external cohort, by the paired DeLong test.

    Args:
        external: None where there is no external cohort.
        hypothesis: ``model`` and ``against``, the names of the two models.
        confidence: level of the interval.

    Returns:
        ``model``, ``against``, ``evaluation``, ``n``, ``positives``; ``difference low high z p method`` of model minus
        against. Unknown values are None, with the reason in ``why``.
    """
    names = [hypothesis["model"], hypothesis["against"]]
    row = {"model": names[0], "against": names[1], "evaluation": EVALUATION, "n": None, "positives": None}
    if external is None:
        return {**row, **discrimination.without_test("there is no external cohort")}
    if lacking := [name for name in names if name not in external.scores]:
        return {**row, **discrimination.without_test(f"the study has no model '{lacking[0]}'")}
    row |= {"n": int(external.y_true.size), "positives": int(external.y_true.sum())}
    scores = [external.scores[name] for name in names]
    return {**row, **discrimination.compare(external.y_true, *scores, confidence)}


def assign_roles(rows: Sequence[dict], hypothesis: Mapping[str, str]) -> list[dict]:
    """Give each comparison of two models its ``role``, and return the secondary ones, which form a family."""
    pair = set(hypothesis.values())
    for row in rows:
        is_primary = row["evaluation"] == EVALUATION and {row["model_a"], row["model_b"]} == pair
        row["role"] = PRIMARY if is_primary else SECONDARY
        if is_primary:
            row |= {"p_holm": None, "adjustment": UNADJUSTED}
    return [row for row in rows if row["role"] == SECONDARY]
