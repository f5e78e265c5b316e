"""Bootstrap draws as counts, and the bounds made of them."""

import numpy as np
import pytest

from hscore.statistics.common import bootstrap


def test_draws_keep_the_number_of_patients_and_of_each_class():
    rng = np.random.default_rng(0)
    y_true = rng.random(90) < 0.3
    assert np.all(bootstrap.draw(90, 50, rng).sum(axis=1) == 90)
    assert np.all(bootstrap.draw_by_class(y_true, 50, rng)[:, y_true].sum(axis=1) == y_true.sum())


def test_bounds_are_quantiles_column_by_column_without_the_missing():
    draws = np.random.default_rng(3).normal(size=(60, 4))
    draws[:7, 1] = np.nan
    draws[:, 2] = np.nan
    band = bootstrap.percentile_band(draws, 0.9)
    for column in (0, 1, 3):
        expected = np.nanquantile(draws[:, column], [0.05, 0.95])
        assert [band["low"][column], band["high"][column]] == pytest.approx(list(expected))
    assert band["low"][2] is None and band["high"][2] is None


@pytest.mark.parametrize("draws", [np.ones(9), np.r_[0.25, 0.25 + 1e-16, np.nan], np.full(4, np.inf)])
def test_resamples_that_all_agree_are_no_interval(draws):
    row = bootstrap.percentile_interval(draws, 0.95)
    assert row["low"] is row["high"] is None and "same value" in row["why"]


def test_an_end_that_too_many_resamples_leave_unbounded_is_open():
    draws = np.array([1.0] * 90 + [np.inf] * 10)
    assert bootstrap.percentile_interval(draws, 0.9) == {"low": 1.0, "high": None}
    assert bootstrap.percentile_interval(draws, 0.5) == {"low": 1.0, "high": 1.0}
