"""The programs of the targets beside the study: a nested search over settings, and each centre held out."""

import json

import numpy as np
import pandas as pd
import pytest
from learning_inputs import SETTINGS, SPECS, make_study
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

import score_tables
from hscore.cohort.folds import by_center
from hscore.errors import UserError
from hscore.files import read_json
from hscore.learning import search
from hscore.statistics.diagnosis import discrimination
from hscore.steps import describe_held_out_centers, predict, split, summarize_search, train_model
from hscore.steps import search_settings as search_step

GRID = {"network.dropout": [0.0, 0.4], "epochs": [1, 8]}


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path)


def search_part(study, part, **changes):
    """What the search of one part writes."""
    output = study / "search" / f"{part}.json"
    arguments = {
        "model": "image",
        "spec": json.dumps(SPECS["image"]),
        "settings": json.dumps(SETTINGS),
        "search": json.dumps({"model": "image", "grid": GRID, "folds": 2}),
        "part": part,
        "seed": "1",
        "folds": str(study / "folds.csv"),
        "manifests": [str(study / "AA.csv"), str(study / "BB.csv")],
        "state": str(study / "search" / "state" / part),
        "output": str(output),
        **changes,
    }
    words = []
    for name, value in arguments.items():
        words += [f"--{name}", *(value if isinstance(value, list) else [value])]
    search_step.main(words)
    return read_json(output)


def test_every_combination_is_tried_and_the_best_chosen(study):
    content = search_part(study, "fold-1")
    assert [row["values"] for row in content["tried"]] == [
        {"network.dropout": dropout, "epochs": epochs} for dropout in (0.0, 0.4) for epochs in (1, 8)
    ]
    best = max(content["tried"], key=lambda row: row["auc"])
    assert content["chosen"] == best["values"]
    folds = pd.read_csv(study / "folds.csv")
    assert sorted(content["scores"]) == sorted(folds["patient"][folds["fold"] == 1])
    assert not (study / "search" / "state" / "fold-1").exists()


def test_the_held_out_fold_takes_no_part_in_the_choice(study):
    """Its pixels and labels may be anything: what was tried, and with what result, stays."""
    before = search_part(study, "fold-1")
    folds = pd.read_csv(study / "folds.csv")
    own = folds["fold"] == 1
    for name in folds["patient"][own]:
        center, number = name.split("-")
        path = study / center / f"sub-{int(number)}" / "samples.npz"
        np.savez(path, T2WI_tumour=np.load(path)["T2WI_tumour"] * 0 + 7)
    folds.loc[own, "lnm"] = 1 - folds.loc[own, "lnm"]
    folds.to_csv(study / "folds.csv", index=False)
    after = search_part(study, "fold-1")
    assert after["tried"] == before["tried"] and after["chosen"] == before["chosen"]
    assert after["scores"] != before["scores"]


def test_a_killed_search_goes_on_where_it_was(study, monkeypatch):
    expected = search_part(study, "fold-0")
    trained, original = [], search.training.train_group

    def train_group(*arguments):
        trained.append(1)
        if len(trained) == 6:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(search.training, "train_group", train_group)
        search_part(study, "fold-0")
    trained.clear()
    monkeypatch.setattr(search.training, "train_group", lambda *a: trained.append(1) or original(*a))
    assert search_part(study, "fold-0") == expected
    assert len(trained) == 4 * 2 + 1 - 5  # nothing was done twice


def test_a_patient_cannot_be_chosen_on_and_held_out(study):
    folds = pd.read_csv(study / "folds.csv")
    inner = folds.assign(fold=folds["fold"] % 2)
    with pytest.raises(UserError, match="is in both the inner and the held-out folds"):
        search.search("image", SPECS["image"], SETTINGS, GRID, study / "folds.csv", inner,
                      [study / "AA.csv", study / "BB.csv"], study / "state", 1)  # fmt: skip


def test_a_setting_that_is_none_is_refused(study):
    wrong = json.dumps({"model": "image", "grid": {"network.width": [3]}, "folds": 2})
    with pytest.raises(SystemExit, match="search.grid: 'train.network.width' is not a setting"):
        search_part(study, "fold-0", search=wrong)


def test_the_summary_compares_with_the_settings_as_they_are(study):
    parts = [search_part(study, part) for part in ("fold-0", "fold-1", "fold-2", "all")]
    assert parts[-1]["scores"] == {} and parts[-1]["held_out"] is None
    folds = pd.read_csv(study / "folds.csv").set_index("patient")
    random = np.random.default_rng(0)
    configured = pd.Series(random.random(len(folds)), index=folds.index, name="out_of_fold")
    scores = configured.reset_index().assign(fold=folds["fold"].to_numpy(), apparent=random.random(len(folds)))
    score_tables.write(study / "configured.csv", "image", scores)
    paths = [str(study / "search" / f"{part}.json") for part in ("fold-0", "fold-1", "fold-2", "all")]
    summarize_search.main(
        ["--parts", *paths, "--predictions", str(study / "configured.csv"), "--folds", str(study / "folds.csv"),
         "--settings", json.dumps({"confidence": 0.95}), "--output", str(study / "search.json")]
    )  # fmt: skip
    content = read_json(study / "search.json")
    searched = pd.Series({patient: score for part in parts for patient, score in part["scores"].items()})
    y_true = folds["lnm"].to_numpy() == 1
    area = roc_auc_score(y_true, searched[folds.index].to_numpy())
    assert content["searched"]["estimate"] == pytest.approx(area) and content["n"] == 27
    assert content["configured"]["estimate"] == pytest.approx(roc_auc_score(y_true, configured.to_numpy()))
    assert content["recommended"] == parts[-1]["chosen"]
    assert [row["held_out"] for row in content["folds"]] == [0, 1, 2, None]


