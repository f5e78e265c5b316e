"""From the members' scores to one H score: aligned without outcomes, one increasing map, the same in both cohorts."""

import json

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from hscore.errors import UserError
from hscore.learning import calibration
from hscore.statistics.diagnosis.discrimination import delong


def cohort(patients=4000, seed=0):
    """Scores whose true risk is known: logit(risk) = -1 + 0.5 logit(score)."""
    random = np.random.default_rng(seed)
    scores = random.uniform(0.02, 0.98, patients)
    risk = expit(-1 + 0.5 * logit(scores))
    return random.random(patients) < risk, scores, risk


def members(scores, seed=0, number=5):
    """The same scores as five members would give them, each with its own intercept and slope; the fold of everybody."""
    random = np.random.default_rng(seed)
    shift, stretch = random.normal(0, 1, (number, 1)), np.exp(random.normal(0, 0.5, (number, 1)))
    fold = np.arange(scores.size) % number
    return expit(shift + stretch * logit(scores)), fold == np.arange(number)[:, None]


def alone(y_true, scores, method):
    """Calibration of one member, and its risks."""
    found = calibration.fit(scores[None], np.ones((1, scores.size), bool), y_true, method)
    return found["recalibration"], calibration.apply(found, scores[None])[0]


def test_members_that_differ_in_intercept_and_slope_alone_become_equal():
    y_true, scores, _ = cohort(338)
    raw, unseen = members(scores)
    found = calibration.fit(raw, unseen, y_true, "platt")
    risks = calibration.apply(found, raw)
    np.testing.assert_allclose(risks, np.tile(risks[0], (5, 1)), atol=1e-8)
    own = risks[unseen.argmax(axis=0), np.arange(338)]
    assert delong(y_true, own).auc[0] == pytest.approx(delong(y_true, scores).auc[0], abs=1e-12)
    assert delong(y_true, raw[unseen.argmax(axis=0), np.arange(338)]).auc[0] < delong(y_true, scores).auc[0] - 0.01


def test_two_groups_stay_two_groups():
    reading = (np.arange(338) % 3 == 0).astype(float)
    raw, unseen = members(0.2 + 0.4 * reading)
    found = calibration.fit(raw, unseen, np.arange(338) % 5 == 0, "none")
    assert len(np.unique(calibration.apply(found, raw))) == 2


def test_alignment_knows_no_outcome():
    y_true, scores, _ = cohort(200)
    raw, unseen = members(scores)
    first, second = (calibration.fit(raw, unseen, outcome, "platt") for outcome in (y_true, y_true[::-1]))
    assert first["alignment"] == second["alignment"] and first["recalibration"] != second["recalibration"]


@pytest.mark.parametrize("method", calibration.METHODS)
def test_the_order_of_the_patients_is_that_of_the_aligned_scores_and_no_ties_are_made(method):
    y_true, scores, _ = cohort(338, seed=2)
    raw, unseen = members(scores)
    found = calibration.fit(raw, unseen, y_true, method)
    order = np.argsort(calibration.aligned_logits(found["alignment"], raw)[0])
    assert (np.diff(calibration.apply(found, raw)[0][order]) > 0).all()


@pytest.mark.parametrize(("method", "limit"), [("platt", 0.015), ("isotonic", 0.025)])
def test_risks_are_near_the_true_ones(method, limit):
    y_true, scores, risk = cohort()
    _, found = alone(y_true, scores, method)
    assert np.abs(found - risk).mean() < limit
    assert found.mean() == pytest.approx(y_true.mean(), abs=0.002)


def test_platt_is_logistic_regression_and_its_mean_risk_the_observed_share():
    y_true, scores, _ = cohort(3000)
    line, risks = alone(y_true, scores, "platt")
    other = LogisticRegression(C=np.inf, tol=1e-10).fit(logit(scores)[:, None], y_true)
    assert line["slope"] == pytest.approx(other.coef_[0, 0], rel=0.005)
    assert line["intercept"] == pytest.approx(other.intercept_[0], abs=0.005)
    assert risks.mean() == pytest.approx(y_true.mean(), abs=1e-12)


def test_classes_that_a_score_separates_have_finite_risks():
    scores = np.linspace(0.1, 0.9, 40)
    line, risks = alone(scores > 0.7, scores, "platt")
    assert 0 < line["slope"] < 100 and risks.mean() == pytest.approx(0.25)


