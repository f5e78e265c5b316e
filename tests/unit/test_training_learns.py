"""Training finds a planted signal in new patients, and nothing where there is nothing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from planted import planted_cohort

import score_tables
from hscore.learning import ensemble, training
from hscore.metrics.ranking import auc

DEFAULT = yaml.safe_load((Path(__file__).parents[2] / "config" / "config.yaml").read_text())["train"]
# a smaller network and fewer epochs than the study's, so that the test takes seconds
SETTINGS = DEFAULT | {"epochs": 12, "network": DEFAULT["network"] | {"channels": [8, 16, 32]}}
SETTINGS["optimizer"] = DEFAULT["optimizer"] | {"learning_rate": 0.005}
SPEC = {"sequence": "CET1WI", "region": "peritumoral"}


def train(folder, cohort):
    """The model folder of the planted cohort."""
    training.train("m", SPEC, SETTINGS, [1], cohort["folds"], [cohort["manifest"]], folder / "state", folder / "model")
    return folder / "model"


@pytest.mark.slow
def test_external_auc_approaches_the_ideal_observers(tmp_path):
    """200 new patients, because the 18 positive ones of a development cohort tell an AUC only to 0.07."""
    (tmp_path / "new").mkdir()
    cohort = planted_cohort(tmp_path, rim=0.3, seed=0, sections=(3, 6))
    new = planted_cohort(tmp_path / "new", "KM", 200, 80, rim=0.3, seed=100, sections=(2, 4))
    model = train(tmp_path, cohort)
    manifests, folds = [cohort["manifest"]], cohort["folds"]
    development, frozen = ensemble.predict_development([model], manifests, folds, [], "platt")
    scores = score_tables.wide(ensemble.predict_external([model], [new["manifest"]], [], frozen))["score"].to_numpy()
    ideal = auc(new["labels"], new["latent"])
    assert ideal - 0.12 < auc(new["labels"], scores) < ideal + 0.03
    development = score_tables.wide(development)
    out_of_fold, apparent = (
        auc(cohort["labels"], development[name].to_numpy()) for name in ("out_of_fold", "apparent")
    )
    assert 0.6 < out_of_fold < apparent  # patients a member was trained on are told apart better than others


@pytest.mark.slow
def test_shuffled_labels_are_not_learned(tmp_path):
    """A leak of the held-out patients would show as an AUC far above one half; chance is 0.5 with deviation 0.08."""
    cohort = planted_cohort(tmp_path, rim=0.3, seed=0, sections=(3, 5))
    folds = pd.read_csv(cohort["folds"])
    folds["lnm"] = np.random.default_rng(1).permutation(folds["lnm"])
    folds.to_csv(cohort["folds"], index=False)
    model = train(tmp_path, cohort)
    table, _ = ensemble.predict_development([model], [cohort["manifest"]], cohort["folds"], [], "platt")
    assert 0.25 < auc(folds["lnm"].to_numpy(), score_tables.wide(table)["out_of_fold"].to_numpy()) < 0.75
