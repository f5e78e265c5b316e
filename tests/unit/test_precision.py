"""Sample sizes: they give the width asked for, in formulas and in simulated studies, and say what they assume."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from hscore.metrics import logistic
from hscore.statistics.common import precision
from hscore.statistics.diagnosis.discrimination import newcombe_error
from hscore.statistics.survival import cox


def test_auc_gives_the_width_asked_for_and_no_smaller_study_does():
    n = precision.for_auc(0.85, 0.23, 0.1, 0.95)
    assert (
        2 * 1.959964 * newcombe_error(0.85, 0.23 * n, 0.77 * n)
        <= 0.1
        < 2 * 1.959964 * newcombe_error(0.85, 0.23 * (n - 1), 0.77 * (n - 1))
    )


def test_observed_expected_gives_the_width_asked_for():
    n = precision.for_observed_expected(0.23, 0.4, 0.95)
    error = ((1 - 0.23) / (0.23 * n)) ** 0.5
    assert np.exp(1.959964 * error) - np.exp(-1.959964 * error) == pytest.approx(0.4, rel=0.01)


def test_slope_gives_the_width_asked_for_in_simulated_studies():
    rng = np.random.default_rng(60)
    predictor = rng.normal(-1.5, 1.2, 20000)
    n = precision.for_slope(predictor, 0.6, 0.95)
    widths = []
    for _ in range(60):
        x = rng.choice(predictor, n)
        widths.append(2 * 1.959964 * logistic.fit(x[:, None], rng.random(n) < expit(x)).errors[1])
    assert np.mean(widths) == pytest.approx(0.6, rel=0.05)


def test_sensitivity_counts_only_the_patients_who_have_the_disease():
    n = precision.for_proportion(0.9, 0.25, 0.1, 0.95)
    assert n == pytest.approx(4 * (2 * 1.959964 / 0.1) ** 2 * 0.09, abs=4)


def test_net_benefit_has_the_width_asked_for_in_simulated_studies():
    """Spread of the standardised net benefit over 4,000 simulated cohorts of the size asked for."""
    n = precision.for_net_benefit(0.9, 0.8, 0.25, 0.2, 0.3, 0.95)
    rng = np.random.default_rng(5)
    y_true = rng.random((4000, n)) < 0.25
    called = rng.random((4000, n)) < np.where(y_true, 0.9, 0.2)
    true, false = (y_true & called).mean(axis=1), (~y_true & called).mean(axis=1)
    standardized = (true - false * 0.25) / y_true.mean(axis=1)
    assert 2 * 1.959964 * standardized.std() == pytest.approx(0.3, rel=0.05)


def test_hazard_ratio_has_the_width_asked_for_in_simulated_studies():
    events = precision.for_hazard_ratio(0.4, 3.0, 0.95)
    rng = np.random.default_rng(6)
    ratios = []
    for _ in range(40):
        group = pd.DataFrame({"high": (rng.random(events) < 0.4) * 1.0})
        (row,) = cox.fit(rng.exponential(size=events), np.ones(events, bool), group).wald(0.95)
        ratios.append(row["high"] / row["low"])
    assert np.median(ratios) == pytest.approx(3, rel=0.03)


FOUND = {
    "AUC": {"estimate": 0.933, "low": 0.871, "high": 0.995},
    "sensitivity": {"estimate": 0.906, "low": 0.758, "high": 0.968},
    "specificity": {"estimate": 0.872, "low": 0.796, "high": 0.922},
}


def test_the_plan_names_what_it_assumes_and_how_precise_this_cohort_is():
    rng = np.random.default_rng(61)
    y_true, risk = np.arange(141) < 32, expit(rng.normal(-1, 1, 141))
    plan = precision.validation(y_true, FOUND, risk, 0.2, 0.95)
    needed = {row["for"]: row for row in plan["needed"]}
    assert needed["AUC"]["patients"] == precision.for_auc(0.933, 32 / 141, 0.1, 0.95)
    assert needed["AUC"]["here"]["width"] == pytest.approx(0.995 - 0.871)
    assert needed["O/E"]["here"]["width"] is None  # not among what was found
    assert needed["specificity"]["patients"] < needed["sensitivity"]["patients"]  # more patients count for it
    for row in needed.values():
        assert row["positives"] == int(np.ceil(row["patients"] * 32 / 141))


def test_a_cohort_of_one_class_plans_nothing_and_says_why():
    plan = precision.validation(np.zeros(10, bool), {}, None, None, 0.95)
    assert plan["needed"] == [] and "one class" in plan["why"]


def test_development_allows_the_parameters_whose_criteria_it_meets():
    y_true = np.arange(338) < 71
    prevalence = 71 / 338
    null = 71 * np.log(prevalence) + 267 * np.log1p(-prevalence)
    plan = precision.development(y_true, null + 338 * 0.08)  # a likelihood ratio of 0.16 a patient
    assert plan["r2"] == pytest.approx(1 - np.exp(-0.16))
    p = plan["parameters"]
    criteria = [max(precision.for_development(k, plan["r2"], prevalence).values()) for k in (p, p + 1)]
    assert criteria[0] <= 338 < criteria[1]
    assert [row["parameters"] for row in plan["needed"]] == [1, 5, 10, 20]


@pytest.mark.parametrize(
    ("y_true", "gain", "why"),
    [
        (np.arange(80) < 20, -0.1, "no better"),
        (np.zeros(80, bool), 0.0, "both classes"),
        (np.arange(80) < 20, None, "no"),
    ],
)
def test_development_without_a_usable_model_says_why(y_true, gain, why):
    share = y_true.mean()
    null = 0.0 if share == 0 else 80 * (share * np.log(share) + (1 - share) * np.log1p(-share))
    plan = precision.development(y_true, None if gain is None else null + 80 * gain)
    assert plan["parameters"] is None and why in plan["why"]
