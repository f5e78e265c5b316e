"""Sample sizes: they give the width asked for, one patient fewer does not, and published examples come out."""

import numpy as np
import pytest
from scipy.special import expit

from hscore.statistics import logistic, precision


def test_auc_gives_the_width_asked_for_and_no_smaller_study_does():
    n = precision.for_auc(0.85, 0.23, 0.1, 0.95)
    assert (
        2 * 1.959964 * precision.auc_error(0.85, n, 0.23) <= 0.1 < 2 * 1.959964 * precision.auc_error(0.85, n - 1, 0.23)
    )


def test_observed_expected_gives_the_width_asked_for():
    n = precision.for_observed_expected(0.23, 0.4, 0.95)
    error = ((1 - 0.23) / (0.23 * n)) ** 0.5
    assert np.exp(1.959964 * error) - np.exp(-1.959964 * error) == pytest.approx(0.4, rel=0.01)


def test_slope_gives_the_width_asked_for_in_simulated_studies():
    rng = np.random.default_rng(60)
    predictor = rng.normal(-1.5, 1.2, 20000)
    n = precision.for_slope(predictor, 0.6, 0.95)
    widths = []
    for _ in range(60):
        x = rng.choice(predictor, n)
        widths.append(2 * 1.959964 * logistic.fit(x[:, None], rng.random(n) < expit(x)).errors[1])
    assert np.mean(widths) == pytest.approx(0.6, rel=0.05)


def test_sensitivity_counts_only_the_patients_who_have_the_disease():
    n = precision.for_proportion(0.9, 0.25, 0.1, 0.95)
    assert n == pytest.approx(4 * (2 * 1.959964 / 0.1) ** 2 * 0.09, abs=4)


def test_the_report_names_what_it_assumes_and_what_cannot_be_planned():
    rng = np.random.default_rng(61)
    positive, risk = np.arange(141) < 32, expit(rng.normal(-1, 1, 141))
    report = precision.report(positive, 0.933, 0.906, 0.872, risk, 0.95)
    needed = {row["for"]: row["patients"] for row in report["needed"]}
    assert needed["AUC"] == precision.for_auc(0.933, 32 / 141, 0.1, 0.95)
    assert needed["specificity"] < needed["sensitivity"]  # more patients count for it
    report = precision.report(np.zeros(10, bool), None, None, 0.9, None, 0.95)
    assert report["needed"] == [] and "one class" in report["why"]
