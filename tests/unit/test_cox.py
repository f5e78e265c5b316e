"""Cox models: brute-force maximisation, invariances, refusals, and the fits lifelines does not offer."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from hscore.statistics.common import estimates, splines
from hscore.statistics.survival import (
    cox,
    partial_likelihood,
    proportional_hazards,
    subdistribution,
    survival_by_score,
)


def slow_efron(x, time, event, beta):
    """Efron's log partial likelihood written out, one event time after the other."""
    value = 0.0
    for t in np.unique(time[event]):
        risk, dead = x[time >= t] @ beta, x[(time == t) & event] @ beta
        for k in range(dead.size):
            value -= np.log(np.exp(risk).sum() - k / dead.size * np.exp(dead).sum())
        value += dead.sum()
    return value


@pytest.fixture
def data():
    rng = np.random.default_rng(7)
    x = pd.DataFrame({"group": (rng.random(70) < 0.4) * 1.0, "age": rng.normal(50, 10, 70)})
    hazard = np.exp(0.9 * x["group"] + 0.02 * (x["age"] - 50)).to_numpy()
    time = np.ceil(rng.exponential(20 / hazard))  # whole numbers: many ties
    event = rng.random(70) < 0.7
    return time, event, x


def test_sums_equal_the_slow_likelihood_and_its_differences(data):
    time, event, frame = data
    x, beta = frame.to_numpy(), np.array([0.4, -0.01])
    assert partial_likelihood.log_likelihood(x, time, event, beta) == pytest.approx(slow_efron(x, time, event, beta))
    value, score, information = partial_likelihood.derivatives(x, time, event, beta)
    assert value == partial_likelihood.log_likelihood(x, time, event, beta)
    third = partial_likelihood.third_moments(x, time, event, beta)
    for place, step in enumerate(np.diag([1e-5, 1e-6])):
        up, down = (slow_efron(x, time, event, beta + s * step) for s in (1, -1))
        assert score[place] == pytest.approx((up - down) / (2 * step.max()), rel=1e-5)
        up, down = (partial_likelihood.derivatives(x, time, event, beta + s * step) for s in (1, -1))
        np.testing.assert_allclose(information[place], (down[1] - up[1]) / (2 * step.max()), rtol=1e-5)
        np.testing.assert_allclose(third[place], (up[2] - down[2]) / (2 * step.max()), rtol=1e-4, atol=1e-3)


def test_fit_finds_the_maximum_of_the_slow_likelihood(data):
    time, event, frame = data
    scale = frame.std().to_numpy()
    best = minimize(lambda b: -slow_efron(frame.to_numpy() / scale, time, event, b), np.zeros(2), tol=1e-12).x / scale
    rows = cox.fit(time, event, frame).wald(0.95)
    np.testing.assert_allclose([np.log(row["estimate"]) for row in rows], best, rtol=1e-4)
    assert [row["term"] for row in rows] == ["group", "age"]


def test_profile_bounds_lie_where_the_slow_profile_has_fallen(data):
    time, event, frame = data
    rows = cox.fit(time, event, frame).profile(0.95)
    x = frame.to_numpy()

    def height(value):
        return max(
            -minimize(lambda b: -slow_efron(x, time, event, np.array([value, b[0]])), [0.0], tol=1e-12).fun, -1e9
        )

    best = height(np.log(rows[0]["estimate"]))
    for bound in ("low", "high"):
        assert best - height(np.log(rows[0][bound])) == pytest.approx(1.959964**2 / 2, rel=1e-4)


def test_firth_maximises_the_penalised_likelihood(data):
    time, event, frame = data
    x = frame.to_numpy()

    def penalized(b):
        information = partial_likelihood.derivatives(x, time, event, b)[2]
        return slow_efron(x, time, event, b) + 0.5 * np.linalg.slogdet(information)[1]

    rows = cox.firth(time, event, frame, 0.95)
    beta = np.log([row["estimate"] for row in rows])
    for step in np.vstack([np.eye(2) * 1e-3, -np.eye(2) * 1e-3]):
        assert penalized(beta) >= penalized(beta + step)
    gradient = [(penalized(beta + s) - penalized(beta - s)) / 2e-5 for s in np.eye(2) * 1e-5]
    np.testing.assert_allclose(gradient, 0, atol=1e-4)


