"""Choosing between sequences: on whom, by what, and that the external cohort changes no choice."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination, selection


def evaluation(seed, strength):
    """Scores of three models whose signal has this strength, by name."""
    random = np.random.default_rng(seed)
    y_true = random.random(120) < 0.3
    return ScoredCohort(y_true, {name: random.normal(y_true * k, 1) for name, k in strength.items()})


GROUPS = {"single": ["a", "b"], "combined": ["c"]}


def test_the_largest_area_is_chosen_and_compared_by_delong():
    development = evaluation(0, {"a": 0.2, "b": 1.0, "c": 1.5})
    content = selection.choose(development, GROUPS, 0.95)
    assert (content["single"]["model"], content["combined"]["model"]) == ("b", "c")
    areas = {row["model"]: row["auc"] for row in content["single"]["candidates"]}
    assert areas == pytest.approx({n: roc_auc_score(development.y_true, development.scores[n]) for n in "ab"})
    expected = discrimination.compare(development.y_true, development.scores["c"], development.scores["b"], 0.95)
    assert expected.items() <= content["development"].items()
    assert content["development"]["combined"]["model"] == "c"


def test_external_scores_change_no_choice():
    content = {"images": selection.choose(evaluation(0, {"a": 0.2, "b": 1.0, "c": 1.5}), GROUPS, 0.95)}
    external = evaluation(1, {"a": 3.0, "b": 0.0, "c": 0.5})
    tested = selection.compare_externally(external, content, 0.95)["images"]
    assert {key: tested[key] for key in content["images"]} == content["images"]
    expected = discrimination.compare(external.y_true, external.scores["c"], external.scores["b"], 0.95)
    assert expected.items() <= tested["external"].items()


def test_patients_without_a_score_do_not_count():
    development = evaluation(0, {"a": 0.2, "b": 1.0, "c": 1.5})
    development.scores["b"][:20] = np.nan
    development.scores["c"][10:40] = np.nan
    content = selection.choose(development, GROUPS, 0.95)
    assert content["development"]["n"] == 80
    rest = slice(40, None)
    expected = discrimination.compare(development.y_true[rest], *(development.scores[n][rest] for n in "cb"), 0.95)
    assert content["development"]["p"] == pytest.approx(expected["p"])
    expected = roc_auc_score(development.y_true[20:], development.scores["b"][20:])
    assert content["single"]["candidates"][1]["auc"] == pytest.approx(expected)


def test_nothing_to_choose_is_none():
    development = evaluation(0, {"a": 1.0})
    content = selection.choose(development, {"single": ["a"], "combined": []}, 0.95)
    assert content["single"]["model"] == "a" and content["combined"]["model"] is None
    assert content["development"] is None
    assert selection.compare_externally(development, {"images": content}, 0.95)["images"]["external"] is None
