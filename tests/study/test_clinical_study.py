"""Studies without images on the real TCGA-CESC table, through Snakemake; their numbers are R's.

R's values are of the whole table: it is one external centre, and readings need no development. The last tests divide
the table by tissue source site: models are developed on some sites alone, then tested, frozen, on the others.
"""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from hscore.learning import calibration
from workflow_runs import ROOT, counts, planned, snakemake

pytestmark = pytest.mark.slow
DAYS_PER_MONTH = 365 / 12
EXAMPLE = ROOT / "config/tcga-cesc.example.yaml"
NOT_NEEDED = {"convert_patient", "normalize_patient", "sample_patient", "train_model", "split_development"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("tcga")


@pytest.fixture(scope="module")
def expected(reference_data) -> dict:
    return json.loads((reference_data / "tcga_cesc" / "expected_tcga_cesc_dev.json").read_text(encoding="utf-8"))


def table(reference_data: Path, output: Path, *arguments: str) -> None:
    """Make a clinical table as the example says."""
    deposited = reference_data / "tcga_cesc" / "tcga_cesc_dev.csv"
    command = [sys.executable, str(EXAMPLE.with_suffix(".py")), str(deposited), str(output), *arguments]
    subprocess.run(command, check=True)


def run(folder: Path, target: str, centers: dict[str, str], study: str, **changes) -> Path:
    """The results folder of a target of the example config with changes; ``centers``: clinical tables by role."""
    lines = ["center\tname\trole\tclinical_table"]
    lines += [f"{name}\tTCGA-CESC\t{role}\t{folder / study / name}.csv" for name, role in centers.items()]
    (folder / study / "centers.tsv").write_text("\n".join(lines) + "\n")
    config = {"study": study, "centers": str(folder / study / "centers.tsv"), **changes}
    config["validate"] = {"bootstrap": {"resamples": 100}, **changes.get("validate", {})}
    (folder / study / "config.yaml").write_text(yaml.safe_dump(config))
    arguments = ["--workflow-profile", str(ROOT / "workflow/profiles/test")]
    arguments += ["--configfile", str(EXAMPLE), str(folder / study / "config.yaml")]
    snakemake(folder, target, *arguments)
    return folder / "results" / study


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def close(value: float):
    return pytest.approx(value, rel=1e-5)


def test_the_example_needs_neither_images_nor_training(reference_data, tmp_path):
    table(reference_data, tmp_path / "data/tcga_cesc/clinical.csv")
    arguments = ["--configfile", str(EXAMPLE), "--config", f"centers={ROOT}/config/centers.tcga-cesc.example.tsv"]
    assert not set(counts(planned(tmp_path, "all", *arguments))) & NOT_NEEDED


@pytest.fixture(scope="module", params=["PFI", "OS"])
def by_stage(request, reference_data, folder) -> tuple[str, Path]:
    """Stage against two end points; of one of them the whole report."""
    study = f"stage-{request.param}"
    table(reference_data, folder / study / "tcga.csv", "--endpoint", request.param)
    return request.param, run(folder, "all" if request.param == "PFI" else "survive", {"tcga": "external"}, study)


def test_nobody_is_excluded_for_images_and_nobody_without_a_reason(by_stage):
    flow = read(by_stage[1] / "cohort/tcga/flow.json")
    excluded = {one["code"]: one["n"] for one in flow["excluded"]}
    assert excluded == {"outcomes_unknown": 2, "clinical_unknown": 7}
    assert (flow["in_table"], flow["included"], flow["not_in_table"]) == (158, 149, [])
    assert flow["survival_only"]["n"] == 149 - 67


NAMES = {"lnm": "lnm", "age": "age", "high H score": "figo_adv"}


def same_ratio(ours: dict, reference: dict) -> None:
    """Hazard ratio, Wald interval and p of one term."""
    found = [ours[key] for key in ("estimate", "low", "high")]
    assert found == [close(reference[key]) for key in ("hr", "hr_lcl", "hr_ucl")]
    assert ours["p"] == pytest.approx(reference["p"], rel=1e-4)


def test_survival_is_that_of_everybody_whose_survival_is_known_and_equals_r(by_stage):
    endpoint, results = by_stage
    cohort = read(results / "survival/survival.json")["cohorts"]["external"]
    r = read(ROOT / "tests/references/r.json")["everybody"][endpoint]
    assert (cohort["n"], cohort["events"]) == (r["n"], r["events"])
    assert cohort["follow_up"]["median"] * DAYS_PER_MONTH == close(r["follow_up"])
    assert cohort["log_rank"]["chi2"] == close(r["log_rank"])
    same_ratio(cohort["hazard_ratio"], r["advanced"])
    same_ratio(next(row for row in cohort["univariable"] if row["term"] == "age"), r["age"])
    assert cohort["concordance"]["estimate"] == close(r["concordance"])
    value, *ends = (cohort["concordance"][key] for key in ("estimate", "low", "high"))
    low, high = (math.log(end / (1 - end)) for end in ends)  # the interval is symmetric on the logit scale
    assert (high - low) / (2 * 1.959963984540054) * value * (1 - value) == close(r["concordance_se"])


def test_cox_models_beside_nodes_are_of_those_whose_nodes_are_known_and_equal_r(by_stage, expected):
    endpoint, results = by_stage
    cohort, r = read(results / "survival/survival.json")["cohorts"]["external"], expected[f"{endpoint}_cox"]
    nodes = next(row for row in cohort["univariable"] if row["term"] == "lnm")
    for row in (nodes, cohort["pathology"]["alone"], *cohort["multivariable"]):
        assert (row["n"], row["events"]) == (r["n"], r["events"])
    together = {term["term"]: term for term in r["cox_multivariable"]["efron"]["coef"]}
    assert {NAMES[row["term"]] for row in cohort["multivariable"]} == set(together)
    for row in cohort["multivariable"]:
        same_ratio(row, together[NAMES[row["term"]]])
    for row in (nodes, cohort["pathology"]["alone"]):
        same_ratio(row, r["cox_univariable"]["lnm"]["coef"][0])
    tests = {NAMES.get(row["term"], row["term"]): row for row in cohort["proportional_hazards_multivariable"]}
    for reference in r["cox_zph"]["km"]:
        assert tests[reference["term"]]["chi2"] == pytest.approx(reference["chisq"], rel=1e-4)
        assert tests[reference["term"]]["p"] == pytest.approx(reference["p"], rel=1e-4)


def test_deaths_of_other_causes_are_declared_for_progression_and_not_for_death(by_stage):
    endpoint, results = by_stage
    content = read(results / "survival/survival.json")["cohorts"]["external"]["competing"]
    events = sum(group["competing_events"] for group in content["groups"].values())
    assert content["n"] == events and (events > 0) == (endpoint == "PFI")


def test_the_report_of_a_study_of_readings_is_whole(by_stage):
    endpoint, results = by_stage
    if endpoint == "OS":
        assert not (results / "report").exists()
        return
    text = (results / "report/report.html").read_text(encoding="utf-8")
    assert "nothing was fitted, and thresholds are fixed in the settings" in text
    assert "out-of-fold" not in text.split('id="published"')[0]
    content = read(results / "report/results.json")
    assert content["trained"] == [] and {row["evaluation"] for row in content["performance"]} == {"external"}


@pytest.mark.parametrize("endpoint", ["OS", "PFI", "DFI"])
def test_survival_by_nodes_at_pathology_equals_r(endpoint, reference_data, folder, expected):
    """Histology is known of everybody, so that nobody with known nodes is left out."""
    study = f"nodes-{endpoint}"
    table(reference_data, folder / study / "tcga.csv", "--endpoint", endpoint)
    histology = {"label": "Adenocarcinoma", "reading": "histology", "positive": ["adenocarcinoma", "adenosquamous"]}
    results = run(
        folder,
        "survive",
        {"tcga": "external"},
        study,
        models={"advanced_stage": None, "histology": histology},
        validate={"reference": "histology", "bootstrap": {"resamples": 100}},
        survive={"model": "histology", "horizon_months": 240},
    )
    cohort, r = read(results / "survival/survival.json")["cohorts"]["external"], expected[f"{endpoint}_by_lnm"]
    if endpoint == "OS":
        everybody = expected["OS_all"]
        assert (cohort["n"], cohort["events"]) == (everybody["n"], everybody["events"])
        assert cohort["follow_up"]["median"] * DAYS_PER_MONTH == close(everybody["reverse_km_median_followup"])
    nodes = cohort["pathology"]
    assert (nodes["alone"]["n"], nodes["alone"]["events"]) == (r["n"], r["events"])
    assert nodes["log_rank"]["chi2"] == close(r["logrank"]["chi2"])
    same_ratio(nodes["alone"], r["cox_univariable_group"]["efron"]["coef"][0])
    means = r["rmst"]["rmean"][::-1]  # ours: positive first
    assert [mean * DAYS_PER_MONTH for mean in nodes["restricted_mean"]["means"]] == [close(mean) for mean in means]
    errors = r["rmst"]["se"][::-1]
    assert [error * DAYS_PER_MONTH for error in nodes["restricted_mean"]["errors"]] == [close(e) for e in errors]
    curves = r["km_by_group"]["log-log"]
    for name, status in (("negative", 0), ("positive", 1)):
        group = nodes["groups"][name]
        (median,) = (row for row in curves["median"] if row["stratum"].endswith(str(status)))
        found = [group[key] for key in ("median", "median_low", "median_high")]
        for ours, reference in zip(found, (median[key] for key in ("median", "lcl", "ucl")), strict=True):
            assert (ours is None) == (reference is None)
            assert ours is None or ours * DAYS_PER_MONTH == close(reference)
        at = {row["time"]: row for row in group["at"]}
        for reference in curves["at_times"]:
            if reference["stratum"].endswith(str(status)) and reference["time"] in (365, 1095):
                ours = at[reference["time"] / DAYS_PER_MONTH]
                assert ours["estimate"] == close(reference["surv"])
                if reference["surv"] < 1:  # R has no band before the first event
                    assert [ours["low"], ours["high"]] == [close(reference["lcl"]), close(reference["ucl"])]


def test_node_call_on_ct_against_pathology_equals_r(reference_data, folder, expected):
    table(reference_data, folder / "nodes" / "tcga.csv")
    results = run(
        folder,
        "validate",
        {"tcga": "external"},
        "nodes",
        models={"advanced_stage": None, "node_call": {"label": "Node call on CT", "reading": "mri_ln_positive"}},
        validate={"reference": "node_call", "bootstrap": {"resamples": 100}},
        survive={"model": "node_call"},
    )
    validation = read(results / "validation/validation.json")
    (row,), (intention,) = validation["performance"], validation["intention_to_diagnose"]
    r = expected["ct_nodes_vs_pathology"]
    assert row["n"] == r["n"]
    assert row["confusion"] == {key: r["metrics"][key] for key in ("tp", "fp", "tn", "fn")}
    for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy"):
        assert row[name]["estimate"] == close(r["metrics"][name]["estimate"])
        assert [row[name]["low"], row[name]["high"]] == [close(value) for value in r["metrics"][name]["wilson"]]
    short = {"positive": "lr_pos", "negative": "lr_neg"}
    for name, key in short.items():
        ours, reference = row[f"{name}_likelihood_ratio"], r["metrics"][key]
        assert ours["estimate"] == close(reference["est"])
        assert [ours["low"], ours["high"]] == [close(value) for value in reference["ci_log"]]
    for name in ("mcc", "f1", "kappa", "youden", "balanced_accuracy"):
        assert row["indices"][name]["estimate"] == close(r["metrics"][name])
    # of 23 patients with metastasis and 46 without, 17 had a call
    assert intention["test"] == "node_call"
    assert intention["table"] == {
        "positive": {"n": 23, "called_positive": 2, "called_negative": 7, "no_result": 14},
        "negative": {"n": 46, "called_positive": 3, "called_negative": 5, "no_result": 38},
    }
    assert [intention[case]["sensitivity"]["estimate"] for case in ("worst", "best")] == [2 / 23, 16 / 23]
    assert [intention[case]["specificity"]["estimate"] for case in ("worst", "best")] == [5 / 46, 43 / 46]
    assert intention["without_reference"] == 158 - 69


# Some sites develop, the others test what was frozen

MODELS = {
    "advanced_stage": None,
    "age_model": {"label": "Age", "clinical": ["age"]},
    "histology": {"label": "Adenocarcinoma", "reading": "histology", "positive": ["adenocarcinoma", "adenosquamous"]},
}
FITTED = {
    "models": MODELS,
    "split": {"folds": 3},
    "validate": {"threshold": "youden", "reference": "age_model", "bootstrap": {"resamples": 100}},
    "survive": {"model": "age_model", "adjust_for": ["lnm"], "groups": "median"},
}


@pytest.fixture(scope="module")
def developed(reference_data, folder) -> Path:
    """Two models on one large site, which is all there is."""
    table(reference_data, folder / "developed" / "first.csv", "--sites", "C5", "--center", "first")
    return run(folder, "all", {"first": "development"}, "developed", **FITTED)


def test_a_study_with_development_centres_alone_leads_with_out_of_fold_results(developed):
    content = read(developed / "report/results.json")
    assert {row["evaluation"] for row in content["performance"]} == {"out_of_fold", "apparent"}
    assert list(content["survival"]["cohorts"]) == ["development"] and content["auc_change"] == []
    assert [one["model"] for one in content["trained"]] == ["age_model"]  # a reading is not trained
    text = (developed / "report/report.html").read_text(encoding="utf-8")
    assert "AUC, development cohort, out-of-fold" in text
    assert not list((developed / "predictions").glob("*/external.csv"))


def test_frozen_models_are_tested_on_other_centres_as_they_are(developed, reference_data, folder):
    sites = sorted(sites_of(reference_data) - {"C5"})
    table(reference_data, folder / "tested" / "others.csv", "--sites", *sites, "--center", "others")
    tested = run(folder, "all", {"others": "external"}, "tested", **FITTED, frozen=str(developed))
    before, after = (read(results / "report/results.json") for results in (developed, tested))
    assert not (tested / "models").exists() and not (tested / "validation/thresholds.json").exists()
    assert after["thresholds"] == before["thresholds"] and after["recalibration"] == before["recalibration"]
    assert after["trained"] == before["trained"]
    assert {row["evaluation"] for row in after["performance"]} == {"external"}
    assert after["survival"]["grouping"]["threshold"] == before["thresholds"]["age_model"]["median"]
    assert after["survival"]["prediction"]["fitted"] == before["survival"]["prediction"]["fitted"]
    assert after["survival"]["prediction"]["external"]["model"]["estimate"] > 0
    (model,) = after["trained"]
    members = read(developed / "models/age_model/seed-1/model.json")["coefficients"]
    frozen = read(developed / "predictions/age_model/calibration.json")
    manifest = {row["patient"]: float(row["age"]) for row in rows(tested / "cohort/others/manifest.csv")}
    external = rows(tested / "predictions/age_model/external.csv")
    for row in (row for row in external if row["evaluation"] == "external"):
        scores = [probability(member, manifest[row["patient"]]) for member in members]
        risks = calibration.apply(frozen, np.array(scores)[:, None])[:, 0]
        assert float(row["score"]) == pytest.approx(risks.mean(), rel=1e-5)


def sites_of(reference_data: Path) -> set[str]:
    return {row["center"] for row in rows(reference_data / "tcga_cesc" / "tcga_cesc_dev.csv")}


def rows(path: Path) -> list[dict]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def probability(member: dict, age: float) -> float:
    """A logistic model of one variable, written out."""
    from math import exp

    slope = member["coefficients"]["age"]
    return 1 / (1 + exp(-(member["intercept"] + slope * (age - member["mean"][0]) / member["deviation"][0])))
