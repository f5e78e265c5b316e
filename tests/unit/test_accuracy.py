"""Accuracy of calls: counts against a loop, McNemar against the definition, empty cells."""

import numpy as np
import pytest
from scipy.stats import binomtest

from hscore.statistics.common import bootstrap
from hscore.statistics.common.proportions import wilson
from hscore.statistics.diagnosis import accuracy


def test_confusion_counts_each_patient_once():
    y_true = np.array([1, 1, 1, 0, 0], dtype=bool)
    y_pred = np.array([1, 0, 1, 1, 0], dtype=bool)
    assert accuracy.confusion(y_true, y_pred) == {"tp": 2, "fp": 1, "fn": 1, "tn": 1}


def test_published_external_rates_come_out_of_their_counts():
    rates = accuracy.rates({"tp": 29, "fn": 3, "tn": 95, "fp": 14}, "wilson", 0.95)
    for name, percent in {"sensitivity": 90.6, "specificity": 87.2, "accuracy": 87.9}.items():
        assert 100 * rates[name]["estimate"] == pytest.approx(percent, abs=0.05)
    assert rates["accuracy"]["denominator"] == 141


def test_zero_cells_are_explained_and_not_filled_up():
    ratios = accuracy.ratios({"tp": 5, "fp": 0, "fn": 0, "tn": 5}, 0.95)
    assert all(ratio["low"] is None and "zero" in ratio["why"] for ratio in ratios.values())
    values = {name: ratio["estimate"] for name, ratio in ratios.items()}
    infinite = dict.fromkeys(("positive_likelihood_ratio", "diagnostic_odds_ratio"))
    assert values == {**infinite, "negative_likelihood_ratio": 0.0}
    y_true = np.arange(10) < 3
    indices = accuracy.summary_measures(y_true, np.zeros(10, bool), bootstrap.cohort_counts(10), 0.95)
    assert indices["mcc"]["estimate"] is None and "empty" in indices["mcc"]["why"]


def test_perfect_calls_have_every_index_at_one_and_no_interval_is_a_point():
    y_true = np.arange(10) < 4
    draws = bootstrap.draw_by_class(y_true, 30, np.random.default_rng(0))
    found = accuracy.summary_measures(y_true, y_true, draws, 0.95)
    for index in found.values():
        assert index["estimate"] == pytest.approx(1) and (index["low"] is None or index["low"] < 0.8)
    for name in ("f1", "youden", "balanced_accuracy"):
        assert found[name]["high"] == pytest.approx(1) and found[name]["low"] > 0.3
    for name in ("mcc", "kappa"):
        assert found[name]["low"] is found[name]["high"] is None and "same value" in found[name]["why"]


def test_f1_of_zero_has_wilsons_interval_transformed():
    y_true, y_pred = np.arange(20) < 4, np.arange(20) >= 17  # no true positive among 7
    row = accuracy.summary_measures(y_true, y_pred, bootstrap.cohort_counts(20), 0.95)["f1"]
    upper = wilson(0, 7, 0.95)[1]
    assert (row["estimate"], row["low"]) == (0, 0) and row["high"] == pytest.approx(2 * upper / (1 + upper))


def test_youdens_interval_squares_and_adds_the_sides_of_wilsons():
    """Newcombe 1998, method 10: 56/70 against 48/80 (his table II a) is 0.2 with 0.0524 to 0.3339."""
    counts = {"tp": 56, "fn": 14, "fp": 48, "tn": 32}
    youden, balanced = accuracy.youden_and_balanced_accuracy(counts, 0.95)
    assert [youden[key] for key in ("estimate", "low", "high")] == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)
    assert balanced["low"] == pytest.approx((1 + youden["low"]) / 2)


def test_without_patients_every_index_says_why():
    nobody = np.zeros(0, bool)
    for index in accuracy.summary_measures(
        nobody, nobody, bootstrap.draw(0, 5, np.random.default_rng(0)), 0.95
    ).values():
        assert index["estimate"] is None and index["why"] == "there are no patients"


def test_intervals_of_indices_are_those_of_repeated_patients():
    rng = np.random.default_rng(4)
    y_true = rng.random(60) < 0.4
    y_pred = y_true ^ (rng.random(60) < 0.2)
    draws = bootstrap.draw_by_class(y_true, 200, rng)
    slow = []
    for row in draws:
        drawn = np.repeat(np.arange(60), row.astype(int))
        slow.append(np.corrcoef(y_true[drawn], y_pred[drawn])[0, 1])  # Matthews correlation is Pearson's
    ours = accuracy.summary_measures(y_true, y_pred, draws, 0.95)["mcc"]
    assert ours["estimate"] == pytest.approx(np.corrcoef(y_true, y_pred)[0, 1])
    assert [ours["low"], ours["high"]] == pytest.approx(list(np.quantile(slow, [0.025, 0.975])))


def test_paired_difference_holds_the_difference_and_turns_round_with_the_models():
    rng = np.random.default_rng(9)
    right_a, right_b = rng.random(50) < 0.8, rng.random(50) < 0.6
    ours, turned = (accuracy.paired_difference(*pair, 0.95) for pair in ((right_a, right_b), (right_b, right_a)))
    assert ours["low"] < right_a.mean() - right_b.mean() < ours["high"]
    assert [ours["low"], ours["high"]] == pytest.approx([-turned["high"], -turned["low"]])


def test_paired_difference_keeps_its_coverage():
    rng = np.random.default_rng(10)
    inside = 0
    for _ in range(400):
        hard = rng.random(60)
        row = accuracy.paired_difference(hard < 0.8, (hard + 0.1 * rng.normal(size=60)) < 0.65, 0.95)
        inside += row["low"] <= 0.15 <= row["high"]
    assert inside >= 368  # 380 expected


def test_paired_difference_of_nobody_says_so():
    assert "no such patients" in accuracy.paired_difference(np.zeros(0, bool), np.zeros(0, bool), 0.95)["why"]


def test_mcnemar_counts_discordant_pairs_and_is_exact():
    right_a = np.array([1] * 9 + [0] * 2 + [1] * 5, dtype=bool)
    right_b = np.array([0] * 9 + [1] * 2 + [1] * 5, dtype=bool)
    result = accuracy.mcnemar(right_a, right_b)
    assert (result["only_a"], result["only_b"]) == (9, 2)
    assert result["chi2"] == pytest.approx(49 / 11)
    assert result["p_exact"] == pytest.approx(binomtest(2, 11, 0.5).pvalue)


def test_mcnemar_without_discordant_pairs_says_so():
    right = np.array([1, 0, 1], dtype=bool)
    assert "the same patients" in accuracy.mcnemar(right, right)["why"]