def test_monotone_likelihood_is_refused_and_firth_is_finite():
    time, event = np.arange(1.0, 11), np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    group = pd.DataFrame({"high": event.astype(float)})
    (row,) = cox.fit(time, event, group).wald(0.95)
    assert row["estimate"] is None and "no events without high" in row["why"]
    (row,) = cox.firth(time, event, group, 0.95)
    assert 1 < row["estimate"] < 1e4 and row["low"] > 0


def test_variables_that_go_together_are_not_taken_for_a_monotone_likelihood():
    """The parts of a spline are almost collinear: lifelines stops far from the maximum there."""
    rng = np.random.default_rng(12)
    score = rng.random(67)
    time = rng.exponential(np.exp(-score))
    columns = pd.DataFrame(splines.basis(score, splines.knots(score, 4)))
    model = cox.fit(time, rng.random(67) < 0.3, columns)
    assert model.why is None
    _, slope, _ = partial_likelihood.derivatives(model.x, time, model.event, model.beta)
    np.testing.assert_allclose(slope, 0, atol=1e-8)


@pytest.mark.parametrize("seed", [15, 28, 29])
def test_a_maximum_that_lifelines_oversteps_is_found(seed):
    rng = np.random.default_rng(seed)
    score = rng.beta(0.5, 2, 150)
    high = (score > 0.5) * 1.0
    time, event = rng.exponential(np.exp(-6 * high)), rng.random(150) < 0.5
    model = cox.fit(time, event, pd.DataFrame({"high": high, "score": score}))
    assert model.why is None
    _, slope, information = partial_likelihood.derivatives(model.x, time, event, model.beta)
    np.testing.assert_allclose(np.linalg.solve(information, slope), 0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.inv(information), model.covariance, rtol=1e-6)


def test_a_score_that_orders_all_events_has_no_finite_hazard_ratio():
    time, event = np.arange(1.0, 21), np.ones(20, dtype=bool)
    (row,) = cox.fit(time, event, pd.DataFrame({"score": -time})).wald(0.95)
    assert row["estimate"] is None and "no maximum" in row["why"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda e, x: (e & False, x), "nobody had an event"),
        (lambda e, x: (e, x.assign(group=1.0)), "the same group"),
        (lambda e, x: (e, x.assign(twin=2 * x["age"] + 1)), "determine each other"),
        (lambda e, x: (e[:0], x[:0]), "no patients"),
    ],
)
def test_refusals_say_why(data, change, why):
    time, event, frame = data
    event, frame = change(event, frame)
    rows = cox.fit(time[: event.size], event, frame).wald(0.95)
    assert len(rows) == frame.shape[1]
    assert all(row["estimate"] is None and why in row["why"] for row in rows)


def test_too_few_events_per_variable_are_refused(data):
    time, event, frame = data
    few = event & (np.cumsum(event) <= 15)
    assert cox.fit(time, few, frame, events_per_variable=7).wald(0.95)[0]["estimate"] is not None
    (row, _) = cox.fit(time, few, frame, events_per_variable=10).wald(0.95)
    assert row["estimate"] is None and row["why"].startswith("15 events for 2 variables")


def test_proportional_hazards_are_rejected_where_the_effect_turns_round():
    rng = np.random.default_rng(9)
    group = np.arange(400) < 200
    time = np.where(group, 10 + rng.exponential(3, 400), rng.exponential(13, 400))
    event = np.ones(400, dtype=bool)
    (row,) = cox.fit(time, event, pd.DataFrame({"group": group * 1.0})).proportional_hazards()
    assert row["p"] < 1e-6


def test_proportional_hazards_with_one_event_time_say_why():
    x = np.array([[0.0], [1], [0], [1]])
    rows = proportional_hazards.test(np.array([1.0, 1, 2, 2]), np.array([1, 1, 0, 0], bool), x, np.zeros(1), ["x"])
    assert rows[0]["p"] is None and "event times" in rows[0]["why"]


