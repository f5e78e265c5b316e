"""The report on patients without a result of the index test, and on those without a reference standard."""

import csv

import pytest
from test_page import render, text_of

from example_results import example_results
from hscore.report.figures import flow_diagram, style
from hscore.report.guidelines.checklist import guidelines
from hscore.report.methods.methods_text import methods
from hscore.report.page import page_intention, page_patients, page_summary
from hscore.report.tables import csv_tables


@pytest.fixture
def results():
    return example_results(survival_only=2)


def words(results):
    return text_of(render(results))


def test_the_page_shows_the_h_score_and_the_reading_with_every_patient_of_known_status(results):
    block, development = page_intention.view(results)["intention"]
    assert [test["label"] for test in block["tests"]] == ["Hybrid (H score)", "MRI-LN reading"]
    assert development["title"] == "development cohort, out-of-fold"
    row = next(r for r in results["intention_to_diagnose"] if (r["evaluation"], r["test"]) == ("external", "hybrid"))
    counts = row["table"]["positive"]
    # the flow diagram's eight LNM-positive patients with a score, and one whose images could not be used
    assert (counts["n"], counts["no_result"]) == (9, 1)
    text = words(results)
    said = (
        f"LNM-positive 9: {counts['called_positive']} called positive, {counts['called_negative']} negative, 1 without"
    )
    assert said in text
    assert "LNM-positive 88.9 % (56.5 to 98.0)" in text
    assert "3 further patients without known node status cannot be counted" in text  # two included, one excluded
    for case in ("complete", "worst", "best"):
        entry = row[case]["sensitivity"]
        assert f"({entry['numerator']}/{entry['denominator']})" in text


def test_the_methods_tell_of_both():
    for roles, development in ((("development", "external"), True), (("external",), False)):
        words = " ".join(text for _, text in methods(example_results(roles=roles)))
        assert "were analysed for survival only" in words and "By intention to diagnose (Schuetz" in words
        assert ("chosen by a hash of the patient's name" in words) == development


def test_where_everybody_has_a_result_the_page_says_so(results):
    for row in results["intention_to_diagnose"]:
        row["with_result"]["all"]["estimate"] = 1.0
    assert "External test cohort: every patient with known node status has a result" in words(results)
    for row in results["intention_to_diagnose"]:
        row["with_result"]["all"] = {"estimate": None, "denominator": 0}
    assert "Intention to diagnose" not in words(results)
    results["intention_to_diagnose"] = []
    assert "Intention to diagnose" not in words(results)


def test_without_a_threshold_the_reason_stands_in_the_table():
    text = words(example_results(cut_off=False))
    assert "cut-off" not in text  # the page has one term, threshold
    assert "LNM-positive 9: 1 without a result" in text
    assert "not estimable: no threshold was frozen: the best threshold separates nothing" in text


def test_the_table_holds_every_model_of_images_and_the_reading(results, tmp_path):
    csv_tables.write(results, tmp_path)
    with (tmp_path / "intention_to_diagnose.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    tests = {row["test"] for row in rows}
    assert "clinical" not in tests and {"hybrid", "fused", "mri_ln_positive"} < tests
    found = next(
        row
        for row in rows
        if (row["evaluation"], row["test"], row["case"], row["measure"])
        == ("external", "hybrid", "worst case", "specificity")
    )
    (row,) = (r for r in results["intention_to_diagnose"] if (r["evaluation"], r["test"]) == ("external", "hybrid"))
    assert float(found["estimate"]) == row["worst"]["specificity"]["estimate"]
    assert (found["denominator"], found["method"]) == ("23", "Wilson")


def test_the_checklist_answers_for_indeterminate_results(results):
    (stard,) = (one for one in guidelines(results) if one["name"] == "STARD-AI")
    item = next(item for item in stard["items"] if item["number"] == "19")
    assert "2 (external test cohort) and 4 (development cohort, out-of-fold)" in item["answer"]
    assert "intention to diagnose" in item["answer"] and item["place"] == "performance"


def test_patients_of_unknown_node_status_are_counted_wherever_patients_are(results, tmp_path):
    with style.figure_context():
        figure = flow_diagram.flow(results)
    shown = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert shown.count("LNM not known: survival only") == 5  # three centres, two cohorts
    assert shown[shown.index("External test cohort") + 1] == "n = 32" and "8 of 30" in shown
    table = page_patients.table1(results)
    assert [column["title"] for column in table["columns"]] == 2 * ["All", "LNM\u2212", "LNM+", "LNM not known", "SMD"]
    assert [head["span"] for head in table["heads"]] == [5, 5]
    assert all(len(row["cells"]) == len(table["columns"]) + 1 for row in table["rows"])
    text = words(results)
    assert "All: every included patient, including 6 without known node status" in text
    (card,) = (card for card in page_summary.cards(results) if card["title"] == "Patients analysed")
    assert "6 of them for survival only" in " ".join(card["lines"])
    csv_tables.write(results, tmp_path)
    with (tmp_path / "flow.csv").open(encoding="utf-8", newline="") as file:
        only = [row for row in csv.DictReader(file) if row["step"] == "of these for survival only"]
    assert [row["n"] for row in only] == ["2", "2", "2"]
    assert results["survival"]["cohorts"]["external"]["n"] == 32
    assert len(results["cases"]["waterfall"]["external"]) == 30
