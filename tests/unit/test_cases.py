"""The patients to show: what is said about each, and who is never shown."""

import base64

import numpy as np
import pandas as pd

from hscore.statistics.diagnosis import cases

PATIENTS = pd.DataFrame(
    {"center": "far", "lnm": [True, True, False, False], "dfs_months": 12.5, "dfs_event": 1.0}, list("pqrs")
)
SCORES = pd.DataFrame({"hybrid": [0.9, 0.2, 0.8, 0.1], "clinical": [0.7, 0.7, 0.3, 0.3]}, list("pqrs"))
THRESHOLDS = {"hybrid": 0.5, "clinical": 0.5}


def test_the_first_evaluation_is_shown_and_each_has_a_waterfall():
    scores = {"external": SCORES, "out_of_fold": SCORES[:2]}
    content = cases.describe(scores, PATIENTS, THRESHOLDS, "hybrid", 4, {"p": b"picture", "q": None})
    assert (content["model"], content["threshold"], content["evaluation"]) == ("hybrid", 0.5, "external")
    assert [row["score"] for row in content["waterfall"]["external"]] == [0.9, 0.8, 0.2, 0.1]
    assert len(content["waterfall"]["out_of_fold"]) == 2
    shown = {case["patient"]: case for case in content["shown"]}
    assert set(shown) == set("pqrs") and base64.b64decode(shown["p"]["montage"]) == b"picture"
    assert shown["q"]["montage"] is None and shown["s"]["montage"] is None


def test_nobody_is_shown_where_nobody_is_asked_for_or_no_threshold_was_frozen():
    assert cases.describe({"external": SCORES}, PATIENTS, THRESHOLDS, "hybrid", 0, {})["shown"] == []
    content = cases.describe({"external": SCORES}, PATIENTS, {"hybrid": None}, "hybrid", 4, {})
    assert content["shown"] == [] and content["threshold"] is None


def test_most_certain_calls_are_those_of_patients_with_known_nodes():
    nodes = pd.Series([1, np.nan, 0, 0], list("pqrs"))
    scores = pd.Series([0.8, 0.99, 0.7, 0.1], list("pqrs"))
    assert cases.most_certain_calls(nodes, scores, 0.5) == [
        {"kind": "true positive", "patient": "p", "lnm": True, "score": 0.8},
        {"kind": "false positive", "patient": "r", "lnm": False, "score": 0.7},
        {"kind": "true negative", "patient": "s", "lnm": False, "score": 0.1},
    ]
    assert cases.most_certain_calls(nodes, scores, None) == []
