"""The columns of history.csv."""

import numpy as np
import pytest

from hscore.learning import history


def test_log_loss_and_auc_of_patients_not_trained_on():
    scores, labels = np.array([0.1, 0.4, np.nan, 0.4, 0.9]), np.array([0, 0, 0, 1, 1])
    found = history.evaluation_columns("held_out", scores, labels)
    assert found["held_out_auc"] == 0.875  # 3.5 of 4 pairs
    assert found["held_out_loss"] == pytest.approx(-np.log([0.9, 0.6, 0.4, 0.9]).mean())
    assert history.evaluation_columns("inner", scores[2:3], labels[2:3]) == {}


def test_one_class_has_a_loss_and_no_auc():
    found = history.evaluation_columns("held_out", np.array([0.2, 0.5]), np.zeros(2, int))
    assert found == {"held_out_loss": pytest.approx(-np.log([0.8, 0.5]).mean()), "held_out_auc": None}


def test_a_certain_score_that_is_wrong_has_a_finite_loss():
    assert np.isfinite(history.evaluation_columns("inner", np.array([0.0, 1.0]), np.array([1, 0]))["inner_loss"])


def test_gain_is_0_for_the_prevalence_and_1_for_perfect_scores():
    labels, weights = np.array([0, 0, 0, 1]), np.array([2 / 3, 2 / 3, 2 / 3, 2.0])
    assert history.held_out_gain(np.full(4, 0.5), labels, weights, 0.5)["held_out_gain"] == pytest.approx(0)
    assert history.held_out_gain(labels.astype(float), labels, weights, 0.5)["held_out_gain"] == pytest.approx(1)


def test_gain_weighs_patients_as_training_did():
    """A network trained with equal weight for both classes is far from the prevalence and has learned all the same."""
    labels = np.array([0] * 8 + [1] * 2)
    scores = np.where(labels == 1, 0.6, 0.4)
    balanced = np.where(labels == 1, 2.5, 0.625)
    assert history.held_out_gain(scores, labels, balanced, 0.5)["held_out_gain"] == pytest.approx(
        1 - np.log(0.6) / np.log(0.5)
    )
    unweighted = history.held_out_gain(scores, labels, np.ones(10), 0.2)["held_out_gain"]
    assert unweighted == pytest.approx(1 - np.log(0.6) / (0.8 * np.log(0.8) + 0.2 * np.log(0.2)))
    assert history.held_out_gain(np.full(10, np.nan), labels, balanced, 0.5) == {}


@pytest.mark.parametrize(
    ("gains", "learned"),
    [([0.3, -0.1], True), ([0.1, -0.2], False), ([None, None], False)],
    ids=["above 0 on average", "below 0 on average", "no score"],
)
def test_a_model_that_is_never_better_than_the_prevalence_has_not_learned(gains, learned, caplog):
    rows = [history.new_row(1, fold, 1, 0.7) | {"held_out_gain": gain} for fold, gain in enumerate(gains)]
    assert history.has_learned("a", rows) is learned
    assert ("a has not learned" in caplog.text) is not learned


def test_one_good_epoch_is_enough():
    rows = [history.new_row(1, 0, epoch, 0.7) | {"held_out_gain": gain} for epoch, gain in ((1, 0.1), (2, -0.4))]
    assert history.has_learned("a", rows)
