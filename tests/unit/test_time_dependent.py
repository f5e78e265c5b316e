"""Time-dependent AUC and Brier score: without censoring the plain ones, with it the slow weighted sums."""

import numpy as np
import pytest

from hscore.statistics.common import bootstrap
from hscore.statistics.diagnosis import discrimination
from hscore.statistics.survival import survival_curves, time_dependent


@pytest.fixture
def data():
    rng = np.random.default_rng(50)
    risk = rng.normal(size=150).round(1)
    relapse, left = rng.exponential(20 * np.exp(-risk)), rng.uniform(5, 60, 150)
    return np.minimum(relapse, left), relapse <= left, risk


def kept(time, event, moment):
    """Probability of not being censored before ``moment``, one censoring after the other."""
    value = 1.0
    for c in np.sort(time[~event]):
        if c < moment:
            value *= 1 - 1 / (time >= c).sum()
    return value


def test_without_censoring_auc_is_that_of_having_had_the_event(data):
    time, _, risk = data
    event = np.ones(150, dtype=bool)
    result = time_dependent.auc_at(time, event, risk, 15.0, 0.95)
    delong = discrimination.auc_interval(time <= 15, risk, 0.95)
    assert result["estimate"] == pytest.approx(delong["estimate"])
    assert result["low"] == pytest.approx(delong["low"], abs=0.005)


def test_with_censoring_auc_is_the_weighted_share_of_pairs(data):
    time, event, risk = data
    wins = total = 0.0
    for i in np.flatnonzero(event & (time <= 20)):
        weight = 1 / kept(time, event, time[i])
        for j in np.flatnonzero(time > 20):
            total += weight
            wins += weight * (1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0)
    result = time_dependent.auc_at(time, event, risk, 20.0, 0.95)
    assert result["estimate"] == pytest.approx(wins / total)
    assert result["low"] < result["estimate"] < result["high"]


def test_auc_before_the_first_event_and_after_the_last_patient_say_why(data):
    time, event, risk = data
    assert "has had the event" in time_dependent.auc_at(time, event, risk, 0.0, 0.95)["why"]
    assert "still under observation" in time_dependent.auc_at(time, event, risk, 999.0, 0.95)["why"]


def test_brier_without_censoring_is_the_plain_one(data):
    time, _, risk = data
    predicted = 1 / (1 + np.exp(risk))
    (value,) = time_dependent.brier_scores(time, np.ones(150, dtype=bool), predicted[:, None], np.array([15.0]))
    assert value == pytest.approx(((predicted - (time > 15)) ** 2).mean())


def test_brier_with_censoring_is_the_weighted_sum(data):
    time, event, risk = data
    predicted, total = 1 / (1 + np.exp(risk)), 0.0
    for t, e, s in zip(time, event, predicted, strict=True):
        if t > 20:
            total += (1 - s) ** 2 / kept(time, event, 20.0)
        elif e:
            total += s**2 / kept(time, event, t)
    (value,) = time_dependent.brier_scores(time, event, predicted[:, None], np.array([20.0]))
    assert value == pytest.approx(total / 150)


def test_integrated_brier_of_a_constant_score_is_that_score():
    time, event = np.array([50.0] * 10), np.zeros(10, dtype=bool)
    moments = np.arange(1.0, 21)
    scores = time_dependent.brier_scores(time, event, np.full((10, 20), 0.7), moments)
    assert time_dependent.time_average(scores, moments) == pytest.approx(0.3**2)


def test_the_null_model_of_a_resample_is_its_own_kaplan_meier(data):
    """Patients repeated as a resample repeats them give the same curve and the same error."""
    time, event, _ = data
    counts = bootstrap.draw(time.size, 3, np.random.default_rng(5))
    moments = np.array([0.0, 5.0, 20.0])
    found = time_dependent.null_brier_scores(time, event, moments, counts)
    for drawn, scores in zip(counts.astype(int), found, strict=True):
        repeated = np.repeat(np.arange(time.size), drawn)
        curve = survival_curves.kaplan_meier(time[repeated], event[repeated], 0.95)
        chances = [survival_curves.at_time(curve, moment)[0] for moment in moments]
        everybody = np.tile(chances, (repeated.size, 1))
        expected = time_dependent.brier_scores(time[repeated], event[repeated], everybody, moments)
        np.testing.assert_allclose(scores, expected)


def test_a_perfect_auc_has_no_certain_interval():
    time, event = np.arange(1.0, 9), np.ones(8, dtype=bool)
    row = time_dependent.auc_at(time, event, -time, 4.0, 0.95)
    assert row["estimate"] == 1 and row["low"] is None and row["why"]