def test_added_value_finds_a_planted_interaction_and_passes_over_none():
    rng = np.random.default_rng(10)
    x = pd.DataFrame({"a": rng.normal(size=300), "b": (rng.random(300) < 0.5) * 1.0})
    larger = x.assign(product=x["a"] * x["b"])
    event = np.ones(300, dtype=bool)

    def added(time, event):
        return cox.added_value(cox.fit(time, event, x), cox.fit(time, event, larger))

    assert added(rng.exponential(np.exp(-larger["product"].to_numpy())), event)["p"] < 1e-4
    assert added(rng.exponential(size=300), event)["p"] > 0.01
    assert added(rng.exponential(size=300), event & False)["why"] == "nobody had an event"


def test_baseline_hazard_without_an_effect_is_nelson_aalen():
    time, event = np.array([1.0, 2, 2, 4]), np.array([1, 1, 0, 1], dtype=bool)
    hazard = cox.baseline_hazard(time, event, np.zeros((4, 1)), np.zeros(1), np.array([0.5, 1, 3, 9]))
    np.testing.assert_allclose(hazard, [0, 1 / 4, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3 + 1])


def test_firth_with_a_single_event_has_its_closed_form():
    """One event, one patient of each group at risk: p = 1 / (1 + exp(-b)) maximises p^1.5 (1 - p)^0.5 at p = 3/4."""
    group = pd.DataFrame({"high": [1.0, 0.0]})
    (row,) = cox.firth(np.array([1.0, 2.0]), np.array([True, False]), group, 0.95)
    assert row["estimate"] == pytest.approx(3)


def test_firth_refuses_when_no_event_had_both_groups_at_risk():
    group = pd.DataFrame({"high": [1.0, 1.0, 0.0]})
    (row,) = cox.firth(np.array([1.0, 2.0, 0.5]), np.array([True, True, False]), group, 0.95)
    assert row["estimate"] is None and "the same covariates" in row["why"]


def test_firth_leads_where_the_plain_estimate_is_infinite_and_only_there():
    time, group = np.arange(1.0, 41), np.arange(40) % 2 == 0
    table = pd.DataFrame({"high": group * 1.0})
    separated = cox.fit(time, group & (time < 30), table).leading_row(0.95)
    (firth,) = cox.firth(time, group & (time < 30), table, 0.95)
    assert separated == {**firth, "plain_why": "no events without high, so the hazard ratio has no finite estimate"}
    assert "Firth" in separated["method"] and separated["high"] is not None
    plain = cox.fit(time, time < 30, table).leading_row(0.95)
    assert plain["method"] == cox.WALD and "plain_why" not in plain
    nobody = cox.fit(time, time < 0, table).leading_row(0.95)
    assert nobody["estimate"] is None and nobody["why"] == "nobody had an event"


def test_a_perfectly_ordered_score_is_led_by_firth_too():
    time, score = np.arange(1.0, 31), -np.arange(30.0)
    row = cox.fit(time, np.ones(30, dtype=bool), pd.DataFrame({"score": score})).leading_row(0.95)
    assert "Firth" in row["method"] and "ordered perfectly" in row["plain_why"] and row["estimate"] > 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_unknown_covariates_and_no_patients_are_refused_with_a_reason(value):
    time, table = np.arange(1.0, 9), pd.DataFrame({"score": np.r_[value, np.arange(7.0)]})
    assert cox.fit(time, time > 4, table).why == "score is not known for 1 patients"
    assert "not known" in cox.firth(time, time > 4, table, 0.95)[0]["why"]
    assert "no patients" in cox.firth(time[:0], time[:0] > 4, table[:0], 0.95)[0]["why"]


@pytest.fixture
def strata(data):
    return np.random.default_rng(1).integers(0, 3, data[0].size)


def test_the_likelihood_of_strata_is_the_sum_of_theirs(data, strata):
    time, event, frame = data
    x, beta = frame.to_numpy(), np.array([0.4, -0.01])
    parts = [slow_efron(x[strata == k], time[strata == k], event[strata == k], beta) for k in range(3)]
    assert partial_likelihood.log_likelihood(x, time, event, beta, strata) == pytest.approx(sum(parts))


