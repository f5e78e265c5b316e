"""Intention to diagnose: the 3 x 2 table, and its worst and best case against every possible truth."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from hscore.statistics.common.proportions import wilson
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import accuracy
from hscore.statistics.diagnosis.intention_to_diagnose import RATES, counts_3x2, describe, report

NAN = float("nan")
SETTINGS = {"proportion_interval": "wilson", "confidence": 0.95}


def table(tp, fn, missed, fp, tn, spared):
    return {
        "positive": {"n": tp + fn + missed, "called_positive": tp, "called_negative": fn, "no_result": missed},
        "negative": {"n": fp + tn + spared, "called_positive": fp, "called_negative": tn, "no_result": spared},
    }


def test_patients_without_a_result_are_wrong_calls_in_the_worst_case_and_right_ones_in_the_best():
    found = describe(table(25, 5, 2, 16, 88, 5), "wilson", 0.95)
    shares = {case: {rate: (found[case][rate]["numerator"], found[case][rate]["denominator"]) for rate in RATES}
              for case in ("complete", "worst", "best")}  # fmt: skip
    assert shares["complete"] == {"sensitivity": (25, 30), "specificity": (88, 104), "ppv": (25, 41), "npv": (88, 93)}
    assert shares["worst"] == {"sensitivity": (25, 32), "specificity": (88, 109), "ppv": (25, 46), "npv": (88, 95)}
    assert shares["best"] == {"sensitivity": (27, 32), "specificity": (93, 109), "ppv": (27, 43), "npv": (93, 98)}
    worst = found["worst"]["sensitivity"]
    assert (worst["low"], worst["high"]) == wilson(25, 32, 0.95) and worst["method"] == "Wilson"
    results = {name: (one["numerator"], one["denominator"]) for name, one in found["with_result"].items()}
    assert results == {"positive": (30, 32), "negative": (104, 109), "all": (134, 141)}


def test_worst_and_best_case_are_the_bounds_of_whatever_the_missing_calls_may_be():
    tp, fn, missed, fp, tn, spared = 4, 3, 3, 2, 6, 4
    found = describe(table(tp, fn, missed, fp, tn, spared), "wilson", 0.95)
    possible = [
        accuracy.rates({"tp": tp + a, "fn": fn + missed - a, "fp": fp + b, "tn": tn + spared - b}, "wilson", 0.95)
        for a, b in product(range(missed + 1), range(spared + 1))
    ]
    for rate in RATES:
        values = [one[rate]["estimate"] for one in possible]
        assert found["worst"][rate]["estimate"] == min(values)
        assert found["best"][rate]["estimate"] == max(values)


def test_counts_of_the_table():
    y_true, y_pred = np.array([True, True, False, False, False]), np.array([True, False, True, False, False])
    without, calls = np.array([True, False, False, True]), np.array([NAN, 1.0, NAN, 0.0])
    found = counts_3x2(y_true, y_pred, without, calls)
    assert found == table(1, 2, 1, 2, 2, 1)
    nobody = counts_3x2(y_true, y_pred, np.zeros(0, bool), np.zeros(0))
    assert nobody == table(1, 1, 0, 1, 2, 0)


def test_without_a_threshold_only_the_shares_with_a_result_are_known():
    counts = counts_3x2(np.array([True, False]), None, np.array([True]), np.array([NAN]))
    assert counts["positive"] == {"n": 2, "called_positive": None, "called_negative": None, "no_result": 1}
    found = describe(counts, "wilson", 0.95, "no threshold was frozen")
    assert found["with_result"]["positive"]["estimate"] == 0.5
    for case in ("complete", "worst", "best"):
        assert found[case]["npv"]["estimate"] is None and found[case]["npv"]["why"] == "no threshold was frozen"


def test_without_patients_with_metastasis_their_share_says_why():
    found = describe(table(0, 0, 0, 1, 3, 1), "wilson", 0.95)
    assert found["worst"]["sensitivity"]["why"] == "there are no patients with metastasis"
    assert found["with_result"]["positive"]["why"] == "there are no patients with metastasis"


@pytest.fixture
def cohort():
    """Six patients with scores, and five without: one of unknown node status, one without a reading."""
    stage = ["I", "I", "II", "II", "III", "III"]
    reading = ["0", "0", "0", "1", "1", "1"]
    scores = {"hybrid": np.array([0.1, 0.6, 0.2, 0.7, 0.8, 0.9]), "stage": np.array([0.2, 0.2, 0.2, 0.2, 0.6, 0.6])}
    evaluation = ScoredCohort(np.array([False, False, False, True, True, True]), scores)
    characteristics = pd.DataFrame({"figo_stage": stage, "mri_ln_positive": reading}, list("abcdef"))
    excluded = pd.DataFrame(
        {
            "lnm": [1, 1, 0, 0, NAN],
            "figo_stage": ["III", "I", "IV", None, "III"],
            "mri_ln_positive": ["1", "0", "0", None, "1"],
        },
        list("vwxyz"),
    )
    return evaluation, characteristics, excluded


FROZEN = {"hybrid": {"value": 0.5}, "stage": {"value": 0.4}}


def test_a_reading_has_a_result_of_an_excluded_patient_where_it_was_read(cohort):
    tests = {"hybrid": None, "stage": "figo_stage"}
    rows = {row["test"]: row for row in report("external", *cohort, 2, tests, FROZEN, SETTINGS)}
    assert list(rows) == ["hybrid", "stage", "mri_ln_positive"]
    assert rows["hybrid"]["table"] == table(3, 0, 2, 1, 2, 2)
    # nobody with a score has stage IV: how the model would call it is not known
    assert rows["stage"]["table"] == table(3, 2, 0, 0, 3, 2)
    assert rows["mri_ln_positive"]["table"] == table(4, 1, 0, 0, 4, 1)
    assert {row["without_reference"] for row in rows.values()} == {3}


def test_the_node_reading_stands_once_where_a_model_is_that_reading(cohort):
    evaluation, characteristics, excluded = cohort
    evaluation.scores["read"] = np.array([0.1, 0.1, 0.1, 0.5, 0.5, 0.5])
    frozen = FROZEN | {"read": {"value": 0.3}}
    (row,) = report("external", evaluation, characteristics, excluded, 0, {"read": "mri_ln_positive"}, frozen, SETTINGS)
    assert row["test"] == "read" and row["table"] == table(4, 1, 0, 0, 4, 1)


def test_a_model_without_a_threshold_calls_nobody(cohort):
    frozen = {"hybrid": {"value": None, "why": "no threshold was frozen"}}
    row = report("external", *cohort, 0, {"hybrid": None}, frozen, SETTINGS)[0]
    assert row["worst"]["sensitivity"]["why"] == "no threshold was frozen"
    assert row["with_result"]["all"]["numerator"] == 6 and row["with_result"]["all"]["denominator"] == 10
