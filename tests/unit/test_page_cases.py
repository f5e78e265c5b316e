"""Cases, images and the known-truth panel of the page, and the figure of all scores."""

import numpy as np
import pytest

from example_results import example_results
from hscore.report.figures import cases_figure, style
from hscore.report.guidelines.checklist import guidelines
from hscore.report.page import assemble, page_cases, page_imaging, page_truth
from hscore.report.tables import csv_tables
from hscore.statistics.diagnosis.cases import typical_and_worst


@pytest.fixture
def results():
    return example_results()


def test_typical_calls_are_medians_and_errors_the_worst_first():
    y_true = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0], bool)
    score = np.array([0.9, 0.8, 0.7, 0.1, 0.2, 0.3, 0.4, 0.6, 0.95])
    assert typical_and_worst(y_true, score, 0.5, 4) == {
        "true_positive": [1], "true_negative": [5], "false_negative": [3], "false_positive": [8, 7],
    }  # fmt: skip
    assert typical_and_worst(y_true, score, 0.5, 1)["false_positive"] == [8]


def test_a_score_at_the_threshold_is_a_positive_call():
    found = typical_and_worst(np.array([True, False]), np.array([0.5, 0.5]), 0.5, 4)
    assert (found["true_positive"], found["false_positive"]) == ([0], [1])


def test_kinds_that_do_not_occur_are_named_on_the_page(results):
    results["cases"]["shown"] = [one for one in results["cases"]["shown"] if one["kind"] != "false_negative"]
    right, wrong = page_cases.view(results)["cases"]["groups"]
    assert right["absent"] == [] and wrong["absent"] == ["LNM, missed"]


def test_a_page_that_may_show_nobody_says_so(results):
    results["cases"]["shown"] = []
    html = assemble.render(results, {})
    assert "switch off pictures and scores of individual patients" in html and "data:image" not in html
    failures = next(one for one in guidelines(results) if one["name"] == "CLAIM")["items"][38]
    assert failures["number"] == "39" and failures["answer"] is None


def test_a_case_says_what_each_model_called_and_whether_it_was_right(results):
    one = next(one for one in results["cases"]["shown"] if one["kind"] == "false_positive")
    shown = page_cases.case(one, results)
    main = next(row for row in shown["rows"] if row["main"])
    assert (main["call"], main["right"], shown["lnm"]) == ("positive", False, "No LNM at pathology")
    assert page_cases.case({**one, "dfs_months": None}, results)["follow_up"] == "survival unknown"


@pytest.mark.parametrize("evaluation", ["external", "out_of_fold"])
def test_the_waterfall_has_a_bar_a_patient_from_the_threshold(results, evaluation):
    with style.figure_context():
        figure = cases_figure.waterfall(results, evaluation)
    rows, cut = results["cases"]["waterfall"][evaluation], results["cases"]["threshold"]
    bars = sorted((bar for group in figure.axes[0].containers for bar in group), key=lambda bar: bar.get_x())
    assert [bar.get_y() + bar.get_height() for bar in bars] == pytest.approx([row["score"] for row in rows])
    assert {round(bar.get_y(), 9) for bar in bars} == {round(cut, 9)}
    colors = {row["lnm"]: bar.get_facecolor() for row, bar in zip(rows, bars, strict=True)}
    luminance = [np.dot(colors[lnm][:3], (0.2126, 0.7152, 0.0722)) for lnm in (True, False)]
    assert luminance[1] - luminance[0] > 0.15, "the two kinds must differ in grey"


def test_without_a_threshold_there_is_no_waterfall(results):
    results["cases"]["threshold"] = None
    assert cases_figure.waterfall(results, "external") is None


def test_the_protocol_gives_one_value_or_the_spread(results):
    rows = page_imaging.protocol(results)["rows"]
    cells = [dict(zip(page_imaging.HEADS, row["cells"], strict=False)) for row in rows]
    assert [row["Section, mm"] for row in cells] == ["5", "5.5 (5 to 6)", "5"]
    assert cells[0]["TE, ms"] == "\u2013" and cells[0]["Pixel, mm"] == "0.9\u00a0\u00d7\u00a00.9"
    assert all(row["first"] and row["span"] == 1 for row in rows)


def test_the_truth_panel_sets_ideal_beside_achieved(results):
    rows = page_truth.comparisons(results)
    auc = next(row for row in rows if row["item"].endswith("T2WI tumour + peritumoral") and row["cohort"] == "external")
    ours = next(r for r in results["performance"] if (r["model"], r["evaluation"]) == ("t2wi_peritumoral", "external"))
    assert auc["planted"] == 0.77 and auc["entry"] == ours["auc"]
    assert auc["holds"] == (ours["auc"]["low"] <= 0.77 <= ours["auc"]["high"])
    assert results["truth"]["ideal_auc"]["hybrid"] == 0.93 and page_truth.view(results)["truth"]["unknown"] == []
    results["truth"]["ideal_auc"]["hybrid"] = None
    assert page_truth.view(results)["truth"]["unknown"] == ["Hybrid (H score)"]


def test_the_truth_panel_goes_from_the_planted_hazard_ratio_to_the_achieved_one(results):
    shown = page_truth.view(results)["truth"]["ratios"]["rows"]
    assert [row["cohort"] for row in shown] == ["external", "development"]
    for row in shown:
        found = results["truth"]["hazard_ratios"]["cohorts"][row["cohort"]]
        ours = results["survival"]["cohorts"][row["cohort"]]["hazard_ratio"]
        assert row["planted"] == "4.59" and row["expected"] == f"{found['expected']['estimate']:.2f}"
        assert row["achieved"].startswith(f"{ours['estimate']:.2f} (") and row["true_groups"].count("(") == 1
        assert row["verdict"] == ("inside the interval" if found["holds_expected"] else "outside")
        assert row["table"] == [f"{of['high']} / {of['low']}" for of in found["table"].values()]
    rows = csv_tables.tables(results)["hazard_ratios"]
    assert [row["hazard_ratio"] for row in rows] == ["planted", "true_groups", "expected", "achieved"] * 2
    patients = [sum(row[f"predicted_{a}_truly_{b}"] for a in ("high", "low") for b in ("high", "low"))
                for row in rows if row["hazard_ratio"] == "achieved"]  # fmt: skip
    assert patients == [results["survival"]["cohorts"][name]["n"] for name in ("external", "development")]


def test_without_a_cut_off_the_truth_panel_says_why():
    row = page_truth.view(example_results(cut_off=False))["truth"]["ratios"]["rows"][0]
    assert row["planted"] == "4.59" and row["table"] == ["\u2013"] * 2 and row["verdict"] == "\u2013"
    assert "no threshold was frozen" in row["expected"] and "no threshold was frozen" in row["achieved"]


def test_real_patients_have_no_truth_panel():
    results = example_results(simulated=False)
    assert page_truth.view(results) == {"truth": None}
    assert "truth" not in csv_tables.tables(results)


def test_tables_of_scores_name_no_patient(results):
    rows = csv_tables.tables(results)["scores"]
    assert set(rows[0]) == {"data", "evaluation", "model", "score", "lnm", "center"}
    assert len(rows) == sum(len(found) for found in results["cases"]["waterfall"].values())