def test_a_stratified_fit_is_at_the_maximum_and_takes_each_stratum_on_its_own_clock(data, strata):
    time, event, frame = data
    model = cox.fit(time, event, frame, strata=strata)
    _, slope, _ = partial_likelihood.derivatives(frame.to_numpy(), time, event, model.beta, strata)
    assert np.abs(slope / frame.std().to_numpy()).max() < 1e-6
    slower = cox.fit(time * np.array([1.0, 10.0, 100.0])[strata], event, frame, strata=strata)
    assert slower.beta == pytest.approx(model.beta)
    row = model.both_intervals(0.95)[0]
    assert row["profile"]["low"] < row["estimate"] < row["profile"]["high"]


def test_strata_without_an_event_change_nothing(data, strata):
    time, event, frame = data
    kept = strata > 0
    model = cox.fit(time, event & kept, frame, strata=strata)
    assert model.beta == pytest.approx(cox.fit(time[kept], event[kept], frame[kept], strata=strata[kept]).beta)
    assert cox.fit(time, event & False, frame, strata=strata).why == "nobody had an event"


def test_a_covariate_that_is_the_stratum_is_refused(data, strata):
    time, event, frame = data
    model = cox.fit(time, event, frame.assign(center=strata * 1.0), strata=strata)
    assert model.why == "center does not vary within any stratum that has events"


def test_several_coefficients_are_tested_as_one(data):
    time, event, frame = data
    model = cox.fit(time, event, frame)
    assert model.joint_test(["age"]) == pytest.approx(cox.added_value(cox.fit(time, event, frame[["group"]]), model))
    everything = model.joint_test(["group", "age"])
    nothing = partial_likelihood.log_likelihood(frame.to_numpy(), time, event, np.zeros(2))
    assert everything["df"] == 2 and everything["chi2"] == pytest.approx(2 * (model.log_likelihood - nothing))
    refused = cox.fit(time, event & False, frame).joint_test(["age"])
    assert refused["p"] is None and refused["why"] == "nobody had an event"


def test_proportional_hazards_of_a_term_are_tested_as_one(data):
    time, event, frame = data
    model = cox.fit(time, event, frame)
    term, everything = model.proportional_hazards({"both": ["group", "age"]})
    assert term["term"] == "both" and term["df"] == 2
    assert term["chi2"] == pytest.approx(everything["chi2"])


def test_a_profile_goes_on_where_the_likelihood_no_longer_tells_of_another_coefficient():
    def flat_in_the_second(beta):
        return -(beta[0] ** 2), np.array([-2 * beta[0], 0.0]), np.diag([2.0, 0.0])

    found = cox._maximize(flat_in_the_second, np.array([1.0, 5.0]), np.array([False, True]))
    assert found.tolist() == [1.0, 5.0]


