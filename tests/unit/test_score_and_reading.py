"""The H score next to the MRI reading in one Cox model: against lifelines, and where it cannot be estimated."""

import lifelines
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from scipy.stats import chi2

from hscore.statistics.survival import score_and_reading

SETTINGS = {"confidence": 0.95, "events_per_variable": 5}


def cohort(slope, n=150, seed=2):
    rng = np.random.default_rng(seed)
    reading = (rng.random(n) < 0.3).astype(float)
    score = expit(rng.normal(-1.5 + 2 * reading, 1.2))
    time = rng.exponential(60 * np.exp(-slope * logit(score)))
    lost = rng.uniform(12, 80, n)
    return pd.DataFrame(
        {
            "score": score,
            "mri_ln_positive": reading,
            "dfs_months": np.minimum(time, lost),
            "dfs_event": (time <= lost).astype(float),
        }
    )


def test_hazard_ratio_and_likelihood_ratio_test_are_those_of_lifelines():
    known = cohort(0.3)
    score, reading = score_and_reading.describe(known, SETTINGS)["rows"]
    table = known.assign(doublings=np.log2(known["score"] / (1 - known["score"]))).drop(columns="score")
    both = lifelines.CoxPHFitter().fit(table, "dfs_months", "dfs_event")
    alone = lifelines.CoxPHFitter().fit(table.drop(columns="doublings"), "dfs_months", "dfs_event")
    assert score["estimate"] == pytest.approx(both.hazard_ratios_["doublings"], rel=1e-5)
    assert reading["estimate"] == pytest.approx(both.hazard_ratios_["mri_ln_positive"], rel=1e-5)
    statistic = 2 * (both.log_likelihood_ - alone.log_likelihood_)
    assert score["p"] == pytest.approx(chi2.sf(statistic, 1), rel=1e-4)
    assert score["low"] < score["estimate"] < score["high"]


def test_the_ends_of_the_interval_are_where_the_test_has_its_level():
    """A profile interval excludes 1 exactly where the likelihood-ratio p is below 5 %."""
    for slope in (0.0, 0.1, 0.15, 0.3):
        score = score_and_reading.describe(cohort(slope), SETTINGS)["rows"][0]
        assert (score["low"] > 1 or score["high"] < 1) == (score["p"] < 0.05)


def test_the_scale_of_the_score_is_the_doubling_of_its_odds():
    known = cohort(0.3)
    doubled = known.assign(score=expit(logit(known["score"]) + np.log(2)))  # a shift changes nothing
    stretched = known.assign(score=expit(2 * logit(known["score"])))
    once, same, twice = (score_and_reading.describe(one, SETTINGS)["rows"][0] for one in (known, doubled, stretched))
    assert same["estimate"] == pytest.approx(once["estimate"])
    assert twice["estimate"] ** 2 == pytest.approx(once["estimate"]) and twice["p"] == pytest.approx(once["p"])


def test_patients_without_the_reading_are_left_out_and_counted():
    known = cohort(0.3)
    known.loc[:9, "mri_ln_positive"] = np.nan
    found = score_and_reading.describe(known, SETTINGS)
    assert found["n"] == 140 and found["rows"] == score_and_reading.describe(known.iloc[10:], SETTINGS)["rows"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"score": 0.5}, "all patients have the same H score"),
        ({"mri_ln_positive": 1.0}, "all patients have the same mri_ln_positive"),
        ({"mri_ln_positive": np.nan}, "the MRI reading is not known for any patient with survival data"),
        ({"dfs_event": 0.0}, "nobody had an event"),
    ],
)
def test_what_cannot_be_estimated_says_why(change, why):
    for row in score_and_reading.describe(cohort(0.3).assign(**change), SETTINGS)["rows"]:
        assert row["estimate"] is None and why in row["why"]


def test_a_score_that_is_the_reading_has_nothing_to_add():
    known = cohort(0.3)
    known["score"] = np.where(known["mri_ln_positive"] == 1, 0.7, 0.1)
    assert "determine each other" in score_and_reading.describe(known, SETTINGS)["rows"][0]["why"]
    known["score"] = known["mri_ln_positive"]
    assert "the score is 0 or 1 in 150 patients" in score_and_reading.describe(known, SETTINGS)["rows"][0]["why"]


def test_too_few_events_are_refused_as_in_every_model_of_several_variables():
    row = score_and_reading.describe(cohort(0.3), {**SETTINGS, "events_per_variable": 500})["rows"][0]
    assert "fewer than the 500 events per variable" in row["why"]


def test_where_no_event_has_a_positive_reading_firths_estimate_is_named():
    known = cohort(0.3)
    known.loc[known["mri_ln_positive"] == 1, "dfs_event"] = 0.0
    row = score_and_reading.describe(known, SETTINGS)["rows"][0]
    assert row["estimate"] > 0 and "Firth" in row["method"] and "no events with mri_ln_positive" in row["plain_why"]
