"""The first screen's answers and verdicts, and the page of a study that is not comparable with the publication."""

import re

import pytest

from example_results import example_results
from hscore.report.page import assemble, page_performance
from hscore.report.verdict import verdicts


@pytest.fixture
def results():
    return example_results(simulated=False)


def text_of(results):
    html = assemble.render({**results, "verdicts": verdicts(results, results["published"])}, {})
    html = re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " "))


def first_screen(results):
    return text_of(results).split("Reproduce it")[0]


def test_it_says_first_whether_the_h_score_adds_to_its_reading(results):
    test = results["primary"]
    text = first_screen(results)
    start = text.rindex("Main result")
    assert text[start:].startswith("Main result Lymph-node metastasis: Does Hybrid (H score) add to Clinical (MRI-LN)?")
    assert f"external AUC minus that of Clinical (MRI-LN): {test['difference']:.3f}" in text
    assert "Does Hybrid (H score) add to the MRI reading?" in text
    assert text.index("add to the MRI reading?") < text.index("AUC, external test cohort")


def test_each_verdict_has_its_difference(results):
    row = next(row for row in results["verdicts"] if row["id"] == "hybrid_external_auc")
    found = row["difference"]
    low, high = (f"{found[key]:.3f}".replace("-", "\u2212") for key in ("low", "high"))
    assert f"{low} to {high}" in first_screen(results)


def test_another_end_point_is_called_by_its_name_everywhere(results):
    results["config"]["survive"]["endpoint"] = {"name": "overall survival", "short": "OS"}
    text = text_of(results)
    assert "Hazard ratio, overall survival" in text and "Overall survival by H score" in text
    assert "Median OS, months" in text and "No verdict: another end point (overall survival)" in text
    assert not re.search("disease-free", text.split('endpoint"')[0].split("Settings and versions")[0], re.IGNORECASE)


def test_another_population_gets_no_verdict_and_the_reason(results):
    results["config"]["report"]["population"] = "vulvar cancer"
    text = first_screen(results)
    assert "No verdict: another population (vulvar cancer)." in text
    assert not re.search(r"\b(agrees|inconclusive|differs)\b", text)


def test_the_primary_pair_is_marked_among_the_comparisons(results):
    external, inner = page_performance.comparison_blocks(results)
    marked = [(row["model_a"], row["model_b"]) for row in external["rows"] if row["p_adjusted"] == "primary"]
    assert marked == [("hybrid", "clinical")]
    assert "The primary hypothesis is not adjusted" in external["note"] and "Holm over the 35" in external["note"]
    assert all(row["p_adjusted"] != "primary" for row in inner["rows"])
