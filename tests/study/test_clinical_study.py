"""A study without images on the real TCGA-CESC table, through Snakemake; its numbers are R's.

R's values are of the whole table, so the whole table is the external centre. A development centre is needed as well:
the same patients under other names. Readings are not fitted, so nothing can leak from it.
"""

import csv
import json
from pathlib import Path

import pytest
import yaml

from workflow_runs import ROOT, counts, planned, snakemake

pytestmark = pytest.mark.slow
DAYS_PER_MONTH = 30.4375
COLUMNS = (
    *("patient", "center", "age", "figo_stage", "histology", "grade", "scc_ag_ng_ml", "mri_ln_short_axis_mm"),
    *("mri_ln_positive", "lnm", "dfs_months", "dfs_event", "competing_event"),
)
REACHED = {"absent": 0, "present": 1, "": ""}


def row(deposited: dict, center: str) -> dict:
    """One line of the deposited table under the project's columns; progression-free interval as survival.

    A death without progression is the competing event.
    """
    known = deposited["PFI.time"] != "" and deposited["PFI"] != ""
    nodes = deposited["ln_positive_he"]
    return {
        "patient": f"{center}-{deposited['patient']}",
        "center": center,
        "age": deposited["age"],
        "figo_stage": deposited["figo_stage"],
        "histology": deposited["histology"],
        "grade": deposited["grade"],
        "mri_ln_positive": REACHED[deposited["ct_pelvic_nodes"]],
        "lnm": "" if nodes == "" else int(float(nodes) > 0),
        "dfs_months": repr(float(deposited["PFI.time"]) / DAYS_PER_MONTH) if known else "",
        "dfs_event": deposited["PFI"] if known else "",
        "competing_event": int(deposited["PFI"] == "0" and deposited["OS"] == "1") if known else "",
    }


@pytest.fixture(scope="module")
def tables(shared_data, tmp_path_factory) -> Path:
    """Folder with the clinical tables and the centres table, which has no column ``images``."""
    folder = tmp_path_factory.mktemp("tcga")
    with (shared_data / "tcga_cesc" / "tcga_cesc_dev.csv").open(newline="", encoding="utf-8") as file:
        deposited = list(csv.DictReader(file))
    lines = ["center\tname\trole\tclinical_table"]
    for center, role in (("copy", "development"), ("tcga", "external")):
        with (folder / f"{center}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(row(one, center) for one in deposited)
        lines.append(f"{center}\tTCGA-CESC\t{role}\t{folder / center}.csv")
    (folder / "centers.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def expected(shared_data) -> dict:
    return json.loads((shared_data / "tcga_cesc" / "expected_tcga_cesc_dev.json").read_text(encoding="utf-8"))


def run(folder: Path, target: str, **changes) -> Path:
    """Run a target of the example config with changes; returns the results folder."""
    config = {"centers": str(folder / "centers.tsv"), "validate": {"bootstrap": {"resamples": 100}}, **changes}
    name = config.setdefault("study", "stage")
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(config))
    arguments = ["--workflow-profile", str(ROOT / "workflow/profiles/test")]
    arguments += ["--configfile", str(ROOT / "config/tcga-cesc.example.yaml"), str(folder / f"{name}.yaml")]
    jobs = counts(planned(folder, target, *arguments))
    assert not set(jobs) & {"convert_patient", "normalize_patient", "sample_patient"}
    snakemake(folder, target, *arguments)
    return folder / "results" / name


@pytest.fixture(scope="module")
def by_stage(tables) -> Path:
    return run(tables, "all")


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def close(value: float):
    return pytest.approx(value, rel=1e-5)


def test_nobody_is_excluded_for_images(by_stage):
    flow = read(by_stage / "cohort/tcga/flow.json")
    assert {one["code"]: one["n"] for one in flow["excluded"]} == {"lnm_unknown": 89, "clinical_unknown": 2}
    assert (flow["in_table"], flow["included"], flow["not_in_table"]) == (158, 67, [])


def test_stage_and_nodes_against_progression_equal_r(by_stage, expected):
    cohort = read(by_stage / "survival/survival.json")["cohorts"]["external"]
    r = expected["PFI_cox"]
    assert (cohort["n"], cohort["events"]) == (r["n"], r["events"])
    assert cohort["follow_up"]["median"] * DAYS_PER_MONTH == close(r["reverse_km_median_followup"])
    names = {"lnm": "lnm", "age": "age", "high H score": "figo_adv"}
    rows = {names[row["term"]]: row for row in cohort["multivariable"]}
    for term in r["cox_multivariable"]["efron"]["coef"]:
        ours = rows[term["term"]]
        assert [ours[key] for key in ("estimate", "low", "high")] == [
            close(term[key]) for key in ("hr", "hr_lcl", "hr_ucl")
        ]
    for ours, name in ((cohort["hazard_ratio"], "figo_adv"), (cohort["pathology"]["alone"], "lnm")):
        term = r["cox_univariable"][name]["coef"][0]
        assert ours["estimate"] == close(term["hr"]) and ours["high"] == close(term["hr_ucl"])
    score_test = r["cox_univariable"]["lnm"]["score_test"]["test"]
    assert cohort["pathology"]["log_rank"]["chi2"] == pytest.approx(score_test, rel=0.01)  # ties: not the same test
    tests = cohort["proportional_hazards_multivariable"]
    ours = {names.get(row["term"], row["term"]): row["chi2"] for row in tests}
    for term in r["cox_zph"]["km"]:
        assert ours[term["term"]] == pytest.approx(term["chisq"], rel=1e-4)


def test_deaths_of_other_causes_are_declared(by_stage):
    content = read(by_stage / "survival/survival.json")["cohorts"]["external"]["competing"]
    groups = content["groups"].values()
    assert content["n"] == sum(group["competing_events"] for group in groups) > 0
    assert (by_stage / "report/report.html").stat().st_size > 10_000


def test_node_call_on_ct_against_pathology_equals_r(tables, expected):
    models = {"advanced_stage": None, "node_call": {"label": "Node call on CT", "reading": "mri_ln_positive"}}
    results = run(
        tables,
        "validate",
        study="nodes",
        models=models,
        validate={"reference": "node_call", "bootstrap": {"resamples": 100}},
        survive={"model": "node_call"},
    )
    rows = read(results / "validation/validation.json")["performance"]
    (row,) = (row for row in rows if row["evaluation"] == "external")
    r = expected["ct_nodes_vs_pathology"]
    assert row["n"] == r["n"]
    assert row["confusion"] == {key: r["metrics"][key] for key in ("tp", "fp", "tn", "fn")}
    for name in ("sensitivity", "specificity", "ppv", "npv", "accuracy"):
        assert row[name]["estimate"] == close(r["metrics"][name]["estimate"])
        assert [row[name]["low"], row[name]["high"]] == [close(value) for value in r["metrics"][name]["wilson"]]
    assert row["indices"]["mcc"] == close(r["metrics"]["mcc"])
