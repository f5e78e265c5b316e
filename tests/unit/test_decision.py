"""Decision curves: counted by hand, bands, and what is spared per metastasis missed."""

import numpy as np
import pytest

from hscore.statistics import bootstrap, decision


@pytest.fixture
def data():
    rng = np.random.default_rng(30)
    positive = rng.random(120) < 0.25
    return positive, np.clip(0.25 + 0.2 * positive + 0.15 * rng.normal(size=120), 0.01, 0.99)


def test_net_benefit_counted_patient_by_patient(data):
    positive, risk = data
    at = decision.thresholds(0.05, 0.5)
    result = decision.curve(positive, risk[:, None] >= at, at, 0.95, np.ones((1, 120)))
    assert at[0] == 0.05 and at[-1] == 0.5 and at.size == 46
    for t, value, spared in zip(at, result["net_benefit"], result["spared_per_missed"], strict=True):
        right = sum(1 for p, r in zip(positive, risk, strict=True) if r >= t and p)
        wrong = sum(1 for p, r in zip(positive, risk, strict=True) if r >= t and not p)
        assert value == pytest.approx(right / 120 - wrong / 120 * t / (1 - t))
        missed, left_alone = positive.sum() - right, (~positive).sum() - wrong
        assert spared == (pytest.approx(left_alone / missed) if missed else None)


def test_a_perfect_model_has_the_prevalence_as_net_benefit_and_standardised_one(data):
    positive, _ = data
    at = decision.thresholds(0.1, 0.3)
    result = decision.curve(positive, np.repeat(positive[:, None], at.size, axis=1), at, 0.95, np.ones((1, 120)))
    assert result["net_benefit"] == pytest.approx([positive.mean()] * at.size)
    assert result["standardised"] == pytest.approx([1.0] * at.size)
    assert result["interventions_avoided_per_100"] == pytest.approx([100 * (1 - positive.mean())] * at.size)


def test_treating_all_avoids_nothing_and_breaks_even_at_the_prevalence():
    positive = np.arange(100) < 20
    result = decision.curves(positive, {"m": np.full(100, 0.3)}, {"m": 0.5}, np.array([0.2]), 0.95, np.ones((2, 100)))
    assert result["treat_all"]["net_benefit"] == pytest.approx([0])
    assert result["treat_all"]["interventions_avoided_per_100"] == pytest.approx([0])
    assert result["frozen_calls"]["m"]["net_benefit"] == [0]  # 0.3 is below the frozen 0.5: nobody is acted upon
    assert result["models"]["m"]["net_benefit"] == pytest.approx(result["treat_all"]["net_benefit"])


def test_bands_have_the_width_of_a_mean(data):
    positive, risk = data
    at = np.array([0.3])
    counts = bootstrap.draw(120, 4000, np.random.default_rng(1))
    result = decision.curve(positive, risk[:, None] >= at, at, 0.95, counts)
    gain = (risk >= 0.3) * np.where(positive, 1.0, -0.3 / 0.7)
    error = gain.std() / 120**0.5
    assert result["high"][0] - result["low"][0] == pytest.approx(2 * 1.96 * error, rel=0.06)


def test_without_any_positive_the_standardised_benefit_is_left_out():
    at = np.array([0.2])
    result = decision.curve(np.zeros(10, bool), np.ones((10, 1), bool), at, 0.95, np.ones((1, 10)))
    assert result["standardised"] == [None] and result["net_benefit"] == [-0.25]
