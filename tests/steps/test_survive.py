"""survive through its command line: groups, missing data, refusals, wrong input."""

import json

import numpy as np
import pandas as pd
import pytest
from statistics_inputs import CONFIG, counted_reads, finite, freeze, survive, unexplained, write

import score_tables

SIZES = {"a": (40, 12), "b": (30, 10), "c": (40, 12)}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, SIZES, models=("hybrid",))
    assert freeze(tmp_path, models=("hybrid",)).returncode == 0
    return tmp_path


def read(folder):
    content = json.loads((folder / "survival.json").read_text())
    assert finite(content) and not unexplained(content)
    return content


def test_every_table_is_read_once(folder):
    with counted_reads() as counts:
        assert survive(folder).returncode == 0
    assert len(counts) == 11 and set(counts.values()) == {1}, counts


def test_both_cohorts_are_grouped_by_the_frozen_threshold(folder):
    done = survive(folder)
    assert done.returncode == 0, done.stderr
    content = read(folder)
    cut = json.loads((folder / "thresholds.json").read_text())["hybrid"]["value"]
    assert content["model"] == "hybrid" and content["grouping"]["threshold"] == cut
    for name, evaluation, column in (("external", "external", "score"), ("development", "out_of_fold", "out_of_fold")):
        cohort = content["cohorts"][name]
        scores = score_tables.read(folder / f"hybrid_{name}.csv")[column]
        assert cohort["evaluation"] == evaluation
        assert cohort["groups"]["high"]["n"] == (scores >= cut).sum()
        assert cohort["n"] == len(scores)
        assert cohort["at_risk"]["time"] == [0, 12, 24, 36, 48, 60]
        assert cohort["at_risk"]["high"][0] + cohort["at_risk"]["low"][0] == cohort["n"]
        assert cohort["hazard_ratio"]["low"] < cohort["hazard_ratio"]["estimate"] < cohort["hazard_ratio"]["high"]
        curve = cohort["groups"]["high"]["curve"]
        assert curve["time"][0] == 0 and curve["survival"][0] == 1
        assert curve["survival"] == sorted(curve["survival"], reverse=True)


def test_groups_by_the_median_of_development(folder):
    survive(folder, settings=CONFIG["survive"] | {"groups": "median"})
    content = read(folder)
    median = score_tables.read(folder / "hybrid_development.csv")["out_of_fold"].median()
    assert content["grouping"]["rule"] == "median" and content["grouping"]["threshold"] == median
    assert content["cohorts"]["development"]["groups"]["high"]["n"] == 35


def test_without_a_frozen_cut_off_nobody_is_grouped_and_the_score_still_counts(folder):
    frozen = json.loads((folder / "thresholds.json").read_text())
    frozen["hybrid"] |= {"value": None, "why": "no threshold was frozen: it separates nothing"}
    (folder / "thresholds.json").write_text(json.dumps(frozen))
    done = survive(folder, settings=CONFIG["survive"] | {"events_per_variable": 1})
    assert done.returncode == 0, done.stderr
    content = read(folder)
    assert content["grouping"]["why"] == "no threshold was frozen: it separates nothing"
    for cohort in content["cohorts"].values():
        assert {group["n"] for group in cohort["groups"].values()} == {0}
        for name in ("hazard_ratio", "hazard_ratio_firth", "log_rank", "restricted_mean"):
            assert cohort[name]["why"] == content["grouping"]["why"]
        assert cohort["continuous"]["estimate"] > 0 and cohort["concordance"]["estimate"] > 0.5
        assert "not known" in cohort["multivariable"][0]["why"]
    assert content["cohorts"]["development"]["stratified"]["log_rank"]["why"] == content["grouping"]["why"]


def test_text_covariates_become_levels_against_the_most_frequent(folder):
    settings = CONFIG["survive"] | {"adjust_for": ["mri_ln_positive", "histology"], "events_per_variable": 2}
    assert survive(folder, settings=settings).returncode == 0
    terms = [row["term"] for row in read(folder)["cohorts"]["development"]["multivariable"]]
    assert terms[:2] == ["high H score", "mri_ln_positive"]
    assert terms[2] in ("histology: squamous against adenocarcinoma", "histology: adenocarcinoma against squamous")


