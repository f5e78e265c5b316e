"""Logistic regressions against closed forms, a general optimiser and ordinary logistic regression."""

import numpy as np
import pytest
from scipy import optimize
from scipy.special import expit

from hscore.errors import UserError
from hscore.learning import logistic_member
from hscore.metrics import logistic
from hscore.metrics.logistic import fit, fit_firth, fit_with_prior


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


def nearly_separated(seed):
    """Two to seven of 20 to 60 patients are positive; each of up to three variables almost separates the classes."""
    random = np.random.default_rng(seed)
    labels = np.zeros(random.integers(20, 60), int)
    labels[: random.integers(2, 8)] = 1
    values = labels[:, None] + random.choice([0.3, 0.1, 0.03, 0.01]) * random.normal(
        size=(labels.size, random.integers(1, 4))
    )
    return (values - values.mean(axis=0)) / values.std(axis=0), labels


def penalized_slope(values, labels, coefficients):
    """Return the gradient of the penalised likelihood by differences."""
    design = np.column_stack([np.ones(labels.size), values])

    def penalized(b):
        logits = design @ b
        weight = expit(logits) * expit(-logits)
        return labels @ logits - np.logaddexp(0, logits).sum() + np.linalg.slogdet((design.T * weight) @ design)[1] / 2

    steps = 1e-5 * np.eye(coefficients.size)
    return [(penalized(coefficients + step) - penalized(coefficients - step)) / 2e-5 for step in steps]


@pytest.mark.parametrize("seed", range(60))
def test_nearly_separated_classes_converge_where_the_slope_of_the_penalised_likelihood_is_zero(seed):
    values, labels = nearly_separated(seed)
    coefficients = fit_firth(values, labels)
    assert np.abs(penalized_slope(values, labels, coefficients)).max() < 1e-4


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (0, [-3.961446803, 2.0421856952]),
        (4, [-3.0790110589, 8.2661509033, -5.9979502288]),
        (16, [-2.9823466955, 2.9030780771, -0.9527850291]),
        (20, [-3.8895718743, 1.664112064, -0.0811421154]),
        (37, [-1.9161471468, -0.0033872408, 2.3505877743]),
        (51, [-2.6939421232, 2.7027031619]),
    ],
)
def test_nearly_separated_classes_have_the_coefficients_of_brglm2(seed, expected):
    """R, brglm2 0.9: glm(y ~ x, binomial, method = "brglmFit", type = "AS_mean", control = list(epsilon = 1e-12))."""
    np.testing.assert_allclose(fit_firth(*nearly_separated(seed)), expected, atol=1e-6)


@pytest.mark.parametrize("unit", [1e-9, 1e-6, 1e6])
def test_the_unit_of_a_variable_changes_its_coefficient_alone(unit):
    random = np.random.default_rng(6)
    values, labels = random.normal(size=(60, 1)), (random.random(60) < 0.3).astype(int)
    intercept, slope = fit_firth(values, labels)
    np.testing.assert_allclose(fit_firth(values * unit, labels), [intercept, slope / unit], rtol=1e-6)


def test_a_variable_written_twice_shares_its_slope():
    random = np.random.default_rng(6)
    values, labels = random.normal(size=(60, 1)), (random.random(60) < 0.3).astype(int)
    intercept, slope = fit_firth(values, labels)
    np.testing.assert_allclose(fit_firth(np.repeat(values, 2, axis=1), labels), [intercept, slope / 2, slope / 2])


def test_a_member_that_does_not_converge_names_its_variables_and_what_to_do(monkeypatch):
    monkeypatch.setattr(logistic, "FIRTH_ITERATIONS", 1)
    with pytest.raises(UserError, match=r"age, node.*1 positive and 9 negative patients; use fewer variables"):
        logistic_member.fit_member(np.random.default_rng(1).normal(size=(10, 2)), np.arange(10) == 9, ["age", "node"])


def test_a_variable_far_from_zero_has_the_slope_and_error_of_the_centred_one():
    """A column of years, for example: the likelihood does not depend on the origin."""
    random = np.random.default_rng(7)
    values, labels = random.normal(size=(200, 1)), random.random(200) < 0.4
    near = fit(values, labels)
    for origin in (2015.0, 1e6, 1e8):
        far = fit(values + origin, labels)
        assert far.coefficients[1] == pytest.approx(near.coefficients[1], rel=1e-6)
        assert far.errors[1] == pytest.approx(near.errors[1], rel=1e-6)
        assert far.log_likelihood == pytest.approx(near.log_likelihood)
        assert far.coefficients[0] + origin * far.coefficients[1] == pytest.approx(near.coefficients[0], abs=1e-5)


def test_a_constant_or_repeated_variable_has_no_maximum_likelihood_fit():
    random = np.random.default_rng(7)
    values, labels = random.normal(size=(200, 1)), random.random(200) < 0.4
    assert fit(np.column_stack([values, np.full(200, 0.1)]), labels) is None
    assert fit(np.column_stack([values, values]), labels) is None


def one_positive(seed):
    """One of 6 to 14 patients is positive, as in a small fold; one of two or three variables separates the classes."""
    random = np.random.default_rng(seed)
    labels = (np.arange(random.integers(6, 15)) == 0).astype(int)
    values = random.normal(size=(labels.size, random.integers(2, 4)))
    values[:, 0] = 0.01 * values[:, 0] + 3 * labels
    return (values - values.mean(axis=0)) / values.std(axis=0), labels


@pytest.mark.parametrize("seed", range(40))
def test_one_positive_patient_is_enough_for_a_fit(seed):
    values, labels = one_positive(seed)
    assert np.abs(penalized_slope(values, labels, fit_firth(values, labels))).max() < 1e-4
