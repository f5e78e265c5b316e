"""The set of jobs, as a dry-run lists it, and what may depend on what."""

import re
from dataclasses import replace

import pytest

from workflow_runs import ROOT, Job, ancestors, counts, planned, snakemake

PATIENT_RULES = ("convert_patient", "normalize_patient", "sample_patient", "check_quality")
# Whoever decides anything about a model: none of these may descend from an external centre.
DECIDING_RULES = ("split_development", "train_model", "predict_development", "freeze_thresholds", "select_models")
OUTCOME_READERS = {"validate_models", "analyze_survival", "describe_cohorts", "explain_model", "check_shortcuts"}
OUTCOME_READERS |= {"show_cases"}
MEASURING_RULES = {"monte_carlo_truth", "monte_carlo_batch", "summarize_monte_carlo", "compare_with_truth"}
IMAGE_MODELS = {"cet1wi_tumour", "cet1wi_peritumoral", "t2wi_peritumoral", "adc_peritumoral", "hybrid"}
LINEAR_MODELS = {"clinical", "late_hybrid", "fused", "fused_hybrid"}
JOINT = {"label": "Joint sequences", "sequences": ["CET1WI", "T2WI", "ADC"], "region": "peritumoral"}


@pytest.fixture(scope="module")
def full_study(tmp_path_factory) -> list[Job]:
    """All jobs of the simulated 479-patient study, on an empty disk."""
    return full_study_jobs(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def beside_the_study(tmp_path_factory) -> list[Job]:
    """All jobs of the two targets beside it."""
    return full_study_jobs(tmp_path_factory.mktemp("full"), "leave_one_center_out", "search")


def full_study_jobs(directory, *targets) -> list[Job]:
    overrides = [
        f"centers={ROOT}/config/centers.tsv",
        f"simulation={{parameters: {ROOT}/resources/simulation.yaml}}",
    ]
    return planned(directory, *targets, "--config", *overrides)


@pytest.fixture(scope="module")
def recovery(tmp_path_factory) -> list[Job]:
    """All jobs of a small simulated study and its recovery report."""
    directory = tmp_path_factory.mktemp("recovery")
    overrides = [
        f"centers={ROOT}/config/centers.test.tsv",
        f"simulation={{parameters: {ROOT}/resources/simulation.yaml}}",
    ]
    return planned(directory, "recovery", "--configfile", str(ROOT / "config/test.yaml"), "--config", *overrides)


def test_full_study_lists_every_job_before_a_byte_is_read(full_study):
    by_rule = counts(full_study)
    assert by_rule["simulate_atlas"] == 1
    assert by_rule["simulate_center"] == 3
    assert by_rule["simulate_patient"] == 32  # batches of about sixteen patients
    assert [by_rule[rule] for rule in PATIENT_RULES] == [32, 32, 32, 32]
    assert by_rule["write_inventory"] == by_rule["overview_quality"] == 3
    assert by_rule["build_cohort"] == 3
    assert by_rule["write_outcome"] == 6
    assert by_rule["train_model"] == 9
    assert by_rule["predict_development"] == by_rule["predict_external"] == 9
    for rule in ("split_development", "freeze_thresholds", "select_models", "validate_models", "analyze_survival"):
        assert by_rule[rule] == 1
    assert by_rule["explain_model"] == by_rule["report"] == by_rule["all"] == 1
    assert not {"train_without_center", "search_settings"} & set(by_rule)


def external_jobs(jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job.wildcards.get("center") == "yunnan"]


def test_nothing_of_the_external_centre_reaches_a_decision(full_study):
    external = external_jobs(full_study)
    assert external
    deciding = [job for job in full_study if job.rule in DECIDING_RULES]
    assert {job.rule for job in deciding} == set(DECIDING_RULES)
    for job in deciding:
        leaks = [other for other in ancestors(full_study, job) if other in external]
        assert not leaks, f"{job.rule} {job.wildcards} depends on {leaks[0].rule} {leaks[0].wildcards}"
        assert not [name for name in job.inputs if "yunnan" in name or "external" in name]


def test_nothing_of_the_external_centre_reaches_what_is_beside_the_study(beside_the_study):
    by_rule = counts(beside_the_study)
    assert by_rule["train_without_center"] == by_rule["predict_held_out_center"] == 9
    assert by_rule["search_settings"] == 5 + 1
    assert by_rule["leave_one_center_out"] == by_rule["search"] == by_rule["split_by_center"] == 1
    assert not external_jobs(beside_the_study)
    assert not [name for job in beside_the_study for name in job.inputs if "yunnan" in name or "external" in name]


def test_late_fusion_learns_from_out_of_fold_scores(full_study, beside_the_study):
    """The scores it is trained on are development's, and those of its own folds."""
    for jobs, rule, place in (
        (full_study, "train_model", "predictions/cet1wi_peritumoral/development.csv"),
        (beside_the_study, "train_without_center", "leave_one_center_out/predictions/cet1wi_peritumoral.csv"),
    ):
        (job,) = (job for job in jobs if job.rule == rule and job.wildcards["model"] == "late_hybrid")
        assert [name for name in job.inputs if "predictions" in name] == [f"results/simulated/{place}"]
        folds = {name for name in job.inputs if name.endswith("folds.csv")}
        (base,) = (other for other in ancestors(jobs, job) if other.rule.startswith("predict"))
        assert folds and folds <= set(base.inputs)


def test_the_leakage_walk_sees_a_leak(full_study):
    """The same walk over a DAG in which the external manifest is given to the split."""
    split = next(job for job in full_study if job.rule == "split_development")
    external = "results/simulated/cohort/yunnan/manifest.csv"
    leaking = replace(split, inputs=[*split.inputs, external])
    jobs = [leaking if job is split else job for job in full_study]
    train = next(job for job in jobs if job.rule == "train_model")
    assert any(job in external_jobs(jobs) for job in ancestors(jobs, train))


def test_external_outcomes_are_read_by_validate_survive_table_1_and_cases_alone(full_study):
    outcomes = {out for job in external_jobs(full_study) if job.rule == "write_outcome" for out in job.outputs}
    assert len(outcomes) == 2
    readers = {job.rule for job in full_study if outcomes & set(job.inputs)}
    assert readers == OUTCOME_READERS
    excluded = {out for job in external_jobs(full_study) if job.rule == "write_lnm_of_excluded" for out in job.outputs}
    assert {job.rule for job in full_study if excluded & set(job.inputs)} == {"validate_models"} and len(excluded) == 1


def truth_readers(jobs: list[Job]) -> set[str]:
    """Rules with an input that is the planted truth, of a centre or of a patient's images."""
    truth = {out for job in jobs if job.rule.startswith("simulate") for out in job.outputs if "/truth/" in out}
    assert {"/batches/" in name for name in truth} == {True, False}
    return {job.rule for job in jobs if truth & set(job.inputs)}


def test_only_the_report_reads_the_planted_truth_and_nothing_hangs_on_it(full_study):
    assert truth_readers(full_study) == {"simulate_patient", "collect_results", "compare_hazard_ratios"}
    compared = {out for job in full_study if job.rule == "compare_hazard_ratios" for out in job.outputs}
    assert {job.rule for job in full_study if compared & set(job.inputs)} == {"collect_results"}
    told = {out for job in full_study if job.rule == "collect_results" for out in job.outputs}
    assert {job.rule for job in full_study if told & set(job.inputs)} == {"report", "record_run"}
    assert not MEASURING_RULES & set(counts(full_study))


def test_recovery_alone_sets_the_study_beside_the_truth(recovery):
    readers = {"simulate_patient", "collect_results", "compare_hazard_ratios", "compare_with_truth"}
    assert truth_readers(recovery) == readers
    measuring = [job for job in recovery if job.rule in MEASURING_RULES]
    assert {job.rule for job in measuring} == MEASURING_RULES
    by_rule = counts(recovery)
    assert (by_rule["monte_carlo_truth"], by_rule["monte_carlo_batch"]) == (2, 20)


def test_nothing_of_the_study_hangs_on_its_measurement(recovery):
    measuring = {out for job in recovery if job.rule in MEASURING_RULES for out in job.outputs}
    assert {job.rule for job in recovery if measuring & set(job.inputs)} <= MEASURING_RULES | {"recovery"}
    report = next(job for job in recovery if job.rule == "report")
    assert not MEASURING_RULES & {job.rule for job in ancestors(recovery, report)}


def test_a_control_is_judged_and_its_leak_planted_in_the_external_centre_only(tmp_path):
    arguments = ["--configfile", str(ROOT / "config/controls/corner_leak.yaml"), "--config"]
    tables = [f"centers={ROOT}/config/controls/centers.tsv"]
    tables.append(f"simulation={{parameters: {ROOT}/resources/simulation.yaml}}")
    done = snakemake(tmp_path, "-n", "-p", *arguments, *tables, "--", "control")
    lines = [line for line in done.stdout.splitlines() if "hscore.steps.simulate_center" in line]
    leaking = [line for line in lines if "--control corner_leak" in line]
    assert len(lines) == 3 and len(leaking) == 1 and "--center yunnan" in leaking[0]
    assert "hscore.steps.judge_control --control corner_leak" in done.stdout


@pytest.mark.parametrize(("shift", "scanners"), [("none", {"siemens"}), ("strong", {"siemens", "ge", "philips"})])
def test_centre_shift_none_gives_every_centre_the_same_scanner(tmp_path, shift, scanners):
    simulation = f"simulation={{parameters: {ROOT}/resources/simulation.yaml, center_shift: {shift}}}"
    overrides = ["--config", f"centers={ROOT}/config/centers.test.tsv", simulation]
    done = snakemake(tmp_path, "-n", "-p", "--configfile", str(ROOT / "config/test.yaml"), *overrides, "--", "simulate")
    assert set(re.findall(r"simulate_center .*--scanner (\w+)", done.stdout)) == scanners
    assert set(re.findall(r"simulate_patient .*--scanner (\w+)", done.stdout)) == scanners
    assert f"--center-shift {shift}" in done.stdout


@pytest.mark.parametrize(
    ("target", "last"),
    [
        ("convert", "write_inventory"),
        ("normalize", "normalize_patient"),
        ("sample", "sample_patient"),
        ("quality", "overview_quality"),
        ("cohort", "describe_cohorts"),
        ("split", "split_development"),
        ("train", "train_model"),
        ("predict", "predict_external"),
        ("validate", "validate_models"),
        ("survive", "analyze_survival"),
        ("explain", "explain_model"),
        ("leave_one_center_out", "describe_held_out_centers"),
        ("search", "summarize_search"),
    ],
)
def test_named_target_ends_with_its_stage(own_study, target, last):
    jobs = planned(own_study.folder, target, *own_study.arguments)
    final = next(job for job in jobs if job.rule == target)
    assert last in {job.rule for job in jobs if set(job.outputs) & set(final.inputs)}
    assert "report" not in counts(jobs)


def test_nothing_hangs_on_what_is_for_the_eye(full_study):
    """Quality and inventory see all centres; only the report and each other may read them."""
    looking = {"write_inventory", "compare_patients", "check_quality", "overview_quality", "check_shortcuts"}
    seen = {out for job in full_study if job.rule in looking for out in job.outputs}
    assert {job.rule for job in full_study if seen & set(job.inputs)} <= {
        "all",
        "overview_quality",
        "check_shortcuts",
        "describe_images",
        "show_cases",
        "collect_results",
        "record_run",
    }


def test_own_data_needs_no_simulation(own_study):
    by_rule = counts(planned(own_study.folder, *own_study.arguments))
    assert by_rule["convert_patient"] == 3
    assert not [rule for rule in by_rule if rule.startswith("simulate")]


def test_a_model_left_out_leaves_no_job(own_study):
    own_study.configure(
        models={"adc_peritumoral": None, "fused": None, "fused_hybrid": None},
        cohort={"required_sequences": ["CET1WI", "T2WI"]},
    )
    jobs = planned(own_study.folder, *own_study.arguments)
    assert counts(jobs)["train_model"] == 6
    assert not {"adc_peritumoral", "fused", "fused_hybrid"} & {job.wildcards.get("model") for job in jobs}


def trained(jobs: list[Job]) -> list[tuple[str, str]]:
    return sorted((job.wildcards["model"], job.wildcards["seed"]) for job in jobs if job.rule == "train_model")


def test_every_seed_of_a_network_is_a_training_job(own_study):
    own_study.configure(train={"seeds": 3})
    expected = [(model, seed) for model in IMAGE_MODELS for seed in "123"] + [(model, "1") for model in LINEAR_MODELS]
    assert trained(planned(own_study.folder, *own_study.arguments)) == sorted(expected)


def test_of_the_models_those_of_several_sequences_are_trained_first(own_study):
    own_study.configure(models={"joint": JOINT})
    jobs = planned(own_study.folder, *own_study.arguments)
    priority = {job.wildcards["model"]: job.priority for job in jobs if job.rule == "train_model"}
    assert priority["joint"] > priority["t2wi_peritumoral"] > priority["late_hybrid"]


def test_a_gpu_is_requested_for_image_models_only_and_trains_all_seeds_at_once(own_study):
    own_study.configure(train={"device": "gpu", "seeds": 3})
    jobs = planned(own_study.folder, *own_study.arguments, "--resources", "gpu=1")
    assert trained(jobs) == sorted((model, "1-3") for model in IMAGE_MODELS | LINEAR_MODELS)
    with_gpu = {job.wildcards["model"] for job in jobs if job.rule == "train_model" and job.resources["gpu"]}
    assert with_gpu == IMAGE_MODELS


def test_a_search_for_a_model_without_images_is_refused(own_study):
    own_study.configure(search={"model": "clinical"})
    assert "train_model" in counts(planned(own_study.folder, *own_study.arguments))
    done = snakemake(own_study.folder, "search", "-n", *own_study.arguments, check=False)
    assert done.returncode != 0
    assert "config: 'search.model': there is no image model 'clinical'" in done.stdout + done.stderr


def test_every_rule_asks_for_more_memory_and_time_at_every_attempt(own_study):
    first = {(job.rule, *job.wildcards.values()): job for job in planned(own_study.folder, *own_study.arguments)}
    third = planned(own_study.folder, *own_study.arguments, "--attempt", "3")
    assert len(third) == len(first)
    for job in third:
        before = first[(job.rule, *job.wildcards.values())].resources
        for name in ("mem_mb", "runtime"):
            assert job.rule == "all" or job.resources[name] == 3 * before[name] > 0


def test_without_an_external_centre_nothing_external_is_planned(own_study):
    own_study.keep("development")
    by_rule = counts(planned(own_study.folder, *own_study.arguments))
    assert not {"predict_external", "explain_model"} & set(by_rule)
    assert by_rule["predict_development"] == by_rule["train_model"] == 9
    assert by_rule["select_models"] == by_rule["report"] == 1


READING = {"label": "Stage", "reading": "figo_stage", "positive": ["IIB", "III"]}
NOT_TRAINED = {"split_development", "train_model", "predict_development", "select_models"}


def test_a_reading_alone_needs_no_development_centre_and_no_training(own_study):
    own_study.keep("external")
    own_study.configure(
        models={**dict.fromkeys(IMAGE_MODELS | LINEAR_MODELS), "stage": READING},
        validate={"threshold": {"value": 0.5}, "reference": "stage"},
        survive={"model": "stage"},
    )
    by_rule = counts(planned(own_study.folder, *own_study.arguments))
    assert not NOT_TRAINED & set(by_rule)
    assert by_rule["predict_external"] == by_rule["freeze_thresholds"] == by_rule["report"] == 1


def test_models_of_a_finished_study_are_tested_and_nothing_is_trained_or_chosen(own_study):
    own_study.keep("external")
    own_study.finish()
    own_study.configure(frozen=str(own_study.finished))
    jobs = planned(own_study.folder, *own_study.arguments)
    by_rule = counts(jobs)
    assert not (NOT_TRAINED | {"freeze_thresholds"}) & set(by_rule)
    assert by_rule["predict_external"] == 9 and by_rule["convert_patient"] == 1
    for job in jobs:
        if job.rule == "predict_external":
            assert str(own_study.finished / "models" / job.wildcards["model"] / "seed-1") in job.inputs
            calibration = own_study.finished / "predictions" / job.wildcards["model"] / "calibration.json"
            assert str(calibration) in job.inputs
    survive = next(job for job in jobs if job.rule == "analyze_survival")
    assert {str(own_study.finished / name) for name in ("validation/thresholds.json", "survival/survival.json")} <= set(
        survive.inputs
    )


def test_a_target_of_an_unknown_batch_is_refused(own_study):
    record = "results/own/nifti/north/batches/3-of-8.json"
    done = snakemake(own_study.folder, record, "-n", *own_study.arguments, check=False)
    assert done.returncode != 0
    assert "centre 'north' has no batch '3-of-8'; it has 1-of-1" in done.stdout + done.stderr


def rule_texts() -> dict[str, str]:
    """Source text of every working rule, by name."""
    texts = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    texts = re.sub(
        r"^use rule .*?(?=^(?:use )?rule |\Z)", "", texts, flags=re.M | re.S
    )  # the rest of those is inherited
    parts = re.split(r"^rule (\w+):", texts, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


PARTS = (
    *('"""', "message:", "output:", "code=digest(", "log:", "benchmark:", "conda:", "envmodules:"),
    *("threads:", "mem_mb=", "runtime=", "shell:"),
)


@pytest.mark.parametrize("name", rule_texts())
def test_every_rule_is_complete(name):
    text = rule_texts()[name]
    for part in PARTS:
        assert part in text, f"rule {name} lacks {part}"
    environment = ROOT / "workflow/rules" / re.search(r'conda:\s+"([^"]+)"', text)[1]
    assert environment.is_file(), f"rule {name}: {environment} does not exist"
