"""Guideline lists: complete, answered from the run, blank where only people can answer."""

import re

import pytest

from example_results import example_results
from hscore.report.guidelines.checklist import guidelines
from hscore.report.page import assemble

TRIPOD = """1 2 3a 3b 3c 4 5a 5b 6a 6b 6c 7 8a 8b 8c 9a 9b 9c 10 11 12a 12b 12c 12d 12e 12f 12g 13 14 15 16 17
18a 18b 18c 18d 18e 18f 19 20a 20b 20c 21 22 23a 23b 24 25 26 27a 27b 27c"""

STARD_AI = """1 2 3 4 5 6 7 8 9 10 11 12 13 14 15a 15b 15c 15d 16a 16b 16c 17a 17b 18 19 20 21 22 23 24 25 26a 26b 27 28
29 30 31 32 33 34 35 36 37 38 39 40a 40b"""


@pytest.fixture
def lists():
    return {guideline["name"]: guideline for guideline in guidelines(example_results())}


def test_all_items_are_there_once_and_in_order(lists):
    assert [item["number"] for item in lists["TRIPOD+AI"]["items"]] == TRIPOD.split()
    assert [item["number"] for item in lists["METRICS"]["items"]] == [str(n) for n in range(1, 31)]
    assert [item["number"] for item in lists["CLAIM"]["items"]] == [str(n) for n in range(1, 45)]
    assert [item["number"] for item in lists["STARD-AI"]["items"]] == STARD_AI.split()


def test_answers_hold_the_numbers_of_the_run(lists):
    answers = {item["number"]: item["answer"] for item in lists["TRIPOD+AI"]["items"]}
    assert answers["6b"].startswith("111 of 120 patients included")
    assert answers["21"].startswith("Development 79 (18 LNM-positive) and external 32 (8 LNM-positive);")
    assert "5-fold" in answers["12a"] and "32 external patients" in answers["12a"]


@pytest.mark.parametrize(
    ("role", "objective"),
    [("development", "Development with internal validation."), ("external", "Evaluation on external patients.")],
)
def test_a_study_with_one_role_answers_for_that_role(role, objective):
    lists = {guideline["name"]: guideline for guideline in guidelines(example_results(roles=(role,)))}
    answers = {item["number"]: item["answer"] for item in lists["TRIPOD+AI"]["items"]}
    assert answers["4"] == objective
    internal, external = (lists["METRICS"]["items"][number]["answer"] for number in (25, 26))
    assert (internal is None, external is None) == (role == "external", role == "development")


def test_what_only_people_know_stays_blank(lists):
    for number in ("1", "3a", "8c", "14", "17", "18a", "19", "26"):
        assert next(i for i in lists["TRIPOD+AI"]["items"] if i["number"] == number)["answer"] is None


def test_counts_of_answers_agree(lists):
    for guideline in lists.values():
        assert guideline["filled"] == sum(bool(item["answer"]) for item in guideline["items"])
        assert guideline["filled"] + guideline["blank"] == len(guideline["items"])


def test_calibration_is_answered_only_where_it_was_done(lists):
    assert lists["METRICS"]["items"][21]["place"] == "calibration"
    without = example_results()
    del without["calibration"]
    metrics = next(one for one in guidelines(without) if one["name"] == "METRICS")
    assert metrics["items"][21]["answer"] is None


def test_own_data_leave_source_and_availability_to_the_authors():
    own = {guideline["name"]: guideline for guideline in guidelines(example_results(simulated=False))}
    answers = {item["number"]: item["answer"] for item in own["TRIPOD+AI"]["items"]}
    assert answers["5a"] is None and answers["18e"] is None


def test_every_answer_points_to_a_place_of_the_page():
    results = example_results()
    anchors = set(re.findall(r'<section id="([^"]+)"', assemble.render(results, {"explanation": "<svg></svg>"})))
    places = {item["place"] for guideline in guidelines(results) for item in guideline["items"] if item["place"]}
    assert places and places <= anchors


def test_pooled_external_centres_are_named_as_heterogeneity():
    for several in (True, False):
        lists = {one["name"]: one for one in guidelines(example_results(several=several))}
        (answer,) = (item["answer"] for item in lists["TRIPOD+AI"]["items"] if item["number"] == "23b")
        assert ("External centres pooled" in answer) is several
