"""Multiple imputation: Rubin's rules in numbers worked out by hand, drawn values, and recovery of a known effect."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from hscore.statistics.survival import cox, imputation

SETTINGS = {"number": 8, "seed": 3}


def test_rubins_rules_by_hand():
    (row,) = imputation.pool(np.array([[1.0], [3.0]]), np.array([[4.0], [4.0]]), 0.95)
    freedom = (1 + 4 / 3) ** 2  # within 4, between 2, times 1.5 is 3, ratio 3/4
    margin = stats.t.ppf(0.975, freedom) * np.sqrt(7)
    assert row["estimate"] == 2 and row["df"] == pytest.approx(freedom)
    assert [row["low"], row["high"]] == pytest.approx([2 - margin, 2 + margin])
    assert row["p"] == pytest.approx(2 * stats.t.sf(2 / np.sqrt(7), freedom))
    assert row["missing_information"] == pytest.approx((0.75 + 2 / (freedom + 3)) / 1.75)


def test_a_joint_test_of_one_coefficient_is_that_of_rubins_rules():
    estimates, variances = np.array([[1.0], [3.0], [2.5]]), np.array([[4.0], [3.0], [5.0]])
    (row,) = imputation.pool(estimates, variances, 0.95)
    test = imputation.pool_test(estimates, variances[:, :, None])
    assert test["df"] == 1 and test["p"] == pytest.approx(row["p"])


def test_a_joint_test_without_a_gap_is_walds():
    estimates, covariance = np.tile([1.0, -2.0], (4, 1)), np.array([[0.5, 0.1], [0.1, 0.8]])
    test = imputation.pool_test(estimates, np.tile(covariance, (4, 1, 1)))
    chi2 = estimates[0] @ np.linalg.solve(covariance, estimates[0])
    assert test["chi2"] == pytest.approx(chi2) and test["p"] == pytest.approx(stats.chi2.sf(chi2, 2))


def test_equal_estimates_are_pooled_to_a_normal_interval():
    (row,) = imputation.pool(np.full((5, 1), 0.7), np.full((5, 1), 0.04), 0.95)
    assert [row["low"], row["high"]] == pytest.approx([0.7 - 1.959964 * 0.2, 0.7 + 1.959964 * 0.2], rel=1e-6)


@pytest.fixture(scope="module")
def gaps():
    """A number, a 0/1 and a text column with gaps, and a whole helper that tells about each."""
    rng = np.random.default_rng(1)
    hint = rng.normal(size=300)
    table = pd.DataFrame(
        {
            "age": (50 + 8 * hint + rng.normal(size=300)).round(1),
            "node": (rng.random(300) < 1 / (1 + np.exp(-3 * hint))).astype(float),
            "stage": np.where(hint + rng.normal(size=300) > 0.5, "IIB", np.where(hint > -0.5, "IIA", "IB")),
        }
    )
    whole = table.copy()
    for column in table:
        table.loc[rng.random(300) < 0.25, column] = None
    return whole, table, pd.DataFrame({"hint": hint})


def test_only_gaps_are_filled_with_values_that_occur(gaps):
    _, table, helpers = gaps
    for drawn in imputation.completed_tables(table, helpers, **SETTINGS):
        assert drawn.notna().all(axis=None)
        for column in table:
            known = table[column].notna()
            assert (drawn[column][known] == table[column][known]).all()
            assert set(drawn[column]) <= set(table[column].dropna())


def test_draws_follow_the_other_variables_and_differ_between_imputations(gaps):
    whole, table, helpers = gaps
    drawn = list(imputation.completed_tables(table, helpers, **SETTINGS))
    missing = table["age"].isna()
    assert np.mean([np.corrcoef(one["age"][missing], whole["age"][missing])[0, 1] for one in drawn]) > 0.9
    right = [(one["stage"] == whole["stage"])[table["stage"].isna()].mean() for one in drawn]
    assert np.mean(right) > whole["stage"].value_counts(normalize=True).max()
    assert not drawn[0].equals(drawn[1])


def test_equal_seeds_give_equal_draws(gaps):
    _, table, helpers = gaps
    first, second = (list(imputation.completed_tables(table, helpers, **SETTINGS)) for _ in range(2))
    assert all(a.equals(b) for a, b in zip(first, second, strict=True))


def test_a_effect_in_the_whole_data_is_recovered_where_complete_cases_are_biased():
    """Those with an event and a low x lack z most often: complete cases overestimate the effect of x."""
    rng = np.random.default_rng(5)
    n = 1500
    x = rng.normal(size=n)
    z = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    relapse = rng.exponential(np.exp(-0.8 * x - 0.6 * z))
    left = rng.exponential(2.0, n)
    time, event = np.minimum(relapse, left), relapse <= left
    lost = rng.random(n) < np.where(event & (x < 0), 0.75, 0.1)
    columns = pd.DataFrame({"z": np.where(lost, np.nan, z)})
    hazard = cox.baseline_hazard(time, event, np.zeros((n, 1)), np.zeros(1), time)
    helpers = pd.DataFrame({"x": x, "event": event.astype(float), "hazard": hazard})
    fits = [
        cox.fit(time, event, pd.DataFrame({"x": x, "z": one["z"]}))
        for one in imputation.completed_tables(columns, helpers, **SETTINGS)
    ]
    pooled = imputation.pool(
        np.array([one.beta for one in fits]), np.array([np.diag(one.covariance) for one in fits]), 0.95
    )
    kept = ~lost
    complete = cox.fit(time[kept], event[kept], pd.DataFrame({"x": x[kept], "z": z[kept]})).beta
    whole = cox.fit(time, event, pd.DataFrame({"x": x, "z": z})).beta
    assert complete[0] - whole[0] > 0.15
    for row, value in zip(pooled, whole, strict=True):
        assert row["low"] < value < row["high"] and abs(row["estimate"] - value) < 0.05
    assert 0 < pooled[1]["missing_information"] < 0.6
