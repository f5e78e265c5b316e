"""Calibration of predicted survival: closed forms, planted miscalibration, refusals. R: agreement."""

import numpy as np
import pytest

from hscore.statistics.diagnosis import calibration
from hscore.statistics.survival import survival_calibration, survival_prediction

MONTH = 36.0


def cohort(rng, n, stretch=1.0):
    """Exponential times; the predictor is that of the truth divided by ``stretch`` around its mean."""
    predictor = rng.normal(-1.0, 0.5, n)
    time = rng.exponential(MONTH / np.exp(predictor))
    left = rng.uniform(20, 80, n)
    predicted = -1.0 + (predictor + 1.0) / stretch
    return np.minimum(time, left), time <= left, -np.expm1(-np.exp(predicted))


def describe(time, event, risk, events_per_variable=10):
    return survival_calibration.describe(time, event, risk, MONTH, 0.95, events_per_variable)


def test_perfect_predictions_are_on_the_diagonal():
    found = describe(*cohort(np.random.default_rng(0), 4000))
    assert found["observed_expected"]["low"] < 1 < found["observed_expected"]["high"]
    assert found["slope"]["low"] < 1 < found["slope"]["high"]
    assert found["ici"] < 0.02 and found["e50"] <= found["e90"]
    low, high, predicted = (np.array(found["curve"][key]) for key in ("low", "high", "predicted"))
    assert ((low < predicted) & (predicted < high)).mean() > 0.9
    assert found["deciles"] == sorted(found["deciles"]) and len(found["deciles"]) == 9


def test_too_extreme_predictions_have_a_slope_below_one():
    found = describe(*cohort(np.random.default_rng(1), 4000, stretch=0.5))
    assert found["slope"]["estimate"] == pytest.approx(0.5, abs=0.05)
    assert found["ici"] > 0.05


def test_too_low_predictions_have_more_observed_than_expected():
    time, event, risk = cohort(np.random.default_rng(2), 3000)
    half = describe(time, event, risk / 2)["observed_expected"]
    assert half["estimate"] == pytest.approx(2 * describe(time, event, risk)["observed_expected"]["estimate"])
    assert half["low"] > 1.5


def test_without_censoring_o_e_is_that_of_a_yes_or_no_outcome():
    rng = np.random.default_rng(3)
    time, risk = rng.exponential(40, 80), rng.uniform(0.3, 0.9, 80)
    ours = describe(time, np.ones(80, dtype=bool), risk)["observed_expected"]
    plain = calibration.observed_expected(time <= MONTH, risk, 0.95)
    for key in ("estimate", "low", "high"):
        assert ours[key] == pytest.approx(plain[key])


def test_what_happens_after_the_month_changes_nothing():
    time, event, risk = cohort(np.random.default_rng(4), 200)
    later = time > MONTH
    found, changed = describe(time, event, risk), describe(np.where(later, time + 50, time), event & ~later, risk)
    assert found == changed


def test_a_reading_of_two_values_has_two_points_and_no_spline():
    time, event, risk = cohort(np.random.default_rng(5), 300)
    found = describe(time, event, np.where(risk > 0.3, 0.5, 0.2))
    assert found["curve"]["predicted"] == [0.2, 0.5] and "straight line" in found["curve"]["method"]
    assert found["ici"] is not None


@pytest.mark.parametrize(
    ("change", "ratio", "slope", "curve"),
    [
        (lambda t, e, r: (t, e & False, r), "nobody had an event", "nobody had an event", "nobody had an event"),
        (lambda t, e, r: (t, e, r * 0 + 0.3), None, "all patients have the same", "all patients have the same"),
        (lambda t, e, r: (t, e, r * 0), "no event is expected", "0 or 1", "0 or 1"),
        (lambda t, e, r: (t, e & (np.cumsum(e) <= 8), r), None, None, "8 events for 2 variables"),
        (lambda t, e, r: (t, e, 0.3 + (r - 0.3) / 1e4), None, "hardly differ", None),
    ],
)
def test_what_cannot_be_estimated_says_why(change, ratio, slope, curve):
    time, event, risk = cohort(np.random.default_rng(6), 100)
    found = describe(*change(np.minimum(time, MONTH + 1), event & (time <= MONTH), risk))
    for entry, why in ((found["observed_expected"], ratio), (found["slope"], slope)):
        assert (entry["estimate"] is None) == (why is not None) and (why or "") in entry.get("why", "")
    assert (found["ici"] is None) == (curve is not None) and (curve or "") in found.get("curve_why", "")
    assert bool(found["curve"]["predicted"]) == (curve is None)


def test_it_is_measured_at_the_last_month_that_somebody_was_followed_beyond():
    time, event, risk = cohort(np.random.default_rng(7), 200)
    model = survival_prediction.fit(time, event, risk, 60.0)
    settings = {"confidence": 0.95, "events_per_variable": 10}
    assert survival_prediction.calibrate(model, time, event, risk, settings)["month"] == 60
    short = np.minimum(time, 30.5)
    found = survival_prediction.calibrate(model, short, event & (time <= 30.5), risk, settings)
    assert found["month"] == 30 and found["at_risk"] == (short >= 30).sum()
    refused = survival_prediction.fit(time, event & False, risk, 60.0)
    found = survival_prediction.calibrate(refused, time, event, risk, settings)
    assert "no Cox model on development: nobody had an event" in found["slope"]["why"]


def test_the_fitted_model_is_calibrated_where_it_was_fitted():
    """Breslow's baseline makes the expected events those observed, and the slope is 1 by construction."""
    rng = np.random.default_rng(8)
    time, event, risk = cohort(rng, 300)
    time, event = np.minimum(time, 60.0), event & (time <= 60)
    model = survival_prediction.fit(time, event, risk, 60.0)
    settings = {"confidence": 0.95, "events_per_variable": 10}
    found = survival_prediction.calibrate(model, np.where(event, time, time + 1e-6), event, risk, settings)
    assert found["slope"]["estimate"] == pytest.approx(1, abs=1e-6)
    assert found["observed_expected"]["estimate"] == pytest.approx(1, abs=0.05)
