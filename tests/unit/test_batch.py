"""The record of a batch, and work on its patients that goes wrong for some of them."""

import errno
import logging

import pytest

from hscore import batch
from hscore.contracts import batch_record
from hscore.errors import UserError
from hscore.files import read_json


@pytest.fixture
def made(tmp_path):
    """Folders of two patients, with files in them and below."""
    folders = batch.folders(tmp_path / "nifti/A/batches/1-of-1.json", ["P1", "P2"])
    for patient, folder in folders.items():
        (folder / "below").mkdir(parents=True)
        (folder / "status.json").write_text(patient)
        (folder / "below/image.nii").write_bytes(b"\0" * 10)
    return folders


@pytest.fixture
def record(tmp_path, made):
    path = tmp_path / "nifti/A/batches/1-of-1.json"
    batch_record.write(path, made)
    return path


def test_a_record_leads_to_the_folders_wherever_the_study_is_moved(tmp_path, record, made):
    assert batch_record.read([record]) == made
    (tmp_path / "nifti").rename(tmp_path / "elsewhere")
    found = batch_record.read([tmp_path / "elsewhere/A/batches/1-of-1.json"])
    assert found["P2"] == tmp_path / "elsewhere/A/sub-P2"


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "below/image.nii").write_bytes(b"\0" * 9 + b"\1"),
        lambda folder: (folder / "below/image.nii").rename(folder / "below/other.nii"),
        lambda folder: (folder / "below/image.nii").unlink(),
        lambda folder: (folder / "new").touch(),
    ],
    ids=["content", "name", "gone", "new"],
)
def test_a_record_changes_when_any_file_of_a_patient_does(record, made, change):
    before = read_json(record)
    change(made["P2"])
    batch_record.write(record, made)
    after = read_json(record)
    assert after["P1"] == before["P1"] and after["P2"]["sha256"] != before["P2"]["sha256"]


def test_a_record_of_the_same_content_is_the_same_bytes(record, made):
    before = record.read_bytes()
    (made["P1"] / "status.json").write_text("P1")
    batch_record.write(record, made)
    assert record.read_bytes() == before


def test_a_folder_that_is_gone_is_one_sentence_that_says_how_to_make_it_again(record, made):
    made["P2"].rename(made["P2"].with_name("away"))
    with pytest.raises(UserError) as error:
        batch_record.read([record])
    assert str(error.value) == (
        f"{made['P2']} does not exist, but {record} lists it; "
        f"make it again: snakemake --force {record} --configfile ..., and start the study again"
    )


def test_the_record_of_a_folder_is_that_which_lists_it(record, made):
    assert batch_record.record_of(made["P1"]) == record
    unknown = made["P1"].with_name("sub-P9")
    assert batch_record.record_of(unknown) == unknown


@pytest.mark.parametrize("content", ["", "[1]", '{"P1": 3}', '{"P1": {"sha256": "0"}}'])
def test_a_damaged_record_is_one_sentence(record, content):
    record.write_text(content)
    with pytest.raises(UserError, match=f"^{record} is damaged; make it again: snakemake --force {record} "):
        batch_record.read([record])


def test_records_of_another_number_of_batches_end_where_their_folders_are_replaced(record, made):
    """Otherwise they would count as current when the number of batches changes back."""
    number = record.stem.split("-of-")[1]
    other, sibling = record.with_name(f"1-of-{2 * int(number)}.json"), record.with_name(f"9-of-{number}.json")
    for path in (other, sibling):
        batch_record.write(path, made)
    batch.work_through(["P1"], lambda patient: None, record)
    assert record.exists() and sibling.exists() and not other.exists()


def test_whatever_happens_to_a_patient_the_others_are_worked_through(caplog):
    done = []

    def work(patient: str) -> None:
        if patient == "P1":
            raise UserError("a.csv: no.")
        if patient == "P3":
            raise ZeroDivisionError("one by none")
        done.append(patient)

    with caplog.at_level(logging.INFO), pytest.raises(UserError) as error:
        batch.work_through(["P1", "P2", "P3", "P4"], work)
    assert done == ["P2", "P4"]
    assert str(error.value).splitlines() == [
        "patient 'P1': a.csv: no.",
        "patient 'P3': internal error (ZeroDivisionError: one by none); its log has the traceback",
    ]
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(("places", "text"), [(["results/x"], ": results/x"), ([], "")], ids=["named", "not named"])
def test_a_full_disk_is_no_fault_of_the_program(places, text, caplog):
    def work(patient: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", *places)

    with pytest.raises(UserError, match=f"^patient 'P1': No space left on device{text}$"):
        batch.work_through(["P1"], work)
    assert "Traceback" not in caplog.text


def test_stopping_a_job_stops_the_batch():
    done = []

    def work(patient: str) -> None:
        done.append(patient)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.work_through(["P1", "P2"], work)
    assert done == ["P1"]
