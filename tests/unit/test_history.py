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