def test_a_multivariable_model_with_too_few_events_is_refused_term_by_term(folder):
    survive(folder, settings=CONFIG["survive"] | {"events_per_variable": 500})
    rows = read(folder)["cohorts"]["external"]["multivariable"]
    assert [row["term"] for row in rows] == ["high H score", "mri_ln_positive"]
    assert all(row["estimate"] is None and "events per variable" in row["why"] for row in rows)


def edit(folder, name, change):
    table = pd.read_csv(folder / name, dtype=str)
    change(table)
    table.to_csv(folder / name, index=False)


def test_missing_survival_and_covariates_are_counted(folder):
    edit(folder, "c_dfs.csv", lambda t: t.loc.__setitem__((slice(0, 2), "dfs_months"), None))
    edit(folder, "c_manifest.csv", lambda t: t.loc.__setitem__((slice(4, 4), "mri_ln_positive"), None))
    survive(folder, settings=CONFIG["survive"] | {"events_per_variable": 1})
    cohort = read(folder)["cohorts"]["external"]
    assert cohort["missing"] == {"dfs": 3, "lnm": 0, "mri_ln_positive": 1, "handling": "complete cases"}
    assert cohort["n"] == 37 and {row["n"] for row in cohort["multivariable"]} == {36}


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.__setitem__("dfs_event", "0"),  # nobody had an event
        lambda t: t.__setitem__("dfs_months", None),  # no survival data at all
        lambda t: t.__setitem__("dfs_months", "12"),  # everybody at the same time
    ],
    ids=["no events", "no data", "one time"],
)
def test_a_cohort_that_allows_no_estimate_is_reported_with_reasons(folder, change):
    edit(folder, "c_dfs.csv", change)
    done = survive(folder)
    assert done.returncode == 0, done.stderr
    read(folder)


@pytest.mark.parametrize("score", ["0.01", "0.99"])
def test_a_cohort_all_in_one_group_is_reported_with_reasons(folder, score):
    edit(folder, "hybrid_external.csv", lambda t: t.__setitem__("score", score))
    assert survive(folder).returncode == 0
    cohort = read(folder)["cohorts"]["external"]
    assert cohort["hazard_ratio"]["estimate"] is None and "the same" in cohort["hazard_ratio"]["why"]
    assert cohort["log_rank"]["p"] is None
    assert {cohort["groups"][name]["n"] for name in ("high", "low")} == {0, 40}


def test_no_event_in_a_group_lets_firth_lead(folder):
    cut = json.loads((folder / "thresholds.json").read_text())["hybrid"]["value"]
    low = score_tables.read(folder / "hybrid_external.csv")["score"] < cut
    edit(folder, "c_dfs.csv", lambda t: t.__setitem__("dfs_event", t["dfs_event"].where(~low, "0")))
    survive(folder)
    cohort = read(folder)["cohorts"]["external"]
    ratio = cohort["hazard_ratio"]
    assert "Firth" in ratio["method"] and "no events without high H score" in ratio["plain_why"]
    assert 1 < ratio["low"] < ratio["estimate"] < ratio["high"]
    assert all(ratio[key] == value for key, value in cohort["hazard_ratio_firth"].items())
    assert cohort["hazard_ratio_precision"]["here"] == pytest.approx(ratio["high"] / ratio["low"])


