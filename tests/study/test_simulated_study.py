"""The tiny simulated study from nothing to the report, and what a second look at it costs."""

import pytest

from workflow_runs import planned

# both modules look at the same two runs, which one worker makes
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("study")]

MODELS = ["cet1wi_tumour", "cet1wi_peritumoral", "t2wi_peritumoral", "adc_peritumoral", "clinical", "hybrid"]


def test_every_patient_is_in_one_place_of_the_flow_diagram(simulated_study):
    for center, patients in (("sysucc", 8), ("henan", 7), ("yunnan", 7)):
        flow = simulated_study.json(f"cohort/{center}/flow.json")
        excluded = [patient for entry in flow["excluded"] for patient in entry["patients"]]
        included = [row["patient"] for row in simulated_study.rows(f"cohort/{center}/manifest.csv")]
        assert flow["in_table"] == patients == len(set(excluded + included))
        assert len(excluded + included) == patients
        assert flow["included"] == len(included)


def test_results_hold_all_models_and_evaluations(simulated_study):
    results = simulated_study.json("report/results.json")
    assert results["study"]["simulated"] is True
    rows = {(row["model"], row["evaluation"]): row for row in results["performance"]}
    assert set(rows) == {(m, e) for m in MODELS for e in ("external", "out_of_fold", "apparent")}
    external = len(simulated_study.rows("cohort/yunnan/manifest.csv"))
    for (_, evaluation), row in rows.items():
        assert sum(row["confusion"].values()) == row["n"]
        if evaluation == "external":
            assert row["n"] == external
    assert set(results["survival"]["cohorts"]) == {"development", "external"}


def test_out_of_fold_and_external_scores_cover_the_cohorts(simulated_study):
    folds = {row["patient"]: row["fold"] for row in simulated_study.rows("splits/folds.csv")}
    for model in MODELS:
        development = simulated_study.rows(f"predictions/{model}/development.csv")
        assert {row["patient"] for row in development} == set(folds)
        for row in development + simulated_study.rows(f"predictions/{model}/external.csv"):
            for column in {"out_of_fold", "apparent", "score"} & set(row):
                assert 0 <= float(row[column]) <= 1


def test_page_says_simulated_and_stands_alone(simulated_study):
    page = (simulated_study.results / "report/report.html").read_text(encoding="utf-8")
    assert "simulated" in page.lower()
    assert "<script src" not in page and '<link rel="stylesheet"' not in page


def test_nothing_is_left_behind_half_written(simulated_study):
    hidden = {path.name for path in simulated_study.results.rglob(".*")}
    assert hidden <= {".snakemake_timestamp", ".state"}
    assert not [path for path in (simulated_study.results / "models/.state").rglob("*") if path.is_file()]


def test_second_run_has_nothing_to_do(simulated_study):
    assert planned(simulated_study.folder, *simulated_study.arguments) == []
