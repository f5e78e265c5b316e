"""Reading the clinical table: types, codes, and a sentence for everything that is not what it should be."""

import pandas as pd
import pytest

from hscore.cohort.table import read_table, read_with_lnm, with_known_nodes
from hscore.contracts import manifest as contract
from hscore.errors import UserError

HEADER = "patient,center,age,figo_stage,histology,grade,scc_ag_ng_ml,mri_ln_short_axis_mm,lnm,dfs_months,dfs_event"
CODES = {
    "figo_stage": {"IB1": "IB", "IB2": "IB", "IIA": "IIA"},
    "histology": {"SCC": "squamous"},
    "grade": {"1": "G1", "2": "G2"},
}


@pytest.fixture
def table(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "clinical.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def test_values_have_their_types_and_codes_their_meaning(table):
    path = table(
        "007,north,45,IB1,SCC,2,1.5,10,1,33.25,0", "NA,north,,,,,,,,,", ",,,,,,,,,,", " b ,north,50,IIA,SCC,1,0,0,0,,1"
    )
    read = read_table(path, "north", CODES)
    assert read["patient"].tolist() == ["007", "NA", "b"]
    assert read["age"].tolist()[::2] == [45, 50] and read.index.tolist() == [0, 1, 2]
    assert read["figo_stage"].tolist() == ["IB", None, "IIA"]
    assert read["grade"].tolist() == ["G2", None, "G1"]
    assert read["lnm"].dtype == "Int64"
    assert read["lnm"].tolist() == [1, pd.NA, 0]
    assert read["dfs_months"][0] == 33.25
    assert read.loc[1, ["age", "scc_ag_ng_ml", "mri_ln_short_axis_mm", "dfs_months", "dfs_event"]].isna().all()


def test_further_columns_stay_as_text_and_a_byte_order_mark_is_no_part_of_a_name(table):
    path = table("a,north,45,IB1,SCC,2,1.5,10,1,33,0,012", header="\ufeff" + HEADER + ",ward")
    assert read_table(path, "north", CODES)["ward"].tolist() == ["012"]


def test_without_codes_coded_columns_stay_as_they_are(table):
    assert read_table(table("a,north,,XYZ,,,,,1,,"), "north")["figo_stage"].tolist() == ["XYZ"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("b,north,old,IB1,SCC,2,1,10,1,33,0", "row 2, column age: 'old' is not valid; expected a number or nothing"),
        ("b,north,45,IB1,SCC,2,inf,10,1,33,0", "row 2, column scc_ag_ng_ml: 'inf' is not valid"),
        ("b,north,45,IB1,SCC,2,1,10,2,33,0", "row 2, column lnm: '2' is not valid; expected 0, 1 or nothing"),
        ("b,north,45,IB1,SCC,2,1,10,0.5,33,0", "column lnm: '0.5' is not valid"),
        (
            "b,north,45,IB9,SCC,2,1,10,1,33,0",
            "'IB9' is not valid; expected a code listed under codes.figo_stage",
        ),
        (
            "a,north,45,IB1,SCC,2,1,10,1,33,0",
            "column patient: 'a' is not valid; this patient has two rows",
        ),
        (",north,45,IB1,SCC,2,1,10,1,33,0", "row 2, column patient: '' is not valid; every row needs a patient"),
        (
            "b,south,45,IB1,SCC,2,1,10,1,33,0",
            "'south' is not valid; this is the table of centre 'north'",
        ),
        ("b,north,45", "row 2: 3 cells where the header has 11 columns"),
    ],
)
def test_nothing_is_coerced_in_silence(table, row, words):
    path = table("a,north,45,IB1,SCC,2,1.5,10,1,33,0", row)
    with pytest.raises(UserError, match=words) as error:
        read_table(path, "north", CODES)
    assert str(path) in str(error.value)


def test_rows_are_numbered_as_in_the_file(table):
    path = table("a,north,45,IB1,SCC,2,1.5,10,1,33,0", "", ",,,,,,,,,,", "b,north,old,IB1,SCC,2,1,10,1,33,0")
    with pytest.raises(UserError, match="row 4, column age: 'old' is not valid"):
        read_table(path, "north", CODES)


def test_missing_column_missing_file_and_empty_file(table, tmp_path):
    with pytest.raises(UserError, match="column 'lnm' is missing"):
        read_table(table(header=HEADER.replace(",lnm,", ",")), "north")
    with pytest.raises(UserError, match="cannot be read as a table"):
        read_table(tmp_path / "none.csv", "north")
    empty = tmp_path / "empty.csv"
    empty.touch()
    with pytest.raises(UserError, match="the file is empty"):
        read_table(empty, "north")


@pytest.fixture
def written(tmp_path):
    def write(center, patients, lnm):
        manifest, outcome = tmp_path / f"{center}.csv", tmp_path / f"{center}-lnm.csv"
        frame = pd.DataFrame({"patient": patients, "center": center, "samples": "s", "age": 50.0})
        frame.to_csv(manifest, index=False)
        outcome.write_text("patient,lnm\n" + "".join(f"{p},{v}\n" for p, v in lnm.items()))
        return manifest, outcome

    return write


def test_manifests_are_joined_with_their_node_status_by_patient(written):
    north = written("north", ["001", "NA"], {"NA": 1, "001": 0})
    south = written("NA", ["z"], {"z": 1})
    joined = read_with_lnm([north[0], south[0]], [north[1], south[1]], cohort=["development", "external"])
    assert joined["patient"].tolist() == ["001", "NA", "z"]
    assert joined["center"].tolist() == ["north", "north", "NA"]
    assert joined["lnm"].tolist() == [0, 1, 1]
    assert joined["cohort"].tolist() == ["development", "development", "external"]


def test_patients_without_node_status_stay_until_the_split(written):
    north = written("north", ["a", "b", "c"], {"c": 0, "b": "", "a": 1})
    joined = read_with_lnm([north[0]], [north[1]])
    assert joined["lnm"].tolist()[::2] == [1, 0] and joined["lnm"].isna().tolist() == [False, True, False]
    known = with_known_nodes(joined)
    assert known["patient"].tolist() == ["a", "c"] and known["lnm"].dtype == int


@pytest.mark.parametrize("lnm", [{"a": 1}, {"a": 1, "b": 0, "c": 1}])
def test_outcomes_of_other_patients_are_refused(written, lnm):
    manifest, outcome = written("north", ["a", "b"], lnm)
    with pytest.raises(UserError, match="does not list exactly the patients"):
        read_with_lnm([manifest], [outcome])


def test_one_outcome_file_is_needed_for_each_manifest(written):
    manifest, outcome = written("north", ["a"], {"a": 1})
    with pytest.raises(UserError, match="2 manifests but 1 values of lnm"):
        read_with_lnm([manifest, manifest], [outcome])


def test_manifest_keeps_text_as_text(written):
    assert contract.read(written("01", ["001"], {"001": 1})[0]).loc[0, ["patient", "center"]].tolist() == ["001", "01"]
