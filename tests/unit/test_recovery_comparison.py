"""A study beside its truth, on small made-up studies; and the verdicts on negative controls."""

import json

import numpy as np
import pytest
import yaml
from test_recovery_monte_carlo import ROOT, parameters  # noqa: F401  a fixture

from hscore.imaging.grid import Grid
from hscore.recovery import comparison, control_checks, observers, recovery_page, verdicts
from hscore.simulation.patients import simulate_center
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination

MODELS = {
    "t1": {"sequence": "CET1WI", "region": "peritumoral"},
    "clinical": {"clinical": ["mri_ln_positive"]},
    "hybrid": {"sequence": "CET1WI", "region": "peritumoral", "clinical": ["mri_ln_positive"]},
    "other": {"clinical": ["age"]},
}


# --- images


def grid(*directions):
    affine = np.diag([*directions, 1.0])
    return Grid((6, 5, 4), affine)


def test_true_mask_in_the_order_of_a_converted_volume():
    """dcm2niix turns rows round: the truth's rows run to the back, the NIfTI's to the front."""
    mask = np.zeros((4, 5, 6), bool)
    mask[1, 2, 3] = mask[1, 3, 3] = True
    affine = np.diag([0.9, 0.9, 5.0, 1.0])  # LPS: x to the left, y backwards
    true = {
        "mask_T2WI": mask[1:2, 2:4, 3:4],
        "first_T2WI": np.array([1, 2, 3]),
        "shape_T2WI": np.array(mask.shape),
        "affine_T2WI": affine,
    }
    same = comparison.true_mask(true, "T2WI", grid(0.9, 0.9, 5.0))
    assert np.array_equal(same, mask)
    turned = comparison.true_mask(true, "T2WI", grid(0.9, -0.9, 5.0))
    assert np.array_equal(turned, mask[:, ::-1])


def test_box_error_is_the_worst_side():
    mask = np.zeros((5, 20, 20), bool)
    mask[1:4, 5:10, 6:12] = True
    exact = {"sections": [1, 2, 3], "first": [6, 5], "last": [11, 9]}
    assert comparison.box_error([exact], mask) == 0
    assert comparison.box_error([exact, exact | {"last": [13, 9]}], mask) == 2
    assert comparison.box_error([], mask) is None


def test_images_are_summarised_by_sequence():
    rows = [
        {"sequence": "ADC", "dice": d, "volume_error": 0.0, "box_error": b, "adc": a, "true_adc": 1000.0}
        for d, b, a in ((0.9, 0, 1010.0), (0.8, 2, 1030.0))
    ]
    (found,) = comparison.summarize_images(rows)
    assert found["dice_mean"] == pytest.approx(0.85) and found["dice_least"] == 0.8
    assert found["box_exact"] == 0.5 and found["box_error_largest"] == 2
    assert found["adc_error_mean"] == pytest.approx(0.02) and found["adc_correlation"] is None


# --- models, reading, survival


@pytest.fixture(scope="module")
def truths(parameters):  # noqa: F811
    return {center: simulate_center(parameters, center, "ge", 80, 20, 3)[1] for center in ("a", "b")}


@pytest.fixture(scope="module")
def included(truths):
    return {
        role: [(center, patient) for patient in truths[center]["patients"]]
        for role, center in (("development", "a"), ("external", "b"))
    }


def performance(model, evaluation, auc=0.8, low=0.7, high=0.9):
    rate = {"estimate": 0.6, "low": 0.5, "high": 0.7}
    return {
        "model": model,
        "evaluation": evaluation,
        "auc": {"estimate": auc, "low": low, "high": high},
        "sensitivity": rate,
        "specificity": rate,
    }


