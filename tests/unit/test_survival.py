"""Survival curves: hand-computed examples, R's rule for the median, and groups in which nothing happens."""

import numpy as np
import pytest

from hscore.statistics.survival import survival_curves

TIME = np.array([1.0, 2.0, 2.0, 3.0, 4.0, 5.0])
EVENT = np.array([1, 1, 0, 0, 1, 0], dtype=bool)
MOMENTS = np.array([0.0, 12, 24, 36, 48, 60])


def slow_survival(time, event, moment):
    """Product over event times of (1 - deaths / at risk), one time after the other."""
    value = 1.0
    for t in sorted({t for t, e in zip(time, event, strict=True) if e and t <= moment}):
        value *= 1 - sum((time == t) & event) / sum(time >= t)
    return value


def test_curve_equals_the_product_limit_by_hand():
    curve = survival_curves.kaplan_meier(TIME, EVENT, 0.95)
    for t, s in zip(curve.time, curve.survival, strict=True):
        assert s == pytest.approx(slow_survival(TIME, EVENT, t))
    assert curve.survival[-1] == pytest.approx(5 / 6 * 4 / 5 * 1 / 2)


def test_bands_are_exact_before_the_first_event_and_open_at_zero():
    curve = survival_curves.kaplan_meier(np.array([2.0, 3.0, 4.0]), np.array([False, True, True]), 0.95)
    # three are followed on from time 0, two from time 2: R: binom.test(3, 3)$conf.int[1], binom.test(2, 2)$conf.int[1]
    assert curve.low[:2] == pytest.approx([0.2924018, 0.1581139]) and curve.high[0] == 1
    assert curve.survival[-1] == 0 and np.isnan(curve.low[-1])
    group = survival_curves.describe_group(
        np.array([2.0, 3.0, 4.0]), np.array([False, True, True]), MOMENTS, 60.0, 0.95
    )
    assert group["curve"]["low"][-1] is None


@pytest.mark.parametrize(
    ("time", "curve", "expected"),
    [
        ([0, 1, 2, 3], [1, 0.75, 0.5, 0.25], 2.5),  # exactly one half from 2 to 3: the middle, as R
        ([0, 1, 2], [1, 0.75, 0.5], 2),  # one half to the end: its beginning
        ([0, 1, 2], [1, 0.6, 0.4], 2),
        ([0, 1], [1, 0.6], None),
    ],
)
def test_median_follows_r(time, curve, expected):
    assert survival_curves.median(np.array(time, float), np.array(curve, float)) == expected


def test_survival_of_100_percent_is_not_certain():
    """38 patients, nobody had the event, 20 were still followed at 24 months and none at 60."""
    time = np.r_[np.full(18, 12.0), np.full(20, 36.0)]
    group = survival_curves.describe_group(time, np.zeros(38, bool), np.array([0.0, 12, 24, 60]), 60.0, 0.95)
    found = {row["time"]: row for row in group["at"]}
    assert (found[12]["low"], found[12]["high"]) == (pytest.approx(0.025 ** (1 / 38)), 1)
    assert found[24]["low"] == pytest.approx(0.025 ** (1 / 20)) and "Clopper-Pearson" in found[24]["method"]
    assert found[60]["estimate"] is None
    assert group["median_low"] is None  # as in R, the exact limit is no bound of a median


def test_a_group_without_an_event_has_no_interval_of_restricted_means():
    time, group = np.r_[np.full(10, 40.0), np.arange(10.0) + 20], np.arange(20) < 10
    row = survival_curves.restricted_mean_difference(time, ~group & (np.arange(20) % 2 == 0), group, 24.0, 0.95)
    assert row["difference"] > 0 and row["low"] is None and "one of the groups" in row["why"]


def test_median_of_complete_data_is_the_usual_median():
    time = np.array([3.0, 1.0, 4.0, 2.0])
    curve = survival_curves.kaplan_meier(time, np.ones(4, dtype=bool), 0.95)
    assert survival_curves.median(curve.time, curve.survival) == np.median(time)


def test_numbers_at_risk_include_those_who_leave_at_that_moment():
    assert survival_curves.at_risk(TIME, np.array([0.0, 2.0, 2.5, 6.0])) == [6, 5, 3, 0]


def test_follow_up_turns_events_and_censorings_round():
    time = np.array([10.0, 20.0, 30.0, 1.0])
    assert survival_curves.describe_follow_up(time, np.array([0, 0, 0, 1], dtype=bool), 0.95)["median"] == 20


def test_restricted_mean_without_censoring_is_the_mean_of_the_cut_times():
    rng = np.random.default_rng(0)
    time = rng.exponential(10, 40)
    mean, error = survival_curves.restricted_mean(time, np.ones(40, dtype=bool), 12.0)
    cut = np.minimum(time, 12)
    assert mean == pytest.approx(cut.mean())
    assert error == pytest.approx(cut.std() / 40**0.5)  # Greenwood's sum is the variance over n here


def test_log_rank_equals_the_hypergeometric_sum():
    rng = np.random.default_rng(4)
    time, event, group = rng.integers(1, 12, 60) * 1.0, rng.random(60) < 0.6, rng.random(60) < 0.5
    difference = variance = 0.0
    for t in np.unique(time[event]):
        n, n1 = (time >= t).sum(), ((time >= t) & group).sum()
        d, d1 = ((time == t) & event).sum(), ((time == t) & event & group).sum()
        difference += d1 - d * n1 / n
        variance += d * (n1 / n) * (1 - n1 / n) * (n - d) / (n - 1) if n > 1 else 0
    assert survival_curves.log_rank(time, event, group)["chi2"] == pytest.approx(difference**2 / variance)


