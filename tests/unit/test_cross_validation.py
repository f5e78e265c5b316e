"""Out-of-fold intervals: the variance of correlated folds, and what it does to intervals and tests."""

import numpy as np
import pytest

from hscore.statistics.common.estimates import normal_quantile, two_sided_p
from hscore.statistics.diagnosis import cross_validation, discrimination


@pytest.mark.parametrize("folds", [2, 3, 5, 10])
def test_the_factor_is_the_variance_of_a_mean_of_estimates_with_correlation_one_over_the_folds(folds):
    covariance = np.full((folds, folds), 1 / folds)
    np.fill_diagonal(covariance, 1.0)
    mean = np.full(folds, 1 / folds)
    assert cross_validation.variance_factor(folds) == pytest.approx(mean @ covariance @ mean * folds)


def test_without_folds_nothing_is_corrected_and_no_method_renamed():
    assert cross_validation.variance_factor(None) == 1 and cross_validation.describe(None) is None
    assert cross_validation.corrected_method("DeLong", None) == "DeLong"
    assert cross_validation.corrected_method("DeLong", 5) == "DeLong, variance x 1.8 for 5 overlapping training sets"


@pytest.fixture
def two_scores():
    random = np.random.default_rng(4)
    y_true = random.random(200) < 0.3
    return y_true, random.normal(y_true * 1.0), random.normal(y_true * 0.5)


def test_a_difference_of_out_of_fold_aucs_keeps_its_value_and_gets_the_larger_error(two_scores):
    fixed, folds = discrimination.compare(*two_scores, 0.95), discrimination.compare(*two_scores, 0.95, folds=5)
    assert folds["difference"] == fixed["difference"]
    assert folds["high"] - folds["low"] == pytest.approx((fixed["high"] - fixed["low"]) * np.sqrt(1.8))
    assert folds["z"] == pytest.approx(fixed["z"] / np.sqrt(1.8))
    assert folds["p"] == pytest.approx(two_sided_p(fixed["z"] / np.sqrt(1.8)))
    assert folds["method"] == "paired DeLong test, variance x 1.8 for 5 overlapping training sets"


@pytest.mark.parametrize("interval", ["newcombe", "delong", "delong-logit"])
def test_a_single_out_of_fold_auc_has_the_interval_of_a_higher_level(two_scores, interval):
    y_true, scores, _ = two_scores
    level = 1 - two_sided_p(normal_quantile(0.95) * np.sqrt(1.8))  # whose quantile is sqrt(1.8) x that of 95 %
    expected = discrimination.auc_interval(y_true, scores, level, interval)
    found = discrimination.auc_interval(y_true, scores, 0.95, interval, folds=5)
    for key in ("estimate", "low", "high"):
        assert found[key] == pytest.approx(expected[key])


def test_the_change_between_cohorts_corrects_the_out_of_fold_side_alone(two_scores):
    y_true, a, b = two_scores
    variance = [float(discrimination.delong(y_true, scores).covariance[0, 0]) for scores in (a, b)]
    plain = discrimination.compare_unpaired(y_true, a, y_true, b, 0.95)
    found = discrimination.compare_unpaired(y_true, a, y_true, b, 0.95, folds_b=5)
    assert found["t"] / plain["t"] == pytest.approx(np.sqrt(sum(variance) / (variance[0] + 1.8 * variance[1])))
