"""Table 1 against numbers worked out by hand and against the formulas it cites."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from hscore.cohort.description import categorical_difference, continuous_difference, describe


def patients(**columns):
    n = len(next(iter(columns.values())))
    usual = {
        "age": [50.0] * n, "scc_ag_ng_ml": [1.0] * n, "mri_ln_short_axis_mm": [5.0] * n, "figo_stage": ["IB"] * n,
        "histology": ["squamous"] * n, "grade": ["G2"] * n, "mri_ln_positive": [0] * n, "lnm": [0] * n,
        "cohort": ["development"] * n, "center": ["a"] * n,
    }  # fmt: skip
    return pd.DataFrame({**usual, **columns})


def row(table, variable):
    return next(one for one in table["rows"] if one["variable"] == variable)


def test_groups_are_the_cohorts_by_node_status():
    table = describe(patients(lnm=[0, 1, 1, 0, 0], cohort=["external"] * 2 + ["development"] * 3))
    assert [(g["cohort"], g["lnm"], g["n"]) for g in table["groups"]] == [
        ("development", None, 3), ("development", 0, 2), ("development", 1, 1),
        ("external", None, 2), ("external", 0, 1), ("external", 1, 1),
    ]  # fmt: skip


def test_patients_of_unknown_node_status_are_a_group_of_their_own_where_there_are_some():
    table = describe(patients(lnm=[0, 1, np.nan, 0, 1], cohort=["external"] * 2 + ["development"] * 3, age=[*range(5)]))
    assert [(g["cohort"], g["lnm"], g["n"]) for g in table["groups"]] == [
        ("development", None, 3), ("development", 0, 1), ("development", 1, 1), ("development", "unknown", 1),
        ("external", None, 2), ("external", 0, 1), ("external", 1, 1),
    ]  # fmt: skip
    assert [cell["mean"] for cell in row(table, "age")["cells"]] == [3, 3, 4, 2, 0.5, 0, 1]
    nodes = next(one for one in table["centers"]["rows"] if one["variable"] == "lnm")
    assert nodes["missing"] == [1]


def test_continuous_variable_by_hand():
    table = describe(patients(age=[40.0, 50.0, 60.0, 90.0, np.nan, 30.0], lnm=[0, 0, 0, 0, 0, 1]))
    cell = row(table, "age")["cells"][1]
    assert cell["n"] == 4
    assert cell["missing"] == 1
    assert (cell["median"], cell["q1"], cell["q3"], cell["mean"]) == (55, 47.5, 67.5, 60)
    assert cell["sd"] == pytest.approx(math.sqrt((400 + 100 + 0 + 900) / 3))
    assert row(table, "age")["cells"][2]["sd"] is None


def test_categorical_variable_by_hand():
    table = describe(patients(grade=["G1", "G2", "G2", None, "G3", None], lnm=[0, 0, 0, 0, 1, 1]))
    grade = row(table, "grade")
    assert grade["missing"] == [2, 1, 1]
    assert [level["level"] for level in grade["levels"]] == ["G1", "G2", "G3"]
    assert [cell["n"] for cell in grade["levels"][1]["cells"]] == [2, 2, 0]
    assert grade["levels"][1]["cells"][0]["percent"] == 50
    assert grade["levels"][2]["cells"][2]["percent"] == 100


def test_node_reading_is_shown_in_words():
    table = describe(patients(mri_ln_positive=[0, 1, 1]))
    assert [level["level"] for level in row(table, "mri_ln_positive")["levels"]] == ["negative", "positive"]


def test_differences_are_between_node_status_in_each_cohort_and_between_cohorts():
    age = [40.0, 50.0, 60.0, 70.0, 41.0, 52.0, 63.0, 74.0]
    table = describe(patients(age=age, lnm=[0, 0, 1, 1] * 2, cohort=["development"] * 4 + ["external"] * 4))
    differences = row(table, "age")["differences"]
    assert [(d["between"], d.get("cohort")) for d in differences] == [
        ("lnm", "development"), ("lnm", "external"), ("cohort", None),
    ]  # fmt: skip
    assert differences[0]["smd"] == pytest.approx((65 - 45) / math.sqrt(50))
    sd = [np.std(age[:4], ddof=1), np.std(age[4:], ddof=1)]
    assert differences[2]["smd"] == pytest.approx((57.5 - 55) / math.sqrt((sd[0] ** 2 + sd[1] ** 2) / 2))


def test_difference_of_two_levels_has_its_closed_form():
    a, b = pd.Series([1] * 30 + [0] * 70), pd.Series([1] * 12 + [0] * 13 + [None] * 9)
    p, q = 0.3, 12 / 25
    expected = abs(p - q) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert categorical_difference(a, b)["smd"] == pytest.approx(expected)


def test_difference_of_several_levels_agrees_with_tableone_whatever_their_order():
    """The value is that of tableone 0.9.6 (the R tableone's formula)."""
    a = pd.Series(list("w" * 32 + "x" * 24 + "y" * 16 + "z" * 8))
    b = pd.Series(list("w" * 10 + "x" * 13 + "y" * 12 + "z" * 15))
    assert categorical_difference(a, b)["smd"] == pytest.approx(0.615749, abs=1e-6)
    renamed = dict(zip("wxyz", "zyxw", strict=True))
    assert categorical_difference(a.map(renamed), b.map(renamed))["smd"] == pytest.approx(0.615749, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "smd", "why"),
    [
        ([1.0], [1.0, 2.0], None, "fewer than two known values in a group"),
        ([2.0, 2.0], [2.0, 2.0], 0.0, None),
        ([2.0, 2.0], [3.0, 3.0], None, "no spread within the groups"),
    ],
)
def test_continuous_difference_that_cannot_be_computed_says_why(a, b, smd, why):
    found = continuous_difference(pd.Series(a), pd.Series(b))
    assert (found["smd"], found.get("why")) == (smd, why)