def test_models_stand_beside_their_ideal_observers(truths, included):
    rows = comparison.models(
        MODELS, [performance(m, e) for m in MODELS for e in ("external", "out_of_fold", "apparent")], truths, included
    )
    assert {(row["model"], row["evaluation"]) for row in rows} == {
        (model, evaluation) for model in ("t1", "clinical", "hybrid") for evaluation in ("external", "out_of_fold")
    }
    for row in rows:
        assert row["ideal"] == pytest.approx({"t1": 0.844, "clinical": 0.815, "hybrid": 0.933}[row["model"]], abs=1e-3)
        assert row["holds_ideal"] is (row["model"] != "hybrid")
    external = next(row for row in rows if row["model"] == "t1" and row["evaluation"] == "external")
    observed = truths["b"]["ideal_auc_of_these_patients"]["CET1WI"]["peritumoral"]
    assert external["ideal_of_these_patients"] == pytest.approx(observed)


@pytest.mark.parametrize(
    ("spec", "observer"),
    [
        ({"sequences": ["CET1WI", "T2WI", "ADC"], "region": "peritumoral"}, ("all_sequences",)),
        ({"fuse": ["t1", "t2", "adc"]}, ("all_sequences",)),
        ({"fuse": ["t1", "t2", "adc"], "clinical": ["mri_ln_positive"]}, ("all_sequences_mri_ln",)),
        ({"fuse": ["t1"], "clinical": ["mri_ln_positive"]}, ("hybrid",)),
        ({"fuse": ["t1"]}, ("CET1WI", "peritumoral")),
        ({"sequences": ["CET1WI", "T2WI"], "region": "peritumoral"}, None),
        ({"fuse": ["t2"], "clinical": ["mri_ln_positive"]}, None),
        ({"fuse": ["t1"], "clinical": ["age"]}, None),
    ],
)
def test_a_combined_model_has_the_observer_that_sees_what_it_sees(spec, observer):
    single = {name: {"sequence": name.upper(), "region": "peritumoral"} for name in ("t2", "adc")}
    single["t2"]["sequence"] = "T2WI"
    assert comparison.observer({**MODELS, **single, "combined": spec}, "combined") == observer


def test_a_study_is_compared_by_role_and_centre(parameters, truths):  # noqa: F811
    centers = [
        comparison.SimulatedCenter("a", "development", truths["a"], list(truths["a"]["patients"])),
        comparison.SimulatedCenter("b", "external", truths["b"], list(truths["b"]["patients"])[:70]),
    ]
    rows = [performance(model, "external") for model in ("t1", "clinical")]
    found = comparison.compare(centers, [], rows, MODELS, parameters)
    assert found["patients"] == {"development": 80, "external": 70} and list(found["planted"]) == ["a", "b"]
    assert found["planted"]["b"]["scanner"] == "ge" and found["planted"]["b"]["patients"] == 80
    assert [row["model"] for row in found["models"]] == ["t1", "clinical"] and len(found["reading"]) == 2
    nobody = comparison.SimulatedCenter("c", "external", truths["b"], [])
    folders = {patient: patient for center in centers for patient in center.patients}
    first = centers[0].patients[0]
    assert recovery_page.shown([centers[0], nobody], folders) == [("a", "ge", first, first)]


def test_rows_of_images_name_their_centre(monkeypatch, truths):
    monkeypatch.setattr(comparison, "images", lambda patient, *files: [{"patient": patient, "files": files}])
    center = comparison.SimulatedCenter("a", "development", truths["a"], ["p", "q"])
    files = [{"p": f"{name}-p", "q": f"{name}-q"} for name in ("nifti", "samples", "truth")]
    assert comparison.images_of_centers([center], *files) == [
        {
            "center": "a",
            "patient": patient,
            "files": tuple(f"{name}-{patient}" for name in ("nifti", "samples", "truth")),
        }
        for patient in ("p", "q")
    ]


def test_the_report_gets_the_ideal_auc_of_every_model_and_the_hazard_ratios(truths):
    found = observers.reported_truth(truths["a"], MODELS, {"confidence": 0.95})
    assert found["ideal_auc"]["other"] is None and list(found["ideal_auc"]) == list(MODELS)
    assert found["ideal_auc"]["t1"] == truths["a"]["ideal_auc"]["CET1WI"]["peritumoral"]
    assert found["hazard_ratios"] == {"confidence": 0.95}


