"""The tables passed between stages: what is written reads back as itself, and what is wrong is one sentence."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from hscore.contracts import (
    batch_record,
    delimited,
    folds,
    inventory,
    manifest,
    model_folder,
    outcomes,
    predictions,
    tables,
)
from hscore.contracts.status import Status
from hscore.errors import UserError
from hscore.files import read_json

NAMES = ["NA", "nan", "007", "1e5", "None", "a, b", 'with "quotes"', "-0"]


def included(**columns):
    """A manifest of the patients ``NAMES`` of a centre called NA."""
    filled = {"patient": NAMES, "center": "NA", "grade": "3", "age": np.arange(8) + 0.1, "samples": "1e5"}
    return pd.DataFrame(dict.fromkeys(manifest.COLUMNS) | filled | columns)


def test_names_stay_text_and_only_an_empty_cell_is_missing(tmp_path):
    manifest.write(tmp_path / "m.csv", included(scanner=["NA", None, "nan", "1", "", "null", "N/A", "0"]))
    read = manifest.read(tmp_path / "m.csv")
    assert read["patient"].tolist() == NAMES and set(read["center"]) == {"NA"} and set(read["samples"]) == {"1e5"}
    assert read["scanner"].isna().tolist() == [False, True, False, False, True, False, False, False]
    assert read["scanner"].dropna().tolist() == ["NA", "nan", "1", "null", "N/A", "0"]
    assert read["grade"].tolist() == ["3"] * 8
    assert read["age"].tolist() == [number + 0.1 for number in range(8)] and read["scc_ag_ng_ml"].isna().all()


def test_every_contract_reads_what_it_wrote(tmp_path):
    lnm = [0, 1, None, 0, 1, 0, 1, 0]
    status = pd.DataFrame({"patient": NAMES, "lnm": pd.array(lnm, "Int64")})
    outcomes.write(tmp_path / "lnm.csv", "lnm", status)
    read = outcomes.read_lnm([tmp_path / "lnm.csv"])
    assert read.index.tolist() == NAMES
    np.testing.assert_array_equal(read, [np.nan if value is None else value for value in lnm])
    months = pd.DataFrame({"patient": NAMES, "dfs_months": 0.1 + 0.2, "dfs_event": 1, "competing_event": None})
    outcomes.write(tmp_path / "dfs.csv", "dfs", months)
    read = outcomes.read_dfs([tmp_path / "dfs.csv"])
    assert set(read["dfs_months"]) == {0.1 + 0.2} and set(read["dfs_event"]) == {1}
    assert read["competing_event"].isna().all()
    split = pd.DataFrame({"patient": NAMES, "center": "NA", "lnm": 1, "fold": np.arange(8) % 3})
    folds.write(tmp_path / "folds.csv", split)
    pd.testing.assert_frame_equal(folds.read(tmp_path / "folds.csv"), split)
    patients = pd.DataFrame({"patient": NAMES, "center": "NA"})
    scores = [
        predictions.rows(patients, "external", [1 / 3] * 8),
        predictions.rows(patients, "external_member", [1e-7] * 8, fold=0),
        predictions.rows(patients, "external_seed", [None, *[1.0] * 7], seed=1),
    ]
    predictions.write(tmp_path / "scores.csv", "nan", pd.concat(scores))
    read = predictions.read([tmp_path / "scores.csv"])
    assert read.scores("external")["nan"].to_dict() == dict.fromkeys(NAMES, 1 / 3)
    assert read.parts("external_member", pd.Index(NAMES))["nan"].tolist() == [[1e-7] * 8]
    with pytest.raises(UserError, match="scores.csv, patient 'NA', external_seed 1: the value is missing"):
        read.parts("external_seed", pd.Index(NAMES))


def test_inventory_and_history_read_back_as_text(tmp_path):
    inventory.write(tmp_path / "i.tsv", [{"patient": "NA", "description": "t2\ttse\n tra ", "slices": 24}])
    (row,) = inventory.read(tmp_path / "i.tsv")
    assert row["patient"] == "NA" and row["description"] == "t2 tse tra" and row["slices"] == "24" and row["day"] == ""
    rows = [{"seed": 1, "fold": 0, "epoch": 1234567, "loss": 0.123456789, "auc": None, "inner_auc": math.nan}]
    model_folder.write_history(tmp_path, rows)
    (row,) = model_folder.read_history(tmp_path)
    assert row["epoch"] == "1234567" and row["loss"] == "0.123457"
    assert row["auc"] is None and row["inner_auc"] is None and row["held_out_auc"] is None


def test_histories_of_a_network_are_those_of_all_its_folders(tmp_path):
    folders = [tmp_path / name for name in ("net-1", "net-2", "clinical")]
    for number, folder in enumerate(folders):
        folder.mkdir()
        kind = "logistic" if folder.name == "clinical" else "network"
        content = {"model": folder.name.split("-")[0], "kind": kind, "spec": {}, "folds": 2, "learned": True}
        model_folder.write_description(folder, content)
        model_folder.write_history(folder, [{"seed": number, "fold": 0, "epoch": 1}])
    found = model_folder.read_histories(folders)
    assert list(found) == ["net"] and [row["seed"] for row in found["net"]] == ["0", "1"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the file is empty; its first line must name the columns"),
        ("patient,center\nP1\n", "row 1: 1 cells where the header has 2 columns"),
        ("name,center\nP1,A\n", "has no column 'patient'; its columns are name, center"),
        ("patient,site\nP1,A\n", "has no column 'center'; its columns are patient, site"),
        ("patient,center\nP1,A\n,A\n", "row 2, column patient: it is empty"),
        ("patient,center\nP1,A\nP1,A\n", "lists patient 'P1' more than once"),
        ("patient,center,center\nP1,A,B\n", "column 'center' occurs twice"),
        ("patient,center,age\nP1,A,old\n", "patient 'P1', age: 'old' is not a number"),
        ("patient,center,age\nP1,A,nan\n", "patient 'P1', age: 'nan' is not a number"),
    ],
)
def test_a_manifest_that_is_wrong_is_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        manifest.read(path)
    assert str(path) in str(error.value) and sentence in str(error.value)


@pytest.mark.parametrize(
    ("fold", "lnm", "sentence"),
    [
        ("0.5", "1", "patient 'P1', fold: 0.5 is not a whole number"),
        ("-1", "1", "patient 'P1', fold: '-1' is not a number of at least 0"),
        ("", "1", "patient 'P1', fold: the value is missing"),
        ("0", "0.5", "patient 'P1', lnm: 0.5 is neither 0 nor 1"),
        ("0", "", "patient 'P1', lnm: the value is missing"),
    ],
)
def test_a_split_that_is_wrong_is_one_sentence(tmp_path, fold, lnm, sentence):
    path = tmp_path / "folds.csv"
    path.write_text(f"patient,center,lnm,fold\nP1,A,{lnm},{fold}\n")
    with pytest.raises(UserError) as error:
        folds.read(path)
    assert str(error.value) == f"{path}, {sentence}"


def test_rows_are_numbered_as_in_the_file(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text("patient,center\n\nP1,A\n,\nP2\n")
    with pytest.raises(UserError, match="row 4: 1 cells where the header has 2 columns"):
        tables.read(path)
    path.write_text("patient,center\n\nP1,A\n,\n,B\n")
    with pytest.raises(UserError, match="row 4, column patient: it is empty"):
        tables.read(path)


def predictions_of(path, *rows, header="patient,center,model,evaluation,fold,seed,score"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("P1,A,m,external,,,1.5", ", row 2, score: '1.5' is not a number from 0 to 1"),
        ("P1,A,m,external,,,high", ", row 2, score: 'high' is not a number from 0 to 1"),
        ("P1,A,m,out_of_fold,0.5,,0.5", ", row 2, fold: 0.5 is not a whole number"),
        ("P1,A,m,external_seed,,-1,0.5", ", row 2, seed: '-1' is not a number of at least 0"),
        (",A,m,external,,,0.5", ", row 2, column patient: it is empty"),
        ("P1,A,,external,,,0.5", ", row 2, column model: it is empty"),
        (
            "P1,A,n,external,,,0.5",
            ", row 2, column model: it differs from 'm'; a file contains the scores of one model",
        ),
        (
            "P1,A,m,score,,,0.5",
            ", row 2, column evaluation: it must be one of out_of_fold, apparent, external, external_member, "
            "external_seed",
        ),
        ("P1,A,m,external_member,,,0.5", ", row 2, column fold: it is empty"),
        ("P1,A,m,external_seed,,,0.5", ", row 2, column seed: it is empty"),
        ("P2,A,m,external,,,0.5", ", row 2, column patient: this patient already has a score of this evaluation"),
        ("P2,A,m,external", ", row 2: 4 cells where the header has 7 columns"),
    ],
)
def test_predictions_that_are_wrong_are_one_sentence(tmp_path, row, sentence):
    path = predictions_of(tmp_path / "scores.csv", "P2,A,m,external,,,", row)
    with pytest.raises(UserError) as error:
        predictions.read([path])
    assert str(error.value) == f"{path}{sentence}"


def test_a_table_of_predictions_has_all_columns_and_some_rows(tmp_path):
    path = predictions_of(tmp_path / "scores.csv", "P1,0.5", header="patient,score")
    columns = "patient, center, model, evaluation, fold, seed, score"
    with pytest.raises(UserError, match=f"scores.csv: the columns must be {columns}; they are patient, score"):
        predictions.read([path])
    predictions_of(path)
    with pytest.raises(UserError, match="scores.csv has no rows"):
        predictions.read([path])


def test_scores_are_by_model_in_the_order_of_the_files(tmp_path):
    b = predictions_of(tmp_path / "1.csv", "P1,A,b,external,,,0.1", "P2,A,b,external,,,0.2")
    a = predictions_of(tmp_path / "2.csv", "P2,A,a,external,,,0.4", "P1,A,a,external,,,0.3")
    scores = predictions.read([b, a]).scores("external")
    assert scores.to_dict("index") == {"P1": {"b": 0.1, "a": 0.3}, "P2": {"b": 0.2, "a": 0.4}}
    assert scores.columns.tolist() == ["b", "a"]
    with pytest.raises(UserError, match="1.csv and .*1.csv both contain scores of model 'b'"):
        predictions.read([b, b])
    with pytest.raises(UserError, match="contains no scores of model 'c'; it contains those of b, a"):
        predictions.read([b, a]).scores_of("c", "external")
    predictions_of(a, "P1,A,a,external,,,0.3")
    with pytest.raises(UserError, match=f"{a} has no row for patient 'P2'"):
        predictions.read([b, a]).scores("external")


def test_a_reading_has_one_external_score_for_all_members(tmp_path):
    path = predictions_of(tmp_path / "scores.csv", "P1,A,m,external,,,0.5", "P1,A,m,external_member,0,,0.25")
    found = predictions.read([path])
    assert found.member_scores_of("m", 0).tolist() == [0.25]
    with pytest.raises(UserError, match="has no scores of evaluation 'external_member 1'"):
        found.member_scores_of("m", 1)
    predictions_of(path, "P1,A,m,external,,,0.5")
    assert predictions.read([path]).member_scores_of("m", 1).tolist() == [0.5]
    with pytest.raises(UserError, match="has no scores of evaluation 'out_of_fold'"):
        found.scores_of("m", "out_of_fold")


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "{}", '{"model": "hybrid"}', "\udcff"])
def test_a_damaged_description_of_a_model_is_one_sentence(tmp_path, content):
    (tmp_path / "model.json").write_text(content, errors="surrogateescape")
    with pytest.raises(UserError) as error:
        model_folder.read_description(tmp_path)
    made_again = f"make it again: snakemake --force {tmp_path} --configfile ..., and start the study again"
    assert str(error.value) == f"{tmp_path / 'model.json'} is damaged; {made_again}"


STATUS = {"patient": "P1", "center": "A", "step": "sample", "usable": [], "findings": []}


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        json.dumps({**STATUS, "findings": [{"code": "unheard_of", "text": ""}]}),
        json.dumps({**STATUS, "findings": None}),
        json.dumps({"patient": "P1", "findings": []}),
        json.dumps({**STATUS, "colour": "red"}),
    ],
)
def test_a_damaged_status_is_one_sentence_that_names_the_record(tmp_path, content):
    record, folder = tmp_path / "batches/1-of-1.json", tmp_path / "sub-P1"
    folder.mkdir()
    (folder / "status.json").write_text(json.dumps(STATUS))
    batch_record.write(record, {"P1": folder})
    assert Status.read(folder) == Status("P1", "A", "sample")
    (folder / "status.json").write_text(content)
    with pytest.raises(UserError) as error:
        Status.read(folder)
    assert str(error.value).startswith(
        f"{folder / 'status.json'} is damaged; make it again: snakemake --force {record}"
    )
    (folder / "status.json").unlink()
    with pytest.raises(UserError, match="status.json does not exist; make it again: "):
        Status.read(folder)


def test_any_damaged_json_file_is_one_sentence(tmp_path):
    (tmp_path / "thresholds.json").write_text('{"hybrid": ')
    with pytest.raises(UserError, match=r"thresholds\.json is damaged \(Expecting value: .*\); make it again$"):
        read_json(tmp_path / "thresholds.json")


def test_a_patient_in_two_centres_is_named_with_both_files(tmp_path):
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for path in paths:
        path.write_text("patient,lnm\nP1,1\n")
    with pytest.raises(UserError, match=r"patient 'P1' is in .*a\.csv and in .*b\.csv; patient names must differ"):
        outcomes.read_lnm(paths)


def test_a_failed_write_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "t.csv"
    tables.write(path, pd.DataFrame({"patient": ["P1"]}))
    with pytest.raises(ValueError, match="not in fieldnames|dict contains"):
        delimited.write(path, ["patient"], [{"patient": "P2"}, {"unknown": "P3"}])
    assert path.read_text() == "patient\nP1\n" and list(tmp_path.iterdir()) == [path]
