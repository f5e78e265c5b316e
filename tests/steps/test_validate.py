"""validate through its command line: what is reported, frozen thresholds obeyed, hard and wrong input."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from statistics_inputs import CONFIG, ROOT, finite, freeze, unexplained, validate, write

from hscore.statistics.validation import holm

SIZES = {"a": (40, 10), "b": (20, 6), "c": (30, 8)}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, SIZES)
    assert freeze(tmp_path).returncode == 0
    return tmp_path


def read(folder):
    return json.loads((folder / "validation.json").read_text())


def test_every_model_is_reported_in_every_evaluation_at_its_frozen_threshold(folder):
    done = validate(folder)
    assert done.returncode == 0, done.stderr
    content = read(folder)
    frozen = json.loads((folder / "thresholds.json").read_text())
    models = ["cet1wi_peritumoral", "clinical", "hybrid"]
    rows = content["performance"]
    assert [(r["evaluation"], r["model"]) for r in rows] == [
        (evaluation, model) for evaluation in ("external", "out_of_fold", "apparent") for model in models
    ]
    for row in rows:
        external = row["evaluation"] == "external"
        kind, column = ("external", "score") if external else ("development", row["evaluation"])
        outcome = pd.read_csv(folder / ("c_lnm.csv" if external else "folds.csv"))
        table = pd.read_csv(folder / f"{row['model']}_{kind}.csv").merge(outcome[["patient", "lnm"]])
        called = table[column] >= frozen[row["model"]]["value"]
        assert row["confusion"] == {
            "tp": int((called & (table["lnm"] == 1)).sum()),
            "fp": int((called & (table["lnm"] == 0)).sum()),
            "fn": int((~called & (table["lnm"] == 1)).sum()),
            "tn": int((~called & (table["lnm"] == 0)).sum()),
        }
        assert row["n"] == len(table) and row["positives"] == table["lnm"].sum()
        assert row["sensitivity"]["method"] == "Wilson" and row["auc"]["method"] == "DeLong"
    assert finite(content) and not unexplained(content)


def test_hybrid_is_compared_with_every_model_and_all_pairs_in_the_external_cohort(folder):
    validate(folder)
    rows = read(folder)["comparisons"]
    pairs = {
        e: [(r["model_a"], r["model_b"]) for r in rows if r["evaluation"] == e] for e in ("external", "out_of_fold")
    }
    with_hybrid = [("hybrid", "cet1wi_peritumoral"), ("hybrid", "clinical")]
    assert pairs == {"external": [*with_hybrid, ("cet1wi_peritumoral", "clinical")], "out_of_fold": with_hybrid}
    external = [row for row in rows if row["evaluation"] == "external"]
    assert [row["p_holm"] for row in external] == holm([row["p"] for row in external])
    assert external[0]["adjustment"] == "Holm over the 3 tested pairs of this evaluation"


def test_holm_by_hand():
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_the_threshold_file_is_obeyed_and_not_chosen_again(folder):
    frozen = json.loads((folder / "thresholds.json").read_text())
    frozen["hybrid"]["value"] = 0.0
    (folder / "thresholds.json").write_text(json.dumps(frozen))
    validate(folder)
    hybrid = next(r for r in read(folder)["performance"] if r["model"] == "hybrid")
    assert hybrid["sensitivity"]["estimate"] == 1 and hybrid["npv"]["why"] == "there are no patients called negative"


def test_the_step_runs_as_a_program(folder):
    """As the workflow calls it: a process of its own, one sentence and exit code 1 for a mistake."""
    command = [sys.executable, "-m", "hscore.steps.validate", "--development", "hybrid=hybrid_development.csv"]
    command += ["--external", "hybrid=hybrid_external.csv", "--folds", "folds.csv", "--lnm", "nowhere.csv"]
    command += ["--thresholds", "thresholds.json", "--settings", "{}", "--output", "validation.json"]
    environment = {"PYTHONPATH": str(ROOT / "workflow" / "src"), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: nowhere.csv cannot be read")


def test_clopper_pearson_is_named(folder):
    validate(folder, settings=CONFIG["validate"] | {"proportion_interval": "clopper-pearson"})
    assert read(folder)["performance"][0]["ppv"]["method"] == "Clopper-Pearson"


@pytest.mark.parametrize("lnm", [0, 1])
def test_an_external_cohort_of_one_class_is_reported_with_reasons(folder, lnm):
    pd.read_csv(folder / "c_lnm.csv").assign(lnm=lnm).to_csv(folder / "c_lnm.csv", index=False)
    done = validate(folder)
    assert done.returncode == 0, done.stderr
    content = read(folder)
    assert content["performance"][0]["auc"]["estimate"] is None
    assert "both classes" in content["performance"][0]["auc"]["why"]
    assert finite(content) and not unexplained(content)


def test_constant_and_perfect_scores_are_reported_with_reasons(folder):
    outcome = pd.read_csv(folder / "c_lnm.csv")
    table = pd.read_csv(folder / "hybrid_external.csv")
    table.assign(score=np.where(outcome["lnm"] == 1, 0.9, 0.2)).to_csv(folder / "hybrid_external.csv", index=False)
    table.assign(score=0.4).to_csv(folder / "clinical_external.csv", index=False)
    done = validate(folder)
    assert done.returncode == 0, done.stderr
    content = read(folder)
    auc = {row["model"]: row["auc"] for row in content["performance"] if row["evaluation"] == "external"}
    assert (auc["hybrid"]["estimate"], auc["clinical"]["estimate"]) == (1.0, 0.5)
    assert "separate" in auc["hybrid"]["why"]
    assert finite(content) and not unexplained(content)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"lnm": ["a_lnm.csv"]}, "has no row for patient 'a-0001'"),
        ({"lnm": ["c_lnm.csv", "c_lnm.csv"]}, "patient names must differ between centres"),
        ({"lnm": ["nowhere.csv"]}, "nowhere.csv cannot be read"),
        ({"external": ["new=hybrid_external.csv"]}, "model 'new' has external scores but no frozen threshold"),
    ],
)
def test_inputs_that_do_not_belong_together_give_one_sentence(folder, flags, sentence):
    done = validate(folder, **flags)
    assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "validation.json").exists()


@pytest.mark.parametrize(("value", "sentence"), [("2", "'2' is not a number from 0 to 1"), ("0.5", "neither 0 nor 1")])
def test_a_wrong_outcome_is_named(folder, value, sentence):
    table = pd.read_csv(folder / "c_lnm.csv", dtype=str)
    table.loc[3, "lnm"] = value
    table.to_csv(folder / "c_lnm.csv", index=False)
    done = validate(folder)
    assert done.returncode == 1 and "patient 'c-0004', lnm" in done.stderr and sentence in done.stderr


def test_subgroups_and_study_size_are_reported_for_the_reference_model(folder):
    done = validate(folder, manifests=["c_manifest.csv"])
    assert done.returncode == 0, done.stderr
    content = read(folder)
    histology = next(row for row in content["subgroups"] if row["variable"] == "histology")
    assert [level["level"] for level in histology["levels"]] == ["adenocarcinoma", "squamous"]
    assert sum(level["n"] for level in histology["levels"]) == 30
    assert {row["for"] for row in content["precision"]["needed"]} >= {"AUC", "sensitivity", "O/E"}
    assert finite(content) and not unexplained(content)
    done = validate(folder, manifests=["a_manifest.csv"])
    assert done.returncode == 1 and "a_manifest.csv has no row for patient 'c-0001'" in done.stderr


def test_recalibration_comes_from_development_and_keeps_the_order_of_the_patients(folder):
    validate(folder)
    content = read(folder)
    external = [r for r in content["calibration"] if r["evaluation"] == "external" and r["model"] == "hybrid"]
    assert [row["scores"] for row in external] == ["as predicted", "recalibrated"]
    line = next(row for row in content["recalibration"] if row["model"] == "hybrid")
    assert line["fitted_on"] == "out-of-fold development scores" and line["slope"] > 0
    as_predicted, recalibrated = (row["slope"]["estimate"] for row in external)
    assert recalibrated == pytest.approx(as_predicted / line["slope"], rel=1e-6)
    before, after = (content["decision_curves"][name] for name in ("as_predicted", "recalibrated"))
    for model, curve in before["frozen_calls"].items():  # the same patients are called positive on either scale
        assert after["frozen_calls"][model]["net_benefit"] == curve["net_benefit"]


def test_a_model_that_points_the_wrong_way_is_not_recalibrated(folder):
    table = pd.read_csv(folder / "clinical_development.csv")
    table.assign(out_of_fold=1 - table["out_of_fold"]).to_csv(folder / "clinical_development.csv", index=False)
    assert validate(folder).returncode == 0
    content = read(folder)
    line = next(row for row in content["recalibration"] if row["model"] == "clinical")
    assert line["slope"] is None and "do not rise" in line["why"]
    assert "clinical" not in content["decision_curves"]["recalibrated"]["models"]
    assert "clinical" in content["decision_curves"]["as_predicted"]["models"]


def test_two_runs_write_the_same_bytes(folder):
    validate(folder)
    first = (folder / "validation.json").read_bytes()
    validate(folder)
    assert (folder / "validation.json").read_bytes() == first


def test_partial_auc_average_precision_and_transport_are_reported(folder):
    validate(folder)
    content = read(folder)
    for row in content["performance"]:
        assert 0 <= row["partial_auc"]["estimate"] <= 1 and row["partial_auc"]["chance"] == 0.5
        assert row["average_precision"]["chance"] == pytest.approx(row["positives"] / row["n"])
        assert 0 < row["average_precision"]["estimate"] <= 1
    auc = {(row["model"], row["evaluation"]): row["auc"]["estimate"] for row in content["performance"]}
    assert {row["model"] for row in content["transport"]} == {"cet1wi_peritumoral", "clinical", "hybrid"}
    for row in content["transport"]:
        change = auc[row["model"], "external"] - auc[row["model"], "out_of_fold"]
        assert row["difference"] == pytest.approx(change) and row["method"] == "unpaired DeLong test"
    for row in content["reclassification"]:
        assert row["categorical_nri"]["borders"] == [0.05, 0.5]