def test_isotonic_equals_scikit_learn_at_the_scores_between_steps():
    y_true, scores, _ = cohort(200, seed=1)
    scores = np.round(scores, 2)  # with ties
    content, _ = alone(y_true, scores, "isotonic")
    expected = IsotonicRegression().fit(scores, y_true).predict(scores)
    # ours has one point a step, at its middle: there both give the step's height
    for at, risk in zip(content["predicted"], content["risk"], strict=True):
        step = np.isclose(expected, risk)
        assert step.any() and scores[step].min() <= at + 1e-9 and at <= scores[step].max() + 1e-9
    assert len(content["risk"]) == len(np.unique(expected.round(12)))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_scores_that_fall_with_the_outcome_are_left_as_they_are(method):
    scores = np.linspace(0.1, 0.9, 40)
    found, risks = alone(scores < 0.5, scores, method)
    assert "do not rise" in found["why"]
    np.testing.assert_allclose(risks, scores, atol=1e-9)


@pytest.mark.parametrize("y_true", [np.zeros(10, bool), np.ones(10, bool)])
def test_one_class_has_no_map(y_true):
    assert "why" in alone(y_true, np.linspace(0.1, 0.9, 10), "platt")[0]


def test_equal_scores_have_no_map_and_stay_equal():
    found, risks = alone(np.arange(10) < 3, np.full(10, 0.3), "platt")
    assert "why" in found and len(set(risks)) == 1


@pytest.mark.parametrize("constant", [0.3, 0.47, 0.5, 0.123456])
def test_a_member_that_gives_everybody_the_same_score_is_not_stretched(constant):
    """The deviation of its logits is their rounding, 1e-16, which is not a scale."""
    y_true, scores, _ = cohort(338)
    raw, unseen = members(scores)
    raw[2] = constant
    found = calibration.fit(raw, unseen, y_true, "platt")
    assert found["alignment"]["scale"][2] == 0
    aligned = calibration.aligned_logits(found["alignment"], raw)
    assert np.unique(aligned[2]) == pytest.approx(found["alignment"]["to"]["location"], abs=1e-8)
    old = {**found["alignment"], "scale": [1e-16 if k == 2 else v for k, v in enumerate(found["alignment"]["scale"])]}
    np.testing.assert_array_equal(calibration.aligned_logits(old, raw), aligned)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
@pytest.mark.parametrize("constant", [0.01, 0.3, 0.47, 0.123456])
def test_members_without_any_difference_have_no_map(method, constant):
    unseen = np.arange(338) % 5 == np.arange(5)[:, None]
    raw = np.full((5, 338), constant)
    found = calibration.fit(raw, unseen, np.arange(338) % 4 == 0, method)
    assert found["recalibration"] == {"method": method, "why": calibration.FALLS}
    np.testing.assert_allclose(calibration.apply(found, raw), constant)


def test_patients_without_a_score_change_nothing():
    y_true, scores, _ = cohort(100)
    raw, unseen = members(scores)
    raw[:, 7] = np.nan
    rest = np.arange(100) != 7
    risks = calibration.apply(calibration.fit(raw, unseen, y_true, "platt"), raw)
    others = calibration.fit(raw[:, rest], unseen[:, rest], y_true[rest], "platt")
    np.testing.assert_allclose(risks[:, rest], calibration.apply(others, raw[:, rest]), rtol=1e-8)
    assert np.isnan(risks[:, 7]).all()


@pytest.mark.parametrize("method", calibration.METHODS)
def test_a_calibration_read_from_its_file_gives_the_same_bits(method):
    y_true, scores, _ = cohort(100)
    raw, unseen = members(scores)
    found = calibration.fit(raw, unseen, y_true, method)
    again = calibration.apply(json.loads(json.dumps(found)), raw)
    assert again.tobytes() == calibration.apply(found, raw).tobytes()


def test_none_says_so_and_an_unknown_method_is_refused():
    y_true, scores, _ = cohort(20)
    assert alone(y_true, scores, "none")[0]["why"] == "the setting validate.recalibration is none"
    with pytest.raises(UserError, match="validate.recalibration is 'beta'; write one of platt, isotonic, none"):
        alone(y_true, scores, "beta")
