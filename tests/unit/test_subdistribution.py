"""Gray's test and Fine-Gray: cases with a closed form, planted effects, and what cannot be estimated. R: agreement."""

import numpy as np
import pandas as pd
import pytest

from hscore.statistics.survival import cox, subdistribution, survival_curves


def cohort(rng, n, log_ratio=0.0):
    """Fine and Gray's own simulation (their section 5): the subdistribution hazard ratio of ``x`` is exp(log_ratio)."""
    x, share = rng.integers(0, 2, n) * 1.0, 0.4
    event = rng.random(n) < 1 - (1 - share) ** np.exp(log_ratio * x)
    u = rng.random(n)
    inside = 1 - (1 - u * (1 - (1 - share) ** np.exp(log_ratio * x))) ** np.exp(-log_ratio * x)
    time = np.where(event, -np.log1p(-np.where(event, inside, 0) / share), rng.exponential(1.0, n))
    left = rng.uniform(0.5, 4.0, n)
    seen = time <= left
    return np.minimum(time, left), event & seen, ~event & seen, x


def test_without_competing_events_it_is_the_cox_coefficient():
    time, event, _, x = cohort(np.random.default_rng(0), 120, 0.5)
    nobody = np.zeros(120, dtype=bool)
    beta, _ = subdistribution.fit(time, event, nobody, x[:, None])
    assert beta == pytest.approx(cox.fit(time, event, pd.DataFrame({"x": x})).beta)


def test_without_censoring_those_with_a_competing_event_stay_at_risk():
    """All weights are 1 then, so that it is a Cox model in which they are followed for ever."""
    rng = np.random.default_rng(1)
    time, event, x = rng.exponential(1, 150), rng.random(150) < 0.6, rng.normal(size=150)
    beta, _ = subdistribution.fit(time, event, ~event, x[:, None])
    forever = np.where(event, time, 1e6)
    assert beta == pytest.approx(cox.fit(forever, event, pd.DataFrame({"x": x})).beta)


def test_it_finds_a_planted_ratio_with_the_error_of_repeated_samples():
    rng = np.random.default_rng(2)
    found = [
        subdistribution.fit(*drawn[:3], drawn[3][:, None]) for drawn in (cohort(rng, 250, 0.7) for _ in range(150))
    ]
    values, errors = (np.array([np.ravel(one[place])[0] for one in found]) for place in (0, 1))
    assert values.mean() == pytest.approx(0.7, abs=4 * values.std() / 150**0.5)
    assert np.sqrt(errors.mean()) == pytest.approx(values.std(), rel=0.2)


def test_shift_and_scale_of_a_covariate_change_only_its_unit():
    time, event, other, x = cohort(np.random.default_rng(3), 100, 0.5)
    (beta,), ((variance,),) = subdistribution.fit(time, event, other, x[:, None])
    (tenth,), ((tenth_variance,),) = subdistribution.fit(time, event, other, 10 * x[:, None] + 500)
    assert (10 * tenth, 100 * tenth_variance) == (pytest.approx(beta), pytest.approx(variance))


def test_grays_score_is_that_of_the_log_rank_test_without_competing_events():
    time, event, _, x = cohort(np.random.default_rng(4), 400, 0.8)
    gray = subdistribution.gray(time, event, np.zeros(400, dtype=bool), x)
    assert gray["chi2"] == pytest.approx(survival_curves.log_rank(time, event, x)["chi2"], rel=0.1)


def test_grays_test_holds_its_level_and_sees_a_planted_difference():
    rng = np.random.default_rng(5)
    chi2 = []
    for _ in range(200):
        time, event, other, _ = cohort(rng, 90)
        chi2.append(subdistribution.gray(time, event, other, rng.integers(0, 3, 90))["chi2"])
    assert np.mean(chi2) == pytest.approx(2, abs=0.6)  # chi-square with two degrees of freedom
    assert np.mean(np.array(chi2) > 5.99) == pytest.approx(0.05, abs=0.05)
    time, event, other, x = cohort(rng, 600, 1.0)
    assert subdistribution.gray(time, event, other, x == 1)["p"] < 1e-4


@pytest.mark.parametrize(
    ("event", "group", "why"),
    [
        ([0, 0, 0, 0], [0, 1, 0, 1], "nobody had an event"),
        ([1, 0, 1, 0], [1, 1, 1, 1], "fewer than two groups"),
        ([0, 0, 1, 1], [1, 1, 0, 0], "no event occurred while more than one group was at risk"),
    ],
)
def test_grays_test_says_why_there_is_nothing_to_test(event, group, why):
    found = subdistribution.gray(np.arange(1.0, 5), np.array(event, bool), np.zeros(4, bool), np.array(group))
    assert found["p"] is None and why in found["why"]


@pytest.mark.parametrize(
    ("time", "event", "x", "why"),
    [
        ([1, 2, 3, 4], [0, 0, 0, 0], [0, 1, 0, 1], "nobody had an event"),
        ([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 1, 1], "the same x"),
        ([1, 2, 3, 4], [1, 1, 0, 0], [1, 1, 0, 0], "no events without x"),
        ([1, 2, 3, 4], [1, 1, 1, 0], [4, 3, 2, 1], "no maximum"),
        ([1, 2, 3, 4], [1, 1, 1, 0], [1000, 3, 2, 1], "no maximum"),
        ([1, 1, 1, 1], [1, 1, 1, 1], [1, 0, 1, 0], "too few different times"),
    ],
)
def test_no_hazard_ratio_without_a_finite_estimate(time, event, x, why):
    nobody = np.zeros(4, dtype=bool)
    covariates = pd.DataFrame({"x": np.array(x, float)})
    (row,) = subdistribution.hazard_ratios(np.array(time, float), np.array(event, bool), nobody, covariates, 0.95)
    assert row["estimate"] is None and row["low"] is None and why in row["why"]
