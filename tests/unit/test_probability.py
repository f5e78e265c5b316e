"""Probabilities, logits and log loss."""

import numpy as np
import pytest
from scipy import special

from hscore.metrics import probability
from hscore.metrics.log_loss import log_loss


def test_the_logit_is_scipys_inside_the_limits():
    risk = np.linspace(0.001, 0.999, 999)
    np.testing.assert_array_equal(probability.clipped_logit(risk), special.logit(risk))


def test_certain_probabilities_have_the_logit_of_the_limit_and_missing_ones_none():
    found = probability.clipped_logit(np.array([0.0, 1.0, np.nan]))
    np.testing.assert_allclose(found[:2], special.logit([probability.CLIP, 1 - probability.CLIP]))
    assert np.isnan(found[2])


@pytest.mark.parametrize("kind", [bool, int, float])
def test_log_loss_of_one_or_two_classes(kind):
    risk = np.array([0.9, 0.2, 0.5])
    assert log_loss(np.array([1, 0, 1], kind), risk) == pytest.approx(-np.log([0.9, 0.8, 0.5]).mean())
    assert log_loss(np.array([0, 0, 0], kind), risk) == pytest.approx(-np.log([0.1, 0.8, 0.5]).mean())
