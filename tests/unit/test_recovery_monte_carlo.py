"""The Monte-Carlo mode: every interval, band and test found; truths right; wrong intervals noticed."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from hscore.metrics.ranking import auc
from hscore.recovery import cohorts, monte_carlo, numbers, recovery_page, truth
from hscore.simulation import ideal
from hscore.simulation.parameters import load

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def parameters():
    return load(ROOT / "resources/simulation.yaml")


@pytest.fixture(scope="module")
def settings(parameters):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    small = parameters["monte_carlo"] | {"resamples": 100}
    return monte_carlo.Settings.from_config(small, config["validate"], config["survive"])


@pytest.fixture(scope="module")
def reference(parameters, settings):
    """The truth of the planted scenario from cohorts that are smaller than usual."""
    patch = pytest.MonkeyPatch()
    for name, value in {"LARGE": 20_000, "REPEATS": 1}.items():
        patch.setattr(truth, name, value)
    found = truth.reference(parameters, "planted", settings, 1)
    patch.undo()
    return json.loads(json.dumps(found, allow_nan=False))  # as the step hands it on


@pytest.fixture(scope="module")
def batches(parameters, settings, reference):
    return [monte_carlo.batch(parameters, "planted", settings, reference, 3, [1, 0, number]) for number in (1, 2)]


# --- finding the numbers


TREE = {
    "performance": [
        {"model": "a", "evaluation": "external", "auc": {"estimate": 0.8, "low": 0.7, "high": 0.9}},
        {"model": "b", "evaluation": "external", "auc": {"estimate": None, "low": None, "high": None, "why": "no"}},
    ],
    "comparisons": [{"model_a": "a", "model_b": "b", "difference": 0.1, "low": -0.1, "high": 0.3, "p": 0.4}],
    "times": [{"time": 12.0, "estimate": 0.6, "low": 0.5, "high": 0.7}],
    "group": {"median": None, "median_low": 40.0, "median_high": None},
    "curve": {"time": [0, 1], "survival": [1.0, 0.9], "low": [1.0, 0.8], "high": [1.0, None]},
    "decision": {"threshold": [0.1, 0.2], "models": {"a": {"net_benefit": [0.1, 0.2], "low": [0, 0], "high": [1, 1]}}},
    "anything_new": {"deeper": [{"term": "x", "estimate": 2.0, "low": 1.0, "high": 3.0, "p": 0.01}]},
}


def test_intervals_bands_and_tests_are_found_by_their_shape():
    assert numbers.intervals(TREE) == {
        "performance[external, a].auc": (0.8, 0.7, 0.9),
        "comparisons[a, b]": (0.1, -0.1, 0.3),
        "times[at 12]": (0.6, 0.5, 0.7),
        "group.median": (float("inf"), 40.0, float("inf")),
        "anything_new.deeper[x]": (2.0, 1.0, 3.0),
    }
    assert numbers.tests(TREE) == {"comparisons[a, b]": 0.4, "anything_new.deeper[x]": 0.01}
    assert numbers.bands(TREE) == {
        "curve": {"grid": [0, 1], "value": [1.0, 0.9], "low": [1.0, 0.8], "high": [1.0, None]},
        "decision.models.a": {"grid": [0.1, 0.2], "value": [0.1, 0.2], "low": [0, 0], "high": [1, 1]},
    }


# --- cohorts


def test_planted_cohorts_are_the_ideal_observers_on_calibrated_scores(parameters):
    cohort = cohorts.draw(parameters, "planted", 60_000, 0.21, np.random.default_rng(0))
    y_true, scores = cohort.evaluation.y_true, cohort.evaluation.scores
    expected = ideal.observers(parameters)
    for model, (sequence, region) in cohorts.IMAGE_MODELS.items():
        assert auc(y_true, scores[model]) == pytest.approx(expected[sequence][region], abs=0.008)
    assert auc(y_true, scores["clinical"]) == pytest.approx(expected["mri_ln"], abs=0.008)
    assert auc(y_true, scores["hybrid"]) == pytest.approx(expected["hybrid"], abs=0.008)
    for values in scores.values():
        high = values > np.quantile(values, 0.9) - 1e-9
        assert y_true[high].mean() == pytest.approx(values[high].mean(), abs=0.02)


def test_null_cohorts_have_equal_models_and_no_prognosis(parameters):
    cohort = cohorts.draw(parameters, "null", 60_000, 0.21, np.random.default_rng(0))
    areas = [auc(cohort.evaluation.y_true, s) for s in cohort.evaluation.scores.values()]
    assert areas == pytest.approx([ideal.auc(cohorts.EQUAL_SEPARATION)] * len(cohorts.MODELS), abs=0.01)
    survival = cohort.survival
    for column in ("score", "lnm", "mri_ln_positive"):
        assert np.corrcoef(survival[column], survival["dfs_event"])[0, 1] == pytest.approx(0, abs=0.02)


# --- truth


def test_reference_truths_are_the_closed_forms(reference, parameters):
    values, expected = reference["values"], ideal.observers(parameters)
    sensitivity, specificity = ideal.reading(parameters)
    close = {
        "validation.performance[external, hybrid].auc": expected["hybrid"],
        "validation.performance[out_of_fold, t2wi_peritumoral].auc_logit": expected["T2WI"]["peritumoral"],
        "validation.performance[external, clinical].sensitivity": sensitivity,
        "validation.performance[external, clinical].specificity": specificity,
        "validation.calibration[external, recalibrated, hybrid].slope": 1.0,
    }
    for place, value in close.items():
        assert values[place] == pytest.approx(value, rel=0.04), place


def test_every_interval_of_the_validation_has_a_truth(reference, batches):
    """What is added to the validation has one at once; in the survival analysis it may take the mean of the studies."""
    places = {name for batch in batches for name in batch["intervals"]}
    without = places - set(reference["values"])
    assert not [name for name in without if name.startswith("validation.")]
    assert len(without) < 0.1 * len(places)
    survival = {name for name in reference["values"] if name.startswith("survival.")}
    assert len(survival & places) > 30


@pytest.mark.parametrize(
    ("test", "scenario", "holds"),
    [
        ("survival.cohorts.external.log_rank", "null", True),
        ("survival.cohorts.external.log_rank", "planted", False),
        ("validation.comparisons[external, hybrid, clinical]", "planted", False),
        ("validation.auc_change[hybrid]", "planted", True),
        ("survival.cohorts.external.multivariable[mri_ln_positive]", "planted", False),
        ("survival.cohorts.external.multivariable[high H score]", "planted", False),
        ("survival.cohorts.development.proportional_hazards[high H score]", "planted", False),
        ("survival.cohorts.development.proportional_hazards[high H score]", "null", True),
        ("validation.calibration[external, recalibrated, hybrid].spiegelhalter", "planted", True),
    ],
)
def test_true_null_hypotheses(test, scenario, holds):
    assert monte_carlo.null_is_true(test, scenario) is holds


# --- studies and their summary


def test_batches_have_studies_of_their_own_and_repeat(parameters, settings, reference, batches):
    place = "validation.performance[external, hybrid].auc"
    first, second = (batch["intervals"][place][:, 0] for batch in batches)
    assert len({*first, *second}) == 6
    again = monte_carlo.batch(parameters, "planted", settings, reference, 1, [1, 0, 1])
    assert again["intervals"][place][0, 0] == first[0]


def test_batches_survive_their_file(batches, tmp_path):
    np.savez_compressed(tmp_path / "batch.npz", **monte_carlo.to_arrays(batches[0]))
    with np.load(tmp_path / "batch.npz") as arrays:
        back = monte_carlo.from_arrays(arrays)
    for kind in monte_carlo.KINDS:
        assert set(back[kind]) == set(batches[0][kind])
    place = "survival.cohorts.external.hazard_ratio"
    assert np.array_equal(back["intervals"][place], batches[0]["intervals"][place], equal_nan=True)


def test_summary_holds_every_number_with_its_monte_carlo_error(batches, reference):
    found = monte_carlo.summary(batches, reference, 0.95)
    assert found["studies"] == 6 and found["scenario"] == "planted"
    rows = {row["place"]: row for row in found["intervals"]}
    row = rows["survival.cohorts.external.hazard_ratio"]
    assert (
        row["truth"] == pytest.approx(4.57, abs=0.005) and row["truth_from"] == "planted" and 0 <= row["coverage"] <= 1
    )
    assert row["coverage"] + row["below"] + row["above"] == pytest.approx(1)
    assert row["coverage_error"] > 0 and row["bias_error"] > 0
    assert {row["place"] for row in found["chosen_threshold"]} >= {"development sensitivity", "external specificity"}
    assert any("curve" in row["place"] for row in found["bands"]) and found["tests"]


def made_up(estimates, half_width, p):
    estimates = np.asarray(estimates)
    interval = np.stack([estimates, estimates - half_width, estimates + half_width], axis=1)
    return {"intervals": {"x": interval}, "p": {"test": np.asarray(p)}, "bands": {}, "chosen": {}}


def test_coverage_and_size_of_made_up_studies():
    """Normal estimates with right and with half the width: 95 % and 67 % coverage; uniform and too small p-values."""
    random = np.random.default_rng(0)
    known = {"values": {"x": 2.0}, "scenario": "null"}
    right = made_up(2 + random.standard_normal(4000), 1.96, random.random(4000))
    narrow = made_up(2.3 + random.standard_normal(4000), 0.98, random.random(4000) / 2)
    good, bad = (recovery_page.overview(monte_carlo.summary([one], known, 0.95)) for one in (right, narrow))
    assert good["intervals"][0]["coverage"] == pytest.approx(0.95, abs=0.012)
    assert good["tests"][0]["rejected"] == pytest.approx(0.05, abs=0.012)
    assert good["marked"] == {"intervals": 0, "tests": 0, "bands": 0}
    assert bad["intervals"][0]["bias"] == pytest.approx(0.3, abs=4 * bad["intervals"][0]["bias_error"])
    assert bad["intervals"][0]["coverage"] < 0.7 and bad["tests"][0]["rejected"] == pytest.approx(0.1, abs=0.02)
    assert bad["marked"] == {"intervals": 1, "tests": 1, "bands": 0}


def test_a_place_without_a_truth_is_measured_against_the_mean_and_says_so():
    random = np.random.default_rng(0)
    found = monte_carlo.summary(
        [made_up(5 + random.standard_normal(500), 1.96, random.random(500))],
        {"values": {}, "scenario": "planted"},
        0.95,
    )
    assert found["intervals"][0]["truth_from"] == "mean of the studies"
    assert found["intervals"][0]["truth"] == pytest.approx(5, abs=0.2)


def test_a_median_that_no_study_reaches_has_no_mean_and_without_a_truth_no_row():
    endless = made_up([np.inf] * 3, 0.0, [0.5] * 3)
    endless["intervals"]["x"][:, 1] = [10.0, 20.0, 40.0]
    (row,) = monte_carlo.summary([endless], {"values": {"x": 30.0}, "scenario": "null"}, 0.95)["intervals"]
    assert row["mean"] is None and row["bias"] is None and row["coverage"] == pytest.approx(2 / 3)
    assert monte_carlo.summary([endless], {"values": {}, "scenario": "null"}, 0.95)["intervals"] == []


def test_a_number_that_some_studies_lack_counts_where_it_is():
    part, other = made_up([2.0, 2.1], 1.0, [0.5, 0.5]), made_up([1.9], 1.0, [0.5])
    other["intervals"]["rare"] = other["intervals"]["x"].copy()
    found = monte_carlo.summary([part, other], {"values": {"x": 2.0, "rare": 2.0}, "scenario": "null"}, 0.95)
    rows = {row["place"]: row for row in found["intervals"]}
    assert rows["x"]["studies"] == 3 and rows["rare"]["studies"] == 1 and found["studies"] == 3


def test_true_curves():
    by_month = np.exp(-0.01 * np.arange(85)).tolist()
    known = {
        "survival": {"km": by_month},
        "calibrated": ["line"],
        "curves": {"benefit": [0.1, 0.2], "spared": [None, 5.0]},
    }
    assert monte_carlo.true_curve([0, 50.3], "km", known) == pytest.approx([1, np.exp(-0.503)], abs=1e-4)
    assert monte_carlo.true_curve([0.1, 0.7], "line", known) == pytest.approx([0.1, 0.7])
    assert monte_carlo.true_curve([1, 2], "benefit", known) == pytest.approx([0.1, 0.2])
    assert monte_carlo.true_curve([1, 2], "unknown", known) is None
    band = {
        "grid": [0.1, 0.2],
        "low": [3.0, 6.0],
        "high": [4.0, 7.0],
    }  # 0.1: no truth
    assert monte_carlo.covered_share(band, "spared", known) == 0.0
    band = {"grid": [0, 50], "low": [1.0, 0.7], "high": [1.0, None]}
    assert monte_carlo.covered_share(band, "km", known) == 1.0
    band = {"grid": [0, 50], "low": [1.0, 0.2], "high": [1.0, 0.5]}
    assert monte_carlo.covered_share(band, "km", known) == 0.5
