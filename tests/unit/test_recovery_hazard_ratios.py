"""The planted law of survival, what estimates converge to under it, and the hazard ratios from planted to achieved."""

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from scipy.special import expit, logit
from test_recovery_monte_carlo import parameters  # noqa: F401  a fixture

from hscore.recovery import cohorts, hazard_ratios
from hscore.recovery.limits import Patients
from hscore.recovery.population import hazard_ratio, population
from hscore.simulation import survival
from hscore.simulation.patients import simulate_center
from hscore.statistics.survival import concordance, cox

PREVALENCE = 103 / 479


@pytest.fixture(scope="module")
def large(parameters):  # noqa: F811
    """100,000 patients of the planted population, drawn: their cohort."""
    return cohorts.draw(parameters, "planted", 100_000, PREVALENCE, np.random.default_rng(0)).survival


def fitted(cohort, *covariates) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients and their standard errors, by lifelines."""
    table = pd.DataFrame({f"x{k}": np.asarray(values, float) for k, values in enumerate(covariates)})
    table = table.assign(time=cohort["dfs_months"].to_numpy(), event=cohort["dfs_event"].to_numpy())
    model = CoxPHFitter().fit(table, "time", "event")
    return model.params_.to_numpy(), model.standard_errors_.to_numpy()


def events(patients: Patients) -> float:
    """The expected number of observed events."""
    return float(patients.times[1] * patients.observed @ (patients.free @ patients.hazard))


# --- what is planted


def test_the_planted_hazard_ratio_is_the_published_one(parameters):  # noqa: F811
    assert hazard_ratio(parameters) == pytest.approx(4.59, abs=0.005)


def test_the_share_of_events_is_that_of_two_groups_with_the_published_ratio(parameters):  # noqa: F811
    """As first planted: 0.0026 per month up to an ideal H score of 0.20, 4.59 times as much above."""
    people = population(parameters, PREVALENCE)
    hazard = np.where(people.h_score > 0.20, 0.0026 * 4.59, 0.0026)
    before = Patients(people.survival.weight, hazard, parameters["survival"])
    assert events(people.survival) == pytest.approx(events(before), abs=0.001)
    assert np.exp(before.cox((people.h_score > 0.20)[:, None].astype(float))) == pytest.approx([4.59])


def test_drawn_cohorts_show_the_planted_ratio(parameters):  # noqa: F811
    """The mean of several: a single cohort of some seed says little about a bias."""
    log_ratios, errors = [], []
    for seed in range(1, 6):
        cohort = cohorts.draw(parameters, "planted", 50_000, PREVALENCE, np.random.default_rng(seed)).survival
        (log_ratio,), (error,) = fitted(cohort, cohort["score"] >= parameters["survival"]["cut_off"])
        log_ratios.append(log_ratio)
        errors.append(error)
    error = np.mean(errors) / np.sqrt(len(errors))
    assert np.mean(log_ratios) == pytest.approx(np.log(4.59), abs=3 * error) and error < 0.01


def test_a_large_drawn_cohort_shows_the_planted_events(large, parameters):  # noqa: F811
    high = large["score"] >= parameters["survival"]["cut_off"]
    people = population(parameters, PREVALENCE)
    assert large["dfs_event"].mean() == pytest.approx(events(people.survival), abs=0.004)
    assert high.mean() == pytest.approx(people.survival.weight[people.high].sum(), abs=0.004)


def test_without_signs_there_is_the_reading_alone(parameters):  # noqa: F811
    """Two hazards, which are proportional: the ratio has a closed form."""
    _, truth = simulate_center(parameters, "a", "ge", 50, 10, 3, control="noise_images")
    hazards = {record["monthly_hazard"] for record in truth["patients"].values()}
    assert len({round(value, 12) for value in hazards}) == 2
    assert hazard_ratio(truth["parameters"]) == pytest.approx(max(hazards) / min(hazards))


def test_follow_up_is_drawn_as_its_probability_says(parameters):  # noqa: F811
    planted = parameters["survival"]
    months, event = survival.draw(planted, np.full(100_000, 1e-9), np.random.default_rng(0))
    assert not event.any()
    for month in (10, 40, 70):
        assert (months > month).mean() == pytest.approx(survival.under_observation(planted, month), abs=0.006)
    assert survival.under_observation(planted, np.array([0, 84])) == pytest.approx([1, 0])


# --- limits


def test_limits_of_cox_models_are_what_a_large_cohort_shows(large, parameters):  # noqa: F811
    people = population(parameters, PREVALENCE)
    some = large[:30_000]
    high = some["score"] >= parameters["survival"]["cut_off"]
    for drawn, limit in (
        ([some["lnm"]], [people.lnm]),
        ([high, some["mri_ln_positive"]], [people.high, people.reading]),
        ([some["score"]], [people.h_score]),
    ):
        found, errors = fitted(some, *drawn)
        limits = people.survival.cox(np.column_stack(limit).astype(float))
        assert np.all(np.abs(found - limits) < 3 * errors) and errors.max() < 0.05


def test_other_limits_are_what_a_large_cohort_shows(large, parameters):  # noqa: F811
    people = population(parameters, PREVALENCE)
    few = large[:4000]
    time, event, score = few["dfs_months"].to_numpy(), few["dfs_event"].to_numpy() == 1, few["score"].to_numpy()
    for name in ("harrell", "uno"):
        found = getattr(concordance, name)(time, event, score, 0.999)
        assert found["low"] < getattr(people.survival, name)(people.h_score) < found["high"]
    hazard = survival.hazard(parameters["survival"], logit(large["score"].to_numpy()))
    times = np.random.default_rng(1).exponential(1 / hazard)
    high = large["score"] >= parameters["survival"]["cut_off"]
    for member, of in ((high, people.high), (~high, ~people.high), (large["lnm"] == 1, people.lnm)):
        drawn = times[member]
        assert people.survival.median(of) == pytest.approx(np.median(drawn), rel=0.03)
        assert people.survival.restricted_mean(of, 60) == pytest.approx(np.minimum(drawn, 60).mean(), abs=0.5)
        assert people.survival.survival(of, np.array([24]))[0] == pytest.approx((drawn > 24).mean(), abs=0.01)


def test_limits_of_few_patients_against_every_pair_and_a_fine_grid(parameters):  # noqa: F811
    random = np.random.default_rng(2)
    hazard, score = random.uniform(0.002, 0.05, 12), random.integers(0, 5, 12)
    patients = Patients(np.ones(12), hazard, parameters["survival"])
    month = np.arange(0.01, 84, 0.02)
    seen = survival.under_observation(parameters["survival"], month)
    wins = pairs = cases = total = 0.0
    for one in range(12):
        for other in range(12):
            chance = hazard[one] * np.exp(-(hazard[one] + hazard[other]) * month) @ seen**2
            won = 0.5 if score[one] == score[other] else float(score[one] > score[other])
            wins, pairs = wins + won * chance, pairs + chance
            early = (1 - np.exp(-60 * hazard[one])) * np.exp(-60 * hazard[other])
            cases, total = cases + won * early, total + early
    assert patients.harrell(score) == pytest.approx(wins / pairs, abs=1e-6)
    assert patients.auc_at(score, 60) == pytest.approx(cases / total)
    expected = sum(h * np.exp(-h * month) @ seen * 0.02 for h in hazard)
    assert events(patients) == pytest.approx(expected, rel=1e-5)


def test_of_two_hazards_the_cox_limit_is_their_ratio_and_of_one_hazard_one(parameters):  # noqa: F811
    high = np.arange(30) < 10
    two = Patients(np.ones(30), np.where(high, 0.03, 0.01), parameters["survival"])
    assert np.exp(two.cox(high[:, None].astype(float))) == pytest.approx([3.0])
    one = Patients(np.ones(30), np.full(30, 0.01), parameters["survival"])
    assert one.cox(np.column_stack([high, np.arange(30)])) == pytest.approx([0, 0], abs=1e-9)


# --- from planted to achieved


@pytest.fixture(scope="module")
def study(parameters):  # noqa: F811
    """A cohort, and scores that are the ideal ones with noise."""
    _, truth = simulate_center(parameters, "a", "ge", 338, 71, 9)
    ideal_scores = np.array([record["ideal_h_score"] for record in truth["patients"].values()])
    noise = 2 * np.random.default_rng(4).standard_normal(ideal_scores.size)
    return truth, pd.Series(expit(logit(ideal_scores) + noise), list(truth["patients"]))


def compared(truth, scores, cut=0.215, why=None):
    records = list(truth["patients"].values())
    months = np.array([record["dfs"]["months"] for record in records])
    event = np.array([record["dfs"]["event"] for record in records]) == 1
    columns = pd.DataFrame({"high": (scores.to_numpy() >= cut).astype(float) if cut else np.nan}, range(len(records)))
    grouping = {"threshold": cut, **({"why": why} if why else {})}
    achieved = cox.fit(months, event, columns).leading_row(0.95)
    content = {"grouping": grouping, "cohorts": {"external": {"hazard_ratio": achieved}}}
    return hazard_ratios.compare(content, {"external": scores}, [truth], 0.95)


def test_misclassification_makes_the_expected_ratio_smaller_and_errors_are_counted(study):
    truth, scores = study
    content = compared(truth, scores)
    found = content["cohorts"]["external"]
    assert content["planted"]["estimate"] == pytest.approx(4.59, abs=0.005)
    high = np.array([record["high_risk"] for record in truth["patients"].values()])
    called = scores.to_numpy() >= 0.215
    assert found["table"]["high"] == {"high": (high & called).sum(), "low": (~high & called).sum()}
    assert sum(n for of in found["table"].values() for n in of.values()) == 338
    hazard = np.array([record["monthly_hazard"] for record in truth["patients"].values()])
    perfect = hazard_ratios.expected_ratio(hazard, high, truth["parameters"]["survival"])
    assert 2 < found["expected"]["estimate"] < perfect["estimate"] - 1
    low, expected, upper = found["achieved"]["low"], found["expected"]["estimate"], found["achieved"]["high"]
    assert found["holds_expected"] is (low <= expected <= upper)
    assert found["true_groups"]["low"] < perfect["estimate"] < found["true_groups"]["high"]


def test_an_ideal_score_has_the_true_groups(study):
    truth, _ = study
    ideal_scores = pd.Series({name: record["ideal_h_score"] for name, record in truth["patients"].items()})
    found = compared(truth, ideal_scores)["cohorts"]["external"]
    assert found["table"]["high"]["low"] == found["table"]["low"]["high"] == 0
    assert found["true_groups"]["estimate"] == pytest.approx(found["achieved"]["estimate"])


def test_a_score_of_chance_is_expected_to_show_nothing(study):
    truth, scores = study
    chance = pd.Series(np.random.default_rng(1).random(len(scores)), scores.index)
    assert compared(truth, chance, 0.5)["cohorts"]["external"]["expected"]["estimate"] == pytest.approx(1, abs=0.35)


def test_redrawn_survival_shows_the_expected_ratio_and_its_interval_holds_it(study):
    """150 redraws of these patients' survival: mean and coverage within three Monte-Carlo errors."""
    truth, scores = study
    records, law = list(truth["patients"].values()), truth["parameters"]["survival"]
    hazard, called = np.array([record["monthly_hazard"] for record in records]), scores.to_numpy() >= 0.215
    expected = hazard_ratios.expected_ratio(hazard, called, law)["estimate"]
    random, columns = np.random.default_rng(6), pd.DataFrame({"high": called.astype(float)})
    found = [cox.fit(*survival.draw(law, hazard, random), columns).wald(0.95)[0] for _ in range(150)]
    logs = np.log([row["estimate"] for row in found])
    assert logs.mean() == pytest.approx(np.log(expected), abs=3 * logs.std() / np.sqrt(150))
    assert np.mean([row["low"] <= expected <= row["high"] for row in found]) > 0.95 - 3 * np.sqrt(0.95 * 0.05 / 150)


def test_without_groups_nothing_is_expected_and_the_reason_is_given(study):
    truth, scores = study
    found = compared(truth, scores, None, "no threshold was frozen")["cohorts"]["external"]
    assert found["table"] is None and found["expected"] == {"estimate": None, "why": "no threshold was frozen"}
    assert found["holds_expected"] is None and found["true_groups"]["estimate"] > 1
    everybody = compared(truth, scores, 1e-9)["cohorts"]["external"]
    assert everybody["expected"] == {"estimate": None, "why": "all patients are in one predicted group"}
    assert everybody["table"]["low"] == {"high": 0, "low": 0} and everybody["holds_expected"] is None
