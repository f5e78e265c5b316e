"""Calibration: known miscalibration, defining equations, and predictions that allow no estimate."""

import numpy as np
import pytest
from scipy.special import expit, logit

from hscore.metrics import logistic, probability
from hscore.statistics.common import bootstrap, precision
from hscore.statistics.common.smoother import Lowess
from hscore.statistics.diagnosis import calibration


@pytest.fixture
def data():
    rng = np.random.default_rng(20)
    risk = expit(rng.normal(-1, 1.2, 400))
    return rng.random(400) < risk, risk


def draws(y_true, resamples=300):
    return bootstrap.draw(y_true.size, resamples, np.random.default_rng(0))


def test_logistic_fit_solves_the_score_equations(data):
    y_true, risk = data
    x = np.column_stack([logit(risk), np.arange(400) % 7])
    model = logistic.fit(x, y_true)
    residual = y_true - expit(np.column_stack([np.ones(400), x]) @ model.coefficients)
    np.testing.assert_allclose(np.column_stack([np.ones(400), x]).T @ residual, 0, atol=1e-8)


def test_logistic_fit_of_a_two_by_two_table_is_the_log_odds_ratio():
    x = np.repeat([1.0, 1, 0, 0], [12, 5, 4, 20])
    y_true = np.repeat([True, False, True, False], [12, 5, 4, 20])
    model = logistic.fit(x[:, None], y_true)
    assert model.coefficients[1] == pytest.approx(np.log(12 * 20 / (5 * 4)))
    assert model.errors[1] == pytest.approx((1 / 12 + 1 / 5 + 1 / 4 + 1 / 20) ** 0.5)


def test_the_intercept_of_a_reading_of_0_and_1_is_found_far_from_the_start():
    y_true, reading = np.arange(67) < 21, np.arange(67) % 5 == 0
    clipped = logit(probability.clip_probability(reading * 1.0))
    found = logistic.fit(np.empty((67, 0)), y_true, clipped)
    assert expit(found.coefficients[0] + clipped).sum() == pytest.approx(21)


def test_a_reading_of_0_and_1_has_no_calibration_line():
    y_true, reading = np.arange(67) < 21, np.arange(67) % 5 == 0
    for row in calibration.intercept_and_slope(y_true, reading * 1.0, 0.95).values():
        assert row["estimate"] is None and row["why"] == "67 predictions are 0 or 1, which has no logit"


def test_a_slope_that_says_nothing_is_not_printed():
    """Predictions that differ in the third decimal: the slope would be 86 with a standard error of 60."""
    rng = np.random.default_rng(0)
    predicted = 0.2 + 0.002 * rng.random(141)
    row = calibration.intercept_and_slope(rng.random(141) < 0.2, predicted, 0.95)
    assert row["slope"]["estimate"] is None and "hardly differ" in row["slope"]["why"]
    assert row["intercept"]["estimate"] is not None


def test_observed_over_expected_is_binomial_as_the_formula_of_study_size():
    """A cohort of the size planned for a width has an interval of that width."""
    n = precision.for_observed_expected(0.25, 0.4, 0.95)
    y_true = np.arange(n) < n / 4
    row = calibration.observed_expected(y_true, np.full(n, y_true.mean()), 0.95)
    assert row["high"] - row["low"] == pytest.approx(0.4, abs=0.002) and "binomial" in row["method"]
    everybody = calibration.observed_expected(np.ones(5, bool), np.full(5, 0.5), 0.95)
    assert (everybody["estimate"], everybody["low"]) == (2, None) and everybody["why"]


@pytest.mark.parametrize(("n", "predicted", "why"), [(0, 0.5, "no patients"), (4, np.nan, "4 predictions are missing")])
def test_empty_and_missing_predictions_end_with_a_reason(n, predicted, why):
    y_true = np.arange(n) < 2
    found = calibration.describe(y_true, np.full(n, predicted), 0.95, bootstrap.cohort_counts(n))
    for name in ("observed_expected", "intercept", "slope", "brier", "scaled_brier", "spiegelhalter"):
        assert why in found[name]["why"]


