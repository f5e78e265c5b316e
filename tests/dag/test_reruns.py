"""What a change reruns: for each kind of change the exact set of jobs, on a finished study.

The jobs of the study were run by a stand-in for Python that writes outputs without content, but for the records, which
list the patients of their batch: whether a job reruns depends on what Snakemake recorded of it, not on what it
computed. Every case has the finished study to itself, as a copy.
"""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from hscore.provenance import verify
from workflow_runs import ROOT, Job, planned, snakemake

CHECKOUT = ("Snakefile", "workflow", "envs", "config", "resources", "requirements.lock")
STAND_IN = f"""#!{sys.executable}
import json, os, sys
step, words = sys.argv[2].rpartition(".")[2], sys.argv
outputs = {{"build_cohort": ["--manifest", "--excluded", "--flow"], "report": ["--output", "--figures", "--tables"]}}
if "--recalibration" in words:
    outputs["predict"] = ["--calibration", "--output"]
folders = {{"train_model", "record_run"}}
record_before = {{"normalize_patient": "--nifti", "sample_patient": "--normalized", "check_quality": "--samples"}}
content = step
if step == "convert_patient":
    patients = words[words.index("--patients") + 1 : words.index("--center")]
    content = json.dumps({{name: {{"path": f"../sub-{{name}}", "sha256": step}} for name in patients}})
elif step in record_before:
    with open(words[words.index(record_before[step]) + 1]) as file:
        content = file.read()
for option in outputs.get(step, ["--output"]):
    path = words[words.index(option) + 1]
    if step in folders or option in ("--figures", "--tables"):
        os.makedirs(path, exist_ok=True)
    else:
        with open(path, "w") as file:
            file.write(content)
"""

PATIENT = ("convert_patient", "normalize_patient", "sample_patient", "check_quality")
OUTCOMES = {"write_outcome": 2, "write_lnm_of_excluded": 1}
BATCHES = {
    "north": {"1-of-2": ["north2", "north3"], "2-of-2": ["north1", "north4"]},
    "south": {"1-of-2": ["south3"], "2-of-2": ["south1", "south2", "south4"]},
    "far": {"1-of-2": ["far1", "far2", "far3"], "2-of-2": ["far4"]},
}
REPORT = {"collect_results": 1, "report": 1, "record_run": 1}
ANALYSIS = {"freeze_thresholds": 1, "validate_models": 1, "analyze_survival": 1, "explain_model": 1}
ANALYSIS |= {"show_cases": 1, **REPORT}
TRAINING = {"train_model": 9, "predict_development": 9, "predict_external": 9, "select_models": 1, **ANALYSIS}
LOOKING = {"write_inventory": 1, "compare_patients": 1, "check_shortcuts": 1, "overview_quality": 3}
LOOKING |= {"describe_images": 1}


class Finished:
    """A finished study of three centres of four patients, in two batches each, with the checkout that ran it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.checkout = folder / "checkout"
        self.config = folder / "config.yaml"

    def plan(self, **config) -> list[Job]:
        """What would run now, with changes to the config."""
        changed = self.folder / "changed.yaml"
        changed.write_text(yaml.safe_dump(config or {"study": "own"}))
        return planned(self.folder, *self.arguments, str(changed), snakefile=self.checkout / "Snakefile")

    @property
    def arguments(self) -> list[str]:
        profile = self.checkout / "workflow/profiles/test"
        return ["--workflow-profile", str(profile), "--configfile", str(self.config)]

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace the first occurrence of a text in a file of the study or of the checkout."""
        path = self.folder / name
        text = path.read_text()
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """The study, run once. Its paths are relative, so that copies are studies as well."""
    folder = tmp_path_factory.mktemp("finished") / "study"
    for name in CHECKOUT:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (folder / "checkout").mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, folder / "checkout" / name)
    header = "patient,center,age,figo_stage,histology,grade,scc_ag_ng_ml,mri_ln_short_axis_mm,lnm,dfs_months,dfs_event"
    lines = ["center\tname\trole\timages\tclinical_table"]
    for center, role in {"north": "development", "south": "development", "far": "external"}.items():
        rows = [header]
        for number in range(1, 5):
            (folder / f"images/{center}/{center}{number}").mkdir(parents=True)
            (folder / f"images/{center}/{center}{number}/1.dcm").write_bytes(b"x")
            rows.append(f"{center}{number},{center},5{number},IB1,SCC,G2,1.5,{number}.5,{number % 2},2{number}.5,0")
        (folder / f"{center}.csv").write_text("\n".join(rows) + "\n")
        lines.append(f"{center}\t{center.title()}\t{role}\timages/{center}\t{center}.csv")
    (folder / "centers.tsv").write_text("\n".join(lines) + "\n")
    config = {"study": "own", "data": "own", "centers": "centers.tsv", "patients_per_job": 2}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    programs = folder.parent / "programs"
    programs.mkdir()
    (programs / "python").write_text(STAND_IN)
    (programs / "python").chmod(0o755)
    study = Finished(folder)
    snakemake(folder, *study.arguments, snakefile=study.checkout / "Snakefile", first_on_path=programs)
    return folder


