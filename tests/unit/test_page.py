"""The page: self-contained, says what the data are, shows the numbers of results.json and nothing else."""

import json
import re
from html.parser import HTMLParser

import pytest

from example_results import example_results
from hscore.report.page import assemble, page_patients, page_performance, page_summary
from hscore.statistics.survival import cox

SVG = (
    '<?xml version="1.0"?>\n<svg width="10pt" viewBox="0 0 1 1"><metadata>x</metadata><g id="a"/><use href="#a"/></svg>'
)
VOID = {"meta", "link", "br", "input", "hr", "img"}


class Outline(HTMLParser):
    """Collects ids, links, headings and headers of a page, and checks that elements close in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.headings, self.addresses = [], [], [], [], []
        self.tables = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids += [attributes["id"]] if "id" in attributes else []
        for key in ("href", "src", "xlink:href"):
            if key in attributes:
                (self.links if attributes[key].startswith("#") else self.addresses).append(attributes[key])
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "table":
            self.tables.append([])
        elif self.tables:
            self.tables[-1].append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag


@pytest.fixture
def results():
    return example_results()


def render(results):
    names = ("flow", "auc_overview", "roc_external", "roc_out_of_fold", "kaplan_meier_external", "cox", "explanation")
    return assemble.render(results, dict.fromkeys(names, SVG))


def text_of(html):
    html = re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " "))


def test_the_page_needs_nothing_from_outside(results):
    html = render(results)
    outline = Outline(html)
    inside = [address for address in outline.addresses if not address.startswith("data:")]
    overviews = [f"../qc/{center['center']}/overview.html" for center in results["study"]["centers"]]
    assert inside == ["../provenance/run_manifest.json", *overviews]  # for those who look further
    assert "default-src 'none'" in html
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttpRequest|<script[^>]+src", html)


def test_elements_close_ids_are_unique_and_links_arrive(results):
    outline = Outline(render(results))
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert {link[1:] for link in outline.links} <= set(outline.ids)


def test_headings_descend_one_step_at_a_time_and_there_is_one_h1(results):
    headings = Outline(render(results)).headings
    assert headings.count(1) == 1 and headings[0] == 1
    assert all(after <= before + 1 for before, after in zip(headings, headings[1:], strict=False))


def test_every_table_has_a_caption_and_header_cells(results):
    for table in Outline(render(results)).tables:
        assert table[0] == "caption"
        assert "th" in table


def test_simulated_data_are_named_on_the_first_screen_in_the_title_and_with_every_figure(results):
    html = render(results)
    text = text_of(html)
    assert "SIMULATED DATA. No number on this page comes from a real patient." in text[:400]
    assert "<title>Simulated data: " in html
    for caption in re.findall(r"<figcaption>(.*?)</figcaption>", html, flags=re.DOTALL):
        assert "Simulated data." in caption
    for caption in re.findall(r"<caption>(.*?)</caption>", html, flags=re.DOTALL):
        assert "imulated" in caption or any(word in caption for word in ("Cohorts", "Thresholds", "Trained")), caption


def test_own_data_are_never_called_simulated():
    text = text_of(render(example_results(simulated=False)))
    assert not re.search("simulat", text, flags=re.IGNORECASE)


def test_the_main_numbers_stand_on_the_first_screen(results):
    first = text_of(render(results)).split("Flow of patients")[0]
    row = next(r for r in results["performance"] if r["model"] == "hybrid" and r["evaluation"] == "external")
    ratio = results["survival"]["cohorts"]["external"]["hazard_ratio"]
    assert f"{row['auc']['estimate']:.3f} 95 % interval {row['auc']['low']:.3f} to {row['auc']['high']:.3f}" in first
    assert f"{ratio['estimate']:.2f} 95 % interval {ratio['low']:.2f} to {ratio['high']:.2f}" in first
    for published in ("0.933", "90.6 % (29/32)", "87.2 % (95/109)", "87.9 % (124/141)", "4.59"):
        assert published in first
    assert "make study" in first


def test_the_page_has_one_term_for_thresholds(results):
    assert "cut-off" not in render(results)


def test_every_proportion_is_shown_with_its_numerator_and_denominator(results):
    text = text_of(render(results))
    for row in results["performance"]:
        for name in ("sensitivity", "specificity", "accuracy", "ppv", "npv"):
            entry = row[name]
            if entry["estimate"] is not None:
                assert f"({entry['numerator']}/{entry['denominator']})" in text


def test_external_out_of_fold_and_apparent_stand_in_separate_blocks(results):
    blocks = page_performance.performance_blocks(results)
    assert [block["evaluation"] for block in blocks] == ["external", "out_of_fold", "apparent"]
    for block in blocks:
        assert {row["evaluation"] for row in block["rows"]} == {block["evaluation"]}
        assert ("Members share training patients." in block["methods"]) == (block["evaluation"] == "out_of_fold")


def test_the_method_of_auc_intervals_is_named_once():
    plain, corrected = "Newcombe's method 5", "Newcombe's method 5, variance x 1.8 for 5 overlapping training sets"
    rows = [{"auc": {"method": method}} for method in (corrected, plain, corrected)]
    expected = f"{plain} (models trained in folds: variance x 1.8 for 5 overlapping training sets)"
    assert page_performance.auc_method(rows) == expected
    assert page_performance.auc_method(rows[:1]) == corrected and page_performance.auc_method(rows[1:2]) == plain


def test_what_cannot_be_estimated_says_why(results):
    row = next(r for r in results["performance"] if r["model"] == "hybrid" and r["evaluation"] == "external")
    reason = "there are no patients called positive"
    row["ppv"] = {"estimate": None, "low": None, "high": None, "numerator": 0, "denominator": 0, "why": reason}
    row["auc"] = {"estimate": None, "low": None, "high": None, "method": "DeLong", "why": "only one class"}
    results["survival"]["cohorts"]["external"]["hazard_ratio"] = {"estimate": None, "why": "nobody had an event"}
    text = text_of(render(results))
    assert f"not estimable: {reason}" in text
    assert "not estimable: only one class" in text
    assert "not estimable: nobody had an event" in text
    assert "nan" not in text.lower().split() and "None" not in text.split()


def test_a_leading_firth_estimate_is_named(results):
    content = results["survival"]["cohorts"]["external"]
    why = "no events without high H score: the hazard ratio has no finite estimate"
    firth = {"estimate": 8.5, "low": 1.2, "high": 90.0, "p": 0.03, "method": cox.FIRTH, "plain_why": why}
    content["hazard_ratio"] |= firth
    del content["hazard_ratio"]["profile"]
    text = text_of(render(results))
    assert "8.50 95 % interval 1.20 to 90.00 (Cox with Firth's penalty" in text.replace("&#39;", "'")
    assert f"because of the plain model {why}" in text
    assert "H score high vs low, Firth\u2019s penalty" in text


def test_the_interval_of_every_auc_is_named(results):
    text = text_of(render(results))
    for method in ("AUC by Newcombe's method 5", "AUC, DeLong", "AUC, logit DeLong"):
        assert method in text.replace("&#39;", "'")


def test_a_study_without_survival_still_has_its_page(results):
    results["survival"] = {"model": "hybrid", "grouping": None, "cohorts": {}, "why": "no patient has survival data"}
    assert "not estimable: no patient has survival data" in text_of(render(results))


def test_table1_shows_counts_percentages_missing_values_and_differences(results):
    table = page_patients.table1(results)
    rows = {row["label"]: row for row in table["rows"]}
    age = results["table1"]["rows"][0]
    assert rows["Age, years: median (quartiles)"]["cells"][0].startswith(f"{age['cells'][0]['median']:.1f} (")
    assert rows["Age, years: median (quartiles)"]["cells"][3] == f"{age['differences'][0]['smd']:.2f}"
    assert all(len(row["cells"]) == len(table["columns"]) + 1 for row in table["rows"])
    assert any(row["kind"] == "level missing" for row in table["rows"])


def test_markup_in_a_name_stays_text(results):
    results["study"]["centers"][0]["name"] = "<script>alert(1)</script>"
    results["models"][0]["label"] = "</script><b>x"
    html = render(results)
    assert "<script>alert(1)" not in html and "</script><b>x" not in html


def test_the_threshold_slider_starts_at_the_frozen_threshold_with_its_counts(results):
    for model in page_performance.explorer_models(results):
        row = next(r for r in results["performance"] if r["evaluation"] == "external" and r["model"] == model["model"])
        frozen = model["points"][model["frozen"]]
        assert (frozen["tp"], frozen["fp"]) == (row["confusion"]["tp"], row["confusion"]["fp"])
        assert frozen["threshold"] == results["thresholds"][model["model"]]["value"]
        assert (model["points"][0]["tp"], model["points"][-1]["tp"]) == (model["positives"], 0)


def test_figures_side_by_side_keep_their_own_ids():
    assert 'id="roc-a"' in assemble.inline_svg(SVG, "roc", "words") and 'href="#roc-a"' in assemble.inline_svg(
        SVG, "roc", "w"
    )
    assert "<metadata>" not in assemble.inline_svg(SVG, "roc", "words")
    assert 'role="img" aria-label="a &lt; b"' in assemble.inline_svg(SVG, "roc", "a < b")


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("v0.1.0-4-gabc1234", "git checkout abc1234"),
        ("v0.1.0", "git checkout v0.1.0"),
        ("abc1234-dirty", "git checkout abc1234"),
    ],
)
def test_commands_name_the_commit(results, code, line):
    results["code_version"] = code
    assert line in page_summary.commands(results).splitlines()
    assert ("uncommitted" in page_summary.commands(results)) == code.endswith("dirty")


def test_without_version_control_there_is_no_checkout_command(results):
    results["code_version"] = None
    assert "git" not in page_summary.commands(results)


def test_the_same_results_give_the_same_page(results):
    assert render(results) == render(json.loads(json.dumps(results)))


def test_the_study_size_is_said_in_a_sentence_and_rows(results):
    plan = results["precision"]
    most = max(row["patients"] for row in plan["needed"])
    text = text_of(render(results))
    assert f"would need {most:,} patients" in text
    for row in plan["needed"]:
        assert f"{row['patients']:,}" in text
    results["precision"] = {**plan, "needed": [], "why": "the cohort has one class only"}
    assert "Study size is not estimable: the cohort has one class only" in text_of(render(results))


def test_the_h_score_stands_beside_pathology_in_the_cox_table(results):
    text = text_of(render(results))
    assert "with pathology" in text and "hazard ratio of LNM at pathology alone" in text


@pytest.mark.parametrize(
    ("roles", "said", "not_said"),
    [
        (("development",), "This study has no external test cohort.", "AUC, external test cohort"),
        (("external",), "nothing was fitted, and thresholds are fixed", "AUC, development cohort"),
    ],
)
def test_a_study_with_one_role_leads_with_what_it_has(roles, said, not_said):
    text = text_of(assemble.render(example_results(roles=roles), {}))
    assert said in text and not_said not in text
    assert "no out_of_fold" not in text and "None" not in text.split()


def test_a_study_of_frozen_models_says_where_they_are_from():
    results = example_results(roles=("external",))
    results["config"]["frozen"] = "results/before"
    assert "those of a finished study (results/before), used as they were frozen there" in text_of(render(results))


def test_further_measures_pairs_and_what_is_spared_are_those_of_results(results):
    text = text_of(render(results))
    row = next(r for r in results["performance"] if r["model"] == "hybrid" and r["evaluation"] == "external")
    for entry in (row["auc_logit"], row["auc_bootstrap"], row["partial_auc"], row["average_precision"]):
        assert f"{entry['estimate']:.3f} ({entry['low']:.3f} to {entry['high']:.3f})" in text
    for row in results["paired_accuracy"]:
        assert f"{row['measure']} {row['only_a']} : {row['only_b']}" in text
    content = next(c for c in results["decision_curves"] if c["scores"] == "recalibrated")
    place = content["threshold"].index(0.2)
    for curve in (content["models"]["hybrid"], content["mri_ln"], content["treat_all"]):
        assert f"{curve['spared'][place]:,} / {curve['missed'][place]:,}" in text


def test_survival_at_yearly_times_and_the_prediction_stand_on_the_page(results):
    text = text_of(render(results))
    for content in results["survival"]["cohorts"].values():
        for groups in (content["groups"], content["pathology"]["groups"]):
            for group in groups.values():
                for row in group["at"]:
                    if row["estimate"] is not None:
                        assert f"{100 * row['estimate']:.1f} %".replace("-", "\u2212") in text
    error = results["survival"]["prediction"]["external"]["model"]
    assert f"integrated Brier score of {error['estimate']:.3f}" in text


def test_the_size_of_a_study_is_planned_for_the_hazard_ratio_and_development_too(results):
    text = text_of(render(results))
    plan = results["survival"]["cohorts"]["external"]["hazard_ratio_precision"]
    assert f"needs {plan['events']} events" in text and f"{plan['patients']} patients" in text
    assert f"The development cohort ({results['development_size']['n']} patients" in text


def test_the_change_between_cohorts_names_the_variance_that_is_multiplied(results):
    methods = {row["method"] for row in results["auc_change"]}
    assert any("development variance x 1.8" in method for method in methods)
    caption = text_of(render(results)).split("AUC external minus out-of-fold")[1].split("Model")[0]
    assert all(method in caption for method in methods)


def test_every_method_of_comparisons_is_named_in_their_note(results):
    methods = {row["method"] for row in results["comparisons"]}
    notes = " ".join(block["note"] for block in page_performance.comparison_blocks(results)).lower()
    assert all(method.lower() in notes for method in methods)


def test_the_study_size_says_which_expected_values_are_assumed(results):
    words = text_of(render(results))
    assert "The expected O:E and slope are assumed to be 1" in words
    assumed = {row["for"]: row["assumed"] for row in results["precision"]["needed"]}
    assert assumed["O/E"] == assumed["calibration slope"] == 1


def test_a_model_that_has_not_learned_is_named_once():
    results = example_results()
    assert "Not learned" not in assemble.render(results, {})
    first, second = results["trained"][:2]
    first["learned"] = False
    results["trained"].append({**first, "seeds": [2]})
    labels = {model["model"]: model["label"] for model in results["models"]}
    text = assemble.render(results, {})
    assert text.count(f"Not learned: {labels[first['model']]}. In cross-validation") == 1
    second["learned"] = False
    assert f"{labels[first['model']]} and {labels[second['model']]}. In cross" in assemble.render(results, {})
