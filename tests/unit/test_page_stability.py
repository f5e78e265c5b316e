"""What the page, tables and figures show of added value, instability and external centres."""

import re

import numpy as np
import pytest

from example_results import example_results
from hscore.report.figures import style
from hscore.report.figures.centers_figure import centers
from hscore.report.figures.instability_figure import instability
from hscore.report.page import assemble, page_added_value, page_stability
from hscore.report.tables.csv_tables import tables


@pytest.fixture(scope="module")
def results():
    return example_results(scale=4, several=True)


def text_of(results):
    html = assemble.render(results, {})
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " "))


def test_added_value_stands_with_its_numbers_and_who_was_left_out(results):
    text = text_of(results)
    assert "Does the H score add to node size and SCC antigen?" in text
    row = results["added_value"]["evaluations"][0]
    assert (
        f"{row['events']} / {row['n']}; {row['left_out']} left out (SCC antigen of {row['left_out']} unknown)" in text
    )
    assert f"{row['odds_ratio']['estimate']:.2f} ({row['odds_ratio']['low']:.2f} to" in text
    gain = results["added_value"]["frozen"]["gain"]
    assert f"{gain['estimate']:.3f} ({gain['low']:.3f} to {gain['high']:.3f})" in text
    ratio = results["survival"]["added_value"]["cohorts"][0]["hazard_ratio"]
    assert f"{ratio['estimate']:.2f} ({ratio['low']:.2f} to {ratio['high']:.2f})" in text


def test_too_few_patients_are_said_so_in_the_place_of_numbers():
    small = example_results()
    rows = page_added_value.added_value(small)
    assert all("rarer class" in row["why"] for row in rows["rows"][:2])
    assert "rarer class" in rows["frozen"][0]["why"] and rows["frozen"][0]["size"] == "\u2013"
    assert "rarer class for 4 variables" in text_of(small)


def test_instability_rows_are_those_of_models_with_members(results):
    rows = page_stability.member_rows(results)
    found = [row for row in results["instability"]["members"] if "why" not in row]
    assert len(rows) == len(found) == 8  # not the reading
    calls = found[0]["calls"]
    assert rows[0]["cells"][-1] == f"{100 * calls['changed'] / calls['n']:.1f}\u00a0% ({calls['changed']}/{calls['n']})"
    assert sum(row["main"] for row in rows) == 1


def test_a_reading_has_the_same_threshold_in_every_resample(results):
    rows = {row["label"]: row["cells"] for row in page_stability.thresholds(results)}
    assert rows["Clinical (MRI-LN)"][0].endswith(", always") and len(rows) == 9


def test_a_study_without_development_has_no_resampled_thresholds():
    assert page_stability.thresholds(example_results(roles=("external",))) == []
    development = example_results(roles=("development",))
    assert page_stability.member_rows(development) == []
    cells = page_stability.thresholds(development)[0]["cells"]
    assert cells[1:] == ["\u2013"] * 4
    assert "What can a new centre expect?" not in text_of(development)


def test_one_external_centre_pools_nothing_and_two_predict_nothing(results):
    one = example_results()
    text = text_of(one)
    assert "there is only one external centre, so nothing can be pooled" in text and "Hartung" not in text
    assert centers(one) is None
    assert {row["center"] for row in tables(one)["centers"]} == {"yunnan"}
    text = text_of(results)
    assert "New centre" in text and "4 of 4" in text
    two = example_results(scale=4, several=True)
    for entry in two["centers"]["pooled"].values():
        entry |= {"prediction_low": None, "prediction_high": None, "prediction_why": "needs three centres"}
    assert "not estimable: needs three centres" in text_of(two)
    with style.figure_context():
        assert len(centers(two).axes) == 5


def test_the_forest_shows_every_centre_the_pooled_value_and_the_prediction_interval(results):
    with style.figure_context():
        axes = centers(results).axes[0]
    drawn = [line.get_xdata()[0] for line in axes.lines if line.get_marker() in "sD"]
    rows = [row["auc"]["estimate"] for row in results["centers"]["centers"]]
    pooled = results["centers"]["pooled"]["auc"]
    assert drawn == [*rows, pooled["estimate"]]
    (prediction,) = (line for line in axes.lines if line.get_linewidth() == 3)
    assert list(prediction.get_xdata()) == [pooled["prediction_low"], pooled["prediction_high"]]


def test_the_instability_plot_shows_every_member_of_every_patient(results):
    with style.figure_context():
        (axes,) = instability(results).axes
    points = results["instability"]["points"]
    drawn = [line.get_ydata() for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(drawn, 100 * np.array(points["members"]))
    none = example_results(roles=("development",))
    assert instability(none) is None


def test_tables_hold_every_row_once(results):
    found = tables(results)
    assert len(found["added_value"]) == 6 and len(found["instability"]) == 9
    assert len(found["threshold_instability"]) == 9
    assert len(found["centers"]) == 5 * 4 + 5
    assert {row["data"] for row in found["centers"]} == {"simulated"}