def test_reading_stands_beside_the_truth(parameters):  # noqa: F811
    rows = comparison.reading([performance("clinical", "external"), performance("t1", "external")], MODELS, parameters)
    assert [row["holds_truth"] for row in rows] == [True, False]  # sensitivity 0.68, specificity 0.95


def test_page_says_simulated_and_shows_the_marked_rows(truths):
    summary = {
        "scenario": "planted",
        "studies": 500,
        "confidence": 0.95,
        "intervals": [
            {
                "place": place,
                "studies": 500,
                "truth": 0.9,
                "truth_from": "planted",
                "mean": 0.9,
                "bias": 0.0,
                "bias_error": 0.001,
                "coverage": coverage,
                "coverage_error": 0.01,
                "below": 0.0,
                "above": 0.0,
            }
            for place, coverage in (("good", 0.95), ("bad", 0.85))
        ],
        "bands": [{"place": "band", "studies": 500, "covered": 0.94, "covered_error": 0.01}],
        "tests": [
            {"place": "test", "studies": 500, "null_is_true": True, "rejected": 0.05, "rejected_error": 0.01},
            {"place": "power", "studies": 500, "null_is_true": False, "rejected": 0.9, "rejected_error": 0.01},
        ],
        "chosen_threshold": [{"place": "external sensitivity", "studies": 500, "bias": 0.01, "bias_error": 0.001}],
    }
    content = {
        "study": "tiny",
        "confidence": 0.9,
        "patients": {"development": 80, "external": 80},
        "planted": {center: comparison.planted(truth) for center, truth in truths.items()},
        "images": [],
        "models": [],
        "reading": [],
        "hazard_ratios": {
            "planted": {"estimate": 4.59, "log_hazard_per_logit": 0.325, "cut_off": 0.215},
            "confidence": 0.95,
            "threshold": 0.3,
            "cohorts": {
                "external": {
                    "table": {"high": {"high": 30, "low": 11}, "low": {"high": 9, "low": 87}},
                    "true_groups": {"estimate": 4.1, "low": 2.0, "high": 8.2},
                    "expected": {"estimate": 3.3},
                    "achieved": {"estimate": 2.9, "low": 1.4, "high": 6.1},
                    "holds_expected": True,
                },
                "development": {
                    "table": None,
                    "true_groups": {"estimate": 4.2, "low": 2.6, "high": 6.8},
                    "expected": {"estimate": None, "why": "no threshold was frozen"},
                    "achieved": {"estimate": None, "low": None, "high": None, "why": "no threshold was frozen"},
                    "holds_expected": None,
                },
            },
        },
    }
    html = recovery_page.write(content, {"planted": summary}, [])
    assert "SIMULATED PATIENTS" in html and '<tr class="marked"><td>bad</td>' in html
    assert "AUC (90 % CI)" in html and "true groups (95 % CI)" in html
    assert "<td>4.59</td><td>4.10 (2.00-8.20)</td><td>3.30</td>" in html
    assert "development, expected: not estimable, no threshold was frozen." in html
    assert "<td>good</td>" in html and "power" not in html
    assert "http" not in html.replace("http-equiv", "")  # nothing is fetched


# --- negative controls


def cohort(random, separation, n=60):
    y_true = np.arange(n) < n // 3
    center = np.where(np.arange(n) % 2 == 0, "a", "b")
    scores = {model: random.standard_normal(n) + separation * y_true for model in ("t1", "hybrid")}
    return control_checks.Cohort(ScoredCohort(y_true, scores), center)


CLEAN, CAUGHT = {"flagged": []}, {"flagged": ["CET1WI corner, first rows, first columns"]}


def test_permuted_labels_hold_at_chance_and_fail_when_something_is_found():
    random = np.random.default_rng(0)
    fine = {name: cohort(random, 0.0) for name in ("out_of_fold", "external")}
    assert control_checks.judge("permuted_labels", MODELS, fine, {"a": CLEAN}, [])["holds"]
    found = {**fine, "external": cohort(random, 2.0)}
    verdict = control_checks.judge("permuted_labels", MODELS, found, {"a": CLEAN}, [])
    assert not verdict["holds"] and [check["holds"] for check in verdict["checks"]] == [True, True, False, False, True]


