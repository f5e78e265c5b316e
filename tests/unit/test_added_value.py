"""Added value beside measured predictors; R's values are rows of test_agreement."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import added_value, discrimination

SIZE, ANTIGEN, READING = added_value.OF_NODES


def patients(n: int, seed: int, effect: float) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Outcome, score and characteristics; ``effect``: what the score's own signal adds to the logit of the risk."""
    rng = np.random.default_rng(seed)
    size, antigen, signal = rng.gamma(4, 2, n), rng.lognormal(0.5, 0.8, n), rng.normal(size=n)
    table = pd.DataFrame({SIZE: size, ANTIGEN: antigen, READING: (size >= 10).astype(float)})
    y_true = rng.random(n) < expit(-4 + 1.4 * np.log1p(size) + effect * signal)
    return y_true, expit(-1 + 0.5 * np.log1p(size) + signal), table


def analyzed(*evaluations, confidence=0.95):
    names = ("external", "out_of_fold")[: len(evaluations)]
    return added_value.node_added_value(
        {name: ScoredCohort(y_true, {"m": score}) for name, (y_true, score, _) in zip(names, evaluations, strict=True)},
        {name: table for name, (*_, table) in zip(names, evaluations, strict=True)},
        "m",
        confidence,
    )


def test_a_score_with_a_signal_of_its_own_adds_and_one_made_of_the_baseline_does_not():
    y_true, score, table = patients(500, 1, 1.0)
    (row,) = analyzed((y_true, score, table))["evaluations"]
    assert row["added"]["p"] < 1e-6 and row["odds_ratio"]["low"] > 1 and row["added"]["new_information"] > 0.2
    assert row["apparent"]["both"] > row["apparent"]["baseline"] and "apparent" in row["apparent"]["caution"]
    rng = np.random.default_rng(2)
    nothing = expit(0.5 * np.log1p(table[SIZE]) + 0.1 * rng.normal(size=500)).to_numpy()
    (row,) = analyzed((y_true, nothing, table))["evaluations"]
    assert row["added"]["p"] > 0.05 and row["odds_ratio"]["low"] < 1
    assert row["added"]["adequacy"] + row["added"]["new_information"] == 1


def test_the_test_keeps_its_level_where_the_score_adds_nothing():
    rejected = 0
    for seed in range(200):
        y_true, score, table = patients(150, seed, 0.0)
        (row,) = analyzed((y_true, score, table))["evaluations"]
        rejected += row["added"]["p"] < 0.05
    assert 3 <= rejected <= 22  # 10 expected


def test_the_frozen_models_are_those_of_development_and_tested_by_paired_delong():
    external, development = patients(200, 3, 1.0), patients(400, 4, 1.0)
    frozen = analyzed(external, development)["frozen"]
    y_true, score, table = development
    x = np.column_stack([np.log1p(table[SIZE]), np.log1p(table[ANTIGEN]), table[READING], logit(score)])
    from sklearn.linear_model import LogisticRegression

    risks = []
    for last in (3, 4):
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(x[:, :last], y_true)
        new = external[2]
        z = np.column_stack([np.log1p(new[SIZE]), np.log1p(new[ANTIGEN]), new[READING], logit(external[1])])
        risks.append(model.decision_function(z[:, :last]))
    expected = discrimination.compare(external[0], risks[1], risks[0], 0.95)
    assert frozen["gain"]["estimate"] == pytest.approx(expected["difference"], abs=1e-6)
    assert frozen["gain"]["p"] == pytest.approx(expected["p"], rel=1e-3)
    assert frozen["n"] == 200 and frozen["gain"]["method"] == "paired DeLong test"
    both, baseline = frozen["both"]["estimate"], frozen["baseline"]["estimate"]
    assert frozen["gain"]["estimate"] == pytest.approx(both - baseline)


