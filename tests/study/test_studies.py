"""The two tiny studies from nothing to the report: what they say and what a fault does.

One file, because both are made once and `--dist loadfile` gives a file to one worker.
"""

import json
import re

import pytest
import yaml

from hscore.steps import compare_with_truth
from workflow_runs import ENVIRONMENTS, ROOT, modules_or_skip, planned, snakemake

pytestmark = pytest.mark.slow

MODELS = ["cet1wi_tumour", "cet1wi_peritumoral", "t2wi_peritumoral", "adc_peritumoral", "clinical", "hybrid"]
MODELS += ["late_hybrid", "fused", "fused_hybrid"]
CENTERS = ("sysucc", "henan", "yunnan")
NO_MONTE_CARLO = {"studies": 0, "confidence": 0.95, "intervals": [], "bands": [], "tests": [], "chosen_threshold": []}


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
        if row["threshold"] is None:  # a model of so few patients may separate nothing
            assert row["confusion"] is None and row["sensitivity"]["why"].startswith("no threshold was frozen")
        else:
            assert sum(row["confusion"].values()) == row["n"]
        if evaluation == "external":
            assert row["n"] == external
    assert set(results["survival"]["cohorts"]) == {"development", "external"}


def test_out_of_fold_and_external_scores_cover_the_cohorts(simulated_study):
    folds = {row["patient"]: row["fold"] for row in simulated_study.rows("splits/folds.csv")}
    for model in MODELS:
        development = simulated_study.rows(f"predictions/{model}/development.csv")
        assert {row["patient"]: row["fold"] for row in development} == folds
        for row in development + simulated_study.rows(f"predictions/{model}/external.csv"):
            assert row["model"] == model and 0 <= float(row["score"]) <= 1


def test_page_says_simulated_and_stands_alone(simulated_study):
    page = (simulated_study.results / "report/report.html").read_text(encoding="utf-8")
    assert "simulated" in page.lower()
    assert "<script src" not in page and '<link rel="stylesheet"' not in page


