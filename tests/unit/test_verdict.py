"""The verdict rule, its words, what is compared with what, and what it says when there is nothing to compare."""

import pytest
import yaml

from example_results import ROOT, example_results
from hscore.report import verdict
from hscore.statistics.common.equivalence import AGREES, DIFFERS, INCONCLUSIVE

AUC = {"measure": "auc", "published": 0.933, "evaluation": "external"}
RATIO = {"measure": "hazard_ratio", "published": 4.59, "evaluation": "external", "p_below": 0.001}
CALLS = {"measure": "specificity", "published": 0.872, "evaluation": "external", "count": "95/109"}
JUDGED = (AGREES, INCONCLUSIVE, DIFFERS)
NO_ERROR = {"estimate": 0.0, "why": None}


@pytest.fixture
def results():
    return example_results()


@pytest.fixture(scope="module")
def published():
    return yaml.safe_load((ROOT / "resources/published.yaml").read_text(encoding="utf-8"))


def ours(estimate, low, high):
    return {"estimate": estimate, "low": low, "high": high}


def judge(item, entry, published, error=None):
    theirs = verdict.published_entry(item, published, 0.95)
    margin = verdict.margin_of(item["measure"], published)
    return verdict.judge(item["measure"], entry, theirs, margin, error, 0.95)


def rows(results):
    return {row["id"]: row for row in verdict.verdicts(results, results["published"])}


def test_the_publications_error_comes_from_its_counts(published):
    found = verdict.published_entry(AUC, published, 0.95)
    assert (round(found["low"], 3), round(found["high"], 3)) == (0.858, 0.968)
    assert found["method"] == "Newcombe's method 5"
    found = verdict.published_entry(CALLS, published, 0.95)
    assert (found["numerator"], found["denominator"], found["method"]) == (95, 109, "Wilson")
    assert found["estimate"] == pytest.approx(0.872, abs=5e-4)


def test_a_wide_interval_is_inconclusive_and_not_agreement(published):
    found = judge(AUC, ours(0.815, 0.542, 1.0), published)
    assert found["verdict"] == "inconclusive"
    assert "ours is 0.118 lower (95\u00a0% interval" in found["detail"]
    assert "neither within \u00b10.05 nor excluding a difference of zero" in found["detail"]


def test_where_the_publication_is_too_small_for_agreement_the_row_says_so(published):
    found = judge(AUC, ours(0.933, 0.932, 0.934), published)
    assert found["verdict"] == "inconclusive"
    assert "No rerun can agree within \u00b10.05" in found["detail"]
    assert "the published value itself is only known to be 0.858" in found["detail"]


def test_a_clear_difference_differs_with_both_errors(published):
    found = judge(AUC, ours(0.75, 0.70, 0.80), published)
    assert found["verdict"] == "differs" and "0.183 lower" in found["detail"]
    assert judge(AUC, ours(0.85, 0.80, 0.90), published)["verdict"] == "inconclusive"  # outside ours, not outside both


def test_agreement_means_that_the_whole_interval_is_within_the_margin(published):
    item = {**AUC, "published": 0.963, "evaluation": "apparent"}
    found = judge(item, ours(0.964, 0.95, 0.975), published)
    assert found["verdict"] == "agrees" and "the whole interval within \u00b10.05" in found["detail"]


def test_rates_carry_the_error_of_choosing_the_cut_off(published):
    entry = ours(0.99, 0.95, 1.0)
    assert judge(CALLS, entry, published, NO_ERROR)["verdict"] == "differs"
    assert judge(CALLS, entry, published, {"estimate": 0.05})["verdict"] == "inconclusive"
    found = judge(CALLS, entry, published, {"estimate": None, "why": "the threshold is fixed"})
    assert found["verdict"] == "not estimable" and "the threshold is fixed" in found["detail"]


def test_hazard_ratios_are_compared_by_a_factor(published):
    found = judge(RATIO, ours(0.8, 0.5, 1.3), published)
    assert found["verdict"] == "differs" and "0.17 times the published ratio" in found["detail"]
    assert judge(RATIO, ours(2.0, 1.0, 4.0), published)["verdict"] == "inconclusive"


def test_proportions_differ_in_percentage_points(published):
    assert "15.6 percentage points higher" in verdict.difference(ours(0.156, -0.1, 0.4), "sensitivity", "95 %")


