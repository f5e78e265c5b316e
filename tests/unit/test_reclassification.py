"""NRI and IDI counted by hand, and their refusals."""

import numpy as np
import pytest

from hscore.statistics.diagnosis import reclassification

POSITIVE = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0], dtype=bool)
OLD = np.array([0.2, 0.4, 0.6, 0.8, 0.2, 0.3, 0.4, 0.5, 0.6])
NEW = np.array([0.6, 0.6, 0.6, 0.7, 0.1, 0.2, 0.6, 0.3, 0.6])


def test_continuous_nri_counts_moves():
    result = reclassification.continuous_nri(POSITIVE, OLD, NEW, 0.95)
    assert result["events"] == pytest.approx((2 - 1) / 4)
    assert result["non_events"] == pytest.approx((3 - 1) / 5)
    assert result["estimate"] == pytest.approx(0.25 + 0.4)


def test_categorical_nri_counts_only_moves_across_a_cut():
    result = reclassification.categorical_nri(POSITIVE, OLD, NEW, [0.5], 0.95)
    assert result["events"] == pytest.approx(2 / 4) and result["non_events"] == pytest.approx((1 - 1) / 5)


def test_idi_is_the_difference_of_mean_gains():
    result = reclassification.idi(POSITIVE, OLD, NEW, 0.95)
    assert result["estimate"] == pytest.approx((NEW - OLD)[POSITIVE].mean() - (NEW - OLD)[~POSITIVE].mean())


@pytest.mark.parametrize("measure", [reclassification.continuous_nri, reclassification.idi])
def test_refusals_say_why(measure):
    assert "both classes" in measure(np.ones(9, bool), OLD, NEW, 0.95)["why"]
    assert measure(POSITIVE, OLD, OLD, 0.95)["why"]
    assert measure(POSITIVE, OLD, OLD, 0.95)["low"] is None