@pytest.mark.parametrize(
    ("a", "b", "smd", "why"),
    [
        ([None], ["x"], None, "no known value in a group"),
        (["x", "x"], ["x"], 0.0, None),
        (["x", "x"], ["y"], None, "the groups share no level"),
    ],
)
def test_categorical_difference_that_cannot_be_computed_says_why(a, b, smd, why):
    found = categorical_difference(pd.Series(a, dtype=object), pd.Series(b, dtype=object))
    assert (found["smd"], found.get("why")) == (smd, why)


def test_all_missing_and_empty_groups_are_json():
    table = describe(patients(age=[np.nan, np.nan], grade=[None, None], lnm=[0, 0]))
    json.dumps(table, allow_nan=False)
    assert row(table, "age")["cells"][0] == {
        "n": 0, "missing": 2, "median": None, "q1": None, "q3": None, "mean": None, "sd": None,
    }  # fmt: skip
    assert row(table, "grade")["levels"] == []


def test_centres_stand_side_by_side_with_the_largest_difference_between_two():
    ages = [40.0, 50.0, 60.0, 44.0, 54.0, 64.0, 50.0, 60.0, 70.0]
    table = describe(patients(age=ages, lnm=[0, 1, 1] * 3, center=["b"] * 3 + ["a"] * 3 + ["c"] * 3))["centers"]
    assert table["groups"] == [{"center": "b", "n": 3}, {"center": "a", "n": 3}, {"center": "c", "n": 3}]
    age = row(table, "age")
    assert [cell["median"] for cell in age["cells"]] == [50, 54, 60]
    assert age["differences"] == [{"between": "center", "smd": pytest.approx(10 / 10)}]
    nodes = row(table, "lnm")
    assert [level["level"] for level in nodes["levels"]] == ["negative", "positive"]
    assert nodes["differences"][0]["smd"] == 0


def test_one_centre_differs_from_none():
    differences = row(describe(patients(age=[40.0, 50.0]))["centers"], "age")["differences"]
    assert differences == [{"between": "center", "smd": None, "why": "there is one centre"}]
