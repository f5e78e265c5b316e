"""What the report says of strata, terms of several coefficients, characteristics, competing events and calibration."""

import copy
from functools import cache

import numpy as np
import pandas as pd
import pytest

from example_results import example_results
from hscore.report import formatting
from hscore.report.figures import survival_calibration_figure, survival_figures
from hscore.report.methods import methods_text
from hscore.report.page import page_survival
from hscore.report.registry import FIGURES
from hscore.report.tables import csv_tables
from hscore.statistics.survival import survival_by_score


@cache
def analyzed():
    """Survival of two cohorts of two centres each, with three stages and competing events."""
    rng = np.random.default_rng(3)
    cohorts = {}
    for name, column in (("external", "score"), ("development", "out_of_fold")):
        n = 160
        score, left = rng.random(n), rng.uniform(20, 70, n)
        time, other = rng.exponential(60 / np.exp(2 * score - 1)), rng.exponential(150, n)
        first = np.minimum(np.minimum(time, other), left)
        known = pd.DataFrame(
            {
                "score": score,
                "dfs_months": first,
                "dfs_event": (time == first) * 1.0,
                "competing_event": (other == first) * 1.0,
                "lnm": (rng.random(n) < score) * 1.0,
                "mri_ln_positive": (rng.random(n) < score) * 1.0,
                "center": rng.choice(["a", "b"], n),
                "figo_stage": rng.choice(["IB", "IIA", "IIB"], n),
            }
        )
        cohorts[name] = (column, known)
    settings = example_results()["config"]["survive"] | {"adjust_for": ["figo_stage"]}
    frozen = {"value": 0.5, "chosen_on": "development", "median": 0.5}
    return survival_by_score.analyze(cohorts, "hybrid", frozen, settings)


@pytest.fixture
def results():
    return example_results() | {"survival": copy.deepcopy(analyzed())}


def test_stratified_and_subdistribution_ratios_are_rows_of_the_cox_table(results):
    rows = {(row["cohort"], row["model"], row["term"]): row["text"] for row in page_survival.cox(results)}
    for cohort in ("external", "development"):
        content = results["survival"]["cohorts"][cohort]
        for model, found in (
            ("stratified by centre", content["stratified"]),
            ("Fine-Gray", content["competing"]),
        ):
            for term, key in (("H score high vs low", "hazard_ratio"), ("per 0.1 of the H score", "continuous")):
                expected = formatting.estimate(found[key], formatting.ratio)
                assert rows[cohort.capitalize(), model, term] == expected
    del results["survival"]["cohorts"]["external"]["competing"]
    assert ("External", "Fine-Gray") not in {(row["cohort"], row["model"]) for row in page_survival.cox(results)}


def test_a_term_of_several_coefficients_has_one_row_with_one_p_below_them(results):
    rows = [row for row in page_survival.cox(results) if (row["cohort"], row["model"]) == ("External", "adjusted")]
    assert [row["term"].partition(":")[0] for row in rows] == [
        "H score high vs low",
        "FIGO stage",
        "FIGO stage",
        "FIGO stage, all levels",
    ]
    test = next(row for row in results["survival"]["cohorts"]["external"]["terms"] if row["model"] == "multivariable")
    assert rows[-1]["p"] == formatting.p_value(test["p"]) and rows[-1]["text"] == "one test, df 2"


def test_notes_name_strata_and_grays_test(results):
    note = page_survival.survival_notes(results)[0]
    found = results["survival"]["cohorts"]["external"]
    assert f"stratified by 2 centres: hazard ratio {found['stratified']['hazard_ratio']['estimate']:.2f}" in note
    assert f"Gray\u2019s test {formatting.p_equation(found['competing']['gray']['p'])}" in note
    assert "Fine-Gray" in note


