"""Small random cohorts of every odd kind: nothing stops, nothing warns, and every missing number says why."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest
from statistics_inputs import CONFIG, finite, survive, unexplained, validate, write
from statistics_inputs import freeze as freeze_step

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import added_value, reclassification, validation
from hscore.statistics.diagnosis.freeze import freeze
from hscore.statistics.survival import cox_models, survival_by_score, survival_prediction

SEEDS = range(8)


@pytest.fixture(autouse=True)
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def cohort(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Patients with few or equal scores, no or only events, no or only metastases, gaps, times of 0 and ties."""
    score = [rng.random(n), rng.choice([0.1, 0.5, 0.9], n), np.full(n, 0.3)][rng.integers(0, 3)]
    event = rng.random(n) < rng.choice([0, 0.1, 0.5, 1])
    table = pd.DataFrame(
        {
            "score": score,
            "lnm": (rng.random(n) < rng.choice([0, 0.3, 1])).astype(float),
            "dfs_months": rng.exponential(20, n).round(rng.integers(0, 3)),
            "dfs_event": event.astype(float),
            "competing_event": np.where(event, 0, rng.integers(0, 2, n)) if rng.random() < 0.5 else np.nan,
            "mri_ln_positive": (rng.random(n) < 0.3).astype(float),
            "histology": rng.choice(["a", "b", "c"], n),
            "age": rng.normal(50, 10, n),
            "mri_ln_short_axis_mm": rng.choice([0, 3, 5, 12], n),
            "scc_ag_ng_ml": rng.choice([None, 0, 1.5, 20], n),
        },
        index=[f"p{number}" for number in range(n)],
    )
    for column in ("age", "histology", "dfs_months"):
        table.loc[rng.random(n) < rng.choice([0, 0.3]), column] = None
    return table


@pytest.mark.parametrize("seed", SEEDS)
def test_survival_of_any_cohort_is_reported(seed):
    rng = np.random.default_rng(seed)
    cohorts = {name: (name, cohort(rng, int(rng.integers(1, 40)))) for name in ("external", "development")}
    frozen = {"value": float(rng.choice([0.0, 0.3, 0.5, 2])), "median": 0.5, "chosen_on": "nothing"}
    settings = {
        **CONFIG["survive"],
        "adjust_for": ["mri_ln_positive", "histology", "age"],
        "events_per_variable": 0.5,
        "missing": ["complete-case", "impute"][seed % 2],
        "imputation": {"imputations": 3, "seed": 1},
    }
    content = survival_by_score.analyze(cohorts, "m", frozen, settings)
    assert finite(content) and not unexplained(content)


def evaluation(rng: np.random.Generator, y_true: np.ndarray) -> ScoredCohort:
    """Three models: a score, a call, and one or the other equal for all."""
    n = y_true.size
    scores = {"score": rng.random(n), "call": (rng.random(n) < 0.5) * 1.0, "equal": np.full(n, rng.choice([0, 0.4, 1]))}
    members = {"score": rng.random((int(rng.integers(1, 4)), n)), "equal": np.full((3, n), 0.4)}
    return ScoredCohort(y_true, scores, members)


@pytest.mark.parametrize("seed", SEEDS)
def test_any_evaluation_is_validated(seed, monkeypatch):
    monkeypatch.setattr(added_value, "EVENTS_PER_VARIABLE", 0.5)
    rng = np.random.default_rng(seed)
    classes = [rng.random(int(rng.integers(2, 30))) < rng.choice([0, 0.3, 1]) for _ in range(2)]
    external, development = (evaluation(rng, y_true) for y_true in classes)
    recalibration = [{"method": "platt"}, {"method": "none", "why": "the setting says so"}][seed // 3 % 2]
    frozen = {
        name: freeze(development.y_true, scores, recalibration, {"threshold": "youden"})
        for name, scores in development.scores.items()
    }
    evaluations = {"external": external, "out_of_fold": development, "apparent": development}
    if seed % 3 == 1:
        del evaluations["external"]
    elif seed % 3 == 2:
        del evaluations["out_of_fold"], evaluations["apparent"]
    characteristics = {
        name: pd.DataFrame(
            {
                "center": rng.choice(list("wxyz")[: rng.integers(1, 5)], n),
                "age": rng.normal(50, 9, n),
                "mri_ln_positive": rng.choice([0, 1], n),
                "mri_ln_short_axis_mm": rng.choice(["", "0", "7.5", "12"], n),
                "scc_ag_ng_ml": rng.choice(["0", "1.5", "20"], n),
            }
        )
        for name, n in ((name, one.y_true.size) for name, one in evaluations.items())
    }
    settings = {**CONFIG["validate"], "reference": "score", "bootstrap": {"resamples": 30, "seed": 1}}
    content = validation.validate(evaluations, frozen, settings, characteristics)
    assert finite(content) and not unexplained(content)


def test_an_external_cohort_without_known_outcomes_is_reported_with_reasons(tmp_path):
    write(tmp_path, {"a": (40, 10), "b": (20, 6), "c": (30, 8)})
    assert freeze_step(tmp_path).returncode == 0
    for name, unknown in (("c_lnm.csv", {"lnm": ""}), ("c_dfs.csv", {"dfs_months": "", "dfs_event": ""})):
        pd.read_csv(tmp_path / name).assign(**unknown).to_csv(tmp_path / name, index=False)
    for step, output in ((validate, "validation.json"), (survive, "survival.json")):
        done = step(tmp_path)
        assert done.returncode == 0, done.stderr
        content = json.loads((tmp_path / output).read_text())
        assert finite(content) and not unexplained(content)
    rows = json.loads((tmp_path / "validation.json").read_text())["performance"]
    external = [row for row in rows if row["evaluation"] == "external"]
    assert {row["auc"]["why"] for row in external} == {"there are no patients"}


def test_scores_that_are_no_numbers_end_with_a_reason():
    y_true, old = np.arange(6) < 3, np.array([0.1, 0.2, np.nan, 0.3, 0.4, 0.5])
    for row in (
        reclassification.continuous_nri(y_true, old, old, 0.95),
        reclassification.categorical_nri(y_true, old, old, [0.2], 0.95),
        reclassification.idi(y_true, old, old, 0.95),
    ):
        assert "missing or infinite" in row["why"]
    time, event = np.arange(6.0) + 30, np.arange(6) % 2 == 0
    settings = {"events_per_variable": 0, "confidence": 0.95}
    assert "missing" in cox_models.spline(time, event, old, settings)["nonlinearity"]["why"]
    assert "not known for 1 patients" in survival_prediction.fit(time, event, old, 24.0)["why"]
    model = survival_prediction.fit(time, event, y_true + 0.1 * np.arange(6), 24.0)
    assert "1 of the scores" in survival_prediction.evaluate(model, time, event, old, 0.95)["model"]["why"]
