"""Concordance: one pair after the other, resampling, and data in which nothing can be ordered."""

import numpy as np
import pytest

from hscore.statistics.survival import concordance


def slow_c(time, event, risk, weight=None):
    """Harrell's C pair by pair; an event precedes a censoring at the same time; two events at one time do not count."""
    wins = total = 0.0
    for i in range(time.size):
        for j in range(time.size):
            if event[i] and (time[i] < time[j] or (time[i] == time[j] and not event[j])):
                w = 1.0 if weight is None else weight[i]
                total += w
                wins += w * (1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0)
    return wins / total


@pytest.fixture
def data():
    rng = np.random.default_rng(12)
    risk = rng.normal(size=60).round(1)
    return np.ceil(rng.exponential(10 * np.exp(-risk))), rng.random(60) < 0.6, risk


def test_harrell_equals_the_pairs_one_by_one(data):
    time, event, risk = data
    assert concordance.harrell(time, event, risk, 0.95)["estimate"] == pytest.approx(slow_c(time, event, risk))


def test_uno_weighs_pairs_by_the_censoring_and_equals_harrell_without_any(data):
    time, event, risk = data
    g = np.ones(time.size)
    for i, t in enumerate(time):  # reverse product limit just before t, events at a time leave before its censorings
        for c in np.unique(time[~event & (time < t)]):
            at_risk = (time > c).sum() + (~event & (time == c)).sum()
            g[i] *= 1 - (~event & (time == c)).sum() / at_risk
    assert concordance.uno(time, event, risk, 0.95)["estimate"] == pytest.approx(slow_c(time, event, risk, g**-2))
    everybody = np.ones(time.size, dtype=bool)
    assert concordance.uno(time, everybody, risk, 0.95)["estimate"] == pytest.approx(slow_c(time, everybody, risk))


def test_jackknife_error_is_that_of_leaving_patients_out(data):
    time, event, risk = data
    left_out = [slow_c(*(np.delete(v, i) for v in data)) for i in range(time.size)]
    expected = np.sqrt((time.size - 1) / time.size * ((left_out - np.mean(left_out)) ** 2).sum())
    _, error = concordance.concordance(time, event, risk, np.ones(time.size))
    assert error == pytest.approx(expected, rel=0.05)


def test_perfect_order_is_one_and_no_event_is_explained():
    time = np.arange(1.0, 6)
    perfect = concordance.harrell(time, np.ones(5, dtype=bool), -time, 0.95)
    assert perfect["estimate"] == 1 and perfect["low"] is None and "standard error is zero" in perfect["why"]
    result = concordance.harrell(time, np.zeros(5, dtype=bool), -time, 0.95)
    assert result["estimate"] is None and "no events" in result["why"]


def test_no_bound_lies_outside_0_and_1_and_equal_risks_are_no_certain_half():
    time, risk = np.arange(1.0, 9), -np.array([1.0, 2, 3, 4, 5, 6, 8, 7])
    row = concordance.harrell(time, np.ones(8, dtype=bool), risk, 0.95)
    assert 0 < row["low"] < row["estimate"] < row["high"] < 1
    row = concordance.harrell(time, np.ones(8, dtype=bool), np.zeros(8), 0.95)
    assert row["estimate"] == 0.5 and row["low"] is None and row["why"]


def test_scores_that_are_no_numbers_and_no_patients_end_with_a_reason():
    time, event = np.arange(1.0, 4), np.ones(3, dtype=bool)
    for function in (concordance.harrell, concordance.uno):
        assert "1 of the scores" in function(time, event, np.array([1.0, np.nan, 2.0]), 0.95)["why"]
        assert "no pair" in function(time[:0], event[:0], time[:0], 0.95)["why"]
