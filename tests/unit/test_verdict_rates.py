"""How often each verdict is given, in a small Monte-Carlo study of a fixed seed; docs/verdicts.md has the large one."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import verdict_rates


def test_a_perfect_rerun_is_seldom_called_different_in_auc():
    found = verdict_rates.shares(verdict_rates.of_auc(0.933, 0.933, 1, 400))
    assert found["differs"] <= 0.05 < 0.1 < found["old"]


def test_a_much_worse_rerun_is_called_different():
    found = verdict_rates.shares(verdict_rates.of_auc(0.933, 0.70, 1, 100))
    assert found["differs"] > 0.85


def test_rates_need_the_error_of_the_cut_off():
    found = {name: verdict_rates.shares(rows) for name, rows in verdict_rates.of_calls(0.933, 80).items()}
    for name in ("sensitivity", "specificity", "accuracy"):
        assert found[name]["differs"] <= 0.08, name  # of 80; 5 % nominal
    assert found["specificity, counts alone"]["differs"] > 0.12


def test_a_perfect_rerun_of_the_hazard_ratio_does_not_differ():
    assert verdict_rates.shares(verdict_rates.of_hazard_ratio(0.933, 25))["differs"] <= 0.04


def test_a_score_that_adds_nothing_to_survival_is_seldom_said_to_add():
    assert verdict_rates.of_added_survival(0.0, 50)["adds"] <= 0.1  # of 50; 2.5 % nominal
    assert verdict_rates.of_added_survival(0.5, 10)["adds"] > 0.5
