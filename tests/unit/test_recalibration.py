"""From scores to risks: against closed forms and scikit-learn; never turns an order round."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from hscore.errors import UserError
from hscore.statistics import bootstrap, calibration, recalibration


def cohort(patients=4000, seed=0):
    """Scores whose true risk is known: logit(risk) = -1 + 0.5 logit(score)."""
    random = np.random.default_rng(seed)
    scores = random.uniform(0.02, 0.98, patients)
    risk = expit(-1 + 0.5 * logit(scores))
    return random.random(patients) < risk, scores, risk


@pytest.mark.parametrize(("method", "limit"), [("platt", 0.015), ("isotonic", 0.025)])
def test_risks_are_near_the_true_ones(method, limit):
    positive, scores, risk = cohort()
    found = recalibration.apply(recalibration.fit(positive, scores, method), scores)
    assert np.abs(found - risk).mean() < limit
    assert found.mean() == pytest.approx(positive.mean(), abs=0.002)
    assert (np.diff(found[np.argsort(scores)]) >= 0).all()


def test_platt_equals_logistic_regression_without_penalty():
    positive, scores, _ = cohort(300)
    line = recalibration.fit(positive, scores, "platt")
    other = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(scores)[:, None], positive)
    assert (line["intercept"], line["slope"]) == pytest.approx((other.intercept_[0], other.coef_[0, 0]), abs=1e-5)


def test_isotonic_equals_scikit_learn_at_the_scores_between_steps():
    positive, scores, _ = cohort(200, seed=1)
    scores = np.round(scores, 2)  # with ties
    content = recalibration.fit(positive, scores, "isotonic")
    expected = IsotonicRegression().fit(scores, positive).predict(scores)
    # ours has one point a step, at its middle: there both give the step's height
    for at, risk in zip(content["predicted"], content["risk"], strict=True):
        step = np.isclose(expected, risk)
        assert step.any() and scores[step].min() <= at <= scores[step].max()
    assert len(content["risk"]) == len(np.unique(expected.round(12)))


def test_shifted_and_stretched_logits_give_the_same_risks():
    positive, scores, _ = cohort(400)
    plain = recalibration.fit(positive, scores, "platt")
    distorted = expit(0.7 + 2 * logit(scores))
    line = recalibration.fit(positive, distorted, "platt")
    assert line["slope"] == pytest.approx(plain["slope"] / 2)
    np.testing.assert_allclose(recalibration.apply(line, distorted), recalibration.apply(plain, scores))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_scores_that_fall_with_the_outcome_have_none(method):
    scores = np.linspace(0.1, 0.9, 40)
    found = recalibration.fit(scores < 0.5, scores, method)
    assert not recalibration.exists(found) and "do not rise" in found["why"]


def test_recalibrated_scores_are_calibrated_where_they_were_fitted():
    positive, scores, _ = cohort(400)
    again = recalibration.apply(recalibration.fit(positive, scores, "platt"), scores)
    result = calibration.describe(positive, again, 0.95, bootstrap.draw(400, 300, np.random.default_rng(0)))
    assert result["observed_expected"]["estimate"] == pytest.approx(1)
    assert result["slope"]["estimate"] == pytest.approx(1)
    assert result["intercept"]["estimate"] == pytest.approx(0, abs=1e-9)


def test_none_says_so_and_an_unknown_method_is_refused():
    positive, scores, _ = cohort(20)
    assert recalibration.fit(positive, scores, "none")["why"] == "the setting validate.recalibration is none"
    with pytest.raises(UserError, match="validate.recalibration is 'beta'; write one of platt, isotonic, none"):
        recalibration.fit(positive, scores, "beta")