def test_every_centre_is_held_out_once(study):
    for center in ("AA", "BB"):
        table = pd.read_csv(study / "folds.csv")
        table[table["center"] == center][["patient", "lnm"]].to_csv(study / f"{center}_lnm.csv", index=False)
    manifests = [str(study / "AA.csv"), str(study / "BB.csv")]
    split.main(["--by-center", "--manifests", *manifests, "--lnm", str(study / "AA_lnm.csv"), str(study / "BB_lnm.csv"),
                "--output", str(study / "centers.csv")])  # fmt: skip
    folds = pd.read_csv(study / "centers.csv")
    assert folds.groupby("center")["fold"].agg(["min", "max"]).to_numpy().tolist() == [[0, 0], [1, 1]]
    spec, settings = json.dumps(SPECS["clinical"]), json.dumps(SETTINGS)
    train_model.main(["--model", "clinical", "--spec", spec, "--settings", settings, "--seeds", "1", 
                "--folds", str(study / "centers.csv"), "--manifests", *manifests,
                "--state", str(study / "state"), "--output", str(study / "model")])  # fmt: skip
    predict.main(["--model", "clinical", "--spec", spec, "--model-folders", str(study / "model"),
                  "--manifests", *manifests, "--folds", str(study / "centers.csv"),
                  "--recalibration", "platt", "--calibration", str(study / "calibration.json"),
                  "--output", str(study / "scores.csv")])  # fmt: skip
    describe_held_out_centers.main(
        ["--predictions", str(study / "scores.csv"), "--folds", str(study / "centers.csv"),
         "--settings", json.dumps({"confidence": 0.95}), "--output", str(study / "performance.csv")]
    )  # fmt: skip
    table = pd.read_csv(study / "performance.csv").set_index("held_out")
    assert table["n"].to_dict() == {"AA": 18, "BB": 9, "all": 27}
    assert set(table["auc_method"]) == {discrimination.NEWCOMBE}  # one binary variable orders patients in one way
    scores = score_tables.read(study / "scores.csv").merge(folds[["patient", "lnm"]], on="patient")
    for center in ("AA", "BB"):
        own = scores[scores["center"] == center]
        # by hand: the rate of metastasis among the other centre's patients of the same reading, a half added; it is
        # aligned and calibrated, which changes no order within a centre
        rates = []
        other = pd.read_csv(study / ("BB.csv" if center == "AA" else "AA.csv")).merge(folds[["patient", "lnm"]])
        reading = pd.read_csv(study / f"{center}.csv").set_index("patient")["mri_ln_positive"]
        for _, row in own.iterrows():
            same = other[other["mri_ln_positive"] == reading[row["patient"]]]["lnm"]
            rates.append((same.sum() + 0.5) / (len(same) + 1))
        assert (rankdata(own["out_of_fold"]) == rankdata(np.round(rates, 9))).all()
        area = roc_auc_score(own["lnm"].to_numpy() == 1, own["out_of_fold"].to_numpy())
        assert table.loc[center, "auc_estimate"] == pytest.approx(area, rel=1e-5)


def test_a_model_without_training_has_the_usual_interval_in_all_centres_and_in_the_search(study):
    folds = pd.read_csv(study / "folds.csv")
    scores = folds[["patient", "fold"]].assign(out_of_fold=np.linspace(0.1, 0.9, len(folds))[::-1])
    score_tables.write(study / "reading.csv", "reading", scores.assign(apparent=scores["out_of_fold"]))
    score_tables.write(study / "trained.csv", "trained", scores.assign(apparent=0.5))
    predictions = [str(study / f"{name}.csv") for name in ("reading", "trained")]
    describe_held_out_centers.main(
        ["--predictions", *predictions, "--folds", str(study / "folds.csv"),
         "--settings", json.dumps({"confidence": 0.95}), "--output", str(study / "performance.csv")]
    )  # fmt: skip
    table, trained = pd.read_csv(study / "performance.csv").set_index("held_out").loc["all"].to_dict("records")
    assert "for 3 overlapping" in trained["auc_method"] and trained["auc_low"] < table["auc_low"]
    expected = discrimination.auc_interval(folds["lnm"].to_numpy() == 1, scores["out_of_fold"].to_numpy(), 0.95)
    assert table["auc_method"] == expected["method"] == discrimination.NEWCOMBE
    assert [table["auc_low"], table["auc_high"]] == pytest.approx([expected["low"], expected["high"]])
    part = {"model": "reading", "held_out": None, "chosen": {}, "tried": []}
    searched = dict(zip(folds["patient"], np.random.default_rng(0).random(len(folds)), strict=True))
    (study / "part.json").write_text(json.dumps(part | {"scores": searched}))
    summarize_search.main(
        ["--parts", str(study / "part.json"), "--predictions", str(study / "reading.csv"), "--folds",
         str(study / "folds.csv"), "--settings", json.dumps({"confidence": 0.95}),
         "--output", str(study / "search.json")]
    )  # fmt: skip
    content = read_json(study / "search.json")
    assert content["configured"]["method"] == discrimination.NEWCOMBE
    assert all("for 3 overlapping" in content[key]["method"] for key in ("searched", "searched_minus_configured"))


def test_one_centre_cannot_be_held_out():
    with pytest.raises(UserError, match="needs two development centres or more, there is only 'only'"):
        by_center(pd.DataFrame({"patient": ["a", "b"], "center": "only", "lnm": [0, 1]}))
