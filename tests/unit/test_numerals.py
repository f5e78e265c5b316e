"""Decimals are read exactly, whichever table they are in."""

import numpy as np
import pandas as pd
import pytest

import score_tables
from hscore import numerals
from hscore.cohort.table import read_table
from hscore.contracts import manifest as contract
from hscore.contracts import predictions

rng = np.random.default_rng(1)
DOUBLES = np.concatenate([rng.random(2000), rng.random(500) * 10.0 ** rng.integers(-8, 1, 500), [0.1 + 0.2, 5e-324]])


@pytest.mark.parametrize("word", ["", " ", "nan", "inf", "-Infinity", "1_0", "0x10", "1,5", "١", "1e999", "high", "1e"])
def test_only_plain_finite_numbers_are_read(word):
    assert np.isnan(numerals.number(word))


def test_missing_cells_stay_missing_and_numbers_stay_themselves():
    found = numerals.numbers(pd.Series([" 1.50 ", "-2e-3", ".5", "7.", None, np.nan, 3, 0.1], dtype=object))
    np.testing.assert_array_equal(found, [1.5, -0.002, 0.5, 7.0, np.nan, np.nan, 3.0, 0.1])


def test_numbers_are_written_so_that_they_read_back_as_themselves():
    assert [numerals.text(value) for value in (45.0, 1.5, 0.1 + 0.2, 1e-7)] == [
        "45",
        "1.5",
        "0.30000000000000004",
        "1e-07",
    ]
    assert [numerals.number(numerals.text(value)) for value in DOUBLES] == DOUBLES.tolist()


def test_full_precision_scores_survive_writing_and_reading(tmp_path):
    names = [f"p{place}" for place in range(DOUBLES.size)]
    path = tmp_path / "scores.csv"
    patients = pd.DataFrame({"patient": names, "center": "far"})
    predictions.write(path, "hybrid", predictions.rows(patients, "external", DOUBLES))
    np.testing.assert_array_equal(predictions.read([path]).scores_of("hybrid", "external"), DOUBLES)


def test_full_precision_clinical_values_survive_writing_and_reading(tmp_path):
    path, columns = tmp_path / "clinical.csv", ["age", "scc_ag_ng_ml", "mri_ln_short_axis_mm", "dfs_months"]
    rest = dict.fromkeys(["figo_stage", "histology", "grade", "lnm", "dfs_event"], "")
    names = [f"p{place}" for place in range(DOUBLES.size)]
    written = pd.DataFrame({"patient": names, "center": "north", **dict.fromkeys(columns, DOUBLES), **rest})
    written.to_csv(path, index=False)
    found = read_table(path, "north")
    for column in columns:
        np.testing.assert_array_equal(found[column], DOUBLES)
    manifest = tmp_path / "manifest.csv"
    found.assign(samples="").to_csv(manifest, index=False, float_format=numerals.text)
    np.testing.assert_array_equal(contract.read(manifest)["age"], DOUBLES)


def test_a_score_with_many_digits_stays_in_its_group(tmp_path):
    """A third of all doubles would come back below themselves, and so below a cut-off that equals them."""
    names = [f"p{place}" for place in range(DOUBLES.size)]
    path = tmp_path / "scores.csv"
    score_tables.write(path, "hybrid", pd.DataFrame({"patient": names, "score": DOUBLES}))
    rounded = pd.read_csv(path)["score"].to_numpy()
    assert (rounded != DOUBLES).mean() > 0.2  # what pandas does by itself
    found = predictions.read([path]).scores_of("hybrid", "external")
    assert all(score >= cut for score, cut in zip(found, DOUBLES, strict=True))
