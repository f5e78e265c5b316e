"""Coverage of the intervals in a small Monte-Carlo study with a fixed seed; docs/intervals.md has the large one."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import interval_coverage


def by_method(rows):
    return {row.method: row for row in rows}


@pytest.mark.parametrize(("positives", "negatives"), [(8, 27), (32, 109)])
def test_newcombe_covers_a_high_auc_where_delong_does_not(positives, negatives):
    found = by_method(interval_coverage.of_auc(positives, negatives, 0.933, 600))
    assert found["newcombe"].covered > 0.94 > 0.91 > found["delong"].covered
    assert found["newcombe"].none == 0


def test_indices_of_calls_cover_in_small_cohorts():
    rows = list(interval_coverage.of_calls(35, 0.227, (0.906, 0.872), 400))
    for row in rows:
        if row.method != "percentile bootstrap":
            assert row.covered > 0.915 and row.point == 0, row


def test_concordance_covers_on_the_logit_scale():
    found = by_method(interval_coverage.of_concordance(40, 2.5, 20, 300))
    assert found["Wald, logit scale"].covered > 0.92 > found["Wald"].covered


def test_survival_near_one_is_covered():
    found = by_method(interval_coverage.of_survival(38, 0.0005, 120))
    assert found["log-log, a point at 1"].covered < 0.5 and found["log-log, exact at 1"].covered > 0.88


def test_observed_over_expected_covers():
    found = by_method(interval_coverage.of_observed_expected(141, 0.5, 600))
    assert 0.93 < found["binomial"].covered < 0.97 < found["Poisson"].covered


def test_the_pooled_mean_is_covered_and_a_new_centre_mostly():
    found = by_method(interval_coverage.of_pooled(4, 0.4, 400))
    assert found["Hartung-Knapp, of the mean"].covered > 0.94
    assert found["prediction, of a new centre"].covered > 0.90