def test_patients_without_a_variable_are_left_out_and_counted():
    y_true, score, table = patients(400, 5, 1.0)
    table.loc[:39, ANTIGEN] = None
    table.loc[30:49, SIZE] = None
    (row,) = analyzed((y_true, score, table))["evaluations"]
    assert row["n"] == 350 and row["left_out"] == 50 and row["missing"] == {SIZE: 20, ANTIGEN: 40}
    rest = table[50:].reset_index(drop=True)
    assert row["added"] == analyzed((y_true[50:], score[50:], rest))["evaluations"][0]["added"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda p, s, t: (p, s, t.drop(columns=ANTIGEN)), "have no scc_ag_ng_ml"),
        (lambda p, s, t: (p, s, None), "have no mri_ln_short_axis_mm"),
        (
            lambda p, s, t: (np.arange(100) < 19, s, t),
            "19 patients of the rarer class for 4 variables: fewer than the 5",
        ),
        (lambda p, s, t: (np.ones(100, bool), s, t), "all 100 patients are positive"),
        (lambda p, s, t: (p, s, t.assign(**{READING: 0.0})), "all patients have the same mri_ln_positive"),
        (lambda p, s, t: (p, np.where(s > 0.5, 1.0, 0.2), t), "scores are 0 or 1, which has no logit"),
        (lambda p, s, t: (p, expit(np.log1p(t[SIZE].to_numpy())), t), "has no maximum"),
    ],
)
def test_what_cannot_be_fitted_says_why_everywhere(change, why):
    whole = change(*patients(100, 6, 1.0))
    found = analyzed(whole, whole)
    for row in found["evaluations"]:
        for part in ("added", "odds_ratio", "apparent"):
            assert why in row[part]["why"]
    assert why in found["frozen"]["gain"]["why"] and found["frozen"]["gain"]["p"] is None


def test_a_study_of_one_role_has_no_frozen_comparison():
    whole = patients(200, 7, 1.0)
    assert "no development cohort" in analyzed(whole)["frozen"]["gain"]["why"]
    alone = added_value.node_added_value(
        {"out_of_fold": ScoredCohort(whole[0], {"m": whole[1]})}, {"out_of_fold": whole[2]}, "m", 0.95
    )
    assert "no external cohort" in alone["frozen"]["gain"]["why"]


def survival(n: int, seed: int) -> pd.DataFrame:
    _, score, table = patients(n, seed, 1.0)
    rng = np.random.default_rng(seed)
    time, end = rng.exponential(60 / np.exp(0.8 * logit(score))), rng.uniform(10, 80, n)
    return table.assign(score=score, dfs_months=np.minimum(time, end), dfs_event=(time <= end) * 1.0)


SETTINGS = {"events_per_variable": 10, "confidence": 0.95}


def test_survival_has_the_test_the_adjusted_hazard_ratio_and_the_gain_out_of_sample():
    cohorts = {"external": ("score", survival(150, 8)), "development": ("out_of_fold", survival(300, 9))}
    found = added_value.survival_added_value(cohorts, SETTINGS)
    assert [row["cohort"] for row in found["cohorts"]] == ["external", "development"]
    for row in found["cohorts"]:
        assert row["added"]["p"] < 1e-4 and row["hazard_ratio"]["low"] > 1
        assert row["apparent"]["both"] > row["apparent"]["baseline"]
    frozen = found["frozen"]
    assert frozen["gain"]["low"] > 0
    assert frozen["gain"]["estimate"] == pytest.approx(frozen["both"]["estimate"] - frozen["baseline"]["estimate"])
    del cohorts["development"]
    assert "no development cohort" in added_value.survival_added_value(cohorts, SETTINGS)["frozen"]["gain"]["why"]


def test_survival_with_too_few_events_is_refused():
    cohort = survival(60, 10)
    cohort.loc[20:, "dfs_event"] = 0
    found = added_value.survival_added_value({"external": ("score", cohort)}, SETTINGS)
    assert "events for 3 variables: fewer than the 10" in found["cohorts"][0]["added"]["why"]
