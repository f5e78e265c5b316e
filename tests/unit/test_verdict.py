"""The verdict rule, its words, and what it says when there is nothing to compare."""

import pytest

from example_results import example_results
from hscore.reporting import verdict

LEVEL = "95\u00a0%"
AUC = {"measure": "auc", "published": 0.933}


@pytest.fixture
def results():
    return example_results()


def ours(estimate, low, high):
    return {"estimate": estimate, "low": low, "high": high}


@pytest.mark.parametrize(("low", "high"), [(0.9, 0.95), (0.933, 0.99), (0.8, 0.933)])
def test_published_point_inside_our_interval_is_consistent_ends_included(low, high):
    word, detail = verdict.judge(AUC, ours(0.92, low, high), LEVEL, simulated=False)
    assert word == "consistent"
    assert "0.933 lies inside our 95\u00a0% interval" in detail


@pytest.mark.parametrize(
    ("estimate", "low", "high", "words"),
    [
        (0.85, 0.80, 0.90, "ours is 0.083 lower; the published 0.933 lies above"),
        (0.98, 0.95, 1.00, "ours is 0.047 higher; the published 0.933 lies below"),
    ],
)
def test_outside_says_by_how_much_and_on_which_side(estimate, low, high, words):
    word, detail = verdict.judge(AUC, ours(estimate, low, high), LEVEL, simulated=False)
    assert word == "differs"
    assert words in detail


def test_proportions_differ_in_percentage_points_and_hazard_ratios_by_a_factor():
    assert verdict.difference(0.75, 0.906, "sensitivity") == "15.6 percentage points lower"
    assert verdict.difference(9.18, 4.59, "hazard_ratio") == "2.00 times the published ratio"


def test_every_verdict_on_simulated_data_says_simulated():
    for estimate in (ours(0.92, 0.9, 0.95), ours(0.8, 0.7, 0.9), ours(None, None, None)):
        assert "simulated patients" in verdict.judge(AUC, estimate, LEVEL, simulated=True)[1]
        assert "simulated" not in verdict.judge(AUC, estimate, LEVEL, simulated=False)[1]


def test_without_an_interval_there_is_no_verdict():
    word, detail = verdict.judge(AUC, {**ours(None, None, None), "why": "only one class"}, LEVEL, simulated=False)
    assert word == "not estimable"
    assert "only one class" in detail
    assert verdict.judge(AUC, ours(0.93, None, None), LEVEL, simulated=False)[0] == "not estimable"


def test_without_a_published_value_there_is_no_public_target():
    item = {"measure": "auc", "published": None, "said": "only that it was below 0.844"}
    word, detail = verdict.judge(item, ours(0.8, 0.7, 0.9), LEVEL, simulated=True)
    assert word == "no public target"
    assert "below 0.844" in detail


def test_published_primary_values_meet_apparent_ones_with_out_of_fold_beside(results):
    rows = [row for row in results["verdicts"] if row["id"].startswith("hybrid_primary")]
    performance = {(row["model"], row["evaluation"]): row for row in results["performance"]}
    assert [row["published"] for row in rows] == [0.963, 0.930, 0.974, 0.965]
    for row in rows:
        assert row["evaluation"] == "apparent"
        assert row["ours"]["estimate"] == performance["hybrid", "apparent"][row["measure"]]["estimate"]
        assert row["beside"]["evaluation"] == "out_of_fold"
        assert row["beside"]["estimate"] == performance["hybrid", "out_of_fold"][row["measure"]]["estimate"]
        assert "verdict" not in row["beside"]


def test_held_out_results_are_never_compared_with_apparent_ones(results):
    for row in results["verdicts"]:
        if row["id"].split("_")[-2] == "external" or row["id"].endswith("external"):
            assert row["evaluation"] == "external"
            assert row["beside"] is None


def test_rows_agree_with_the_rule(results):
    for row in results["verdicts"]:
        low, high = row["ours"]["low"], row["ours"]["high"]
        if row["published"] is None:
            expected = "no public target"
        elif low is None or high is None:
            expected = "not estimable"
        else:
            expected = "consistent" if low <= row["published"] <= high else "differs"
        assert row["verdict"] == expected, row["id"]


def test_a_study_without_the_published_model_says_so(results):
    changed = example_results()
    changed["performance"] = [row for row in changed["performance"] if row["model"] != "hybrid"]
    changed["survival"] = {"model": None, "cohorts": {}, "why": "the study has no H score"}
    rows = {row["id"]: row for row in verdict.verdicts(changed, results["published"])}
    assert rows["hybrid_external_auc"]["verdict"] == "not estimable"
    assert "no external evaluation of a model named 'hybrid'" in rows["hybrid_external_auc"]["ours"]["why"]
    assert "the study has no H score" in rows["hazard_ratio_external"]["detail"]
