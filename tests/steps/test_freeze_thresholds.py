"""freeze_thresholds through its command line: the choice, what it may read, wrong input."""

import json

import pandas as pd
import pytest
from statistics_inputs import CONFIG, freeze, write

import score_tables

SIZES = {"a": (40, 10), "b": (20, 6), "c": (30, 8)}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, SIZES)
    return tmp_path


def test_every_model_gets_its_best_cut_on_out_of_fold_scores(folder):
    done = freeze(folder)
    assert done.returncode == 0, done.stderr
    frozen = json.loads((folder / "thresholds.json").read_text())
    assert list(frozen) == ["cet1wi_peritumoral", "clinical", "hybrid"]
    assert frozen["clinical"]["value"] == pytest.approx((0.62 + 0.11) / 2)
    table = score_tables.read(folder / "hybrid_development.csv").merge(pd.read_csv(folder / "folds.csv"))
    y_true, scores = table["lnm"] == 1, table["out_of_fold"]

    def index(t):
        return (scores >= t)[y_true].mean() + (scores < t)[~y_true].mean()

    assert index(frozen["hybrid"]["value"]) == pytest.approx(max(index(t) for t in scores))
    assert frozen["hybrid"]["n"] == 60 and frozen["hybrid"]["positives"] == 16


def test_the_order_of_rows_and_the_apparent_scores_do_not_matter(folder):
    freeze(folder)
    first = (folder / "thresholds.json").read_text()
    change(folder, lambda t: t.sample(frac=1, random_state=0).assign(apparent="0.5"))
    freeze(folder)
    assert (folder / "thresholds.json").read_text() == first


@pytest.mark.parametrize(
    ("rule", "words"),
    [({"sensitivity": 0.9}, "sensitivity of at least 0.9"), ({"value": 0.5}, "fixed value 0.5")],
)
def test_other_rules(folder, rule, words):
    assert freeze(folder, settings=CONFIG["validate"] | {"threshold": rule}).returncode == 0
    frozen = json.loads((folder / "thresholds.json").read_text())["hybrid"]
    assert words in frozen["rule"]
    if "sensitivity" in rule:
        assert frozen["sensitivity"] >= 0.9
    else:
        assert frozen["value"] == 0.5


def change(folder, edit):
    path = folder / "hybrid_development.csv"
    score_tables.write(path, "hybrid", edit(score_tables.read(path, dtype=str)))


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda t: t[1:], "hybrid_development.csv has no row for patient 'a-0001'"),
        (
            lambda t: pd.concat([t, t[:1]]),
            "row 61, column patient: this patient already has a score of this evaluation",
        ),
        (lambda t: t.assign(out_of_fold="high"), "row 1, score: 'high' is not a number from 0 to 1"),
        (lambda t: t.assign(out_of_fold="1.7"), "'1.7' is not a number from 0 to 1"),
        (lambda t: t.assign(out_of_fold=None), "patient 'a-0001', out_of_fold: the value is missing"),
        (lambda t: t.drop(columns="out_of_fold"), "has no scores of evaluation 'out_of_fold'"),
        (lambda t: t.assign(patient="x-" + t["patient"]), "has no row for patient 'a-0001' (60 such patients)"),
    ],
)
def test_wrong_scores_give_one_sentence_and_no_output(folder, edit, sentence):
    change(folder, edit)
    done = freeze(folder)
    assert done.returncode == 1
    assert sentence in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "thresholds.json").exists()


def test_an_unknown_rule_and_a_model_in_two_files_are_refused(folder):
    done = freeze(folder, settings=CONFIG["validate"] | {"threshold": "best"})
    assert done.returncode == 1 and "must be youden" in done.stderr
    done = freeze(folder, predictions=["hybrid_development.csv", "hybrid_development.csv"])
    assert done.returncode == 1 and "both contain scores of model 'hybrid'" in done.stderr


def test_a_model_that_gives_everybody_the_same_score_does_not_stop_the_study(folder):
    change(folder, lambda t: t.assign(out_of_fold="0.3"))
    assert freeze(folder).returncode == 0
    frozen = json.loads((folder / "thresholds.json").read_text())["hybrid"]
    assert frozen["value"] is None and frozen["why"] == "no threshold was frozen: all scores are equal"


def test_a_cut_off_that_separates_nothing_is_not_frozen(folder):
    lnm = pd.read_csv(folder / "folds.csv", dtype=str).set_index("patient")["lnm"]
    change(folder, lambda t: t.assign(out_of_fold=(0.9 - 0.8 * lnm[t["patient"]].astype(float)).to_numpy()))
    assert freeze(folder).returncode == 0
    frozen = json.loads((folder / "thresholds.json").read_text())["hybrid"]
    assert frozen["value"] is None and "Youden index of -1.000" in frozen["why"]


def test_the_recalibration_and_the_median_are_frozen_too(folder):
    freeze(folder)
    frozen = json.loads((folder / "thresholds.json").read_text())
    scores = score_tables.read(folder / "hybrid_development.csv")["out_of_fold"]
    assert frozen["hybrid"]["median"] == scores.median()
    assert frozen["hybrid"]["recalibration"] == {"method": "platt", "intercept": -0.1, "slope": 1.1}


def test_without_a_development_cohort_only_a_fixed_value_can_be_frozen(folder):
    alone = {"models": ("hybrid", "clinical"), "predictions": [], "calibrations": [], "folds": []}
    assert freeze(folder, settings=CONFIG["validate"] | {"threshold": {"value": 0.5}}, **alone).returncode == 0
    frozen = json.loads((folder / "thresholds.json").read_text())
    assert list(frozen) == ["hybrid", "clinical"] and frozen["hybrid"]["value"] == 0.5
    assert frozen["hybrid"]["recalibration"]["why"] and frozen["hybrid"]["median"] is None
    done = freeze(folder, **alone)
    assert done.returncode == 1 and "no development cohort to choose on" in done.stderr
    done = freeze(folder, folds=[])
    assert done.returncode == 2 and "--folds" in done.stderr
    done = freeze(folder, calibrations=["hybrid_calibration.json"])
    assert done.returncode == 1 and "no calibration of model 'cet1wi_peritumoral'" in done.stderr
