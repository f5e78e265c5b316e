"""Intervals of proportions: their defining equations, and denominators of zero."""

import pytest
from scipy.stats import binom

from hscore.statistics.common import proportions


@pytest.mark.parametrize(("x", "n"), [(0, 7), (3, 7), (7, 7), (29, 32), (124, 141)])
def test_wilson_bounds_are_where_the_score_test_just_rejects(x, n):
    low, high = proportions.wilson(x, n, 0.95)
    for bound, open_end in ((low, x == 0), (high, x == n)):
        if not open_end:
            z = (x / n - bound) / (bound * (1 - bound) / n) ** 0.5
            assert abs(z) == pytest.approx(1.959963984540054)
    assert 0 <= low <= x / n <= high <= 1


@pytest.mark.parametrize(("x", "n"), [(0, 7), (3, 7), (7, 7), (29, 32)])
def test_clopper_pearson_bounds_leave_the_tail_probability(x, n):
    low, high = proportions.clopper_pearson(x, n, 0.9)
    if x > 0:
        assert binom.sf(x - 1, n, low) == pytest.approx(0.05)
    if x < n:
        assert binom.cdf(x, n, high) == pytest.approx(0.05)
    assert (low == 0) == (x == 0) and (high == 1) == (x == n)


def test_a_proportion_names_its_interval_and_keeps_its_counts():
    result = proportions.proportion(29, 32, "wilson", 0.95)
    assert result["estimate"] == 29 / 32
    assert (result["numerator"], result["denominator"], result["method"]) == (29, 32, "Wilson")


def test_nobody_in_the_denominator_is_explained():
    result = proportions.proportion(0, 0, "clopper-pearson", 0.95, "patients called positive")
    assert result["estimate"] is None and result["low"] is None
    assert result["why"] == "there are no patients called positive"
    assert result["method"] == "Clopper-Pearson"
