"""Choice of the frozen threshold: by trying every possible cut, tie rules, and data that allow no choice."""

import numpy as np
import pytest

from hscore.errors import UserError
from hscore.statistics.diagnosis import thresholds


def every_cut(y_true, scores):
    """(threshold, sensitivity, specificity) for the midpoints between observed scores, ascending, one by one."""
    values = sorted(set(scores.tolist()))
    for low, high in zip(values[:-1], values[1:], strict=True):
        t = (low + high) / 2
        yield t, (scores >= t)[y_true].mean(), (scores < t)[~y_true].mean()


@pytest.fixture
def data():
    rng = np.random.default_rng(11)
    y_true = rng.random(90) < 0.25
    return y_true, (rng.normal(size=90) + 1.2 * y_true).round(1)


def test_youden_is_the_best_of_all_cuts(data):
    y_true, scores = data
    best = max(sens + spec for _, sens, spec in every_cut(y_true, scores))
    chosen = thresholds.choose(y_true, scores, "youden")
    assert chosen["sensitivity"] + chosen["specificity"] == pytest.approx(best)
    assert "out-of-fold" in chosen["chosen_on"]


def test_of_equally_good_cuts_youden_takes_the_most_sensitive():
    y_true = np.array([0, 1, 0, 1], dtype=bool)
    scores = np.array([0.1, 0.2, 0.3, 0.4])  # 0.15 and 0.35 both have an index of 0.5
    assert thresholds.youden(y_true, scores) == pytest.approx(0.15)


def test_exact_ties_do_not_depend_on_rounding():
    """2/3 + 10/10 and 3/3 + 7/10 would differ; 1/3 + 1 and 2/3 + 2/3 are equal on paper but not as floats."""
    y_true = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    scores = np.array([0.9, 0.5, 0.1, 0.6, 0.3, 0.2])
    cuts = list(every_cut(y_true, scores))
    best = max(round(sens + spec, 9) for _, sens, spec in cuts)
    expected = min(t for t, sens, spec in cuts if round(sens + spec, 9) == best)
    assert thresholds.youden(y_true, scores) == pytest.approx(expected)


@pytest.mark.parametrize("target", [0.5, 0.8, 0.9, 1.0])
def test_fixed_sensitivity_takes_the_highest_cut_that_reaches_it(data, target):
    y_true, scores = data
    expected = max(t for t, sens, _ in every_cut(y_true, scores) if sens >= target)
    assert thresholds.choose(y_true, scores, {"sensitivity": target})["value"] == pytest.approx(expected)


def test_a_cut_off_that_calls_everybody_positive_is_not_frozen():
    y_true = np.array([1, 0, 0, 1], dtype=bool)
    chosen = thresholds.choose(y_true, np.array([0.1, 0.2, 0.3, 0.4]), {"sensitivity": 0.9})
    assert chosen["value"] is chosen["sensitivity"] is chosen["specificity"] is None
    assert chosen["why"] == (
        "no threshold was frozen: the best threshold has a Youden index of 0.000, so it does not separate the classes"
    )


def test_a_score_that_points_the_wrong_way_has_no_cut_off():
    """Every midpoint of this score has a negative index (J = -0.5 to -0.25)."""
    y_true = np.array([1, 1, 1, 0, 0, 0, 0], dtype=bool)
    scores = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    for rule in ("youden", {"sensitivity": 0.5}):
        chosen = thresholds.choose(y_true, scores, rule)
        assert chosen["value"] is None and "Youden index of -" in chosen["why"]
    assert thresholds.choose(y_true, scores, {"value": 0.35})["value"] == 0.35  # set by hand, not chosen


def test_fixed_value_looks_at_no_data(data):
    chosen = thresholds.choose(*data, {"value": 0.5})
    assert chosen["value"] == 0.5 and "fixed" in chosen["chosen_on"]


@pytest.mark.parametrize(
    ("y_true", "scores", "why"),
    [
        ([1, 0, 1], [0.4, 0.4, 0.4], "all scores are equal"),
        ([0, 0, 0], [0.4, 0.5, 0.6], "all 3 patients are negative"),
        ([1, 1], [0.4, 0.5], "all 2 patients are positive"),
        ([], [], "there are no patients"),
        ([1, 0, 1], [0.4, np.nan, 0.5], "1 of the scores are missing"),
    ],
)
def test_where_nothing_can_be_chosen_nothing_is_frozen_and_it_says_so(y_true, scores, why):
    chosen = thresholds.choose(np.array(y_true, dtype=bool), np.array(scores, float), "youden")
    assert chosen["value"] is None
    assert chosen["why"].startswith(f"no threshold was frozen: {why}")


@pytest.mark.parametrize(
    "rule", ["best", {"sensitivity": 90}, {"sensitivity": 0.9, "value": 0.5}, 0.5, {"value": True}]
)
def test_an_unknown_rule_is_refused_with_what_would_be_right(rule):
    with pytest.raises(UserError, match="must be youden"):
        thresholds.parse_rule(rule)