def test_patients_without_node_status_count_for_survival(folder):
    edit(folder, "c_lnm.csv", lambda t: t.loc.__setitem__((slice(0, 5), "lnm"), None))
    edit(folder, "c_manifest.csv", lambda t: t.loc.__setitem__((slice(8, 9), "mri_ln_positive"), None))
    for missing in ("complete-case", "impute"):
        settings = CONFIG["survive"] | {"events_per_variable": 1, "missing": missing}
        done = survive(folder, settings=settings)
        assert done.returncode == 0, done.stderr
        cohort = read(folder)["cohorts"]["external"]
        assert cohort["n"] == cohort["hazard_ratio"]["n"] == 40 and cohort["missing"]["lnm"] == 6
        assert {row["n"] for row in cohort["multivariable"]} == {38 if missing == "complete-case" else 40}
        assert sum(group["n"] for group in cohort["pathology"]["groups"].values()) == 34
        assert cohort["pathology"]["alone"]["n"] == 34


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"settings": CONFIG["survive"] | {"adjust_for": ["weight"]}}, "a_manifest.csv has no column 'weight'"),
        ({"settings": CONFIG["survive"] | {"model": "other"}}, "no threshold for model 'other'"),
        ({"dfs": ["a_dfs.csv", "b_dfs.csv"]}, "'c-0001', who has no outcome"),
        ({"manifests": ["a_manifest.csv", "b_manifest.csv"]}, "has no row for patient 'c-0001'"),
    ],
)
def test_inputs_that_do_not_belong_together_give_one_sentence(folder, flags, sentence):
    done = survive(folder, **flags)
    assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "survival.json").exists()


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("dfs_months", "-3", "'-3' is not a number of at least 0"),
        ("dfs_event", "yes", "'yes' is not a number from 0 to 1"),
    ],
)
def test_wrong_survival_data_are_named(folder, column, value, sentence):
    edit(folder, "c_dfs.csv", lambda t: t.loc.__setitem__((1, column), value))
    done = survive(folder)
    assert done.returncode == 1 and f"patient 'c-0002', {column}: {sentence}" in done.stderr


def test_curve_prediction_and_time_dependent_auc_are_there(folder):
    survive(folder, settings=CONFIG["survive"] | {"events_per_variable": 3})
    content = read(folder)
    cohort = content["cohorts"]["development"]
    assert [row["time"] for row in cohort["time_dependent_auc"]] == [12, 24, 36, 48, 60]
    assert len(cohort["spline"]["score"]) == len(cohort["spline"]["high"]) == 40
    assert 0 < cohort["spline"]["nonlinearity"]["p"] <= 1
    error = content["prediction"]["external"]
    assert 0 < error["model"]["low"] < error["model"]["estimate"] < 0.5 and error["to_month"] == 60
    assert error["scaled"]["estimate"] == pytest.approx(1 - error["model"]["estimate"] / error["no_model"]["estimate"])
    assert len(error["curve"]["month"]) == len(error["curve"]["model"]) == 61


def test_every_group_has_its_survival_at_yearly_times(folder):
    survive(folder)
    cohort = read(folder)["cohorts"]["development"]
    for groups in (cohort["groups"], cohort["pathology"]["groups"]):
        for group in groups.values():
            assert [row["time"] for row in group["at"]] == [12, 24, 36, 48, 60]
            values = [row["estimate"] for row in group["at"] if row["estimate"] is not None]
            assert values == sorted(values, reverse=True)
    assert sum(group["n"] for group in cohort["pathology"]["groups"].values()) == cohort["n"]


def test_each_covariate_stands_alone_too_with_both_intervals(folder):
    settings = CONFIG["survive"] | {"adjust_for": ["mri_ln_positive", "histology"], "events_per_variable": 2}
    survive(folder, settings=settings)
    cohort = read(folder)["cohorts"]["development"]
    alone = cohort["univariable"]
    assert [row["term"] for row in alone] == [row["term"] for row in cohort["multivariable"]][1:]
    for row in [*alone, *cohort["multivariable"], cohort["hazard_ratio"], cohort["continuous"]]:
        assert row["method"].endswith("Wald") and row["profile"]["method"].endswith("profile likelihood")
        assert row["profile"]["low"] < row["estimate"] < row["profile"]["high"]
        assert row["n"] == cohort["n"] and row["events"] == cohort["events"]


def test_the_precision_of_the_hazard_ratio_is_planned(folder):
    survive(folder)
    cohort = read(folder)["cohorts"]["development"]
    plan, ratio = cohort["hazard_ratio_precision"], cohort["hazard_ratio"]
    assert plan["here"] == pytest.approx(ratio["high"] / ratio["low"])
    assert plan["patients"] == int(np.ceil(plan["events"] * cohort["n"] / cohort["events"]))


