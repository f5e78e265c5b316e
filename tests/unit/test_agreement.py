"""Every statistic against R, row by row; `python tests/agreement.py` prints the table."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import agreement


@pytest.fixture(scope="module")
def rows(shared_data):
    return list(agreement.rows(shared_data))


def test_every_row_agrees_with_r(rows):
    wrong = [row for row in rows if not row.agrees]
    assert not wrong, "\n" + agreement.table(wrong)


def test_no_reference_was_passed_over_in_silence(rows):
    assert len(rows) > 1300
    assert {row.data.split(",")[0].split(" ")[0] for row in rows} == {
        "proportions",
        "aSAH",
        "dcurves",
        "lung",
        "TCGA-CESC",
    }


def test_rows_without_an_explanation_keep_the_usual_limits(rows):
    assert {row.allowed for row in rows if not row.why} == {agreement.EXACT, agreement.ITERATIVE}
