"""From triplet scores to patient scores."""

import numpy as np
import pytest

from hscore.errors import UserError
from hscore.learning.ensemble import aggregate, load_model

OWNER = np.array([0, 1, 1, 2, 2, 2, 2, 3, 3, 3])


@pytest.mark.parametrize(
    ("how", "slow"),
    [("mean", np.mean), ("max", np.max), ("top3", lambda values: np.mean(sorted(values)[-3:]))],
)
def test_aggregation_equals_the_slow_version(how, slow):
    values = np.random.default_rng(1).random(len(OWNER)).astype(np.float32)
    expected = [slow(values[patient == OWNER].astype(float)) for patient in range(4)]
    np.testing.assert_allclose(aggregate(values, OWNER, how), expected, rtol=1e-12)


def test_unknown_aggregation():
    with pytest.raises(UserError, match="'median'; write one of mean, max, top3"):
        aggregate(np.ones(1), np.zeros(1, int), "median")


def test_folder_without_model(tmp_path):
    with pytest.raises(UserError, match="is not a model folder"):
        load_model(tmp_path)
