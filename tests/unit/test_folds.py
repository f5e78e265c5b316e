"""The split: balanced in every way at once, repeatable, and blind to the order of rows and centres."""

import itertools

import numpy as np
import pandas as pd
import pytest

from hscore.cohort.folds import stratified_folds
from hscore.errors import UserError


def cohort(**strata):
    """``center=(negatives, positives)``, patients named by centre and number, positives first."""
    rows = []
    for center, (negatives, positives) in strata.items():
        for number in range(negatives + positives):
            rows.append({"patient": f"{center}-{number:03d}", "center": center, "lnm": int(number < positives)})
    return pd.DataFrame(rows)


def spread(folds, k, rows):
    """Largest difference between two folds in the number of ``rows``."""
    counts = np.bincount(folds["fold"][rows], minlength=k)
    return counts.max() - counts.min()


COHORTS = [cohort(north=(172, 46), south=(95, 25)), cohort(a=(7, 3), b=(1, 1), c=(11, 2)), cohort(only=(5, 6))]


@pytest.mark.parametrize(("patients", "k", "seed"), list(itertools.product(COHORTS, [2, 3, 5], [1, 2020])))
def test_folds_are_balanced_in_total_by_status_by_centre_and_by_stratum(patients, k, seed):
    folds = stratified_folds(patients, k, seed)
    assert sorted(folds["patient"]) == sorted(patients["patient"])
    assert set(folds["fold"]) == set(range(k))
    assert spread(folds, k, folds["fold"] >= 0) <= 1
    for status in (0, 1):
        assert spread(folds, k, folds["lnm"] == status) <= 1
        for center in set(folds["center"]):
            assert spread(folds, k, (folds["lnm"] == status) & (folds["center"] == center)) <= 1
    truth = patients.set_index("patient")
    assert (folds.set_index("patient")["lnm"] == truth["lnm"]).all()
    assert (folds.set_index("patient")["center"] == truth["center"]).all()


def test_order_of_rows_and_centres_does_not_matter():
    patients = cohort(north=(40, 12), south=(20, 7))
    first = stratified_folds(patients, 5, 2020)
    for seed in range(3):
        pd.testing.assert_frame_equal(stratified_folds(patients.sample(frac=1, random_state=seed), 5, 2020), first)
    assert first["patient"].tolist() == sorted(patients["patient"])


def test_seed_decides():
    patients = cohort(north=(40, 12), south=(20, 7))
    assert (stratified_folds(patients, 5, 1)["fold"] != stratified_folds(patients, 5, 2)["fold"]).any()


def test_patients_are_shuffled_not_dealt_by_name():
    """Over many seeds a patient meets every fold about equally often."""
    patients = cohort(north=(15, 10))
    counts = np.bincount([stratified_folds(patients, 5, seed)["fold"][3] for seed in range(100)], minlength=5)
    assert counts.min() > 8


@pytest.mark.parametrize(
    ("patients", "words"),
    [
        (
            cohort(a=(9, 2), b=(9, 2)),
            "at least 5 development patients with lymph-node metastasis, there are 4",
        ),
        (cohort(a=(1, 9)), "5 development patients without lymph-node metastasis, there is 1"),
        (cohort(a=(0, 0)).reindex(columns=["patient", "center", "lnm"]), "there are 0"),
    ],
)
def test_too_few_patients_of_a_kind_are_said_in_a_sentence(patients, words):
    with pytest.raises(UserError, match=words):
        stratified_folds(patients, 5, 2020)
