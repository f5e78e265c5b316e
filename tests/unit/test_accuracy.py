"""Accuracy of calls: counts against a loop, McNemar against the definition, empty cells."""

import numpy as np
import pytest
from scipy.stats import binomtest

from hscore.statistics import accuracy


def test_confusion_counts_each_patient_once():
    positive = np.array([1, 1, 1, 0, 0], dtype=bool)
    called = np.array([1, 0, 1, 1, 0], dtype=bool)
    assert accuracy.confusion(positive, called) == {"tp": 2, "fp": 1, "fn": 1, "tn": 1}


def test_published_external_rates_come_out_of_their_counts():
    rates = accuracy.rates({"tp": 29, "fn": 3, "tn": 95, "fp": 14}, "wilson", 0.95)
    for name, percent in {"sensitivity": 90.6, "specificity": 87.2, "accuracy": 87.9}.items():
        assert 100 * rates[name]["estimate"] == pytest.approx(percent, abs=0.05)
    assert rates["accuracy"]["denominator"] == 141


def test_zero_cells_are_explained_and_not_filled_up():
    ratios = accuracy.ratios({"tp": 5, "fp": 0, "fn": 0, "tn": 5}, 0.95)
    assert all(ratio["estimate"] is None and "zero" in ratio["why"] for ratio in ratios.values())
    indices = accuracy.indices({"tp": 0, "fp": 0, "fn": 3, "tn": 7})
    assert indices["mcc"] is None and "empty" in indices["why"]


def test_perfect_calls_have_every_index_at_one():
    indices = accuracy.indices({"tp": 4, "fp": 0, "fn": 0, "tn": 6})
    assert indices == {"f1": 1, "mcc": 1, "kappa": 1, "youden": 1, "balanced_accuracy": 1}


def test_mcnemar_counts_discordant_pairs_and_is_exact():
    right_a = np.array([1] * 9 + [0] * 2 + [1] * 5, dtype=bool)
    right_b = np.array([0] * 9 + [1] * 2 + [1] * 5, dtype=bool)
    result = accuracy.mcnemar(right_a, right_b)
    assert (result["only_a"], result["only_b"]) == (9, 2)
    assert result["chi2"] == pytest.approx(49 / 11)
    assert result["p_exact"] == pytest.approx(binomtest(2, 11, 0.5).pvalue)


def test_mcnemar_without_discordant_pairs_says_so():
    right = np.array([1, 0, 1], dtype=bool)
    assert "alike" in accuracy.mcnemar(right, right)["why"]
