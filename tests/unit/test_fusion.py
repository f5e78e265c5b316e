"""Late fusion: what it fits, for whom, and what it leaves out."""

import numpy as np
import pytest
from scipy.special import expit, logit

from hscore.learning import fusion, logistic_member


def cohort(patients=300, seed=0):
    """Two scores that both tell something, a clinical variable that does, too; some scores are missing."""
    random = np.random.default_rng(seed)
    labels = (random.random(patients) < 0.3).astype(int)
    scores = expit(random.normal(labels[:, None], 1, (patients, 2)))
    clinical = (random.random((patients, 1)) < 0.2 + 0.5 * labels[:, None]).astype(np.float32)
    scores[:30, 0] = np.nan
    scores[30:50, 1] = np.nan
    return scores, clinical, labels


NAMES = ["a", "b", "node"]


def test_every_set_of_scores_has_its_own_regression():
    scores, clinical, labels = cohort()
    member = fusion.fit(scores, clinical, labels, NAMES, 2)
    assert list(member) == ["a", "b", "a+b"]
    for key, columns in (("a", [0]), ("b", [1]), ("a+b", [0, 1])):
        rows = np.isfinite(scores[:, columns]).all(axis=1)
        values = np.column_stack([logit(scores[rows][:, columns]), clinical[rows]])
        names = [*key.split("+"), "node"]
        expected = logistic_member.probabilities(logistic_member.fit_member(values, labels[rows], names), values)
        only = np.where(np.isin([0, 1], columns), scores[rows], np.nan)
        np.testing.assert_allclose(fusion.probabilities(member, only, clinical[rows], ["a", "b"]), expected, rtol=1e-9)


def test_patients_are_scored_by_what_they_have():
    scores, clinical, labels = cohort()
    member = fusion.fit(scores, clinical, labels, NAMES, 2)
    risk = fusion.probabilities(member, scores, clinical, ["a", "b"])
    assert np.isfinite(risk).all()
    without = scores.copy()
    without[100] = np.nan
    del member["b"]
    risk = fusion.probabilities(member, without, clinical, ["a", "b"])
    assert np.isnan(risk[:30]).all() and np.isnan(risk[100])  # no regression for b alone, and nothing at all
    assert np.isfinite(np.delete(risk, [*range(30), 100])).all()


def test_a_score_that_falls_with_metastasis_is_left_out():
    scores, clinical, labels = cohort()
    wrong = np.column_stack([scores[:, 0], 1 - scores[:, 1]])
    member = fusion.fit(wrong, clinical, labels, NAMES, 2)
    both = member["a+b"]
    assert both["coefficients"]["b"] == 0 and both["coefficients"]["a"] > 0 and both["coefficients"]["node"] > 0
    rows = np.isfinite(wrong).all(axis=1)
    alone = logistic_member.fit_member(
        np.column_stack([logit(wrong[rows, 0]), clinical[rows]]), labels[rows], ["a", "node"]
    )
    assert both["coefficients"]["a"] == pytest.approx(alone["coefficients"]["a"])
    assert both["intercept"] == pytest.approx(alone["intercept"])
    assert member["b"]["coefficients"]["b"] == 0  # the clinical variable alone
    risk = fusion.probabilities(member, wrong[:30], clinical[:30], ["a", "b"])
    assert len(np.unique(risk)) == 2


def test_chance_is_not_turned_into_a_signal():
    """Out-of-fold scores of no signal run against the labels, because a fold rich in positives leaves few to learn
    from; stacking that allowed negative slopes would find an AUC above one half in that."""
    free, kept = [], []
    for seed in range(60):
        random = np.random.default_rng(seed)
        labels, folds = (random.random(60) < 0.3).astype(int), random.permutation(60) % 5
        rate = np.array([labels[folds != fold].mean() for fold in range(5)])[folds]
        scores = expit(logit(rate) + random.normal(0, 0.05, 60))[:, None]
        out = {"free": np.empty(60), "kept": np.empty(60)}
        for fold in range(5):
            own, others = folds == fold, folds != fold
            values = logit(scores)
            member = logistic_member.fit_member(values[others], labels[others], ["a"])
            out["free"][own] = logistic_member.probabilities(member, values[own])
            member = fusion.fit(scores[others], np.empty((others.sum(), 0)), labels[others], ["a"], 1)
            out["kept"][own] = fusion.probabilities(member, scores[own], np.empty((own.sum(), 0)), ["a"])
        for name, found in (("free", free), ("kept", kept)):
            positive, negative = out[name][labels == 1], out[name][labels == 0]
            difference = np.sign(positive[:, None] - negative)
            found.append(0.5 + difference.mean() / 2)
    assert np.mean(free) > 0.55 > 0.5 >= np.mean(kept)