@pytest.fixture
def study(original, tmp_path) -> Finished:
    """A copy of the finished study, times and all."""
    shutil.copytree(original, tmp_path / "study", symlinks=True, copy_function=shutil.copy2)
    return Finished(tmp_path / "study")


def by_rule(jobs: list[Job]) -> dict[str, int]:
    rules = [job.rule for job in jobs if job.rule != "all"]
    return {rule: rules.count(rule) for rule in set(rules)}


def about(jobs: list[Job], rule: str) -> set[str]:
    """What the jobs of a rule are about: the values of their wildcards."""
    return {" ".join(job.wildcards.values()) for job in jobs if job.rule == rule}


# nothing


def test_nothing_changed(study):
    assert study.plan() == []


def test_everything_touched(study):
    for path in study.folder.rglob("*"):
        if path.is_file() and "results" not in path.parts and ".snakemake" not in path.parts:
            path.touch()
    assert study.plan() == []


def test_the_checkout_and_the_study_moved(study):
    study.folder.rename(study.folder.with_name("elsewhere"))
    moved = Finished(study.folder.with_name("elsewhere"))
    moved.checkout.rename(moved.folder / "code")
    moved.checkout = moved.folder / "code"
    assert moved.plan() == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("workflow/src/hscore/errors.py", "class UserError", "# a comment\n\n\nclass UserError"),
        ("workflow/src/hscore/files.py", '"""Read one JSON file.', '"""Read a JSON file.'),
        ("workflow/src/hscore/__init__.py", "__version__ = ", "__version__ = '9' + "),
        ("workflow/rules/convert.smk", "mem_mb=growing(2000)", "mem_mb=growing(4000)"),
        ("workflow/rules/convert.smk", "Converting batch {wildcards.batch}", "At work on {wildcards.batch}"),
        ("workflow/profiles/test/config.yaml", "cores: 2", "cores: 1"),
        ("envs/report.yaml", "python =3.11.11", "python =3.11.12"),
    ],
)
def test_what_says_nothing_about_results_reruns_nothing(study, name, old, new):
    study.edit(f"checkout/{name}", old, new)
    assert study.plan() == []


def test_a_verification_trains_and_evaluates_again_and_nothing_before(study):
    """The command of `make verify`, on the study whose earlier stages are linked under another name."""
    finished = study.folder / "results/own"
    verify.link(finished, finished.with_name("own-verify"))
    command = ["--config", "study=own-verify", "--allowed-rules", *verify.RULES, *verify.TARGETS]
    snakefile = study.checkout / "Snakefile"
    jobs = planned(study.folder, *verify.TARGETS, *study.arguments, *command, snakefile=snakefile)
    per_model = dict.fromkeys(("train_model", "predict_development", "predict_external"), 9)
    once = ("freeze_thresholds", "select_models", "validate_models", "analyze_survival", *verify.TARGETS)
    assert by_rule(jobs) == {**per_model, **dict.fromkeys(once, 1)}


# tables


def test_the_batches_of_the_study(study):
    """What the tests below count on: who is in which batch."""
    for center, batches in BATCHES.items():
        for batch, patients in batches.items():
            record = study.folder / f"results/own/qc/{center}/batches/{batch}.json"
            assert list(json.loads(record.read_text())) == patients


def test_a_new_patient_reruns_her_batch_and_no_other(study):
    study.edit("north.csv", "north4,", "north5,north,61,IB1,SCC,G2,1.5,8.5,1,30,1\nnorth4,")
    jobs = study.plan()
    for rule in PATIENT:
        assert about(jobs, rule) == {"north 1-of-2"}
    assert about(jobs, "build_cohort") == about(jobs, "write_inventory") == {"north"}
    assert about(jobs, "write_outcome") == {"north lnm", "north dfs"}
    once = dict.fromkeys((*PATIENT, "build_cohort", "describe_cohorts", "split_development"), 1)
    assert by_rule(jobs) == {**once, **LOOKING, **OUTCOMES, **TRAINING}


