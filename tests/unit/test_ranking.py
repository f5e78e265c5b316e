"""Ranks and the AUC, against scipy, scikit-learn and the definition by pairs."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from hscore.metrics.ranking import auc, midranks


@pytest.fixture
def tied():
    rng = np.random.default_rng(3)
    return rng.random(200) < 0.3, rng.integers(0, 20, 200) / 20


def test_midranks_are_scipys(tied):
    _, scores = tied
    np.testing.assert_array_equal(midranks(scores), rankdata(scores))


def test_auc_counts_pairs_and_ties_one_half(tied):
    y_true, scores = tied
    difference = scores[y_true][:, None] - scores[~y_true]
    assert auc(y_true, scores) == ((difference > 0) + (difference == 0) / 2).mean()
    assert auc(y_true, scores) == pytest.approx(roc_auc_score(y_true, scores), abs=1e-15)
    assert auc(y_true.astype(int), scores) == auc(y_true, scores)


@pytest.mark.parametrize("y_true", [[], [1, 1], [0]])
def test_no_auc_without_both_classes(y_true):
    assert auc(np.array(y_true), np.arange(len(y_true), dtype=float)) is None


def test_a_missing_score_has_no_rank():
    with pytest.raises(ValueError, match="not a number"):
        auc(np.array([0, 1, 1]), np.array([0.1, np.nan, 0.3]))