def test_the_interval_of_a_reading_is_not_widened_for_training_sets_it_does_not_have():
    """A control's interval that is wider than it should be passes a finding."""
    random = np.random.default_rng(1)
    y_true = np.arange(300) < 75
    reading = np.where(random.random(300) < np.where(y_true, 0.42, 0.3), 0.6, 0.1)
    evaluation = ScoredCohort(y_true, {"t1": reading, "hybrid": reading}, folds=5, untrained=frozenset({"t1"}))
    parts = control_checks.within(control_checks.Cohort(evaluation, np.repeat(["a"], 300)))
    checks = control_checks.at_chance([(model, name, part) for name, part in parts for model in ("t1", "hybrid")])
    for check, folds in zip(checks, (None, 5), strict=True):
        auc = discrimination.auc_interval(y_true, reading, 0.975, folds=folds)
        assert check["found"] == f"{auc['estimate']:.3f} ({auc['low']:.3f}-{auc['high']:.3f})"


def test_noise_control_judges_the_image_models_only():
    random = np.random.default_rng(0)
    cohorts = {name: cohort(random, 0.0) for name in ("out_of_fold", "external")}
    for one in cohorts.values():
        one.scores["hybrid"] = one.scores["hybrid"] + 3 * one.y_true  # the reading of nodes
    verdict = control_checks.judge("noise_images", MODELS, cohorts, {}, [])
    assert verdict["holds"] and len(verdict["checks"]) == 2


def test_centre_only_control_allows_a_pooled_auc_and_no_other():
    """Scores that only know the centre: pooled they predict, within a centre they cannot."""
    random = np.random.default_rng(0)
    center = np.repeat(["a", "b"], 40)
    y_true = np.r_[np.arange(40) < 30, np.arange(40) < 8]
    scores = {"t1": np.where(center == "a", 2.0, 0.0) + random.standard_normal(80)}
    cohorts = {
        "out_of_fold": control_checks.Cohort(ScoredCohort(y_true, scores), center),
        "external": cohort(random, 0.0),
    }
    verdict = control_checks.judge("center_only", MODELS, cohorts, {}, [])
    assert verdict["holds"]
    pooled = next(check for check in verdict["checks"] if "pooled" in check["what"])
    assert float(pooled["found"].split(";")[0]) > 0.65


def test_leak_control_needs_the_guard_to_catch_it_there_and_only_there():
    cohorts = {name: cohort(np.random.default_rng(0), 0.0) for name in ("out_of_fold", "external")}
    assert control_checks.judge("corner_leak", MODELS, cohorts, {"a": CLEAN, "c": CAUGHT}, ["c"])["holds"]
    assert not control_checks.judge("corner_leak", MODELS, cohorts, {"a": CLEAN, "c": CLEAN}, ["c"])["holds"]
    assert not control_checks.judge("corner_leak", MODELS, cohorts, {"a": CAUGHT, "c": CAUGHT}, ["c"])["holds"]


def test_verdicts_are_printed_and_a_failed_one_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for study, holds in (("one", True), ("two", False)):
        (tmp_path / f"{study}.yaml").write_text(yaml.safe_dump({"study": study}))
        folder = tmp_path / "results" / study / "recovery"
        folder.mkdir(parents=True)
        check = {"what": "AUC", "found": "0.9", "expected": "0.5", "holds": holds}
        (folder / "control.json").write_text(json.dumps({"control": study, "checks": [check], "holds": holds}))
    verdicts.main(["one.yaml"])
    assert "one (simulated): holds" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        verdicts.main(["one.yaml", "two.yaml"])
    assert stop.value.code == 1 and "FAIL AUC: 0.9; expected: 0.5" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted((ROOT / "config/controls").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_control_has_a_configuration_of_its_name(path):
    assert yaml.safe_load(path.read_text())["simulation"]["control"] == path.stem
