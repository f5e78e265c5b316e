"""Several external centres: each by itself and pooled; R's metafor values are rows of test_agreement."""

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import t as student

from hscore.statistics.common import meta_analysis
from hscore.statistics.diagnosis import centers, discrimination


def study(names: str, n: int, seed: int, separation: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, calibrated risks, and centre of ``n`` patients per centre."""
    rng = np.random.default_rng(seed)
    risk = expit(rng.normal(-1, separation, n * len(names)))
    return rng.random(risk.size) < risk, risk, np.repeat(list(names), n)


def described(y_true, risk, center, threshold=0.3, risks=True):
    return centers.describe(y_true, risk, center, threshold, risks, "wilson", 0.95)


def test_equal_variances_have_a_closed_form():
    values, variance, k = np.array([0.2, 1.1, 0.6, 1.9]), 0.05, 4
    found = meta_analysis.pool(values, np.full(k, variance), 0.95)
    error = values.std(ddof=1) / np.sqrt(k)
    assert found.tau2 == pytest.approx(values.var(ddof=1) - variance)
    assert found.mean == pytest.approx(values.mean())
    assert found.high == pytest.approx(values.mean() + student.ppf(0.975, k - 1) * error)
    reach = student.ppf(0.975, k - 2) * np.sqrt(found.tau2 + error**2)
    assert found.prediction == pytest.approx((values.mean() - reach, values.mean() + reach))


def test_four_centres_are_pooled_with_a_prediction_interval_wider_than_the_interval():
    found = described(*study("abcd", 150, 1))
    assert [row["center"] for row in found["centers"]] == list("abcd")
    assert "why" not in found
    for name in centers.MEASURES:
        pooled = found["pooled"][name]
        assert pooled["centers"] == 4 and pooled["left_out"] == 0
        assert (
            pooled["prediction_low"] < pooled["low"] < pooled["estimate"] < pooled["high"] < pooled["prediction_high"]
        )
        estimates = [row[name]["estimate"] for row in found["centers"]]
        assert min(estimates) <= pooled["estimate"] <= max(estimates)


def test_the_auc_is_pooled_on_the_logit_scale():
    y_true, risk, center = study("abc", 120, 2)
    areas, variances = [], []
    for name in "abc":
        one = discrimination.delong(y_true[center == name], risk[center == name])
        areas.append(one.auc[0])
        variances.append(one.covariance[0, 0] / (one.auc[0] * (1 - one.auc[0])) ** 2)
    expected = meta_analysis.pool(logit(np.array(areas)), np.array(variances), 0.95)
    pooled = described(y_true, risk, center)["pooled"]["auc"]
    assert pooled["estimate"] == pytest.approx(expit(expected.mean))
    assert pooled["prediction_high"] == pytest.approx(expit(expected.prediction[1]))


def test_one_centre_pools_nothing_and_says_so():
    found = described(*study("a", 100, 3))
    assert found["pooled"] == {} and "one external centre" in found["why"] and len(found["centers"]) == 1


def test_two_centres_have_an_interval_but_no_prediction_interval():
    pooled = described(*study("ab", 150, 4))["pooled"]["auc"]
    assert pooled["low"] < pooled["estimate"] < pooled["high"]
    assert pooled["prediction_low"] is None and "three centres" in pooled["prediction_why"]


def test_a_centre_of_one_class_or_a_perfect_one_does_not_enter_and_is_counted():
    y_true, risk, center = study("abcd", 100, 5)
    y_true[center == "a"] = False
    risk[center == "b"] = np.where(y_true[center == "b"], 0.9, 0.1)
    found = described(y_true, risk, center)
    auc = found["pooled"]["auc"]
    assert (auc["centers"], auc["left_out"]) == (2, 2)
    sensitivity = found["pooled"]["sensitivity"]
    assert (sensitivity["centers"], sensitivity["left_out"], sensitivity["corrected"]) == (3, 1, 1)
    assert sensitivity["estimate"] < 1
    assert found["pooled"]["observed_expected"]["left_out"] == 1
    single = described(y_true[center <= "c"], risk[center <= "c"], center[center <= "c"])["pooled"]["auc"]
    assert single["estimate"] is None and "fewer than two" in single["why"]


def test_without_a_cut_off_or_risks_the_measures_that_need_them_are_not_estimable():
    found = described(*study("abc", 80, 6), threshold=None, risks=False)
    for name in ("sensitivity", "specificity", "observed_expected", "slope"):
        assert found["pooled"][name]["estimate"] is None
        assert all(row[name]["estimate"] is None and row[name]["why"] for row in found["centers"])
    assert found["pooled"]["auc"]["estimate"] > 0.5


def test_the_prediction_interval_covers_a_new_centre():
    rng, inside = np.random.default_rng(7), 0
    for _ in range(400):
        truths, variances = rng.normal(1.0, 0.4, 6), rng.uniform(0.02, 0.1, 6)
        low, high = meta_analysis.pool(
            truths[:5] + rng.normal(0, np.sqrt(variances[:5])), variances[:5], 0.95
        ).prediction
        inside += low < truths[5] < high
    assert inside >= 0.91 * 400
