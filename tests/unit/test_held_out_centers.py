"""AUC of each model in each centre that was held out as a whole."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import held_out_centers

CENTERS = np.repeat(["a", "b", "c"], [30, 30, 4])


@pytest.fixture
def evaluation():
    """Two models in three centres; centre c has no positive patient, and the first patient has no score of m."""
    random = np.random.default_rng(0)
    y_true = (random.random(64) < 0.4) & (CENTERS != "c")
    scores = {name: random.normal(y_true * shift) for name, shift in (("m", 1.0), ("reading", 0.5))}
    scores["m"][0] = np.nan
    return ScoredCohort(y_true, scores, folds=3, untrained=frozenset({"reading"}))


def test_each_centre_has_its_own_auc_and_all_together_have_one(evaluation):
    rows = held_out_centers.describe(evaluation, CENTERS, 0.95)
    assert [(row["model"], row["held_out"]) for row in rows] == [
        (model, center) for model in ("m", "reading") for center in ("a", "b", "c", "all")
    ]
    by_center = {row["held_out"]: row for row in rows if row["model"] == "m"}
    assert [by_center[center]["n"] for center in ("a", "b", "c", "all")] == [29, 30, 4, 63]
    own = CENTERS == "b"
    expected = roc_auc_score(evaluation.y_true[own], evaluation.scores["m"][own])
    assert by_center["b"]["auc_estimate"] == pytest.approx(expected)


def test_a_centre_without_positive_patients_says_why_it_has_no_auc(evaluation):
    row = held_out_centers.describe_part(evaluation, "m", CENTERS == "c", 0.95, folds=None)
    assert row["positives"] == 0 and row["auc_estimate"] is None and row["auc_why"]


def test_only_trained_models_have_the_interval_of_overlapping_training_sets(evaluation):
    rows = held_out_centers.describe(evaluation, CENTERS, 0.95)
    together = {row["model"]: row["auc_method"] for row in rows if row["held_out"] == "all"}
    assert "for 3 overlapping" in together["m"] and "overlapping" not in together["reading"]
    assert all("overlapping" not in (row["auc_method"] or "") for row in rows if row["held_out"] != "all")
