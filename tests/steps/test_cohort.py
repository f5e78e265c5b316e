"""The cohort, outcomes, table1 and split steps, one after the other as the study runs them."""

import csv
import json

import batches
import pandas as pd
import pytest
from converted import settings

from hscore.contracts import sample_folder
from hscore.contracts.status import Status
from hscore.steps import build_cohort, describe_cohorts, split, write_outcome

HEADER = "patient,center,age,figo_stage,histology,grade,scc_ag_ng_ml,mri_ln_short_axis_mm,lnm,dfs_months,dfs_event"
SEQUENCES = ["CET1WI", "T2WI", "ADC"]


def make_center(folder, center, rows, findings=()):
    """A centre's clinical table and sample folders; ``findings`` {patient: [(code, text, sequence)]}."""
    table = folder / f"{center}.csv"
    table.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    samples = []
    for row in rows:
        patient = row.split(",")[0]
        status = Status(patient, center, "sample", list(SEQUENCES))
        for finding in dict(findings).get(patient, []):
            status.add(*finding)
        samples.append(folder / "samples" / center / f"sub-{patient}")
        status.write(samples[-1])
        sample_folder.write(samples[-1], {}, {})
    return table, samples


def run_center(folder, center, role, table, samples, images=None):
    """Run cohort and both outcomes; return the paths of manifest, flow, lnm and dfs."""
    out = folder / "cohort" / center
    paths = [out / name for name in ("manifest.csv", "flow.json", "lnm.csv", "dfs.csv")]
    arguments = ["--center", center, "--table", str(table)]
    build_cohort.main(
        [*arguments, "--role", role, "--samples", batches.record_of_folders(*samples), "--codes", settings("codes")]
        + ["--settings", settings("cohort"), "--manifest", str(paths[0]), "--flow", str(paths[1])]
        + ["--excluded", str(out / "excluded.csv")]
        + (["--images", str(images)] if images else [])
    )
    for listed, kind, path in (
        (paths[0], "lnm", paths[2]),
        (paths[0], "dfs", paths[3]),
        (out / "excluded.csv", "lnm", out / "excluded_lnm.csv"),
    ):
        write_outcome.main([*arguments, "--manifest", str(listed), "--kind", kind, "--output", str(path)])
    return paths


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def north(tmp_path):
    rows = [
        "n-4,north,45,IB1,SCC,2,1.5,10,1,33.25,1",
        "n-1,north,52,IIA2,AC,G3,,4.5,0,60,0",
        "n-2,north,61,IB,ASC,1,3,12,,20,0",
        "n-3,north,,,,,,8,1,,",
        "n-5,north,38,IIB,SCC,GX,0.7,0,0,12,0",
        "n-6,north,39,IIB,SCC,GX,0.7,,0,12,0",
    ]
    findings = {
        "n-5": [("too_few_sections", "2 sections", "ADC"), ("several_series", "two T2", "T2WI")],
        "n-1": [("unreadable_file", "one broken file", None)],
    }
    return make_center(tmp_path, "north", rows, findings)


def test_manifest_flow_and_outcomes_of_a_center(tmp_path, north):
    images = tmp_path / "images"
    for name in ("n-1", "stranger"):
        (images / name).mkdir(parents=True)
    sample_folder.write(north[1][0], {}, {"tumour_volume_ml": 31.5, "scanner": "SIEMENS 3 T"})
    manifest, flow, lnm, dfs = run_center(tmp_path, "north", "development", *north, images)

    rows = read(manifest)
    assert rows.pop(2)["patient"] == "n-2"  # node status not known: for the survival analysis
    assert rows[1]["tumour_volume_ml"] == rows[1]["scanner"] == ""
    assert [row["patient"] for row in rows] == ["n-4", "n-1", "n-3"]
    assert rows[0] == {
        "patient": "n-4", "center": "north", "age": "45", "figo_stage": "IB", "histology": "squamous", "grade": "G2",
        "scc_ag_ng_ml": "1.5", "mri_ln_short_axis_mm": "10", "mri_ln_positive": "1",
            "tumour_volume_ml": "31.5", "scanner": "SIEMENS 3 T", "samples": str(north[1][0]),
    }  # fmt: skip
    assert [row["mri_ln_positive"] for row in rows] == ["1", "0", "0"]
    assert rows[2]["age"] == rows[2]["figo_stage"] == ""

    counts = json.loads(flow.read_text())
    assert {key: counts[key] for key in ("center", "role", "in_table", "included")} == {
        "center": "north", "role": "development", "in_table": 6, "included": 4,
    }  # fmt: skip
    assert (counts["survival_only"]["n"], counts["survival_only"]["patients"]) == (1, ["n-2"])
    assert [(one["code"], one["patients"]) for one in counts["excluded"]] == [
        ("too_few_sections", ["n-5"]), ("mri_ln_unknown", ["n-6"]),
    ]  # fmt: skip
    assert [(one["code"], one["n"]) for one in counts["notes"]] == [("unreadable_file", 1), ("several_series", 1)]
    assert counts["not_in_table"] == ["stranger"]

    assert lnm.read_text() == "patient,lnm\nn-4,1\nn-1,0\nn-2,\nn-3,1\n"
    excluded = read(manifest.with_name("excluded.csv"))
    assert [(row["patient"], row["reason"]) for row in excluded] == [
        ("n-5", "too_few_sections"), ("n-6", "mri_ln_unknown"),
    ]  # fmt: skip
    assert manifest.with_name("excluded_lnm.csv").read_text() == "patient,lnm\nn-5,0\nn-6,0\n"
    assert (
        dfs.read_text() == "patient,dfs_months,dfs_event,competing_event\nn-4,33.25,1,\nn-1,60,0,\nn-2,20,0,\nn-3,,,\n"
    )