def test_every_level_of_a_characteristic_has_its_row(results):
    external, development = page_survival.by_characteristic(results)
    assert external["times"] == ["12", "36", "60"]
    content = results["survival"]["cohorts"]["external"]["characteristics"]
    assert len(external["rows"]) == sum(len(row["levels"]) for row in content)
    assert [row["variable"] for row in external["rows"] if row["first"]] == ["Centre", "FIGO stage"]
    stage = next(row for row in external["rows"] if row["level"] == "IIA")
    level = content[1]["levels"][1]
    assert stage["n"] == level["n"]
    assert stage["cells"][1] == formatting.estimate(level["at"][2], formatting.percent)
    assert "df 2" in external["rows"][2]["test"]
    assert development["cohort"] == "development cohort"


def test_calibration_is_said_in_a_sentence_and_drawn(results):
    found = results["survival"]["prediction"]["calibration"]
    text = survival_calibration_figure.calibration_text(results)
    assert f"O:E {formatting.estimate(found['observed_expected'], formatting.ratio)}" in text
    assert f"slope {formatting.estimate(found['slope'], formatting.ratio)}" in text
    assert f"at {found['month']:g} months" in text
    curve = FIGURES["survival_calibration"].make(results).axes[0].get_lines()[1]
    np.testing.assert_allclose(curve.get_ydata(), 100 * np.array(found["curve"]["observed"]))


def test_a_curve_that_is_not_estimable_is_not_drawn_and_says_why(results):
    few = {**analyzed()["prediction"]["calibration"], "curve_why": "8 events are too few", "ici": None}
    few["curve"] = {"predicted": [], "observed": [], "low": [], "high": [], "method": "", "why": "8 events are too few"}
    results["survival"] = analyzed() | {"prediction": {**analyzed()["prediction"], "calibration": few}}
    assert survival_calibration_figure.calibration(results) is None
    assert "not estimable: 8 events are too few" in survival_calibration_figure.calibration_text(results)
    results["survival"] = analyzed() | {"prediction": {"external": None, "calibration": None, "why": "no external"}}
    assert (
        survival_calibration_figure.calibration_text(results) == ""
        and survival_calibration_figure.calibration(results) is None
    )


def test_every_test_is_in_the_csv_tables(results):
    found = csv_tables.tables(results)
    tests = {(row["cohort"], row["test"], row["of"]): row for row in found["survival_tests"]}
    content = results["survival"]["cohorts"]["development"]
    assert tests["development", "Gray", "H score"]["p"] == content["competing"]["gray"]["p"]
    assert tests["development", "log-rank", "figo_stage"]["df"] == 2
    assert (
        tests["development", "log-rank, stratified by centre", "H score"]["p"] == content["stratified"]["log_rank"]["p"]
    )
    assert tests["development", "all coefficients, multivariable", "figo_stage"]["df"] == 2
    assert tests["development", "spline, all coefficients", "H score"]["chi2"] == content["spline"]["overall"]["chi2"]
    rows = {row["measure"]: row for row in found["survival_calibration"]}
    assert rows["slope"]["estimate"] == results["survival"]["prediction"]["calibration"]["slope"]["estimate"]
    assert set(rows) == {"observed_expected", "slope", "ici", "e50", "e90"}
    levels = {(row["by"], row["group"]) for row in found["survival_at"]}
    assert {("figo_stage", "IIB"), ("center", "a"), ("H score", "high")} <= levels


def test_methods_name_what_was_done_and_only_that(results):
    text = dict(methods_text.methods(results))["Statistics: survival"]
    for words in ("stratified by centre", "tested jointly", "Gray\u2019s test", "Calibration of the survival"):
        assert words in text
    text = dict(methods_text.methods(example_results(roles=("development",))))["Statistics: survival"]
    assert "Gray" not in text and "Calibration" not in text


def test_the_forest_holds_the_new_rows(results):
    labels = [text.get_text() for text in survival_figures.cox_forest(results).axes[0].get_yticklabels()]
    assert "External: H score high vs low, stratified by centre" in labels
    assert "Development: per 0.1 of the H score, Fine-Gray" in labels
