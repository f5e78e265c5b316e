"""Instability over members, and of the threshold over resamples."""

import numpy as np
import pytest

from hscore.statistics.common import bootstrap
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import instability, thresholds

POSITIVE = np.array([1, 0, 1, 0], bool)
MEMBERS = np.array([[0.2, 0.4, 0.9, 0.1], [0.4, 0.6, 0.7, 0.1]])
SCORE = MEMBERS.mean(axis=0)


def test_members_are_compared_with_their_mean_by_hand():
    found = instability.member_stability(POSITIVE, SCORE, MEMBERS, 0.5, "folds")
    assert found["mean_absolute_difference"] == pytest.approx((0.1 + 0.1 + 0.1 + 0.0) / 4)
    assert found["largest_absolute_difference"] == pytest.approx(0.1)
    assert found["mean_range"] == pytest.approx((0.2 + 0.2 + 0.2 + 0.0) / 4)
    assert found["auc"] == {"lowest": 0.75, "highest": 0.75}
    # the second patient's mean is at the cut-off: called positive, by one of the two members only
    assert found["calls"] == {"changed": 1, "n": 4, "index": pytest.approx(1 / 8)}


@pytest.mark.parametrize("members", [None, MEMBERS[:1]])
def test_one_member_has_no_instability_to_show(members):
    found = instability.member_stability(POSITIVE, SCORE, members, 0.5, "folds")
    assert "fewer than two members" in found["why"] and "calls" not in found


def test_without_a_cut_off_no_call_changes():
    calls = instability.member_stability(POSITIVE, SCORE, MEMBERS, None, "folds")["calls"]
    assert calls["changed"] is None and "no threshold" in calls["why"]


@pytest.mark.parametrize("rule", ["youden", {"sensitivity": 0.9}, {"sensitivity": 1.0}])
@pytest.mark.parametrize("digits", [1, 6])
def test_resampled_cut_offs_are_those_chosen_on_each_resample(rule, digits):
    rng = np.random.default_rng(11)
    y_true = rng.random(40) < 0.3
    scores = (rng.random(40) + 0.3 * y_true).round(digits) / 2
    counts = np.vstack([bootstrap.draw(40, 60, rng), bootstrap.cohort_counts(40), 40.0 * (np.arange(40) == 3)])
    found = thresholds.on_resamples(y_true, scores, rule, counts)
    for row, threshold in zip(counts.astype(int), found, strict=True):
        expected = thresholds.choose(np.repeat(y_true, row), np.repeat(scores, row), rule)["value"]
        assert np.isnan(threshold) if expected is None else threshold == expected


def of_threshold(separation: float, rule="youden", external=True):
    rng = np.random.default_rng(12)
    y_true = rng.random(300) < 0.3
    score = 1 / (1 + np.exp(-rng.normal(size=300) - separation * y_true))
    frozen = thresholds.choose(y_true, score, rule)
    new = rng.random(150) < 0.3
    tested = (new, 1 / (1 + np.exp(-rng.normal(size=150) - separation * new)))
    counts = bootstrap.draw(300, 200, rng)
    found = instability.threshold_stability((y_true, score), tested if external else None, frozen, rule, 0.95, counts)
    return found, frozen


def test_the_threshold_of_a_sharp_score_is_steadier():
    (dull, _), (sharp, frozen) = of_threshold(0.8), of_threshold(6.0)
    assert sharp["cut_off"]["frozen"] == frozen["value"]
    assert sharp["cut_off"]["from"] <= frozen["value"] <= sharp["cut_off"]["to"]
    assert sharp["chosen"] == sharp["resamples"] == 200
    assert sharp["external"]["changed"] < dull["external"]["changed"]
    assert 0 <= dull["external"]["unsure"] <= 1
    assert dull["external"]["sensitivity"]["from"] < dull["external"]["sensitivity"]["to"]


def test_a_fixed_cut_off_or_none_has_no_distribution():
    fixed, _ = of_threshold(1.0, {"value": 0.5})
    assert "fixed value" in fixed["cut_off"]["why"] and fixed["external"] is None
    none = instability.threshold_stability((POSITIVE, SCORE), None, {"value": None}, "youden", 0.95, np.ones((2, 4)))
    assert "no threshold" in none["cut_off"]["why"]
    assert of_threshold(1.0, external=False)[0]["external"] is None


def test_the_spread_over_cut_offs_is_that_of_applying_each():
    rng = np.random.default_rng(13)
    y_true, score = rng.random(80) < 0.4, rng.random(80).round(2)
    new, new_score = rng.random(50) < 0.4, rng.random(50).round(2)
    counts = bootstrap.draw(80, 100, rng)
    frozen = {"value": 0.4}
    found = instability.threshold_stability((y_true, score), (new, new_score), frozen, "youden", 0.9, counts)
    cuts = thresholds.on_resamples(y_true, score, "youden", counts)
    cuts = cuts[~np.isnan(cuts)]
    assert found["chosen"] == cuts.size
    assert [found["cut_off"][key] for key in ("from", "to")] == pytest.approx(np.quantile(cuts, [0.05, 0.95]))
    rates = [(new_score >= threshold)[new].mean() for threshold in cuts]
    external = found["external"]
    assert [external["sensitivity"][key] for key in ("from", "to")] == pytest.approx(np.quantile(rates, [0.05, 0.95]))
    assert external["sensitivity"]["frozen"] == (new_score >= 0.4)[new].mean()
    changed = np.mean([(new_score >= threshold) != (new_score >= 0.4) for threshold in cuts], axis=0)
    assert external["changed"] == pytest.approx(changed.mean())
    assert external["unsure"] == pytest.approx((changed > 0.05).mean())


def test_a_report_has_members_and_seeds_of_every_model_and_points_of_the_reference():
    external = ScoredCohort(POSITIVE, {"a": SCORE, "b": SCORE}, {"a": MEMBERS}, {"a": MEMBERS})
    development = ScoredCohort(POSITIVE, {"a": SCORE, "b": SCORE})
    frozen = {"a": {"value": 0.5}, "b": {"value": 0.5}}
    settings = {"reference": "a", "threshold": "youden", "confidence": 0.95}
    both = {"external": external, "out_of_fold": development}
    found = instability.report(both, frozen, settings, {"out_of_fold": np.ones((5, 4))})
    assert [(row["model"], row["source"]) for row in found["members"]] == [
        ("a", "folds"),
        ("a", "seeds"),
        ("b", "folds"),
    ]
    assert "why" in found["members"][2]
    assert found["points"]["score"] == [0.1, 0.3, 0.5, 0.8] and found["points"]["threshold"] == 0.5
    assert found["points"]["members"][0] == [0.1, 0.2, 0.4, 0.9]
    assert [row["model"] for row in found["thresholds"]] == ["a", "b"]
    alone = instability.report({"out_of_fold": development}, frozen, settings, {"out_of_fold": np.ones((5, 4))})
    assert alone["members"] == [] and alone["points"] is None and len(alone["thresholds"]) == 2