def test_every_verdict_on_simulated_data_says_simulated(results):
    assert all("simulated" in row["detail"] for row in rows(results).values() if row["verdict"] in JUDGED)
    own = rows(example_results(simulated=False)).values()
    assert not any("simulated" in row["detail"] for row in own)


def test_without_an_interval_there_is_no_verdict(published):
    found = judge(AUC, {**ours(None, None, None), "why": "only one class"}, published)
    assert found["verdict"] == "not estimable" and "only one class" in found["detail"]
    assert judge(AUC, ours(0.93, None, None), published)["verdict"] == "not estimable"


def test_without_a_published_value_there_is_no_public_target(results):
    row = rows(results)["t2wi_peritumoral_external_auc"]
    assert row["verdict"] == "no public target" and "below 0.844" in row["detail"]


def test_the_published_apparent_auc_meets_the_apparent_one_with_out_of_fold_beside(results):
    row = rows(results)["hybrid_primary_auc"]
    performance = {(row["model"], row["evaluation"]): row for row in results["performance"]}
    assert row["ours"]["estimate"] == performance["hybrid", "apparent"]["auc"]["estimate"]
    assert row["beside"]["evaluation"] == "out_of_fold" and "verdict" not in row["beside"]
    assert row["beside"]["estimate"] == performance["hybrid", "out_of_fold"]["auc"]["estimate"]


def test_published_rates_at_an_apparent_cut_off_get_no_verdict(results):
    for name in ("sensitivity", "specificity", "accuracy"):
        row = rows(results)[f"hybrid_primary_{name}"]
        assert row["verdict"] == "no verdict" and "threshold was chosen on the scores" in row["detail"]
        assert row["difference"] is None


def test_held_out_results_are_never_compared_with_apparent_ones(results):
    for row in results["verdicts"]:
        if row["id"].split("_")[-2] == "external" or row["id"].endswith("external"):
            assert row["evaluation"] == "external"
            assert row["beside"] is None


def judged_ids(results):
    return {name for name, row in rows(results).items() if row["verdict"] in JUDGED}


HYBRID = {f"hybrid_external_{name}" for name in ("auc", "sensitivity", "specificity", "accuracy")} | {
    "hybrid_primary_auc"
}
RATIOS = {"hazard_ratio_external", "hazard_ratio_development"}
IMAGE = {"cet1wi_peritumoral_external_auc"}


@pytest.mark.parametrize(
    ("section", "change", "left", "why"),
    [
        ("report", {"population": "endometrial cancer"}, set(), "another population (endometrial cancer)"),
        (
            "survive",
            {"endpoint": {"name": "overall survival", "short": "OS"}},
            HYBRID | IMAGE,
            "another end point (overall survival)",
        ),
        ("survive", {"model": "late_hybrid"}, HYBRID | IMAGE, "another score (Late hybrid)"),
        ("cohort", {"mri_ln_positive_mm": 8}, IMAGE, "another reading (nodes are positive from 8 mm on)"),
    ],
)
def test_another_population_end_point_or_score_gets_no_verdict(results, section, change, left, why):
    assert judged_ids(results) == HYBRID | RATIOS | IMAGE
    results["config"][section] |= change
    assert judged_ids(results) == left
    assert any(why in row["detail"] for row in rows(results).values() if row["verdict"] == "no verdict")


def test_a_model_of_the_published_name_with_other_inputs_is_another_score(results):
    results["config"]["models"]["hybrid"]["region"] = "tumour"
    assert rows(results)["hybrid_external_auc"]["detail"] == "No verdict: another score (Hybrid (H score))."
    assert judged_ids(results) == IMAGE


def test_a_study_without_the_published_model_says_so(results):
    del results["config"]["models"]["hybrid"]
    found = rows(results)["hybrid_external_auc"]
    assert found["verdict"] == "no verdict" and "the study has no model 'hybrid'" in found["detail"]


def test_what_has_no_survival_analysis_says_why(results):
    results["survival"] = {"model": "hybrid", "cohorts": {}, "why": "nobody has survival data"}
    found = rows(results)["hazard_ratio_external"]
    assert found["verdict"] == "not estimable" and "nobody has survival data" in found["detail"]
