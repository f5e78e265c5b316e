"""The one primary hypothesis, kept apart from the secondary family."""

import numpy as np
import pytest

from hscore.statistics.common import primary
from hscore.statistics.common.multiplicity import holm
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination
from hscore.statistics.diagnosis.validation import comparisons

HYPOTHESIS = {"model": "hybrid", "against": "clinical"}


@pytest.fixture
def evaluation():
    rng = np.random.default_rng(4)
    y_true = np.arange(80) < 25
    scores = {name: rng.normal(size=80) + shift * y_true for name, shift in (("clinical", 1), ("hybrid", 2), ("c", 1))}
    return ScoredCohort(y_true, scores)


def test_it_is_the_paired_delong_test_of_the_two_models(evaluation):
    found = primary.compare_primary_pair(evaluation, HYPOTHESIS, 0.95)
    one, other = evaluation.scores["hybrid"], evaluation.scores["clinical"]
    expected = discrimination.compare(evaluation.y_true, one, other, 0.95)
    assert {key: found[key] for key in expected} == expected
    assert (found["n"], found["positives"], found["evaluation"]) == (80, 25, "external")


def test_without_cohort_or_model_it_says_why(evaluation):
    assert primary.compare_primary_pair(None, HYPOTHESIS, 0.95)["why"] == "there is no external cohort"
    found = primary.compare_primary_pair(evaluation, {"model": "hybrid", "against": "stage"}, 0.95)
    assert found["why"] == "the study has no model 'stage'" and found["p"] is None and found["n"] is None


def test_the_primary_pair_is_no_member_of_the_external_family(evaluation):
    rows = comparisons("external", evaluation, "hybrid", 0.95, HYPOTHESIS)
    roles = {(row["model_a"], row["model_b"]): row["role"] for row in rows}
    assert roles == {("hybrid", "clinical"): "primary", ("hybrid", "c"): "secondary", ("clinical", "c"): "secondary"}
    first, *others = sorted(rows, key=lambda row: row["role"])
    assert first["p_holm"] is None and first["adjustment"] == "none: the primary hypothesis"
    assert [row["p_holm"] for row in others] == holm([row["p"] for row in others])
    assert others[0]["adjustment"] == "Holm over the 2 secondary pairs of this evaluation"


def test_out_of_fold_every_pair_is_secondary(evaluation):
    rows = comparisons("out_of_fold", evaluation, "hybrid", 0.95, HYPOTHESIS)
    assert {row["role"] for row in rows} == {"secondary"}
    assert [row["p_holm"] for row in rows] == holm([row["p"] for row in rows])
