"""`python -m hscore.steps.compare_hazard_ratios`: scores, survival and truths in, four hazard ratios per cohort out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import score_tables
from hscore.simulation.parameters import load
from hscore.simulation.patients import simulate_center
from hscore.statistics.survival import cox
from hscore.steps import compare_hazard_ratios

ROOT = Path(__file__).parents[2]
CUT = 0.3
COHORTS = {"external": ("a", "score"), "development": ("b", "out_of_fold")}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two centres whose scores are the ideal ones: folder and truths."""
    folder, parameters = tmp_path_factory.mktemp("study"), load(ROOT / "resources/simulation.yaml")
    truths, survival = {}, {}
    for cohort, (center, column) in COHORTS.items():
        truths[cohort] = simulate_center(parameters, center, "ge", 150, 34, 3)[1]
        (folder / f"{center}.json").write_text(json.dumps(truths[cohort]))
        records = truths[cohort]["patients"]
        score = pd.Series({name: record["ideal_h_score"] for name, record in records.items()}, name=column)
        score_tables.write(folder / f"{cohort}.csv", "hybrid", score.rename_axis("patient").reset_index())
        months = np.array([record["dfs"]["months"] for record in records.values()])
        event = np.array([record["dfs"]["event"] for record in records.values()]) == 1
        high = pd.DataFrame({"high H score": (score >= CUT).astype(float).to_numpy()})
        survival[cohort] = {"hazard_ratio": cox.fit(months, event, high).leading_row(0.9)}
    content = {"model": "hybrid", "grouping": {"threshold": CUT}, "cohorts": survival, "prediction": None}
    (folder / "survival.json").write_text(json.dumps(content))
    return folder, truths


def run(folder: Path, *cohorts: str) -> dict:
    words = [word for cohort in cohorts for word in (f"--{cohort}", str(folder / f"{cohort}.csv"))]
    words += ["--survival", str(folder / "survival.json"), "--confidence", "0.9"]
    words += ["--truths", str(folder / "a.json"), str(folder / "b.json"), "--output", str(folder / "ratios.json")]
    compare_hazard_ratios.main(words)
    return json.loads((folder / "ratios.json").read_text())


def test_both_cohorts_are_compared_with_their_own_patients(study):
    folder, truths = study
    found = run(folder, "external", "development")
    assert found["planted"]["estimate"] == pytest.approx(4.59, abs=0.005) and found["confidence"] == 0.9
    assert list(found["cohorts"]) == ["external", "development"]
    for cohort, row in found["cohorts"].items():
        records = truths[cohort]["patients"].values()
        scores = np.array([record["ideal_h_score"] for record in records])
        assert row["table"]["high"] == {"high": (scores >= CUT).sum(), "low": 0}  # 0.3 is above the true cut-off
        assert row["table"]["low"]["high"] == ((scores >= 0.215) & (scores < CUT)).sum()
        assert row["true_groups"]["low"] < row["true_groups"]["estimate"] < row["true_groups"]["high"]
        assert row["expected"]["estimate"] > 3 and isinstance(row["holds_expected"], bool)


def test_a_study_with_one_cohort_has_the_ratios_of_that_one(study):
    assert list(run(study[0], "external")["cohorts"]) == ["external"]
