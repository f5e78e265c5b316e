"""A study of one's own data with faults: each is counted, the rest completes, and reruns are precise."""

import pytest
import yaml

from workflow_runs import counts, planned

# both modules look at the same two runs, which one worker makes
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("study")]

REPORTING = {"collect_results", "report", "all"}


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
    """Development centres are untouched by the faults of the external one: the networks are the same, bit for bit."""
    for seed_folder in ("models/hybrid/seed-1", "models/cet1wi_tumour/seed-1"):
        for fold in range(2):
            name = f"{seed_folder}/fold-{fold}.safetensors"
            assert (own_study.results / name).read_bytes() == (simulated_study.results / name).read_bytes()


@pytest.fixture
def edited_table(own_study):
    """Change text of a clinical table for one test."""
    kept = {}

    def edit(center: str, change) -> None:
        path = own_study.folder / center / "clinical.csv"
        kept.setdefault(path, path.read_text())
        path.write_text(change(path.read_text()))

    yield edit
    for path, text in kept.items():
        path.write_text(text)


def set_cell(patient: str, column: str, value: str):
    def change(text: str) -> str:
        header, *lines = text.splitlines()
        place = header.split(",").index(column)
        for number, line in enumerate(lines):
            cells = line.split(",")
            if cells[0] == patient:
                cells[place] = value
                lines[number] = ",".join(cells)
        return "\n".join([header, *lines]) + "\n"

    return change


def test_nothing_to_do_even_when_files_are_touched(own_study):
    for path in [*own_study.folder.glob("*/clinical.csv"), *list(own_study.folder.glob("*/images/*/*"))[:5]]:
        path.touch()
    assert planned(own_study.folder, *own_study.arguments) == []


def test_a_changed_survival_time_reruns_survival_alone(own_study, edited_table):
    edited_table("yunnan", set_cell("yunnan-0005", "dfs_months", "1.5"))
    rules = counts(planned(own_study.folder, *own_study.arguments))
    assert set(rules) == {"write_outcome", "analyse_survival"} | REPORTING
    assert rules["write_outcome"] == 1


def test_a_changed_external_label_reruns_no_training(own_study, edited_table):
    row = own_study.rows("cohort/yunnan/lnm.csv")[0]
    edited_table("yunnan", set_cell(row["patient"], "lnm", "0" if row["lnm"] == "1" else "1"))
    rules = counts(planned(own_study.folder, *own_study.arguments))
    assert set(rules) == {"write_outcome", "describe_cohorts", "validate_models"} | REPORTING


def test_a_new_patient_reruns_no_other_patient(own_study, edited_table):
    edited_table("sysucc", lambda text: text + text.splitlines()[1].replace("sysucc-0001", "sysucc-new") + "\n")
    jobs = planned(own_study.folder, *own_study.arguments)
    for rule in ("convert_patient", "normalize_patient", "sample_patient"):
        assert [job.wildcards["patient"] for job in jobs if job.rule == rule] == ["sysucc-new"]
    assert [job.wildcards["center"] for job in jobs if job.rule == "build_cohort"] == ["sysucc"]


def test_a_new_image_reruns_its_patient(own_study):
    folder = next(path for path in sorted((own_study.folder / "henan/images").iterdir()))
    extra = folder / "notes.txt"
    extra.write_text("arrived late")
    try:
        jobs = planned(own_study.folder, *own_study.arguments)
    finally:
        extra.unlink()
    assert [job.wildcards["patient"] for job in jobs if job.rule == "convert_patient"] == [folder.name]


def test_a_changed_threshold_rule_reruns_no_training(own_study, tmp_path):
    (tmp_path / "changed.yaml").write_text(yaml.safe_dump({"validate": {"threshold": {"value": 0.5}}}))
    rules = counts(planned(own_study.folder, *own_study.arguments, str(tmp_path / "changed.yaml")))
    assert set(rules) == {"freeze_thresholds", "validate_models", "analyse_survival"} | REPORTING
