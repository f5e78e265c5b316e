"""The error that choosing a cut-off adds to external rates: brute force, and what has none."""

import numpy as np
import pytest

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import cut_off_error, thresholds

SETTINGS = {"threshold": "youden", "bootstrap": {"resamples": 2000, "seed": 3}}


def cohort(seed, positives, negatives):
    y_true = np.arange(positives + negatives) < positives
    return ScoredCohort(y_true, {"model": np.random.default_rng(seed).normal(size=y_true.size) + 1.5 * y_true})


def test_it_is_the_spread_over_cut_offs_chosen_again():
    development, external = cohort(1, 30, 70), cohort(2, 12, 40)
    found = cut_off_error.standard_errors("model", external, development, SETTINGS)
    cuts = cut_off_error.resampled_cuts(development.y_true, development.scores["model"], SETTINGS, 200)
    scores, y_true = external.scores["model"], external.y_true
    rates = {
        "sensitivity": [np.mean([s >= cut for s in scores[y_true]]) for cut in cuts],
        "specificity": [np.mean([s < cut for s in scores[~y_true]]) for cut in cuts],
        "accuracy": [np.mean((scores >= cut) == y_true) for cut in cuts],
    }
    assert found["resamples"] == 200
    for name, values in rates.items():
        assert found[name] == pytest.approx(np.std(values, ddof=1)) and found[name] > 0.01


def test_it_is_close_to_the_spread_over_new_development_cohorts():
    """Reruns of the whole choice are what the bootstrap stands for."""
    external = cohort(5, 2000, 2000)
    bootstrapped, chosen = [], []
    for seed in range(100, 160):
        development = cohort(seed, 71, 267)
        bootstrapped.append(cut_off_error.standard_errors("model", external, development, SETTINGS)["sensitivity"])
        cut = thresholds.youden(development.y_true, development.scores["model"])
        chosen.append(np.mean(external.scores["model"][external.y_true] >= cut))
    assert np.mean(bootstrapped) == pytest.approx(np.std(chosen, ddof=1), rel=0.3)


def test_a_reading_has_one_possible_cut_off_and_no_such_error():
    y_true = np.arange(60) < 20
    reading = ScoredCohort(y_true, {"model": np.where(np.arange(60) % 3 == 0, 0.8, 0.1) * 1.0})
    reading.scores["model"][:15] = 0.8
    found = cut_off_error.standard_errors("model", reading, reading, SETTINGS)
    assert (found["sensitivity"], found["specificity"], found["accuracy"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("settings", "development", "why"),
    [
        ({**SETTINGS, "threshold": {"value": 0.5}}, cohort(1, 9, 9), "fixed in the settings"),
        (SETTINGS, None, "no development cohort"),
        (SETTINGS, ScoredCohort(np.array([True, True]), {"model": np.array([0.1, 0.2])}), "no threshold separates"),
    ],
)
def test_what_was_not_chosen_here_has_none_and_says_why(settings, development, why):
    found = cut_off_error.standard_errors("model", cohort(2, 5, 5), development, settings)
    assert found["sensitivity"] is None and why in found["why"]


def test_one_row_a_model_with_external_scores():
    external, development = cohort(1, 9, 9), cohort(2, 9, 9)
    assert cut_off_error.describe({"out_of_fold": development}, SETTINGS) == []
    rows = cut_off_error.describe({"external": external, "out_of_fold": development}, SETTINGS)
    assert [row["model"] for row in rows] == ["model"]
