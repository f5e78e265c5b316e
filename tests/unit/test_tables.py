"""CSV tables: plain numbers, every row marked with the kind of data."""

import csv
import re

import pytest

from example_results import example_results
from hscore.report.tables import csv_tables, diagnosis_tables


@pytest.fixture
def results():
    return example_results()


def read(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_of_every_table_says_what_it_is_made_from(results, tmp_path):
    csv_tables.write(results, tmp_path)
    names = {path.stem for path in tmp_path.iterdir()}
    assert {"flow", "table1", "performance", "roc", "comparisons", "published", "survival_curves", "cox"} <= names
    for name in names:
        assert {row["data"] for row in read(tmp_path, name)} == {"simulated"}


def test_numbers_keep_their_full_precision(results, tmp_path):
    csv_tables.write(results, tmp_path)
    written = {(row["evaluation"], row["model"], row["measure"]): row for row in read(tmp_path, "performance")}
    for row in results["performance"]:
        for measure in diagnosis_tables.MEASURES:
            assert float(written[row["evaluation"], row["model"], measure]["estimate"]) == row[measure]["estimate"]


def test_every_patient_of_the_flow_is_counted_once(results, tmp_path):
    csv_tables.write(results, tmp_path)
    for center, content in results["flow"].items():
        rows = [row for row in read(tmp_path, "flow") if row["center"] == center]
        count = {step: sum(int(row["n"]) for row in rows if row["step"] == step) for step in ("excluded", "included")}
        assert sum(count.values()) == content["in_table"]


def test_missing_numbers_are_empty_with_the_reason(results, tmp_path):
    results["performance"][0]["ppv"] = {"estimate": None, "low": None, "high": None, "why": "nobody was positive"}
    csv_tables.write(results, tmp_path)
    row = next(row for row in read(tmp_path, "performance") if row["measure"] == "ppv")
    assert (row["estimate"], row["why"]) == ("", "nobody was positive")


def test_a_table_without_rows_is_not_written(results, tmp_path):
    results["survival"] = {"model": "hybrid", "cohorts": {}}
    csv_tables.write(results, tmp_path)
    assert not (tmp_path / "cox.csv").exists()


def test_subgroups_and_study_size_are_written(results, tmp_path):
    csv_tables.write(results, tmp_path)
    expected = 3 * sum(len(entry["levels"]) for entry in results["subgroups"])
    rows = read(tmp_path, "subgroups")
    assert len(rows) == expected
    assert all(row["estimate"] or row["why"] for row in rows)
    needed = results["precision"]["needed"]
    assert [int(row["patients"]) for row in read(tmp_path, "study_size")] == [row["patients"] for row in needed]


RANGES = {"protocol"}  # lowest and highest values of patients, not intervals


def test_the_method_of_every_interval_is_in_its_table(results):
    """Every column that ends an interval has a method next to it, which is filled wherever the interval is."""
    for name, rows in csv_tables.tables(results).items():
        for row in rows if name not in RANGES else []:
            for column in row:
                if column == "low" or column.endswith(("_low", "low_here")) and "truly" not in column:
                    method = re.sub(r"low(?=_here$|$)", "method", column)
                    assert method in row, (name, column)
                    assert row[method] or row[column] in ("", None), (name, row)
