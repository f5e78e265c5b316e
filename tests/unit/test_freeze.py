"""What is frozen for every model of a study with and without development."""

import numpy as np
import pytest

from hscore.errors import UserError
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import freeze

Y_TRUE = np.array([False, False, True, True])
SETTINGS = {"threshold": "youden", "recalibration": "platt"}


def test_every_model_has_its_own_threshold_and_recalibration():
    scores = {"a": np.array([0.1, 0.2, 0.8, 0.9]), "b": np.array([0.1, 0.3, 0.5, 0.7])}
    recalibrations = {"a": {"method": "platt", "slope": 1.0}, "b": {"method": "platt", "slope": 2.0}}
    frozen = freeze.freeze_models(ScoredCohort(Y_TRUE, scores), recalibrations, SETTINGS)
    assert {name: entry["value"] for name, entry in frozen.items()} == pytest.approx({"a": 0.5, "b": 0.4})
    assert {name: entry["median"] for name, entry in frozen.items()} == pytest.approx({"a": 0.5, "b": 0.4})
    assert {name: entry["recalibration"] for name, entry in frozen.items()} == recalibrations


def test_without_development_every_model_has_the_fixed_value_and_no_other_is_possible():
    frozen = freeze.without_development(["a", "b"], SETTINGS | {"threshold": {"value": 0.4}})
    assert [entry["value"] for entry in frozen.values()] == [0.4, 0.4] and frozen["b"]["n"] == 0
    with pytest.raises(UserError):
        freeze.without_development(["a"], SETTINGS)
