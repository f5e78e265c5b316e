"""Subgroups: every level shown, and a test that finds a planted difference and keeps its level without one."""

import numpy as np
import pytest

from hscore.statistics.diagnosis import discrimination, subgroups


def test_every_level_is_shown_however_small():
    y_true = np.array([1, 0, 1, 0, 1], dtype=bool)
    rows = subgroups.by_level(y_true, np.array([0.9, 0.1, 0.8, 0.3, 0.4]), 0.5, np.array(list("aabbc")), "wilson", 0.95)
    assert [(row["level"], row["n"], row["positives"]) for row in rows] == [("a", 2, 1), ("b", 2, 1), ("c", 1, 1)]
    assert rows[2]["auc"]["estimate"] is None and "both classes" in rows[2]["auc"]["why"]
    assert rows[2]["sensitivity"]["estimate"] == 0 and rows[2]["specificity"]["why"]


def test_two_levels_give_the_squared_difference_over_its_variance():
    rng = np.random.default_rng(70)
    y_true, levels = rng.random(200) < 0.4, np.repeat(["x", "y"], 100)
    scores = rng.normal(size=200) + y_true
    x, y = (discrimination.delong(y_true[levels == level], scores[levels == level]) for level in "xy")
    expected = (x.auc[0] - y.auc[0]) ** 2 / (x.covariance[0, 0] + y.covariance[0, 0])
    assert subgroups.heterogeneity(y_true, scores, 0.5, levels)["auc"]["chi2"] == pytest.approx(expected)


def test_it_finds_a_planted_difference_and_keeps_its_level():
    rng = np.random.default_rng(71)
    y_true, levels = np.tile([True, False], 200), np.repeat(["x", "y"], 200)
    planted = rng.normal(size=400) + 2 * y_true * (levels == "x")
    assert subgroups.heterogeneity(y_true, planted, 0.5, levels)["auc"]["p"] < 1e-4
    for measure in ("auc", "sensitivity", "specificity"):
        p = []
        for _ in range(200):
            scores = rng.normal(size=400) + y_true
            p.append(subgroups.heterogeneity(y_true, scores, 0.5, levels)[measure]["p"])
        assert 2 <= sum(value < 0.05 for value in p) <= 22


def test_a_separated_level_enters_with_newcombes_variance_and_one_of_one_class_is_counted():
    y_true = np.array([1, 0, 1, 0, 1, 0, 1, 0, 1, 1], dtype=bool)
    scores = np.array([5, 1, 6, 2, 3, 4, 7, 1, 2, 3.0])
    levels = np.array(list("aaaabbbbcc"))
    result = subgroups.heterogeneity(y_true, scores, 2.5, levels)["auc"]
    assert result["left_out"] == 1 and result["df"] == 1 and "Newcombe" in result["method"]
    common = (1.0 + 0.75) / 2  # both levels have two patients of each class
    variance = discrimination.newcombe_error(common, 2, 2) ** 2
    assert result["chi2"] == pytest.approx((1.0 - 0.75) ** 2 / (2 * variance))
    result = subgroups.heterogeneity(y_true[:4], scores[:4], 2.5, np.array(list("aabb")))["auc"]
    assert result["p"] is None and "separated" in result["why"]
    result = subgroups.heterogeneity(y_true[8:], scores[8:], 2.5, np.array(list("ab")))["auc"]
    assert result["p"] is None and "fewer than two" in result["why"] and result["left_out"] == 2


def test_a_level_in_which_all_have_the_same_score_tells_nothing():
    y_true = np.tile([True, False], 30)
    scores, levels = np.arange(60.0) % 7, np.repeat(["x", "y", "z"], 20)
    scores[40:] = 3
    result = subgroups.heterogeneity(y_true, scores, 2.5, levels)["auc"]
    assert result["left_out"] == 1 and result["df"] == 1


def test_small_levels_keep_the_level_of_the_test():
    rng = np.random.default_rng(73)
    y_true, levels = np.tile([True, False, False], 20), np.repeat(["x", "y", "z"], [9, 21, 30])
    p = [subgroups.heterogeneity(y_true, rng.normal(size=60) + 2 * y_true, 0.5, levels)["auc"] for _ in range(300)]
    newcombe = [row["p"] < 0.05 for row in p if "Newcombe" in row["method"]]
    assert len(newcombe) > 50 and sum(newcombe) <= 0.1 * len(newcombe)


def test_columns_become_levels():
    import pandas as pd

    table = pd.DataFrame({"age": ["30", "50", "70", None], "grade": ["G1", None, "G3", "G1"]})
    levels = subgroups.subgroup_levels(table)
    assert levels["age"].tolist() == ["below 50", "50 or more", "50 or more", "missing"]
    assert levels["grade"].tolist() == ["G1", "missing", "G3", "G1"]


def test_levels_stand_in_the_order_of_their_size_and_missing_last():
    levels = np.array(["missing", "50 or more", "below 50"])
    rows = subgroups.by_level(np.array([True, False, True]), np.array([0.1, 0.2, 0.3]), 0.5, levels, "wilson", 0.95)
    assert [row["level"] for row in rows] == ["below 50", "50 or more", "missing"]


def test_sensitivity_is_compared_among_the_levels_that_have_positives():
    y_true = np.array([1] * 20 + [1] * 20 + [0] * 10, dtype=bool)
    levels = np.repeat(["a", "b", "c"], [20, 20, 10])
    scores = np.concatenate([np.repeat([1.0, 0.0], [18, 2]), np.repeat([1.0, 0.0], [8, 12]), np.zeros(10)])
    tests = subgroups.heterogeneity(y_true, scores, 0.5, levels)
    assert tests["sensitivity"]["left_out"] == 1 and tests["sensitivity"]["df"] == 1
    assert tests["sensitivity"]["chi2"] == pytest.approx((0.9 - 0.4) ** 2 / (0.65 * 0.35 * (1 / 20 + 1 / 20)))
    assert "fewer than two levels" in tests["specificity"]["why"]
    all_right = subgroups.heterogeneity(y_true, y_true * 1.0, 0.5, levels)["sensitivity"]
    assert all_right["p"] is None and "all correct" in all_right["why"]


def test_tests_are_adjusted_over_the_variables():
    import pandas as pd

    rng = np.random.default_rng(72)
    y_true = rng.random(200) < 0.4
    table = pd.DataFrame({name: rng.choice(["x", "y"], 200) for name in ("histology", "grade", "not_a_subgroup")})
    table["scanner"] = None  # known of nobody
    rows = subgroups.describe(y_true, rng.normal(size=200) + y_true, 0.5, table, "wilson", 0.95)
    assert [row["variable"] for row in rows] == ["histology", "grade"]
    for row in rows:
        test = row["heterogeneity"]["auc"]
        assert test["p_holm"] >= test["p"] and test["adjustment"].startswith(
            "Holm over the 2 tested subgroup variables"
        )