def test_a_study_with_one_role_is_analysed_on_what_it_has(folder):
    survive(folder)
    both = read(folder)
    assert survive(folder, external=[]).returncode == 0
    content = read(folder)
    assert content["cohorts"] == {"development": both["cohorts"]["development"]}
    assert "no external cohort" in content["prediction"]["why"]
    (folder / "frozen.json").write_text((folder / "survival.json").read_text())
    assert survive(folder, development=[]).returncode == 0
    content = read(folder)
    assert content["cohorts"] == {"external": both["cohorts"]["external"]}
    assert "no development cohort" in content["prediction"]["why"]
    survive(folder, development=[], **{"frozen-survival": "frozen.json"})
    assert read(folder)["prediction"] == both["prediction"]
    done = survive(folder, development=[], external=[])
    assert done.returncode == 1 and "neither development nor external" in done.stderr


def test_the_h_score_stands_beside_the_nodes_at_pathology(folder):
    survive(folder, settings=CONFIG["survive"] | {"events_per_variable": 3})
    cohort = read(folder)["cohorts"]["development"]
    pathology = cohort["pathology"]
    assert [row["term"] for row in pathology["both"]] == ["high H score", "lnm"]
    assert pathology["alone"]["estimate"] > 1 and pathology["log_rank"]["p"] < 0.05  # as simulated
    assert pathology["added"]["df"] == 1 and 0 <= pathology["added"]["p"] <= 1
    assert cohort["competing"] is None


def test_missing_covariates_can_be_imputed(folder):
    edit(folder, "c_manifest.csv", lambda t: t.loc.__setitem__((slice(4, 12), "mri_ln_positive"), None))
    settings = CONFIG["survive"] | {"events_per_variable": 1, "missing": "impute"}
    assert survive(folder, settings=settings).returncode == 0
    cohort = read(folder)["cohorts"]["external"]
    assert "imputed 20 times" in cohort["missing"]["handling"]
    assert {row["n"] for row in cohort["multivariable"]} == {40}
    assert all(
        "Rubin" in row["method"] and row["low"] < row["estimate"] < row["high"] for row in cohort["multivariable"]
    )
    first = cohort["multivariable"]
    survive(folder, settings=settings)
    assert read(folder)["cohorts"]["external"]["multivariable"] == first


def test_a_covariate_that_nobody_has_is_not_imputed(folder):
    edit(folder, "c_manifest.csv", lambda t: t.__setitem__("mri_ln_positive", None))
    survive(folder, settings=CONFIG["survive"] | {"missing": "impute"})
    assert all(row["why"] for row in read(folder)["cohorts"]["external"]["multivariable"])


def test_competing_events_are_counted_and_censored(folder):
    def add(table):
        table["competing_event"] = "0"
        table.loc[table.index[table["dfs_event"] == "0"][:5], "competing_event"] = "1"

    edit(folder, "c_dfs.csv", add)
    survive(folder)
    content = read(folder)
    competing = content["cohorts"]["external"]["competing"]
    assert competing["n"] == 5 and "censored" in competing["handling"]
    assert content["cohorts"]["development"]["competing"] is None
    for group in competing["groups"].values():
        assert group["incidence"] == sorted(group["incidence"]) and group["at_end"]["low"] <= group["at_end"]["high"]
    assert competing["gray"]["df"] == 1 and 0 <= competing["gray"]["p"] <= 1
    for name in ("hazard_ratio", "continuous"):
        assert competing[name]["low"] < competing[name]["estimate"] < competing[name]["high"]
        assert "Fine-Gray" in competing[name]["method"]


def test_the_h_score_is_stratified_by_centre_where_there_are_several(folder):
    survive(folder)
    cohorts = read(folder)["cohorts"]
    found = cohorts["development"]["stratified"]
    assert found["centers"] == 2 and found["log_rank"]["df"] == 1
    for name in ("hazard_ratio", "continuous"):
        assert found[name]["low"] < found[name]["estimate"] < found[name]["high"]
        assert found[name]["estimate"] != cohorts["development"][name]["estimate"]
    alone = cohorts["external"]["stratified"]
    assert alone["centers"] == 1 and alone["hazard_ratio"]["why"] == "all patients come from one centre"


