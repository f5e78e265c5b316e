"""Does the H score add to the reading it contains: three honest answers, for nodes and for survival."""

import pytest

from example_results import example_results
from hscore.report import adds_to_reading


@pytest.fixture
def results():
    return example_results()


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [
        (0.01, 0.2, "adds"),
        (-0.001, 0.096, "no evidence that it adds"),
        (-0.2, -0.01, "is worse"),
        (None, None, "not tested"),
    ],
)
def test_the_answer_follows_from_the_interval(results, low, high, answer):
    results["primary"] |= {"difference": 0.05, "low": low, "high": high, "p": 0.04}
    ratios = {key: None if value is None else 10**value for key, value in (("low", low), ("high", high))}
    results["survival"]["cohorts"]["external"]["beside_reading"]["rows"][0] |= {"estimate": 1.1, **ratios}
    nodes, survival = adds_to_reading.answers(results)
    assert nodes["answer"] == answer and survival["answer"] == answer


def test_numbers_are_those_of_the_results(results):
    nodes, survival = adds_to_reading.answers(results)
    test, row = results["primary"], results["survival"]["cohorts"]["external"]["beside_reading"]["rows"][0]
    assert f"{test['difference']:.3f}" in nodes["text"] and "primary hypothesis, paired DeLong test" in nodes["text"]
    assert f"{row['estimate']:.2f}" in survival["text"] and "external" in survival["text"]
    assert nodes["question"] == "Does Hybrid (H score) add to Clinical (MRI-LN)?"


def test_without_external_patients_there_is_no_primary_hypothesis_and_survival_is_of_development():
    nodes, survival = adds_to_reading.answers(example_results(roles=("development",)))
    assert nodes["answer"] == "not tested" and "there is no external cohort" in nodes["text"]
    assert "development cohort, out-of-fold scores" in survival["text"]


def test_what_is_not_known_says_why(results):
    results["survival"] = {"model": None, "cohorts": {}, "why": "the study has no H score"}
    survival = adds_to_reading.answers(results)[1]
    assert survival["answer"] == "not tested" and survival["text"] == "the study has no H score"


def test_the_end_point_and_firths_penalty_are_named(results):
    results["config"]["survive"]["endpoint"] = {"name": "overall survival", "short": "OS"}
    results["survival"]["cohorts"]["external"]["beside_reading"]["rows"][0]["plain_why"] = "no events"
    survival = adds_to_reading.answers(results)[1]
    assert survival["subject"] == "Overall survival" and "with Firth's penalty" in survival["text"]


def test_each_answer_is_one_sentence_for_the_terminal(results):
    lines = adds_to_reading.sentences(results)
    assert len(lines) == 2 and lines[0].startswith("Lymph-node metastasis: Does Hybrid (H score) add to")
