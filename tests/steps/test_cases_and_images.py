"""`show_cases` and `describe_images`: the files of the stages before in, one JSON file out."""

import base64
import json

import batches
import pandas as pd
import pytest
from statistics_inputs import frozen_at

import score_tables
from hscore.contracts import quality
from hscore.files import read_json, write_json
from hscore.steps import describe_images, show_cases

PATIENTS = ["p1", "p2", "p3", "p4"]
LNM = [1, 1, 0, 0]
SCORES = {"hybrid": [0.9, 0.2, 0.8, 0.1], "clinical": [0.7, 0.7, 0.3, 0.3]}


def table(path, header, rows):
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def arguments(tmp_path):
    manifest = table(tmp_path / "manifest.csv", "patient,center,age,figo_stage", [[p, "far", 50, ""] for p in PATIENTS])
    lnm = table(tmp_path / "lnm.csv", "patient,lnm", zip(PATIENTS, LNM, strict=True))
    dfs = table(
        tmp_path / "dfs.csv", "patient,dfs_months,dfs_event", [[p, 12.5, 1] for p in PATIENTS[:3]] + [["p4", "", ""]]
    )
    for model, scores in SCORES.items():
        score_tables.write(tmp_path / f"{model}.csv", model, pd.DataFrame({"patient": PATIENTS, "score": scores}))
    external = [str(tmp_path / f"{model}.csv") for model in SCORES]
    write_json(tmp_path / "thresholds.json", {"hybrid": frozen_at(0.5), "clinical": frozen_at(0.5)})
    folder = tmp_path / "qc/sub-p1"
    folder.mkdir(parents=True)
    (folder / "montage.webp").write_bytes(b"picture")
    return {
        "model": ["hybrid"], "most": ["4"], "external": external, "manifests": [manifest], "lnm": [lnm], "dfs": [dfs],
        "thresholds": [str(tmp_path / "thresholds.json")], "quality": [batches.record_of_folders(folder)],
        "output": [str(tmp_path / "cases.json")],
    }  # fmt: skip


def call(arguments):
    show_cases.main([word for name, values in arguments.items() for word in (f"--{name}", *values)])
    return read_json(arguments["output"][0])


def test_every_kind_of_call_is_shown_with_scores_outcome_and_picture(arguments):
    content = call(arguments)
    shown = {one["kind"]: one for one in content["shown"]}
    assert {kind: one["patient"] for kind, one in shown.items()} == {
        "true_positive": "p1", "false_negative": "p2", "false_positive": "p3", "true_negative": "p4",
    }  # fmt: skip
    first = shown["true_positive"]
    assert base64.b64decode(first["montage"]) == b"picture" and shown["true_negative"]["montage"] is None
    assert (first["dfs_months"], first["dfs_event"], shown["true_negative"]["dfs_months"]) == (12.5, True, None)
    assert first["clinical"] == {"age": 50.0}
    assert shown["false_negative"]["called"] == {"hybrid": False, "clinical": True}


def test_the_waterfall_lists_every_patient_highest_first_without_a_name(arguments):
    rows = call(arguments)["waterfall"]["external"]
    assert [(row["score"], row["lnm"]) for row in rows] == [(0.9, True), (0.8, False), (0.2, True), (0.1, False)]
    assert set(rows[0]) == {"score", "lnm", "center"}


def test_no_single_patient_is_shown_where_none_is_asked_for(arguments):
    arguments["most"] = ["0"]
    content = call(arguments)
    assert content["shown"] == [] and len(content["waterfall"]["external"]) == 4


def test_without_external_patients_the_cases_are_out_of_fold(arguments, tmp_path):
    scores = {"patient": PATIENTS, "fold": [0, 1, 0, 1], "out_of_fold": SCORES["hybrid"], "apparent": 0.5}
    score_tables.write(tmp_path / "d.csv", "hybrid", pd.DataFrame(scores))
    arguments["development"] = [str(tmp_path / "d.csv")]
    arguments["external"] = []
    assert call(arguments)["evaluation"] == "out_of_fold"


def test_a_model_without_threshold_ends_in_a_sentence(arguments, tmp_path):
    write_json(tmp_path / "thresholds.json", {"clinical": frozen_at(0.5)})
    with pytest.raises(SystemExit, match="contains no threshold for model 'hybrid'"):
        call(arguments)


def test_images_are_described_by_centre(tmp_path):
    header = (
        "patient,chosen_as,vendor,model,field_strength_t,orientation,matrix,spacing_mm,slice_thickness_mm,slices,b_values,"
        "echo_time_ms,repetition_time_ms,contrast_agent"
    ).replace(",", "\t")
    lines = [
        "p1\tT2WI\tA\tX\t3\ttransverse\t256 x 256\t1 x 1\t5\t24\t\t90\t4000\tno",
        "p2\tT2WI\tB\tY\t1.5\ttransverse\t256 x 256\t1 x 1\t6\t24\t\t100\tno number\tno",
        "p2\t\tB\tY\t1.5\tcoronal\t256 x 256\t1 x 1\t9\t3\t\t1\t1\tno",
    ]
    (tmp_path / "inventory.tsv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    for number, snr in enumerate((20.0, 30.0), 1):
        whose = {"patient": f"p{number}", "center": "far", "usable": ["T2WI"], "findings": []}
        quality.write(tmp_path / f"sub-p{number}", quality.Quality(**whose, sequences={"T2WI": {"snr": snr}}), {})
    record = batches.record_of_folders(*(tmp_path / f"sub-p{number}" for number in (1, 2)))
    output = str(tmp_path / "imaging.json")
    words = ["--centers", "far", "--inventories", str(tmp_path / "inventory.tsv"), "--quality", record]
    describe_images.main([*words, "--sequences", "CET1WI", "T2WI", "--output", output])
    content = json.loads((tmp_path / "imaging.json").read_text())
    (row,) = content["protocol"]
    assert (row["center"], row["sequence"], row["patients"]) == ("far", "T2WI", 2)
    assert row["scanner"] == [["A X", 1], ["B Y", 1]]
    assert row["slice_thickness_mm"] == {"median": 5.5, "low": 5, "high": 6, "n": 2}
    assert row["repetition_time_ms"]["n"] == 1
    assert content["quality"]["far"]["numbers"]["T2WI"]["snr"]["median"] == 25
