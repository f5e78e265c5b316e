"""Decision curves: counted by hand, bands, and what is spared per metastasis missed."""

import numpy as np
import pytest

from hscore.statistics.common import bootstrap
from hscore.statistics.diagnosis import decision


@pytest.fixture
def data():
    rng = np.random.default_rng(30)
    y_true = rng.random(120) < 0.25
    return y_true, np.clip(0.25 + 0.2 * y_true + 0.15 * rng.normal(size=120), 0.01, 0.99)


def test_net_benefit_counted_patient_by_patient(data):
    y_true, risk = data
    at = decision.thresholds(0.05, 0.5)
    result = decision.curve(y_true, risk[:, None] >= at, at, 0.95, np.ones((1, 120)))
    assert at[0] == 0.05 and at[-1] == 0.5 and at.size == 46
    columns = (result[name]["estimate"] for name in ("net_benefit", "spared_per_missed"))
    for t, value, spared in zip(at, *columns, strict=True):
        right = sum(1 for p, r in zip(y_true, risk, strict=True) if r >= t and p)
        wrong = sum(1 for p, r in zip(y_true, risk, strict=True) if r >= t and not p)
        assert value == pytest.approx(right / 120 - wrong / 120 * t / (1 - t))
        missed, left_alone = y_true.sum() - right, (~y_true).sum() - wrong
        assert spared == (pytest.approx(left_alone / missed) if missed else None)


def test_a_perfect_model_has_the_prevalence_as_net_benefit_and_standardised_one(data):
    y_true, _ = data
    at = decision.thresholds(0.1, 0.3)
    result = decision.curve(y_true, np.repeat(y_true[:, None], at.size, axis=1), at, 0.95, np.ones((1, 120)))
    assert result["net_benefit"]["estimate"] == pytest.approx([y_true.mean()] * at.size)
    assert result["standardised"]["estimate"] == pytest.approx([1.0] * at.size)
    avoided = result["interventions_avoided_per_100"]["estimate"]
    assert avoided == pytest.approx([100 * (1 - y_true.mean())] * at.size)
    assert (result["spared"][0], result["missed"][0]) == ((~y_true).sum(), 0)


def test_treating_all_avoids_nothing_and_breaks_even_at_the_prevalence():
    y_true, at = np.arange(100) < 20, np.array([0.2])
    risk = {"m": np.full(100, 0.3)}
    result = decision.curves(y_true, risk, y_true, at, 0.95, np.ones((2, 100)))
    assert result["treat_all"]["net_benefit"]["estimate"] == pytest.approx([0])
    assert result["treat_all"]["interventions_avoided_per_100"]["estimate"] == pytest.approx([0])
    assert result["models"]["m"]["net_benefit"]["estimate"] == pytest.approx([0])
    assert result["models"]["m"]["against_treat_all"]["estimate"] == pytest.approx([0])
    # a reading that is always right gains the prevalence, and the model that much less
    assert result["mri_ln"]["net_benefit"]["estimate"] == pytest.approx([0.2])
    assert result["models"]["m"]["against_mri_ln"]["estimate"] == pytest.approx([-0.2])
    frozen = decision.frozen_call_curves(y_true, risk, {"m": 0.5}, at, 0.95, np.ones((2, 100)))
    assert frozen["m"]["net_benefit"]["estimate"] == [0]  # 0.3 is below the frozen 0.5: nobody is acted upon


def test_a_reading_that_is_not_known_of_everybody_is_left_out_with_the_reason():
    y_true = np.arange(10) < 3
    result = decision.curves(y_true, {"m": y_true * 0.5}, None, np.array([0.2]), 0.95, np.ones((2, 10)))
    assert "not known" in result["mri_ln"]["why"] and "against_mri_ln" not in result["models"]["m"]


def test_the_band_of_a_gain_is_that_of_the_difference_on_the_same_resamples(data):
    y_true, risk = data
    at = np.array([0.3])
    counts = bootstrap.draw(120, 500, np.random.default_rng(2))
    acted, other = (risk >= 0.3)[:, None], (risk >= 0.2)[:, None]
    slow = []
    for row in counts:
        drawn = np.repeat(np.arange(120), row.astype(int))
        values = [decision.net_benefit(y_true[drawn], who[drawn], at, np.ones((1, 120))) for who in (acted, other)]
        slow.append((values[0] - values[1])[0, 0])
    ours = decision.net_benefit_difference(y_true, acted, other, at, 0.95, counts)
    assert [ours["low"][0], ours["high"][0]] == pytest.approx(list(np.quantile(slow, [0.025, 0.975])))


def test_strategies_that_act_on_the_same_patients_have_no_band_of_zero_width(data):
    y_true, risk = data
    at, counts = np.array([0.3]), bootstrap.draw(120, 200, np.random.default_rng(2))
    acted = (risk >= 0.3)[:, None]
    assert decision.net_benefit_difference(y_true, acted, acted, at, 0.95, counts) == {
        "estimate": [0],
        "low": [None],
        "high": [None],
    }
    nobody = decision.curve(y_true, np.zeros_like(acted), at, 0.95, counts)["net_benefit"]
    assert nobody == {"estimate": [0], "low": [None], "high": [None]}


def test_spared_per_missed_has_an_open_end_where_resamples_miss_nobody():
    y_true = np.arange(60) < 20
    acted = y_true[:, None] & (np.arange(60) != 0)[:, None]  # one of 20 is missed, all 40 others are spared
    counts = bootstrap.draw(60, 400, np.random.default_rng(3))
    row = decision.curve(y_true, acted, np.array([0.2]), 0.95, counts)["spared_per_missed"]
    assert row["estimate"] == [40.0] and row["high"] == [None] and 5 < row["low"][0] < 40


def test_bands_have_the_width_of_a_mean(data):
    y_true, risk = data
    at = np.array([0.3])
    counts = bootstrap.draw(120, 4000, np.random.default_rng(1))
    result = decision.curve(y_true, risk[:, None] >= at, at, 0.95, counts)
    gain = (risk >= 0.3) * np.where(y_true, 1.0, -0.3 / 0.7)
    error = gain.std() / 120**0.5
    band = result["net_benefit"]
    assert band["high"][0] - band["low"][0] == pytest.approx(2 * 1.96 * error, rel=0.06)


def test_without_any_positive_the_standardised_benefit_is_left_out():
    at = np.array([0.2])
    result = decision.curve(np.zeros(10, bool), np.ones((10, 1), bool), at, 0.95, np.ones((1, 10)))
    assert result["standardised"]["estimate"] == [None] and result["net_benefit"]["estimate"] == [-0.25]