@pytest.mark.parametrize(
    "fitted", [lambda *part: cox.fit(*part).both_intervals(0.95), lambda *part: cox.firth(*part, 0.95)]
)
def test_the_unit_of_a_variable_changes_its_ratio_alone(data, fitted):
    """An ADC in mm2/s has a deviation of 1e-4; with the ratio per unit its interval is raised to a power."""
    time, event, frame = data
    group, age = fitted(time, event, frame)
    for unit in (1e-1, 1e-3, 1e2):
        same, other = fitted(time, event, frame.assign(age=2 + frame["age"] * unit))
        for row, expected, power in ((same, group, 1), (other, age, 1 / unit)):
            for found, reference in ((row, expected), (row.get("profile", row), expected.get("profile", expected))):
                for key in ("estimate", "low", "high"):
                    assert np.log(found[key]) == pytest.approx(power * np.log(reference[key]), rel=1e-5)
                assert found["p"] == pytest.approx(reference["p"], rel=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_a_ratio_too_large_to_write_is_a_reason_and_the_other_variables_keep_theirs(data, seed):
    time, event, frame = data
    rng = np.random.default_rng(seed)
    adc = 1e-3 + 1e-4 * (rng.normal(size=70) + event)
    rows = cox.fit(time, event, frame[["group"]].assign(adc=adc)).both_intervals(0.95)
    usual = cox.fit(time, event, frame[["group"]].assign(adc=adc * 1e3)).both_intervals(0.95)
    np.testing.assert_allclose(*([row["profile"]["high"], row["high"]] for row in (rows[0], usual[0])), rtol=1e-6)
    assert rows[1]["estimate"] is None and rows[1]["why"] == rows[1]["profile"]["why"] == estimates.TOO_LARGE
    (penalized,) = cox.firth(time, event, pd.DataFrame({"adc": adc}), 0.95)
    (competing,) = subdistribution.hazard_ratios(time, event, ~event, pd.DataFrame({"adc": adc}), 0.95)
    assert penalized["why"] == competing["why"] == estimates.TOO_LARGE
    json.dumps([rows, penalized, competing], allow_nan=False)


@pytest.mark.parametrize("log_ratio", [800.0, -800.0])
def test_every_ratio_too_large_to_write_is_a_reason(log_ratio):
    found = estimates.wald_ratio(log_ratio, 1.0, 0.95, "Wald")
    assert found == {"estimate": None, "low": None, "high": None, "method": "Wald", "why": estimates.TOO_LARGE}
    wide = estimates.wald_ratio(1.0, 1000.0, 0.95, "Wald")
    assert wide["estimate"] == pytest.approx(np.e) and (wide["low"], wide["high"]) == (0, None)
    assert survival_by_score.hazard_ratio_precision(wide, np.arange(9) > 4, np.ones(9, bool), 0.95)["here"] is None


@pytest.mark.parametrize("noise", [1e-2, 1e-4, 1e-6])
def test_variables_that_nearly_determine_each_other_have_profiles(data, noise):
    """A diameter and a rounded radius: the profile of one moves the other by thousands of deviations."""
    time, event, frame = data
    part = np.random.default_rng(3).normal(size=70)
    age = frame[["age"]] / noise
    rows = cox.fit(time, event, age.assign(half=age["age"] / 2 + part)).profile(0.95)
    plain = cox.fit(time, event, age.assign(part=part)).profile(0.95)
    for key in ("estimate", "low", "high"):
        assert np.log(rows[1][key]) == pytest.approx(np.log(plain[1][key]), rel=1e-3)
    assert rows[1]["p"] == pytest.approx(plain[1]["p"], rel=1e-4)


def test_a_profile_that_is_not_found_is_a_reason(data, monkeypatch):
    time, event, frame = data
    model = cox.fit(time, event, frame)

    def fails(*arguments):
        raise ArithmeticError("no convergence")

    monkeypatch.setattr(cox, "_maximize", fails)
    for wald in model.both_intervals(0.95):
        assert wald["estimate"] and wald["profile"]["estimate"] is None and wald["profile"]["why"] == cox.NO_PROFILE
    assert {row["why"] for row in cox.firth(time, event, frame, 0.95)} == {cox.NO_FIRTH}


@pytest.mark.parametrize("within", [1.0, 1e-2, 1e-4])
def test_only_the_differences_within_strata_count(within):
    """A variable that differs a thousand times more between strata than within them is fitted all the same."""
    rng = np.random.default_rng(5)
    stratum, part = rng.integers(0, 4, 120), rng.normal(size=120)
    time, event = rng.exponential(np.exp(-0.5 * part)), rng.random(120) < 0.6
    reference = cox.fit(time, event, pd.DataFrame({"part": part}), strata=stratum)
    model = cox.fit(time, event, pd.DataFrame({"part": stratum + within * part}), strata=stratum)
    assert model.why is None
    assert model.beta[0] * within == pytest.approx(reference.beta[0], rel=1e-6)
    (row,), (expected,) = model.profile(0.95), reference.profile(0.95)
    assert within == 1e-4 or within * np.log(row["high"]) == pytest.approx(np.log(expected["high"]), rel=1e-6)
