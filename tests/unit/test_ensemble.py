"""From triplet scores to patient scores."""

import numpy as np
import pytest

from hscore.errors import UserError
from hscore.learning.ensemble import load_model
from hscore.learning.inference import aggregate, check_aggregation

OWNER = np.array([0, 1, 1, 2, 2, 2, 2, 3, 3, 3])


@pytest.mark.parametrize(
    ("how", "slow"),
    [
        ("mean", np.mean),
        ("max", np.max),
        ("top3", lambda values: np.mean(sorted(values)[-3:])),
        ("top2", lambda values: np.mean(sorted(values)[-2:])),
    ],
)
def test_aggregation_equals_the_slow_version(how, slow):
    values = np.random.default_rng(1).random(len(OWNER)).astype(np.float32)
    expected = [slow(values[patient == OWNER].astype(float)) for patient in range(4)]
    np.testing.assert_allclose(aggregate(values, OWNER, how), expected, rtol=1e-12)


@pytest.mark.parametrize("how", ["median", "top", "top0", "topmost"])
def test_unknown_aggregation(how):
    with pytest.raises(UserError, match=f"'{how}'; write mean, max, attention, or top and a number"):
        check_aggregation(how, 1)


def test_scores_of_several_sequences_cannot_be_aggregated():
    check_aggregation("mean", 3)
    check_aggregation("attention", 3)
    with pytest.raises(UserError, match="'top3', but a model of several sequences pools features"):
        check_aggregation("top3", 3)


def test_folder_without_model(tmp_path):
    with pytest.raises(UserError, match="is not a model folder"):
        load_model(tmp_path)
