"""Cumulative incidence with competing events: a case by hand, and Kaplan-Meier where there are none."""

import numpy as np
import pytest

from hscore.statistics.survival import competing, survival_curves


def test_four_patients_by_hand():
    time = np.array([1.0, 2.0, 3.0, 4.0])
    event, other = np.array([True, False, True, False]), np.array([False, True, False, False])
    values, _ = competing.incidence(time, event, other, np.array([0.5, 1, 2, 3, 4]))
    assert values.tolist() == pytest.approx([0, 0.25, 0.25, 0.5, 0.5])


@pytest.fixture(scope="module")
def patients():
    rng = np.random.default_rng(2)
    kind = rng.choice([0, 1, 2], 80, p=[0.4, 0.4, 0.2])
    return rng.integers(1, 40, 80).astype(float), kind == 1, kind == 2


def test_without_competing_events_it_is_one_minus_kaplan_meier_with_greenwoods_variance(patients):
    time, event, _ = patients
    moments = np.arange(2.0, 36.0)
    values, variances = competing.incidence(time, event, np.zeros(80, dtype=bool), moments)
    curve = survival_curves.kaplan_meier(time, event, 0.95)
    assert values == pytest.approx([1 - survival_curves.at_time(curve, moment)[0] for moment in moments])
    times = np.unique(time[event])
    d, n = (
        np.array([f(t) for t in times]) for f in (lambda t: (event & (time == t)).sum(), lambda t: (time >= t).sum())
    )
    greenwood = [(1 - v) ** 2 * (d / (n * (n - d)))[times <= m].sum() for v, m in zip(values, moments, strict=True)]
    assert variances == pytest.approx(greenwood)


def test_the_incidences_of_both_events_and_those_without_any_add_to_one(patients):
    time, event, other = patients
    moments = np.array([5.0, 20.0, 39.0])
    own, _ = competing.incidence(time, event, other, moments)
    theirs, _ = competing.incidence(time, other, event, moments)
    curve = survival_curves.kaplan_meier(time, event | other, 0.95)
    free = [survival_curves.at_time(curve, moment)[0] for moment in moments]
    assert own + theirs + free == pytest.approx(np.ones(3))
    censoring_them = survival_curves.kaplan_meier(time, event, 0.95)
    assert own[-1] < 1 - survival_curves.at_time(censoring_them, 39)[0]


def test_the_variance_is_that_of_repeated_samples():
    """Spread of the estimate over 400 simulated cohorts of 100 beside the mean of its variances."""
    rng = np.random.default_rng(3)
    values, variances = [], []
    for _ in range(400):
        latent = rng.exponential([[10.0], [20.0], [15.0]], (3, 100))
        first = latent.argmin(axis=0)
        value, variance = competing.incidence(latent.min(axis=0), first == 0, first == 1, np.array([6.0]))
        values.append(value[0])
        variances.append(variance[0])
    assert np.mean(variances) == pytest.approx(np.var(values), rel=0.15)


def test_an_incidence_of_zero_has_the_exact_upper_limit():
    time = np.r_[np.full(5, 6.0), np.full(12, 30.0)]
    found = competing.describe(time, np.zeros(17, bool), np.arange(17) < 5, np.array([0.0, 12, 24]), 0.95)["at_end"]
    assert (found["estimate"], found["low"]) == (0, 0) and found["high"] == pytest.approx(1 - 0.025 ** (1 / 12))


def test_an_empty_group_is_explained():
    nobody = np.array([])
    row = competing.describe(nobody, nobody == 1, nobody == 1, np.array([12.0]), 0.95)
    assert row["at_end"]["estimate"] is None and row["at_end"]["why"]
