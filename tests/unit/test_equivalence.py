"""The difference of two independent estimates, and what it says against a margin: published example, closed forms."""

import numpy as np
import pytest

from hscore.statistics.common import equivalence
from hscore.statistics.common.estimates import normal_quantile, two_sided_p, wald_ratio
from hscore.statistics.common.proportions import proportion


def entry(estimate, low, high):
    return {"estimate": estimate, "low": low, "high": high}


def test_of_proportions_it_is_newcombes_method_10():
    """Newcombe, Stat Med 1998;17:873-890, table II, contrast (a) 56/70 - 48/80: 0.0524 to 0.3339."""
    found = equivalence.difference(proportion(56, 70, "wilson", 0.95), proportion(48, 80, "wilson", 0.95))
    assert found["estimate"] == pytest.approx(0.2)
    assert (round(found["low"], 4), round(found["high"], 4)) == (0.0524, 0.3339)


def test_of_ratios_with_wald_intervals_it_is_walds():
    ours, theirs = wald_ratio(np.log(2.0), 0.3, 0.95, ""), wald_ratio(np.log(4.59), 0.4, 0.95, "")
    found = equivalence.difference(ours, theirs, ratio=True)
    expected = wald_ratio(np.log(2.0 / 4.59), 0.5, 0.95, "")
    for key in ("estimate", "low", "high"):
        assert found[key] == pytest.approx(expected[key])


def test_the_difference_the_other_way_round_has_the_opposite_sign():
    a, b = entry(0.9, 0.8, 0.95), entry(0.7, 0.5, 0.85)
    there, back = equivalence.difference(a, b), equivalence.difference(b, a)
    assert [there[key] for key in ("estimate", "low", "high")] == [-back[key] for key in ("estimate", "high", "low")]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-0.04, 0.04, "agrees"),
        (-0.05, 0.05, "agrees"),
        (-0.04, -0.01, "agrees"),  # excludes zero, and yet no difference of importance
        (-0.06, 0.01, "inconclusive"),
        (-0.30, 0.30, "inconclusive"),
        (-0.20, -0.01, "differs"),
        (0.01, 0.20, "differs"),
        (0.10, 0.20, "differs"),
    ],
)
def test_three_answers(low, high, expected):
    assert equivalence.verdict({"low": low, "high": high}, 0.05) == expected
    ratio = {"low": float(np.exp(low)), "high": float(np.exp(high))}
    assert equivalence.verdict(ratio, float(np.exp(0.05)) * (1 + 1e-12), ratio=True) == expected


@pytest.mark.parametrize("ratio", [False, True])
def test_whether_a_rerun_could_agree_is_found_by_trying_reruns_without_error(ratio):
    margin = 1.5 if ratio else 0.2
    for low, high in [(0.85, 1.2), (0.7, 1.3), (0.79, 1.19), (0.5, 1.6)]:
        theirs = entry(1.0, low, high)
        tried = (equivalence.difference(entry(*[value] * 3), theirs, ratio) for value in np.linspace(0.4, 2, 1601))
        possible = any(equivalence.verdict(found, margin, ratio) == "agrees" for found in tried)
        assert equivalence.can_agree(theirs, margin, ratio) == possible, (low, high)


def test_an_added_error_widens_a_wald_interval_as_variances_add():
    z = normal_quantile(0.9)
    found = equivalence.widen_interval(entry(0.5, 0.5 - 0.3 * z, 0.5 + 0.3 * z), 0.4, 0.9)
    assert (found["low"], found["high"]) == pytest.approx((0.5 - 0.5 * z, 0.5 + 0.5 * z))
    assert equivalence.widen_interval(entry(0.5, 0.4, 0.7), 0.0, 0.9) == entry(0.5, 0.4, 0.7)


@pytest.mark.parametrize("ratio", [4.59, 1 / 4.59])
def test_the_bound_of_a_ratio_is_where_its_p_value_is_the_stated_one(ratio):
    found = equivalence.ratio_from_bound(ratio, 0.001, 0.95)
    error = np.log(found["high"] / found["low"]) / 2 / normal_quantile(0.95)
    assert two_sided_p(np.log(ratio) / error) == pytest.approx(0.001)
    assert found["method"] == "widest interval compatible with p < 0.001"


def test_the_published_hazard_ratio_is_known_to_a_factor_of_two_and_a_half():
    found = equivalence.ratio_from_bound(4.59, 0.001, 0.95)
    assert (round(found["low"], 2), round(found["high"], 2)) == (1.85, 11.38)


def test_shares_do_not_differ_by_more_than_one():
    found = equivalence.difference(entry(0.1, -0.8, 1.0), entry(0.9, 0.0, 1.7))
    assert found["low"] == -1 and found["high"] == pytest.approx(-0.8 + np.hypot(0.9, 0.9))