def test_a_new_patient_of_the_external_centre_reruns_no_training(study):
    study.edit("far.csv", "far4,", "far5,far,61,IB1,SCC,G2,1.5,8.5,1,30,1\nfar4,")
    jobs = study.plan()
    assert about(jobs, "convert_patient") == {"far 2-of-2"} and about(jobs, "build_cohort") == {"far"}
    analysis = {rule: count for rule, count in ANALYSIS.items() if rule != "freeze_thresholds"}
    once = dict.fromkeys((*PATIENT, "build_cohort", "describe_cohorts"), 1)
    assert by_rule(jobs) == {**once, **LOOKING, **OUTCOMES, "predict_external": 9, **analysis}


def test_a_node_status_of_the_external_centre_that_is_no_longer_known_reruns_no_training(study):
    study.edit("far.csv", ",1,21.5,0", ",,21.5,0")
    jobs = study.plan()
    analysis = {rule: count for rule, count in ANALYSIS.items() if rule != "freeze_thresholds"}
    once = dict.fromkeys(("build_cohort", "describe_cohorts", "check_shortcuts"), 1)
    assert by_rule(jobs) == {**once, **OUTCOMES, "predict_external": 9, **analysis}


def test_a_patient_taken_out_reruns_the_rest_of_her_batch_and_no_other(study):
    for row in (study.folder / "far.csv").read_text().splitlines():
        if row.startswith("far2,"):
            study.edit("far.csv", row + "\n", "")
    jobs = study.plan()
    for rule in PATIENT:
        assert about(jobs, rule) == {"far 1-of-2"}
    assert "train_model" not in by_rule(jobs)


def test_the_last_patient_of_a_batch_taken_out_reruns_no_batch(study):
    study.edit("far.csv", (study.folder / "far.csv").read_text().splitlines()[4] + "\n", "")
    jobs = study.plan()
    assert not set(PATIENT) & set(by_rule(jobs)) and about(jobs, "build_cohort") == {"far"}


def test_another_order_of_rows_reruns_no_batch(study):
    header, *rows = (study.folder / "north.csv").read_text().splitlines()
    (study.folder / "north.csv").write_text("\n".join([header, *reversed(rows)]) + "\n")
    jobs = study.plan()
    assert not set(PATIENT) & set(by_rule(jobs)) and about(jobs, "build_cohort") == {"north"}


def test_a_number_of_patients_a_job_that_changes_all_batches_reruns_all(study):
    jobs = study.plan(patients_per_job=8)
    for rule in PATIENT:
        assert about(jobs, rule) == {f"{center} 1-of-1" for center in BATCHES}


def test_a_changed_survival_time_reruns_survival_only(study):
    study.edit("far.csv", "21.5,0", "33,1")
    jobs = study.plan()
    assert about(jobs, "write_outcome") == {"far dfs"}
    assert by_rule(jobs) == {"write_outcome": 1, "analyze_survival": 1, "show_cases": 1, **REPORT}


def test_a_changed_node_status_of_the_external_centre_reruns_no_training(study):
    study.edit("far.csv", ",1,21.5,0", ",0,21.5,0")
    jobs = study.plan()
    assert about(jobs, "write_outcome") == {"far lnm"}
    assert by_rule(jobs) == {
        **{
            "write_outcome": 1,
            "write_lnm_of_excluded": 1,
            "describe_cohorts": 1,
            "check_shortcuts": 1,
            "validate_models": 1,
            "analyze_survival": 1,
            "explain_model": 1,
            "show_cases": 1,
        },
        **REPORT,
    }


def test_a_changed_node_status_of_a_development_centre_reruns_training(study):
    study.edit("north.csv", ",1,21.5,0", ",0,21.5,0")
    jobs = study.plan()
    assert about(jobs, "write_outcome") == {"north lnm"}
    outcomes = ("write_outcome", "write_lnm_of_excluded")
    once = dict.fromkeys((*outcomes, "describe_cohorts", "check_shortcuts", "split_development"), 1)
    assert by_rule(jobs) == {**once, **TRAINING}


