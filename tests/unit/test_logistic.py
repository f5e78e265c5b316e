"""Logistic regressions against closed forms, a general optimiser and ordinary logistic regression."""

import numpy as np
import pytest
from scipy import optimize
from scipy.special import expit

from hscore.learning import logistic_member
from hscore.metrics.logistic import fit_firth, fit_with_prior


def two_by_two(a, b, c, d):
    """Exposed: a events, b none; unexposed: c events, d none."""
    return np.repeat([1.0, 1, 0, 0], [a, b, c, d])[:, None], np.repeat([1, 0, 1, 0], [a, b, c, d])


@pytest.mark.parametrize("table", [(9, 3, 9, 64), (20, 0, 0, 20), (1, 0, 17, 67), (0, 5, 18, 62)])
def test_one_binary_variable_is_the_table_with_a_half_added(table):
    """Also when a cell is empty, where ordinary logistic regression has no finite answer."""
    values, labels = two_by_two(*table)
    a, b, c, d = np.array(table) + 0.5
    np.testing.assert_allclose(fit_firth(values, labels), [np.log(c / d), np.log(a * d / (b * c))], atol=1e-7)


def test_intercept_only_and_constant_variable():
    labels = np.array([1] * 18 + [0] * 67)
    expected = np.log(18.5 / 67.5)
    np.testing.assert_allclose(fit_firth(np.empty((85, 0)), labels), [expected], atol=1e-7)
    intercept, slope = fit_firth(np.zeros((85, 1)), labels)
    assert (intercept, slope) == (pytest.approx(expected), 0)


def test_several_variables_maximise_the_penalised_likelihood():
    random = np.random.default_rng(3)
    values = np.column_stack([random.normal(size=85), random.random(85) < 0.3, random.normal(size=85)])
    labels = (random.random(85) < expit(values @ [1.0, 1.5, 0] - 1)).astype(int)
    design = np.column_stack([np.ones(85), values])

    def penalized(b):
        p = 1 / (1 + np.exp(-design @ b))
        information = (design.T * (p * (1 - p))) @ design
        return -(labels * np.log(p) + (1 - labels) * np.log(1 - p)).sum() - np.log(np.linalg.det(information)) / 2

    best = optimize.minimize(penalized, np.zeros(4), method="Nelder-Mead",
                             options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 5000})  # fmt: skip
    np.testing.assert_allclose(fit_firth(values, labels), best.x, atol=1e-5)


def test_large_sample_equals_ordinary_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(4)
    values = random.normal(size=(20000, 2))
    labels = (random.random(20000) < expit(values @ [0.5, -1] - 1)).astype(int)
    ordinary = LogisticRegression(C=np.inf, tol=1e-8).fit(values, labels)
    expected = [*ordinary.intercept_, *ordinary.coef_[0]]
    np.testing.assert_allclose(fit_firth(values, labels), expected, atol=2e-3)


def test_separation_by_a_continuous_variable_stays_finite():
    values = np.linspace(-1, 1, 40)[:, None]
    intercept, slope = fit_firth(values, (values[:, 0] > 0).astype(int))
    assert abs(intercept) < 1e-6 and 1 < slope < 100


def test_member_standardises_continuous_variables_only():
    random = np.random.default_rng(5)
    values = np.column_stack([random.normal(50, 10, 60), random.random(60) < 0.4])
    labels = (random.random(60) < 0.4).astype(int)
    member = logistic_member.fit_member(values, labels, ["age", "node"])
    assert member["mean"][1] == 0 and member["deviation"][1] == 1
    assert member["mean"][0] == pytest.approx(values[:, 0].mean())
    raw = fit_firth(values, labels)
    np.testing.assert_allclose(
        logistic_member.probabilities(member, values), expit(raw[0] + values @ raw[1:]), atol=1e-6
    )


def test_two_variables_that_nearly_separate_the_classes_converge():
    """A score and a reading of 18 patients, of whom one is an exception: a step shrinks by 6 % only."""
    score = [-0.65, 1.37, -0.7, 1.4, -1.29, -0.59, -0.66, -0.39, -0.8, -0.59, 1.39, -0.55, -0.46, -0.78, 1.39, -0.88]
    values = np.column_stack([[*score, 1.41, 1.39], np.isin(np.arange(18), [1, 3, 10, 16, 17])])
    labels = np.isin(np.arange(18), [1, 3, 10, 14, 16, 17]).astype(int)
    design = np.column_stack([np.ones(18), values])

    def penalized(b):
        risk = expit(design @ b)
        information = (design.T * (risk * (1 - risk))) @ design
        return -np.log(np.where(labels, risk, 1 - risk)).sum() - np.linalg.slogdet(information)[1] / 2

    best = optimize.minimize(penalized, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-13})
    np.testing.assert_allclose(fit_firth(values, labels), best.x, atol=1e-5)


def test_a_normal_prior_gives_the_coefficients_of_highest_posterior_density():
    random = np.random.default_rng(5)
    design = np.column_stack([np.ones(60), random.normal(size=(60, 2))])
    y_true = (design[:, 1] > 0).astype(float)  # separated: without a prior there is no maximum
    precision = np.diag([1e-6, 0.1, 0.1])

    def density(b):
        predictor = design @ b
        return np.logaddexp(0, predictor).sum() - y_true @ predictor + b @ precision @ b / 2

    best = optimize.minimize(density, np.zeros(3), method="BFGS", options={"gtol": 1e-8})
    beta, information = fit_with_prior(design, y_true, precision)
    np.testing.assert_allclose(beta, best.x, rtol=1e-4)
    risk = expit(design @ beta)
    np.testing.assert_allclose(information, (design.T * (risk * (1 - risk))) @ design + precision, rtol=1e-6)
