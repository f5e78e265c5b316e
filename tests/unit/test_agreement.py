"""Every statistic against R, row by row; `python tests/agreement.py` prints the table."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import agreement


@pytest.fixture(scope="module")
def found(reference_data):
    """All rows; it stops where a number of a reference file is neither compared nor left out with a reason."""
    return agreement.Agreement.compute(reference_data)


def test_every_row_agrees_with_r(found):
    wrong = [row for row in found.rows if not row.agrees]
    assert not wrong, "\n" + agreement.table(wrong)


def test_every_reference_file_is_compared(found):
    assert len(found.rows) > 1850
    names = {row.data.split(",")[0].split(" ")[0] for row in found.rows}
    assert {"proportions", "aSAH", "dcurves", "lung", "TCGA-CESC", "pROC", "coxphf", "riskRegression"} <= names
    assert sum(found.not_compared.values()) < len(found.rows)


def test_a_number_that_nothing_reads_is_noticed():
    content = agreement.Reference({"a": {"known": 1.0}, "b": [{"new": 2.0, "word": "x"}]}, "", set())
    assert list(content.numbers()) == ["/a/known", "/b/0/new"]
    assert content["a"]["known"] == 1.0 and "/a/known" in content.used
    with pytest.raises(ValueError, match="nothing compares /b/0/new"):
        agreement.reason("/b/0/new", "file")


def test_rows_without_an_explanation_keep_the_usual_limits(found):
    assert {row.allowed for row in found.rows if not row.why} == {agreement.EXACT, agreement.ITERATIVE}