def staged(table):
    table["figo_stage"] = np.resize(["IB", "IIA", "IIB"], len(table))


@pytest.mark.parametrize("missing", ["complete-case", "impute"])
def test_the_levels_of_a_covariate_are_tested_as_one(folder, missing):
    for center in "abc":
        edit(folder, f"{center}_manifest.csv", staged)
    edit(folder, "a_manifest.csv", lambda t: t.loc.__setitem__((slice(0, 5), "figo_stage"), None))
    changed = {"adjust_for": ["mri_ln_positive", "figo_stage"], "events_per_variable": 1, "missing": missing}
    assert survive(folder, settings=CONFIG["survive"] | changed).returncode == 0
    cohort = read(folder)["cohorts"]["development"]
    alone, adjusted = cohort["terms"]
    assert (alone["model"], adjusted["model"]) == ("univariable", "multivariable")
    assert {row["term"] for row in (alone, adjusted)} == {"figo_stage"}
    assert (alone["df"], adjusted["df"]) == (2, 2) and 0 < adjusted["p"] < 1
    assert adjusted["n"] == (64 if missing == "complete-case" else 70)
    assert ("D1" in adjusted["method"]) == (missing == "impute")
    tests = {row["term"]: row["df"] for row in cohort["proportional_hazards_multivariable"]}
    assert tests == {"high H score": 1, "mri_ln_positive": 1, "figo_stage": 2, "GLOBAL": 4}


def test_survival_is_described_by_every_known_characteristic(folder):
    edit(folder, "c_manifest.csv", staged)
    edit(folder, "c_manifest.csv", lambda t: t.loc.__setitem__((slice(0, 2), "figo_stage"), None))
    survive(folder)
    content = read(folder)["cohorts"]
    external = {row["variable"]: row for row in content["external"]["characteristics"]}
    assert list(external) == ["figo_stage", "histology", "mri_ln_short_axis_mm"]  # of one centre
    stage = external["figo_stage"]
    assert [level["level"] for level in stage["levels"]] == ["IB", "IIA", "IIB"]
    assert stage["missing"] == 3 and sum(level["n"] for level in stage["levels"]) == 37
    assert stage["log_rank"]["df"] == 2 and stage["log_rank"]["p_holm"] >= stage["log_rank"]["p"]
    development = [row["variable"] for row in content["development"]["characteristics"]]
    assert development == ["center", "histology", "mri_ln_short_axis_mm"]


def test_the_predicted_survival_is_calibrated(folder):
    survive(folder, settings=CONFIG["survive"] | {"events_per_variable": 2})
    content = read(folder)
    found = content["prediction"]["calibration"]
    assert found["n"] == content["cohorts"]["external"]["n"] and found["month"] <= 60
    assert found["observed_expected"]["low"] < found["observed_expected"]["estimate"]
    assert found["slope"]["low"] < found["slope"]["estimate"] < found["slope"]["high"]
    assert 0 <= found["e50"] <= found["e90"] <= 1 and len(found["curve"]["predicted"]) > 10


def test_added_value_beside_node_size_and_antigen_or_why_not(folder):
    assert survive(folder).returncode == 0
    found = json.loads((folder / "survival.json").read_text())["added_value"]
    assert [row["cohort"] for row in found["cohorts"]] == ["external", "development"]
    for center in "abc":
        table = pd.read_csv(folder / f"{center}_manifest.csv").drop(columns="scc_ag_ng_ml")
        table.to_csv(folder / f"{center}_manifest.csv", index=False)
    assert survive(folder).returncode == 0
    found = json.loads((folder / "survival.json").read_text())["added_value"]
    assert all("have no scc_ag_ng_ml" in row["added"]["why"] for row in found["cohorts"])
    assert "have no scc_ag_ng_ml" in found["frozen"]["gain"]["why"]