@pytest.mark.parametrize(
    ("x", "y_true"),
    [([0, 0, 1, 1], [0, 0, 1, 1]), ([1, 2, 3, 4], [0, 0, 0, 0]), ([2, 2, 2, 2], [0, 1, 0, 1])],
    ids=["separation", "one class", "constant"],
)
def test_logistic_fit_without_a_maximum_is_none(x, y_true):
    assert logistic.fit(np.array(x, float)[:, None], np.array(y_true, bool)) is None


def test_brier_interval_has_the_width_of_a_mean(data):
    y_true, risk = data
    result = calibration.brier(y_true, risk, 0.95, draws(y_true, 2000))["brier"]
    error = ((y_true - risk) ** 2).std() / 400**0.5
    assert result["low"] == pytest.approx(result["estimate"] - 1.96 * error, abs=0.15 * error)
    assert result["high"] == pytest.approx(result["estimate"] + 1.96 * error, abs=0.15 * error)


def test_smooth_of_a_straight_line_is_that_line():
    x = np.sort(np.random.default_rng(1).random(80))
    np.testing.assert_allclose(Lowess(x)(0.2 + 0.5 * x, x), 0.2 + 0.5 * x)


def test_smooth_is_a_local_line_with_tricube_weights():
    rng = np.random.default_rng(3)
    x = np.sort(rng.choice(np.arange(40) / 40, 30, replace=False))  # at least 1 % apart: a fit at every point
    y = (rng.random(30) < x) * 1.0
    slow = []
    for point in x:
        distance = np.abs(x - point)
        weight = np.clip(1 - (distance / np.sort(distance)[19]) ** 3, 0, None) ** 3  # two thirds of 30 points
        slow.append(np.polyval(np.polyfit(x, y, 1, w=np.sqrt(weight)), point))
    np.testing.assert_allclose(Lowess(x)(y, x), slow, atol=1e-9)
    between = (x[:-1] + x[1:]) / 2
    np.testing.assert_allclose(Lowess(x)(y, between), np.interp(between, x, slow), atol=1e-9)


def test_resampled_smooth_equals_weighting_each_patient(data):
    y_true, risk = data
    smoother = Lowess(risk)
    once = smoother(y_true * 1.0, risk)
    np.testing.assert_allclose(smoother(y_true * 1.0, risk, np.full((2, 400), 3.0)), [once, once])


def test_a_yes_no_model_is_compared_with_the_observed_shares():
    predicted = np.repeat([0.2, 0.6], [50, 20])
    y_true = np.concatenate([np.arange(50) < 15, np.arange(20) < 10])
    result = calibration.describe(y_true, predicted, 0.95, draws(y_true))
    assert result["curve"]["predicted"] == [0.2, 0.6] and result["curve"]["observed"] == [0.3, 0.5]
    assert result["ici"] == pytest.approx(0.1) and result["emax"] == pytest.approx(0.1)
    low, high = result["curve"]["low"][0], result["curve"]["high"][0]
    assert low < 0.3 < high


@pytest.mark.parametrize(
    ("y_true", "predicted"),
    [([0] * 12, np.linspace(0.1, 0.9, 12)), ([1] * 12, np.full(12, 0.4)), ([0, 1] * 6, np.tile([0.0, 1.0], 6))],
    ids=["no events", "all events, one prediction", "certain and right"],
)
def test_every_missing_number_is_explained(y_true, predicted):
    y_true = np.array(y_true, bool)
    result = calibration.describe(y_true, predicted, 0.95, draws(y_true))
    for name in ("observed_expected", "slope", "intercept", "scaled_brier"):
        assert result[name]["estimate"] is not None or result[name]["why"]
    assert result["spiegelhalter"]["z"] is not None or result["spiegelhalter"]["why"]
    assert result["slope"]["estimate"] is None


def test_predictions_of_exactly_zero_and_one_are_counted():
    y_true = np.arange(30) % 3 == 0
    predicted = np.linspace(0, 1, 30)
    assert calibration.describe(y_true, predicted, 0.95, draws(y_true))["clipped"] == 2
