"""validate through its command line: what is reported, frozen thresholds obeyed, hard and wrong input."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from statistics_inputs import (
    CONFIG,
    ROOT,
    counted_reads,
    finite,
    freeze,
    unexplained,
    validate,
    write,
    write_calibration,
)

import score_tables
from hscore.statistics.common.multiplicity import holm
from hscore.statistics.diagnosis.discrimination import delong

SIZES = {"a": (40, 10), "b": (20, 6), "c": (30, 8)}

OVERLAP = ", variance x 1.8 for 5 overlapping training sets"
DEVELOPMENT = OVERLAP.replace("variance", "development variance")


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, SIZES)
    assert freeze(tmp_path).returncode == 0
    return tmp_path


def read(folder):
    return json.loads((folder / "validation.json").read_text())


def test_every_table_is_read_once(folder):
    manifests = {"manifests": ["c_manifest.csv"], "development-manifests": ["a_manifest.csv", "b_manifest.csv"]}
    with counted_reads() as counts:
        assert validate(folder, **manifests).returncode == 0
    assert len(counts) == 11 and set(counts.values()) == {1}, counts


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
        table = score_tables.read(folder / f"{row['model']}_{kind}.csv").merge(outcome[["patient", "lnm"]])
        called = table[column] >= frozen[row["model"]]["value"]
        assert row["confusion"] == {
            "tp": int((called & (table["lnm"] == 1)).sum()),
            "fp": int((called & (table["lnm"] == 0)).sum()),
            "fn": int((~called & (table["lnm"] == 1)).sum()),
            "tn": int((~called & (table["lnm"] == 0)).sum()),
        }
        assert row["n"] == len(table) and row["positives"] == table["lnm"].sum()
        assert row["sensitivity"]["method"] == "Wilson"
        trained = row["evaluation"] == "out_of_fold" and row["model"] != "clinical"  # the same in every fold
        assert row["auc"]["method"] == f"Newcombe's method 5{OVERLAP if trained else ''}"
    compared = {
        (row["model_a"], row["model_b"]): row["method"]
        for row in content["comparisons"]
        if row["evaluation"] == "out_of_fold"
    }
    assert compared["hybrid", "clinical"] == f"paired DeLong test{OVERLAP}"
    assert finite(content) and not unexplained(content)


PAIRS = [("hybrid", "cet1wi_peritumoral"), ("hybrid", "clinical"), ("cet1wi_peritumoral", "clinical")]


@pytest.mark.parametrize("evaluation", ["external", "out_of_fold"])
def test_every_pair_of_models_is_compared_the_reference_first_and_adjusted(folder, evaluation):
    validate(folder)
    content = read(folder)
    rows = [row for row in content["comparisons"] if row["evaluation"] == evaluation]
    assert [(row["model_a"], row["model_b"]) for row in rows] == PAIRS
    secondary = [row for row in rows if row["role"] == "secondary"]
    assert len(secondary) == (2 if evaluation == "external" else 3)
    assert [row["p_holm"] for row in secondary] == holm([row["p"] for row in secondary])
    assert secondary[0]["adjustment"] == f"Holm over the {len(secondary)} secondary pairs of this evaluation"
    for measure in ("sensitivity", "specificity", "accuracy"):
        rows = [r for r in content["paired_accuracy"] if (r["evaluation"], r["measure"]) == (evaluation, measure)]
        assert [(row["model_a"], row["model_b"]) for row in rows] == PAIRS
        assert [row["p_holm"] for row in rows] == holm([row["p_exact"] for row in rows])
        rate = {r["model"]: r[measure]["estimate"] for r in content["performance"] if r["evaluation"] == evaluation}
        for row in rows:
            difference = rate[row["model_a"]] - rate[row["model_b"]]
            assert row["difference"]["estimate"] == pytest.approx(difference)
            assert difference == pytest.approx((row["only_a"] - row["only_b"]) / row["n"])


def test_the_primary_hypothesis_is_reported_apart(folder):
    validate(folder)
    content = read(folder)
    (row,) = [row for row in content["comparisons"] if row["role"] == "primary"]
    assert (row["evaluation"], row["model_a"], row["model_b"]) == ("external", "hybrid", "clinical")
    assert {key: content["primary"][key] for key in ("difference", "low", "high", "p")} == {
        key: row[key] for key in ("difference", "low", "high", "p")
    }
    assert [entry["model"] for entry in content["cut_off_error"]] == ["cet1wi_peritumoral", "clinical", "hybrid"]


def test_the_threshold_file_is_obeyed_and_not_chosen_again(folder):
    frozen = json.loads((folder / "thresholds.json").read_text())
    frozen["hybrid"]["value"] = 0.0
    (folder / "thresholds.json").write_text(json.dumps(frozen))
    validate(folder)
    hybrid = next(r for r in read(folder)["performance"] if r["model"] == "hybrid")
    assert hybrid["sensitivity"]["estimate"] == 1 and hybrid["npv"]["why"] == "there are no patients called negative"


def test_a_model_without_a_frozen_cut_off_has_no_calls_and_says_why(folder):
    frozen = json.loads((folder / "thresholds.json").read_text())
    frozen["hybrid"] |= {"value": None, "why": "no threshold was frozen: it separates nothing"}
    (folder / "thresholds.json").write_text(json.dumps(frozen))
    manifests = {"manifests": ["c_manifest.csv"], "development-manifests": ["a_manifest.csv", "b_manifest.csv"]}
    assert validate(folder, **manifests).returncode == 0
    content = read(folder)
    hybrid = next(row for row in content["performance"] if row["model"] == "hybrid")
    assert hybrid["confusion"] is None and hybrid["auc"]["estimate"] > 0.5
    for name in ("sensitivity", "accuracy", "npv", "positive_likelihood_ratio"):
        assert hybrid[name]["estimate"] is None and hybrid[name]["why"] == frozen["hybrid"]["why"]
    assert hybrid["indices"]["f1"]["why"] == frozen["hybrid"]["why"]
    assert {row["model_a"] for row in content["paired_accuracy"]} == {"cet1wi_peritumoral"}
    assert "hybrid" not in content["decision_curves"][0]["frozen_calls"]
    assert content["precision"]["threshold"] is None
    for row in content["subgroups"]:
        assert "no threshold" in row["heterogeneity"]["sensitivity"]["why"]
    assert finite(content) and not unexplained(content)


def test_the_step_runs_as_a_program(folder):
    """As the workflow calls it: a process of its own, one sentence and exit code 1 for a mistake."""
    command = [sys.executable, "-m", "hscore.steps.validate_models", "--development", "hybrid_development.csv"]
    command += ["--external", "hybrid_external.csv", "--folds", "folds.csv", "--lnm", "nowhere.csv"]
    command += ["--thresholds", "thresholds.json", "--settings", "{}", "--output", "validation.json"]
    environment = {"PYTHONPATH": str(ROOT / "workflow" / "src"), "PATH": os.environ["PATH"]}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "\nerror: nowhere.csv: cannot be read as a table" in done.stderr
    assert "Traceback" not in done.stderr


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
    table = score_tables.read(folder / "hybrid_external.csv")
    separated = table.assign(score=np.where(outcome["lnm"] == 1, 0.9, 0.2))
    score_tables.write(folder / "hybrid_external.csv", "hybrid", separated)
    score_tables.write(folder / "clinical_external.csv", "clinical", table.assign(score=0.4))
    done = validate(folder)
    assert done.returncode == 0, done.stderr
    content = read(folder)
    auc = {row["model"]: row["auc"] for row in content["performance"] if row["evaluation"] == "external"}
    assert (auc["hybrid"]["estimate"], auc["clinical"]["estimate"]) == (1.0, 0.5)
    assert 0.8 < auc["hybrid"]["low"] < 1
    rows = [row for row in content["performance"] if (row["evaluation"], row["model"]) == ("external", "hybrid")]
    for name in ("auc_delong", "auc_logit", "auc_bootstrap"):
        assert rows[0][name]["low"] is None and rows[0][name]["why"]
    assert "equal" in auc["clinical"]["why"]
    assert finite(content) and not unexplained(content)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"lnm": ["a_lnm.csv"]}, "has no row for patient 'a-0001'"),
        ({"lnm": ["c_lnm.csv", "c_lnm.csv"]}, "patient names must differ between centres"),
        ({"lnm": ["nowhere.csv"]}, "nowhere.csv: cannot be read as a table"),
        ({"external": ["new_external.csv"]}, "model 'new' has external scores but no frozen threshold"),
    ],
)
def test_inputs_that_do_not_belong_together_give_one_sentence(folder, flags, sentence):
    score_tables.write(folder / "new_external.csv", "new", score_tables.read(folder / "hybrid_external.csv"))
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


MANIFESTS = {"manifests": ["c_manifest.csv"], "development-manifests": ["a_manifest.csv", "b_manifest.csv"]}


def test_subgroups_and_study_size_are_reported_for_the_reference_model(folder):
    done = validate(folder, **MANIFESTS)
    assert done.returncode == 0, done.stderr
    content = read(folder)
    for evaluation, n in (("external", 30), ("out_of_fold", 60)):
        found = {row["variable"]: row for row in content["subgroups"] if row["evaluation"] == evaluation}
        assert set(found) == {"center", "histology", "mri_ln_short_axis_mm"}
        assert [level["level"] for level in found["histology"]["levels"]] == ["adenocarcinoma", "squamous"]
        assert sum(level["n"] for level in found["histology"]["levels"]) == n
        assert set(found["center"]["heterogeneity"]) == {"auc", "sensitivity", "specificity"}
    plan = content["precision"]
    assert plan["evaluation"] == "external" and plan["n"] == 30
    assert {row["for"] for row in plan["needed"]} >= {"AUC", "sensitivity", "O/E", "standardised net benefit"}
    auc = next(r["auc"] for r in content["performance"] if (r["model"], r["evaluation"]) == ("hybrid", "external"))
    here = next(row["here"] for row in plan["needed"] if row["for"] == "AUC")
    assert (here["low"], here["high"]) == (auc["low"], auc["high"])
    assert content["development_size"]["n"] == 60 and content["development_size"]["r2"] > 0
    assert finite(content) and not unexplained(content)
    done = validate(folder, manifests=["a_manifest.csv"])
    assert done.returncode == 1 and "a_manifest.csv has no row for patient 'c-0001'" in done.stderr


def test_scores_are_the_risks_and_the_recalibration_is_reported_as_frozen(folder):
    validate(folder)
    content = read(folder)
    rows = [row for row in content["calibration"] if row["model"] == "hybrid"]
    assert [(row["evaluation"], row["scores"]) for row in rows] == [
        ("external", "recalibrated"),
        ("out_of_fold", "recalibrated"),
    ]
    assert "caution" not in rows[0] and "optimistic" in rows[1]["caution"]
    scores = score_tables.read(folder / "hybrid_external.csv")["score"]
    assert rows[0]["mean_predicted"] == pytest.approx(scores.mean())
    line = next(row for row in content["recalibration"] if row["model"] == "hybrid")
    assert line["fitted_on"] == "out-of-fold development scores"
    frozen = json.loads((folder / "thresholds.json").read_text())["hybrid"]
    assert (line["intercept"], line["slope"]) == (frozen["recalibration"]["intercept"], 1.1)
    assert content["precision"]["threshold"] == frozen["value"]


def curves(content):
    return {(row["evaluation"], row["scores"]): row for row in content["decision_curves"]}


def test_decision_curves_stand_beside_mri_ln_alone_where_it_is_known_of_all(folder):
    validate(folder, **MANIFESTS)
    found = curves(read(folder))
    assert set(found) == {("external", "recalibrated"), ("out_of_fold", "recalibrated")}
    for (evaluation, _), content in found.items():
        assert set(content["frozen_calls"]) == set(content["models"])
        assert ("caution" in content) == (evaluation == "out_of_fold")
        hybrid = content["models"]["hybrid"]
        gain = np.subtract(hybrid["net_benefit"]["estimate"], content["mri_ln"]["net_benefit"]["estimate"])
        np.testing.assert_allclose(hybrid["against_mri_ln"]["estimate"], gain, atol=1e-12)
        n = content["n"]
        assert n == (30 if evaluation == "external" else 60)
        for measure in ("net_benefit", "standardised", "interventions_avoided_per_100", "spared_per_missed"):
            assert len(hybrid[measure]["low"]) == len(content["threshold"])
    table = pd.read_csv(folder / "c_manifest.csv")
    table.loc[0, "mri_ln_positive"] = None
    table.to_csv(folder / "c_manifest.csv", index=False)
    validate(folder, **MANIFESTS)
    found = curves(read(folder))
    assert "not known" in found["external", "recalibrated"]["mri_ln"]["why"]
    assert "net_benefit" in found["out_of_fold", "recalibrated"]["mri_ln"]


def test_a_study_with_one_role_is_validated_on_what_it_has(folder):
    models = ("clinical", "hybrid")
    alone = {"external": [f"{model}_external.csv" for model in models], "development": [], "folds": []}
    assert validate(folder, models, **alone).returncode == 0
    content = read(folder)
    assert {row["evaluation"] for row in content["performance"]} == {"external"}
    assert content["auc_change"] == [] and content["development_size"] is None
    assert {row["scores"] for row in content["calibration"]} == {"recalibrated"}
    assert finite(content) and not unexplained(content)
    assert validate(folder, models, external=[], lnm=[]).returncode == 0
    content = read(folder)
    assert {row["evaluation"] for row in content["performance"]} == {"out_of_fold", "apparent"}
    assert content["precision"]["evaluation"] == "out_of_fold" and content["reclassification"]
    assert finite(content) and not unexplained(content)
    done = validate(folder, development=[], external=[])
    assert done.returncode == 1 and "neither development nor external" in done.stderr
    done = validate(folder, folds=[])
    assert done.returncode == 2 and "--folds" in done.stderr


def test_without_recalibration_there_is_none_anywhere(folder):
    for model in ("cet1wi_peritumoral", "clinical", "hybrid"):
        write_calibration(folder, model, method="none", why="the setting validate.recalibration is none")
    assert freeze(folder).returncode == 0
    assert validate(folder).returncode == 0
    content = read(folder)
    assert {row["scores"] for row in [*content["calibration"], *content["decision_curves"]]} == {"as predicted"}
    assert content["reclassification"] == [] and content["precision"]["threshold"] is None
    assert finite(content) and not unexplained(content)


def test_a_model_without_a_recalibration_is_shown_apart(folder):
    write_calibration(folder, "clinical", method="platt", why="the development scores do not rise")
    assert freeze(folder).returncode == 0
    assert validate(folder).returncode == 0
    content = read(folder)
    line = next(row for row in content["recalibration"] if row["model"] == "clinical")
    assert "slope" not in line and "do not rise" in line["why"]
    assert "clinical" not in curves(content)["external", "recalibrated"]["models"]
    assert list(curves(content)["external", "as predicted"]["models"]) == ["clinical"]
    assert {row["old"] for row in content["reclassification"]} == {"cet1wi_peritumoral"}


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
    assert {row["model"] for row in content["auc_change"]} == {"cet1wi_peritumoral", "clinical", "hybrid"}
    y_true = pd.read_csv(folder / "c_lnm.csv")["lnm"].to_numpy() == 1
    for row in content["auc_change"]:
        table = score_tables.read(folder / f"{row['model']}_external.csv")
        members = delong(y_true, table[["fold_0", "fold_1", "fold_2"]].to_numpy().T)
        change = members.auc.mean() - auc[row["model"], "out_of_fold"]
        assert row["difference"] == pytest.approx(change)
        assert row["method"] == f"unpaired DeLong test{'' if row['model'] == 'clinical' else DEVELOPMENT}"
        gain = row["ensemble"]
        assert gain["members"] == 3
        assert gain["difference"] == pytest.approx(auc[row["model"], "external"] - members.auc.mean())
    for row in content["reclassification"]:
        assert row["categorical_nri"]["borders"] == [0.05, 0.5]


def exclude(folder, rows, lnm):
    """Tables of external patients without a score: patient and reading, and their node status."""
    (folder / "c_excluded.csv").write_text("patient,center,reason,mri_ln_positive\n" + "\n".join(rows) + "\n")
    (folder / "c_excluded_lnm.csv").write_text("patient,lnm\n" + "\n".join(lnm) + "\n")
    return {
        "manifests": ["c_manifest.csv"], "excluded": ["c_excluded.csv"], "excluded-lnm": ["c_excluded_lnm.csv"],
        "index-tests": {"hybrid": None},
    }  # fmt: skip


def test_patients_without_a_score_are_counted_by_intention_to_diagnose(folder):
    rows = ["x-1,c,no_roi,1", "x-2,c,no_roi,0", "x-3,c,mri_ln_unknown,", "x-4,c,outcomes_unknown,1"]
    flags = exclude(folder, rows, ["x-1,1", "x-2,0", "x-3,0", "x-4,"])
    validate(folder)
    before = read(folder)
    assert before.pop("intention_to_diagnose") == []
    done = validate(folder, **flags)
    assert done.returncode == 0, done.stderr
    content = read(folder)
    hybrid, reading = content["intention_to_diagnose"]
    usual = next(row for row in content["performance"] if (row["model"], row["evaluation"]) == ("hybrid", "external"))
    assert usual["confusion"] == next(
        row["confusion"] for row in before["performance"] if (row["model"], row["evaluation"]) == ("hybrid", "external")
    )
    assert hybrid["complete"] == {rate: usual[rate] for rate in hybrid["complete"]}
    counts = usual["confusion"]
    assert hybrid["table"]["positive"] == {
        "n": 9, "called_positive": counts["tp"], "called_negative": counts["fn"], "no_result": 1,
    }  # fmt: skip
    assert hybrid["worst"]["sensitivity"]["numerator"] == counts["tp"]
    assert hybrid["worst"]["specificity"]["denominator"] == 24
    manifest = pd.read_csv(folder / "c_manifest.csv").merge(pd.read_csv(folder / "c_lnm.csv"))
    read_positive = manifest[manifest["lnm"] == 1]["mri_ln_positive"].sum()
    assert reading["test"] == "mri_ln_positive"
    assert reading["table"]["positive"]["called_positive"] == read_positive + 1
    assert reading["table"]["negative"]["no_result"] == 1
    assert {row["without_reference"] for row in (hybrid, reading)} == {1}
    assert finite(content) and not unexplained(content)


@pytest.mark.parametrize(
    ("lnm", "sentence"),
    [
        (["x-1,1"], "c_excluded.csv has a row for patient 'x-2', who has no outcome"),
        (["x-1,1", "x-2,2"], "c_excluded_lnm.csv, patient 'x-2', lnm: '2' is not a number from 0 to 1"),
    ],
)
def test_excluded_patients_and_their_node_status_must_belong_together(folder, lnm, sentence):
    done = validate(folder, **exclude(folder, ["x-1,c,no_roi,1", "x-2,c,no_roi,0"], lnm))
    assert done.returncode == 1 and sentence in done.stderr and done.stderr.count("\n") == 1


def test_excluded_patients_need_the_manifest_of_the_others(folder):
    flags = exclude(folder, ["x-1,c,no_roi,1"], ["x-1,1"]) | {"manifests": []}
    done = validate(folder, **flags)
    assert done.returncode == 2 and "excluded patients need the manifests" in done.stderr


def test_an_external_cohort_without_any_known_node_status_gives_reasons(folder):
    pd.read_csv(folder / "c_lnm.csv").assign(lnm="").to_csv(folder / "c_lnm.csv", index=False)
    done = validate(folder, manifests=["c_manifest.csv"])
    assert done.returncode == 0, done.stderr
    content = read(folder)
    rows = [row for row in content["performance"] if row["evaluation"] == "external"]
    assert rows and all(row["n"] == 0 and row["auc"]["why"] for row in rows)
    assert finite(content) and not unexplained(content)


def test_added_value_instability_and_centres_of_a_study_with_four_external_centres(folder):
    write(folder, {"a": (120, 40), "b": (80, 30), "c": (240, 80)})
    assert freeze(folder).returncode == 0
    manifest = pd.read_csv(folder / "c_manifest.csv")
    manifest.assign(center=[f"c{number % 4}" for number in range(240)]).to_csv(folder / "c_manifest.csv", index=False)
    table = score_tables.read(folder / "hybrid_external.csv")
    table = table.assign(seed_1=table["fold_0"], seed_2=table["fold_1"])
    score_tables.write(folder / "hybrid_external.csv", "hybrid", table)
    done = validate(folder, **MANIFESTS)
    assert done.returncode == 0, done.stderr
    content = read(folder)
    assert finite(content) and not unexplained(content)
    added = content["added_value"]
    assert added["model"] == "hybrid" and [row["n"] for row in added["evaluations"]] == [240, 200]
    assert added["evaluations"][0]["added"]["p"] < 1e-3 and added["frozen"]["n"] == 240
    sources = [(row["model"], row["source"]) for row in content["instability"]["members"]]
    assert ("hybrid", "seeds") in sources and ("clinical", "seeds") not in sources
    folds = next(row for row in content["instability"]["members"] if row["model"] == "hybrid")
    members = table[["fold_0", "fold_1", "fold_2"]].to_numpy()
    expected = np.abs(members - table["score"].to_numpy()[:, None]).mean()
    assert folds["mean_absolute_difference"] == pytest.approx(expected)
    centers = content["centers"]
    assert [row["center"] for row in centers["centers"]] == ["c0", "c1", "c2", "c3"]
    assert centers["pooled"]["auc"]["centers"] == 4
    assert sum(row["positives"] for row in centers["centers"]) == 80


def test_one_external_centre_is_not_pooled_and_unknown_centres_are_not_shown(folder):
    validate(folder, **MANIFESTS)
    assert read(folder)["centers"]["pooled"] == {} and "one external centre" in read(folder)["centers"]["why"]
    validate(folder)
    content = read(folder)
    assert content["centers"] is None
    assert "have no mri_ln_short_axis_mm" in content["added_value"]["evaluations"][0]["added"]["why"]