def test_snakemakes_own_report_has_every_figure_and_table_with_caption_category_and_label(simulated_study, tmp_path):
    snakemake(simulated_study.folder, *simulated_study.arguments, "--report", str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown, _ = json.JSONDecoder().raw_decode(text, text.index('var results = {"') + len("var results = "))
    report = simulated_study.results / "report"
    items = [
        *report.glob("figures/*.svg"),
        *report.glob("tables/*.csv"),
        report / "report.html",
        report / "results.json",
    ]
    for path in items:
        item = shown[path.relative_to(simulated_study.folder).as_posix()]
        assert item["labels"]["What"] != path.stem
        assert "simulated data" in item["caption"].lower(), path.name
        assert len(re.sub("<[^>]+>", "", item["caption"])) > len("Simulated data."), f"{path.name} has no caption"
    assert len(shown) == len(items)


def test_nothing_is_left_behind_half_written(simulated_study):
    hidden = {path.name for path in simulated_study.results.rglob(".*")}
    assert hidden <= {".snakemake_timestamp", ".state"}
    assert not [path for path in (simulated_study.results / "models/.state").rglob("*") if path.is_file()]


def test_every_job_ran_in_the_environment_of_its_stage(simulated_study):
    modules_or_skip()
    stages = {"simulate_patient": "simulate", "train_model": "train", "write_outcome": "cohort", "report": "report"}
    logs = {path: path.read_text(encoding="utf-8") for path in (simulated_study.results / "logs").rglob("*.log")}
    assert len(logs) == 80 - 1  # every job but `all`
    for path, text in logs.items():
        stage = re.search(r"^INFO environment \S+/(\w+), Python", text)[1]
        rule = path.relative_to(simulated_study.results / "logs").parts[0].removesuffix(".log")
        assert f"INFO environment {ENVIRONMENTS / stage}, " in text
        assert stages.get(rule, stage) == stage
    assert {"train", "predict"} < {re.search(r"/(\w+), Python", text)[1] for text in logs.values()}


def test_nothing_but_the_disease_tells_the_label(simulated_study):
    found = simulated_study.json("qc/shortcuts.json")
    assert set(found) == set(CENTERS)
    assert [center["flagged"] for center in found.values()] == [[], [], []]


def test_recovery_sets_the_study_beside_the_truth(simulated_study, tmp_path):
    """The step on the finished study, without the Monte-Carlo part: masks, boxes and ADC come back as planted."""
    results = simulated_study.results
    records = {name: map(str, results.glob(f"{name}/*/batches/*.json")) for name in ("truth", "nifti", "samples")}
    (tmp_path / "monte_carlo.json").write_text(json.dumps({"planted": {"scenario": "planted", **NO_MONTE_CARLO}}))
    compare_with_truth.main(
        [
            *("--study", "tiny", "--parameters", str(ROOT / "resources/simulation.yaml"), "--confidence", "0.95"),
            *("--models", json.dumps(yaml.safe_load((ROOT / "config/config.yaml").read_text())["models"])),
            *("--centers", *CENTERS, "--roles", "development", "development", "external"),
            *("--truths", *(str(results / f"truth/{center}.json") for center in CENTERS)),
            *("--manifests", *(str(results / f"cohort/{center}/manifest.csv") for center in CENTERS)),
            *("--image-truth", *records["truth"], "--nifti", *records["nifti"], "--samples", *records["samples"]),
            *("--validation", str(results / "validation/validation.json")),
            *("--hazard-ratios", str(results / "recovery/hazard_ratios.json")),
            *("--monte-carlo", str(tmp_path / "monte_carlo.json")),
            *("--output", str(tmp_path / "recovery.json"), "--page", str(tmp_path / "recovery.html")),
        ]
    )
    found = json.loads((tmp_path / "recovery.json").read_text())
    images = {row["sequence"]: row for row in found["images"]}
    assert images["CET1WI"]["dice_least"] > 0.99 and images["CET1WI"]["box_exact"] == 1  # drawn on this grid
    for sequence in ("T2WI", "ADC"):  # carried over, often to oblique planes
        assert images[sequence]["dice_mean"] > 0.88 and images[sequence]["dice_least"] > 0.75
        assert abs(images[sequence]["volume_error_mean"]) < 0.1
    assert abs(images["ADC"]["adc_error_mean"]) < 0.05 and images["ADC"]["adc_correlation"] > 0.95
    assert {row["model"] for row in found["models"]} == set(MODELS)
    ratios = found["hazard_ratios"]
    assert ratios["planted"]["estimate"] == pytest.approx(4.59, abs=0.005) and len(ratios["cohorts"]) == 2
    for cohort, row in ratios["cohorts"].items():
        assert row["achieved"] == simulated_study.json("survival/survival.json")["cohorts"][cohort]["hazard_ratio"]
    assert len(found["reading"]) == 4
    page = (tmp_path / "recovery.html").read_text()
    assert page.count("data:image/png;base64") == 9 and "SIMULATED PATIENTS" in page


def test_second_run_has_nothing_to_do_and_in_the_common_environment_neither(simulated_study):
    assert planned(simulated_study.folder, *simulated_study.arguments) == []


def test_each_fault_has_its_place_in_the_flow_diagram(own_study, simulated_study):
    before = simulated_study.json("cohort/yunnan/flow.json")
    after = own_study.json("cohort/yunnan/flow.json")
    assert after["in_table"] == before["in_table"]
    assert after["included"] == before["included"] - 3

    def gained(code: str) -> int:
        def n(flow):
            return sum(entry["n"] for entry in flow["excluded"] if entry["code"] == code)

        return n(after) - n(before)

    assert [gained(code) for code in ("missing_sequence", "no_roi", "no_images")] == [1, 1, 1]
    assert after["not_in_table"] == ["stranger"]
    assert [note["n"] for note in after["notes"] if note["code"] == "unreadable_file"] == [1]


def test_the_rest_completes_and_is_not_called_simulated(own_study):
    results = own_study.json("report/results.json")
    assert results["study"]["simulated"] is False
    assert (own_study.results / "report/report.html").stat().st_size > 10_000


def test_same_dicom_gives_the_same_development_scores(own_study, simulated_study):
    """Development centres are untouched by the faults of the external one: the networks are the same, bit for bit.

    So they are in the environments of the stages (the simulated study) and in the common one.
    """
    for seed_folder in ("models/hybrid/seed-1", "models/cet1wi_tumour/seed-1"):
        for fold in range(2):
            name = f"{seed_folder}/seed-1-fold-{fold}.safetensors"
            assert (own_study.results / name).read_bytes() == (simulated_study.results / name).read_bytes()


def test_a_patient_of_unknown_node_status_is_in_the_survival_analysis_alone(own_study, simulated_study):
    """The networks are the same, by the test above; and so is everything that is frozen or validated on development."""
    flow = own_study.json("cohort/henan/flow.json")
    assert flow["survival_only"]["patients"] == ["henan-unknown"]
    for name in ("splits/folds.csv", "validation/thresholds.json", "predictions/hybrid/calibration.json"):
        assert (own_study.results / name).read_bytes() == (simulated_study.results / name).read_bytes(), name
    *others, further = own_study.rows("predictions/hybrid/development.csv")
    assert others == simulated_study.rows("predictions/hybrid/development.csv")
    assert (further["patient"], further["evaluation"], further["fold"]) == ("henan-unknown", "out_of_fold", "")
    assert 0 < float(further["score"]) < 1

    def development(study, name, part):
        return [row for row in study.json(name)[part] if row["evaluation"] == "out_of_fold"]

    rows = {
        part: [development(s, "validation/validation.json", part) for s in (own_study, simulated_study)]
        for part in ("performance", "comparisons")
    }
    assert rows["comparisons"][0] == rows["comparisons"][1]
    for ours, theirs in zip(*rows["performance"], strict=True):  # resamples depend on the external cohort's size, too
        for key in ("model", "n", "auc", "roc", "confusion", "sensitivity", "specificity"):
            assert ours[key] == theirs[key]
    ours, theirs = (s.json("survival/survival.json")["cohorts"]["development"] for s in (own_study, simulated_study))
    assert ours["n"] == theirs["n"] + 1 and ours["missing"]["lnm"] == 1
    for row in development(own_study, "validation/validation.json", "intention_to_diagnose"):
        assert row["without_reference"] == 1


def test_patients_whose_images_fail_are_counted_by_intention_to_diagnose(own_study, simulated_study):
    before, after = (
        next(
            row
            for row in study.json("validation/validation.json")["intention_to_diagnose"]
            if (row["evaluation"], row["test"]) == ("external", "hybrid")
        )["with_result"]["all"]
        for study in (simulated_study, own_study)
    )
    assert after["denominator"] == before["denominator"] and after["numerator"] == before["numerator"] - 3


def test_nothing_to_do_even_when_files_are_touched(own_study):
    for path in [*own_study.folder.glob("*/clinical.csv"), *list(own_study.folder.glob("*/images/*/*"))[:5]]:
        path.touch()
    assert planned(own_study.folder, *own_study.arguments) == []


def test_frozen_models_score_the_external_patients_again_as_they_did(simulated_study):
    """The external centre alone, as a study of its own, with the models of the finished one: the same bytes."""
    header, *rows = (ROOT / "config/centers.test.tsv").read_text().splitlines()
    centers = simulated_study.folder / "external.tsv"
    centers.write_text("\n".join([header, *(row for row in rows if "\texternal\t" in row)]) + "\n")
    config = {
        "study": "simulated-later",
        "centers": str(centers),
        "simulation": {"parameters": str(ROOT / "resources/simulation.yaml")},
        "frozen": str(simulated_study.results),
    }
    (simulated_study.folder / "frozen.yaml").write_text(yaml.safe_dump(config))
    arguments = [*simulated_study.arguments[:-1], str(simulated_study.folder / "frozen.yaml")]
    snakemake(simulated_study.folder, "validate", "survive", *arguments)
    later = simulated_study.folder / "results/simulated-later"
    assert not (later / "models").exists() and not (later / "splits").exists()
    for model in MODELS:
        name = f"predictions/{model}/external.csv"
        assert (later / name).read_bytes() == (simulated_study.results / name).read_bytes()
    before = simulated_study.json("survival/survival.json")
    after = json.loads((later / "survival/survival.json").read_text())
    assert after["cohorts"]["external"] == before["cohorts"]["external"]
    assert after["prediction"] == before["prediction"]
