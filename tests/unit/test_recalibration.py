"""From scores to risks: against closed forms and scikit-learn; cross-fitted; never turns an order round."""

import numpy as np
import pandas as pd
import pytest

from hscore.errors import UserError
from hscore.learning import recalibration


def cohort(patients=4000, seed=0):
    """Scores whose true risk is known: logit(risk) = -1 + 0.5 logit(score)."""
    random = np.random.default_rng(seed)
    scores = random.uniform(0.02, 0.98, patients)
    risk = 1 / (1 + np.exp(1 - 0.5 * np.log(scores / (1 - scores))))
    return scores, (random.random(patients) < risk).astype(int), risk


@pytest.mark.parametrize(("method", "limit"), [("platt", 0.015), ("isotonic", 0.025)])
def test_risks_are_near_the_true_ones(method, limit):
    scores, labels, risk = cohort()
    found = recalibration.apply(recalibration.fit(scores, labels, method), scores)
    assert np.abs(found - risk).mean() < limit
    assert found.mean() == pytest.approx(labels.mean(), abs=0.002)
    assert (np.diff(found[np.argsort(scores)]) >= 0).all()


def test_isotonic_equals_scikit_learn_at_the_scores_between_steps():
    from sklearn.isotonic import IsotonicRegression

    scores, labels, _ = cohort(200, seed=1)
    scores = np.round(scores, 2)  # with ties
    content = recalibration.fit(scores, labels, "isotonic")
    expected = IsotonicRegression().fit(scores, labels).predict(scores)
    # ours has one point a step, at its middle: there both give the step's height
    for at, risk in zip(content["scores"], content["risks"], strict=True):
        step = np.isclose(expected, risk)
        assert step.any() and scores[step].min() <= at <= scores[step].max()
    assert len(content["risks"]) == len(np.unique(expected.round(12)))


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_an_order_is_never_turned_round(method):
    scores = np.linspace(0.1, 0.9, 40)
    labels = (scores < 0.5).astype(int)
    risks = recalibration.apply(recalibration.fit(scores, labels, method), scores)
    np.testing.assert_allclose(risks, 0.5, atol=1e-6)


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_no_patient_calibrates_itself(method):
    """The risk of a fold is the same whatever its labels are; a patient without a score has none."""
    scores, labels, _ = cohort(100, seed=2)
    scores[7] = np.nan
    table = pd.DataFrame({"out_of_fold": scores, "lnm": labels, "fold": np.arange(100) % 4})
    risks, content = recalibration.cross_fit(table, method)
    assert np.isnan(risks[7]) and np.isfinite(np.delete(risks, 7)).all()
    assert (content["n"], content["method"]) == (99, method)
    own = (table["fold"] == 2).to_numpy()
    changed, _ = recalibration.cross_fit(table.assign(lnm=np.where(own, 1 - labels, labels)), method)
    np.testing.assert_array_equal(changed[own], risks[own])
    assert (changed[~own] != risks[~own]).sum() > 50


def test_unknown_method():
    with pytest.raises(UserError, match="predict.calibration is 'beta'; write one of platt, isotonic, none"):
        recalibration.fit(np.array([0.1, 0.9]), np.array([0, 1]), "beta")