def test_another_order_of_columns_is_recorded_and_reruns_nothing_else(study):
    for line in (study.folder / "far.csv").read_text().splitlines():
        first, second, *rest = line.split(",")
        study.edit("far.csv", line, ",".join([second, first, *rest]))
    assert by_rule(study.plan()) == {"record_run": 1}


def test_a_new_image_reruns_the_batch_of_its_patient(study):
    (study.folder / "images/south/south2/2.dcm").write_bytes(b"y")
    jobs = study.plan()
    for rule in PATIENT:
        assert about(jobs, rule) == {"south 2-of-2"}
    assert about(jobs, "build_cohort") == {"south"}


# config


@pytest.mark.parametrize(
    ("change", "rerun"),
    [
        ({"validate": {"threshold": {"value": 0.5}}}, ANALYSIS),
        # other risks: the networks stay, the three fusions of risks that are other ones now do not
        ({"validate": {"recalibration": "none"}}, {**TRAINING, "train_model": 3}),
        ({"survive": {"horizon_months": 48}}, {"analyze_survival": 1, **REPORT}),
        ({"train": {"epochs": 3}}, TRAINING),
        ({"split": {"folds": 2}}, {"split_development": 1, **TRAINING}),
        # a second seed trains its five networks and no old one again, and the three fusions, whose scores change
        (
            {"train": {"seeds": 2}},
            {**TRAINING, "train_model": 5 + 3, "predict_development": 5 + 3, "predict_external": 5 + 3},
        ),
        (
            {"models": {"hybrid": {"label": "H"}}},
            {**TRAINING, "train_model": 1, "predict_development": 1, "predict_external": 1},
        ),
    ],
    ids=["threshold", "recalibration", "horizon", "epochs", "folds", "seeds", "one-model"],
)
def test_a_changed_setting_reruns_what_reads_it(study, change, rerun):
    jobs = study.plan(**change)
    assert by_rule(jobs) == rerun
    if "seeds" in change.get("train", {}):
        old = {job.wildcards["model"] for job in jobs if job.rule == "train_model" and job.wildcards["seed"] == "1"}
        assert old == {"late_hybrid", "fused", "fused_hybrid"}


# code and packages


def edits() -> dict[str, dict[str, int]]:
    """Module -> jobs that its edit reruns."""
    looking = {**LOOKING, "write_inventory": 3}
    seen = {"overview_quality": 3, "describe_images": 1, "check_shortcuts": 1}
    once = {"describe_cohorts": 1, "check_shortcuts": 1, "split_development": 1}
    cohort = {"build_cohort": 3, "write_outcome": 6, "write_lnm_of_excluded": 3, **once, **TRAINING}
    return {
        "report/page/assemble.py": {"report": 1, "record_run": 1},
        "report/figures/spline_figure.py": {"report": 1, "record_run": 1},
        "provenance/crate.py": {"record_run": 1},
        "statistics/common/splines.py": {"validate_models": 1, "analyze_survival": 1, **REPORT},
        "statistics/diagnosis/reclassification.py": {"validate_models": 1, **REPORT},
        "cohort/folds.py": {"split_development": 1, **TRAINING},
        "learning/augment.py": TRAINING,
        "imaging/quality/montage.py": {"check_quality": 6, **seen, "show_cases": 1, **REPORT},
        "imaging/sample/boxes.py": {"sample_patient": 6, "check_quality": 6, **seen, **cohort},
        "imaging/normalize/bias_field.py": {
            "normalize_patient": 6,
            "sample_patient": 6,
            "check_quality": 6,
            **seen,
            **cohort,
        },
        "imaging/convert/recognition.py": {**dict.fromkeys(PATIENT, 6), **looking, **cohort},
        "errors.py": {**dict.fromkeys(PATIENT, 6), **looking, **cohort},
        "simulation/anatomy.py": {},
    }


@pytest.mark.parametrize("module", edits())
def test_an_edited_module_reruns_exactly_the_steps_that_import_it(study, module):
    path = study.checkout / "workflow/src/hscore" / module
    path.write_text(path.read_text() + "\nEDITED = 1\n")
    assert by_rule(study.plan()) == edits()[module]


def test_another_version_of_a_package_reruns_the_stages_that_have_it(study):
    path = study.checkout / "envs/survive.yaml"
    path.write_text(re.sub(r"lifelines==\S+", "lifelines==0.31.0", path.read_text()))
    assert by_rule(study.plan()) == {"analyze_survival": 1, **REPORT}
