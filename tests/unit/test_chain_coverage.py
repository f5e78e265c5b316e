"""Coverage of the whole chain: how it is counted, and one small study through all steps."""

import numpy as np
import pandas as pd
import pytest

import chain_coverage

AUC = "validation.performance[external, hybrid].auc"


def rows(*intervals, place=AUC, true=0.8):
    return pd.DataFrame([(place, 0.8, *interval, true) for interval in intervals], columns=COLUMNS)


COLUMNS = ["place", "estimate", "low", "high", "true"]


def test_an_interval_covers_or_lies_on_one_side_and_one_that_is_missing_does_neither():
    studies = [rows(ends) for ends in ((0.7, 0.9), (0.8, 0.9), (0.85, 0.9), (0.5, 0.7), (np.nan, np.nan))]
    (row,) = chain_coverage.summary(studies).to_dict("records")
    assert (row["kind"], row["cohort"], row["place"]) == ("AUC (Newcombe)", "external", AUC)
    assert (row["coverage"], row["below"], row["above"], row["none"]) == pytest.approx((0.5, 0.25, 0.25, 0.2))
    assert row["width"] == pytest.approx(0.15)


def test_the_error_is_that_of_a_mean_over_studies_not_over_their_dependent_intervals():
    twice = [
        pd.concat([rows(ends), rows(ends, place=AUC.replace("hybrid", "late"))]) for ends in ((0.7, 0.9), (0, 0.1))
    ]
    (row,) = chain_coverage.summary(twice).to_dict("records")
    assert row["error"] == pytest.approx(np.std([0, 1], ddof=1) / np.sqrt(2))


def test_a_claim_is_significant_and_a_gain_only_upwards():
    found = [{"AUC": one} for one in ((0.1, True), (-0.1, True), (0.1, False), (0.0, False))]
    assert chain_coverage.false_positives(found).loc["AUC"].to_dict() == {"significant": 0.5, "gain": 0.25}


@pytest.mark.slow
def test_most_intervals_of_a_study_hold_the_truth_of_the_population(monkeypatch):
    monkeypatch.setitem(chain_coverage.SIZES, "large", 1500)
    monkeypatch.setattr(chain_coverage, "RESAMPLES", 60)
    studies, claims = zip(*map(chain_coverage.study, (5, 6)), strict=True)
    table, found = chain_coverage.summary(list(studies)), pd.concat(studies)
    assert {"difference of AUCs", "O:E", "net benefit", "Harrell's C"} < set(table["kind"])
    assert set(table["cohort"]) == set(chain_coverage.COHORTS)
    known = found.dropna()
    assert ((known["low"] <= known["true"]) & (known["true"] <= known["high"])).mean() > 0.7
    assert len(claims[0]) == 11
    for place in chain_coverage.without_truth(list(studies)):  # a median not reached, a subgroup by centre
        assert place.endswith("median") or "nothing, center]" in place


def test_the_truth_of_large_cohorts_is_what_the_slow_functions_say():
    random = np.random.default_rng(1)
    time, event, risk = random.exponential(20, 400).round(), random.random(400) < 0.6, random.normal(size=400).round(1)
    plain = chain_coverage.concordance.concordance(time, event, risk, event * 1.0)
    assert chain_coverage._concordance(time, event, risk, event * 1.0)[0] == pytest.approx(plain[0])
