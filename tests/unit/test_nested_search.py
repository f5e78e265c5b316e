"""A nested search as a whole procedure, next to the configured settings."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from hscore.errors import UserError
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination, nested_search

SPLIT = pd.DataFrame(
    {"patient": [f"p{k}" for k in range(40)], "lnm": np.arange(40) % 3 == 0, "fold": np.arange(40) % 2}
)


def part(held_out, chosen, scores):
    return {"model": "m", "held_out": held_out, "chosen": chosen, "tried": [], "scores": scores}


@pytest.fixture
def parts():
    random = np.random.default_rng(0)
    scored = [
        part(fold, {"lr": fold}, {name: random.random() for name in SPLIT["patient"][SPLIT["fold"] == fold]})
        for fold in (0, 1)
    ]
    return [*scored, part(None, {"lr": 9}, {})]


@pytest.fixture
def development():
    scores = np.random.default_rng(1).random(40)
    return ScoredCohort(SPLIT["lnm"].to_numpy(bool), {"m": scores}, folds=2)


def test_the_pooled_scores_of_all_parts_are_compared_with_the_configured_ones(parts, development):
    content = nested_search.summarize(parts, SPLIT, development, 0.95)
    searched = pd.Series({**parts[0]["scores"], **parts[1]["scores"]})[SPLIT["patient"]].to_numpy()
    y_true, configured = development.y_true, development.scores["m"]
    assert content["searched"]["estimate"] == pytest.approx(roc_auc_score(y_true, searched))
    assert content["configured"]["estimate"] == pytest.approx(roc_auc_score(y_true, configured))
    assert content["searched_minus_configured"] == discrimination.compare(y_true, searched, configured, 0.95, 2)
    assert (content["n"], content["positives"]) == (40, 14)
    assert content["recommended"] == {"lr": 9} and [row["held_out"] for row in content["folds"]] == [0, 1, None]


def test_patients_whom_the_search_did_not_score_do_not_count(parts, development):
    content = nested_search.summarize(parts[1:], SPLIT, development, 0.95)
    assert content["n"] == 20 and list(development.scores) == ["m"]


def test_a_score_of_somebody_else_is_refused(parts, development):
    parts[0]["scores"]["stranger"] = 0.5
    with pytest.raises(UserError, match="the split has no patient 'stranger', whom the search scored"):
        nested_search.summarize(parts, SPLIT, development, 0.95)
