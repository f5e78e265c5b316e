"""The programs that explain a model and choose between models, as the workflow calls them."""

import base64
import json

import numpy as np
import pandas as pd
import pytest
from learning_inputs import make_study
from sklearn.metrics import roc_auc_score
from statistics_inputs import frozen_at, write
from test_train_predict import SETTINGS, predict_arguments, train_arguments

import score_tables
from hscore.files import read_json, write_json
from hscore.learning.ensemble import load_model
from hscore.learning.samples import read_samples
from hscore.steps import explain_model, predict, select_models, train_model


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def test_the_most_certain_patients_are_shown_with_their_maps(study):
    train_model.main(train_arguments(study, "hybrid", settings=SETTINGS | {"epochs": 10}))
    for external in (False, True):
        predict.main(predict_arguments(study, "hybrid", external=external)[0])
    scores = score_tables.read(study / "hybrid-external.csv").set_index("patient")["score"]
    lnm = pd.Series([1, 0, 0, 1, 0, 0], index=scores.index, name="lnm")
    lnm.reset_index().to_csv(study / "lnm.csv", index=False)
    cut = float(scores.sort_values().iloc[2:4].mean())
    write_json(study / "thresholds.json", {"hybrid": frozen_at(cut)})
    explain_model.main(
        ["--model", "hybrid", "--model-folders", str(study / "hybrid" / "seed-1"), "--manifests", str(study / "CC.csv"),
         "--predictions", str(study / "hybrid-external.csv"), "--lnm", str(study / "lnm.csv"),
         "--thresholds", str(study / "thresholds.json"), "--output", str(study / "explanation.json")]
    )  # fmt: skip
    content = read_json(study / "explanation.json")
    assert content["model"] == "hybrid" and content["threshold"] == pytest.approx(cut)
    assert set(content["checks"]) == {"T2WI_tumour"}
    kinds = {row["kind"]: row for row in content["shown"]}
    for kind, row in kinds.items():
        says, positive = kind.endswith("positive"), kind in ("true positive", "false negative")
        group = scores[((scores >= cut) == says) & ((lnm == 1) == positive)]
        assert row["patient"] == (group.idxmax() if says else group.idxmin()) and row["lnm"] == positive
        assert row["score"] == pytest.approx(scores[row["patient"]])
        for name in ("sample", "map", "random_map"):
            levels = np.frombuffer(base64.b64decode(row[name]["levels"]), np.uint8)
            assert len(levels) == row[name]["rows"] * row[name]["columns"] == 16 * 16
        # the section shown is one of the patient's own
        samples = read_samples([study / "CC.csv"], load_model(study / "hybrid" / "seed-1").spec)
        number = samples.patients["patient"].tolist().index(row["patient"])
        own = samples.images[0].pixels[samples.images[0].patient_index == number][:, 1]
        levels = np.frombuffer(base64.b64decode(row["sample"]["levels"]), np.uint8).reshape(16, 16)
        scaled = [np.round(255 * (one - one.min()) / (one.max() - one.min())) for one in own]
        assert any(np.array_equal(levels, one) for one in scaled)
    assert len(kinds) >= 2


def test_models_are_chosen_on_out_of_fold_scores(tmp_path):
    write(tmp_path, {"a": (40, 10), "b": (20, 6), "c": (30, 8)})
    families = {"images": {"single": ["cet1wi_peritumoral", "clinical"], "combined": ["hybrid"]}}
    predictions = [f"{tmp_path / m}_development.csv" for m in ("cet1wi_peritumoral", "clinical", "hybrid")]
    select_models.main(
        ["--predictions", *predictions, "--families", json.dumps(families), "--folds", str(tmp_path / "folds.csv"),
         "--settings", json.dumps({"confidence": 0.95}), "--output", str(tmp_path / "selection.json")]
    )  # fmt: skip
    content = read_json(tmp_path / "selection.json")["images"]
    folds = pd.read_csv(tmp_path / "folds.csv")
    positive = folds["lnm"].to_numpy() == 1
    for row in content["single"]["candidates"]:
        scores = score_tables.read(tmp_path / f"{row['model']}_development.csv").set_index("patient")["out_of_fold"]
        assert row["auc"] == pytest.approx(roc_auc_score(positive, scores[folds["patient"]].to_numpy()))
    best = max(content["single"]["candidates"], key=lambda row: row["auc"])["model"]
    assert content["single"]["model"] == best and content["development"]["single"]["model"] == best