@pytest.mark.parametrize(
    ("event", "group", "why"),
    [([1, 1, 0], [1, 1, 1], "fewer than two groups"), ([0, 0, 0], [1, 0, 1], "nobody had an event")],
)
def test_log_rank_says_why_there_is_nothing_to_test(event, group, why):
    result = survival_curves.log_rank(np.array([1.0, 2, 3]), np.array(event, dtype=bool), np.array(group, dtype=bool))
    assert result["p"] is None and why in result["why"]


def test_log_rank_of_groups_never_observed_together_is_refused():
    result = survival_curves.log_rank(
        np.array([1.0, 2, 3, 4]), np.array([0, 0, 1, 1], bool), np.array([1, 1, 0, 0], bool)
    )
    assert result["p"] is None and result["why"] == "no event occurred while more than one group was at risk"


def test_log_rank_of_several_groups_equals_the_sums_over_times_one_by_one():
    rng = np.random.default_rng(5)
    time, event = rng.integers(1, 12, 90) * 1.0, rng.random(90) < 0.6
    group, strata = rng.choice(["a", "b", "c"], 90), rng.integers(0, 2, 90)
    difference, variance = np.zeros(3), np.zeros((3, 3))
    for stratum in (0, 1):
        for t in np.unique(time[event & (strata == stratum)]):
            risk, here = (strata == stratum) & (time >= t), (strata == stratum) & (time == t) & event
            n, d = risk.sum(), here.sum()
            shares = np.array([(risk & (group == name)).sum() / n for name in "abc"])
            difference += np.array([(here & (group == name)).sum() for name in "abc"]) - d * shares
            variance += d * (n - d) / max(n - 1, 1) * (np.diag(shares) - np.outer(shares, shares))
    found = survival_curves.log_rank(time, event, group, strata)
    assert found["df"] == 2
    assert found["chi2"] == pytest.approx(difference[:2] @ np.linalg.solve(variance[:2, :2], difference[:2]))


def test_log_rank_does_not_count_a_group_that_left_before_the_first_event():
    rng = np.random.default_rng(6)
    time, event, group = rng.uniform(5, 20, 60), rng.random(60) < 0.6, rng.integers(0, 2, 60)
    early = np.r_[time, [1.0, 2.0]], np.r_[event, [False, False]], np.r_[group, [2, 2]]
    assert survival_curves.log_rank(*early) == pytest.approx(survival_curves.log_rank(time, event, group))


def test_log_rank_within_strata_of_one_group_each_is_refused():
    time, event, group = np.arange(1.0, 9), np.ones(8, dtype=bool), np.arange(8) % 2
    why = survival_curves.log_rank(time, event, group, group)["why"]
    assert why == "no event occurred while more than one group was at risk in the same stratum"


def test_an_empty_group_is_described_as_such():
    group = survival_curves.describe_group(np.array([]), np.array([], dtype=bool), MOMENTS, 60.0, 0.95)
    assert group["n"] == 0 and group["median"] is None and "no patient" in group["median_why"]


def test_curve_is_cut_at_the_horizon_and_drawn_to_the_last_patient():
    group = survival_curves.describe_group(TIME, EVENT, MOMENTS, 60.0, 0.95)
    assert group["curve"]["time"][-1] == 5
    group = survival_curves.describe_group(TIME, EVENT, np.array([0.0]), 3.5, 0.95)
    assert group["curve"]["time"][-1] == 3.5 and group["censored"] == [2, 3]


def test_survival_is_given_at_the_moments_that_somebody_was_followed_to():
    group = survival_curves.describe_group(TIME, EVENT, np.array([0, 2.5, 60.0]), 60.0, 0.95)
    curve = survival_curves.kaplan_meier(TIME, EVENT, 0.95)
    early, late = group["at"]
    assert (early["estimate"], early["low"], early["high"]) == survival_curves.at_time(curve, 2.5)
    assert late["estimate"] is None and "nobody was followed for 60" in late["why"]


def test_groups_are_described_side_by_side():
    high = np.arange(TIME.size) % 2 == 0
    content = survival_curves.describe_groups(TIME, EVENT, {"high": high, "low": ~high}, MOMENTS, 60.0, 0.95)
    assert content["groups"]["high"]["n"] == high.sum() and content["groups"]["low"]["n"] == (~high).sum()
    assert content["at_risk"] == {
        "time": MOMENTS.tolist(),
        "high": survival_curves.at_risk(TIME[high], MOMENTS),
        "low": survival_curves.at_risk(TIME[~high], MOMENTS),
    }


def test_follow_up_has_an_interval_and_says_when_it_has_no_median():
    rng = np.random.default_rng(8)
    time, event = rng.uniform(10, 60, 80), rng.random(80) < 0.3
    found = survival_curves.describe_follow_up(time, event, 0.95)
    assert found["low"] < found["median"] < found["high"] and found["longest"] == time.max()
    assert "fewer than half" in survival_curves.describe_follow_up(time, np.ones(80, bool), 0.95)["why"]
    assert "no patients" in survival_curves.describe_follow_up(time[:0], event[:0], 0.95)["why"]


def test_difference_of_restricted_means_is_cut_to_what_both_groups_observed():
    group = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    result = survival_curves.restricted_mean_difference(TIME, EVENT, group, 60, 0.95)
    assert result["horizon"] == 2
    assert survival_curves.restricted_mean_difference(TIME, EVENT, ~group | True, 60, 0.95)["p"] is None