def test_without_an_images_root_no_folder_is_named(tmp_path, north):
    _, flow, _, _ = run_center(tmp_path, "north", "external", *north, images=tmp_path / "none")
    assert json.loads(flow.read_text())["not_in_table"] == []


def test_table_and_sample_folders_must_be_of_the_same_patients(tmp_path, north, capsys):
    with pytest.raises(SystemExit, match="patient 'n-6' is in only one of the table and --samples"):
        run_center(tmp_path, "north", "development", north[0], north[1][:-1])
    assert not (tmp_path / "cohort" / "north" / "manifest.csv").exists()


def test_center_of_which_nobody_is_left(tmp_path):
    table, samples = make_center(tmp_path, "east", ["e-1,east,45,IB1,SCC,2,1.5,10,,33,"])
    manifest, flow, lnm, _ = run_center(tmp_path, "east", "external", table, samples)
    assert read(manifest) == read(lnm) == []
    assert json.loads(flow.read_text())["included"] == 0


@pytest.fixture
def study(tmp_path):
    """Two development centres and an external one: {center: (manifest, flow, lnm, dfs)}."""
    made = {}
    for center, n, positives, role in (
        ("b", 24, 6, "development"),
        ("a", 12, 4, "development"),
        ("c", 9, 3, "external"),
    ):
        rows = [f"{center}-{k:02d},{center},{40 + k},IB1,SCC,2,1,{6 + k},{int(k < positives)},30,0" for k in range(n)]
        made[center] = run_center(tmp_path, center, role, *make_center(tmp_path, center, rows))
    return made


def run_split(study, centers, output, folds=5):
    split.main(
        ["--manifests", *(str(study[c][0]) for c in centers), "--lnm", *(str(study[c][2]) for c in centers)]
        + ["--settings", json.dumps({"folds": folds}), "--seed", "2020", "--output", str(output)]
    )


def test_split_gives_every_development_patient_one_fold_whatever_the_order(study, tmp_path):
    run_split(study, "ba", tmp_path / "folds.csv")
    run_split(study, "ab", tmp_path / "again.csv")
    assert (tmp_path / "folds.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()
    folds = pd.read_csv(tmp_path / "folds.csv")
    assert folds.columns.tolist() == ["patient", "center", "lnm", "fold"]
    assert folds["center"].value_counts().to_dict() == {"b": 24, "a": 12}
    assert folds.groupby("fold")["lnm"].sum().tolist() == [2] * 5


def test_too_many_folds_end_in_a_sentence(study, tmp_path):
    with pytest.raises(SystemExit, match="11 folds need at least 11 development patients with .* there are 10"):
        run_split(study, "ba", tmp_path / "folds.csv", folds=11)
    assert not (tmp_path / "folds.csv").exists()


def test_table1_of_both_cohorts(study, tmp_path):
    output = tmp_path / "table1.json"
    centers = "bac"
    describe_cohorts.main(
        ["--manifests", *(str(study[c][0]) for c in centers), "--lnm", *(str(study[c][2]) for c in centers)]
        + ["--roles", "development", "development", "external", "--output", str(output)]
    )
    content = json.loads(output.read_text())
    assert [(g["cohort"], g["lnm"], g["n"]) for g in content["groups"]] == [
        ("development", None, 36), ("development", 0, 26), ("development", 1, 10),
        ("external", None, 9), ("external", 0, 6), ("external", 1, 3),
    ]  # fmt: skip
    age = next(row for row in content["rows"] if row["variable"] == "age")
    assert age["cells"][5]["median"] == 41
    assert all(len(row.get("cells", row.get("missing"))) == 6 for row in content["rows"])
