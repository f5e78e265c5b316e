"""Holm's adjustment: by hand, and what it says of the family."""

import pytest

from hscore.statistics.common import multiplicity


def test_holm_by_hand():
    assert multiplicity.holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert multiplicity.holm([0.6, 0.7]) == [1.0, 1.0]


def test_rows_say_over_how_many_tests_they_were_adjusted():
    rows = [{"p_exact": 0.01}, {"p_exact": None}, {"p_exact": 0.04}]
    multiplicity.add_adjusted_p(rows, "pairs", key="p_exact")
    assert [row["p_holm"] for row in rows] == pytest.approx([0.02, None, 0.04])
    assert rows[0]["adjustment"] == "Holm over the 2 pairs"
