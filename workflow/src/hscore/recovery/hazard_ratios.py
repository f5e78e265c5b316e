"""Compute four hazard ratios of a simulated study, high against low, from the planted one to the study's own.

1. planted: of the true groups, in the population.
2. true groups: of the true groups, estimated in these patients; differs from the planted one by chance.
3. expected: of the predicted groups, given each patient's planted hazard. The Cox estimate converges to it when the
   survival of these patients is drawn repeatedly (``limits``). Prediction errors mix patients of high and low hazard,
   so it is smaller than the planted one. It is valid if prediction and survival are independent given the ideal H
   score, which the simulation ensures: models learn from metastasis alone.
4. achieved: of the predicted groups, as the study reports it; differs from the expected one by chance.

A study without errors recovers the expected ratio. The achieved ratio is therefore judged against it: its interval
should contain it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hscore.recovery.limits import Patients
from hscore.recovery.population import hazard_ratio
from hscore.statistics.survival import cox

GROUPS = ("high", "low")


def compare(survival: dict, scores: Mapping[str, pd.Series], truths: list[dict], confidence: float) -> dict:
    """Return the four hazard ratios of every cohort.

    Args:
        survival: what the survive stage wrote.
        scores: by cohort ("development", "external") the scores by patient that it used.
        truths: the planted truths of all centres.
        confidence: of the interval of the true groups' ratio, 0..1.

    Returns:
        ``planted`` (``estimate``, ``log_hazard_per_logit``, ``cut_off`` of the ideal H score), ``threshold`` of the
        study's score, and ``cohorts`` with the other three: see ``of_cohort``.
    """
    records = {name: record for truth in truths for name, record in truth["patients"].items()}
    parameters, grouping = truths[0]["parameters"], survival["grouping"]
    law = parameters["survival"]
    return {
        "planted": {
            "estimate": hazard_ratio(parameters),
            "log_hazard_per_logit": law["log_hazard_per_logit"],
            "cut_off": law["cut_off"],
        },
        "threshold": grouping["threshold"],
        "confidence": confidence,
        "cohorts": {
            name: of_cohort(
                [records[patient] for patient in cohort_scores.index],
                None if grouping["threshold"] is None else cohort_scores.to_numpy() >= grouping["threshold"],
                survival["cohorts"][name]["hazard_ratio"],
                law,
                confidence,
                grouping.get("why"),
            )
            for name, cohort_scores in scores.items()
        },
    }


def of_cohort(
    records: list[dict],
    predicted: np.ndarray | None,
    achieved: dict,
    law: dict,
    confidence: float,
    why: str | None = None,
) -> dict:
    """Return the hazard ratios of one cohort and whether the study's interval contains the expected ratio.

    Args:
        records: each patient's planted values.
        predicted: membership of the predicted high group, bool [patients]; None where no cut-off was frozen.
        achieved: the study's hazard ratio with its interval.
        law: section ``survival`` of the planted parameters.
        confidence: of the interval of the true groups' ratio, 0..1.
        why: why there is no cut-off.

    Returns:
        ``table`` (patients by predicted, then true group; None without groups), ``true_groups``, ``expected``,
        ``achieved``, ``holds_expected`` (None where either is unknown).
    """
    high = np.array([record["high_risk"] for record in records])
    months = np.array([record["dfs"]["months"] for record in records])
    event = np.array([record["dfs"]["event"] for record in records]) == 1
    hazard = np.array([record["monthly_hazard"] for record in records])
    expected = {"estimate": None, "why": why} if predicted is None else expected_ratio(hazard, predicted, law)
    known = None not in (expected["estimate"], achieved["low"], achieved["high"])
    return {
        "table": None if predicted is None else cross_table(predicted, high),
        "true_groups": cox.fit(months, event, pd.DataFrame({"truly high": high.astype(float)})).leading_row(confidence),
        "expected": expected,
        "achieved": achieved,
        "holds_expected": achieved["low"] <= expected["estimate"] <= achieved["high"] if known else None,
    }


def expected_ratio(hazard: np.ndarray, predicted: np.ndarray, law: dict) -> dict:
    """Return the hazard ratio to expect of groups (bool [patients]) of patients with these monthly hazards."""
    if predicted.all() or not predicted.any():
        return {"estimate": None, "why": "all patients are in one predicted group"}
    patients = Patients(np.ones(hazard.size), hazard, law)
    return {"estimate": float(np.exp(patients.cox(predicted[:, None].astype(float))[0]))}


def cross_table(predicted: np.ndarray, true: np.ndarray) -> dict[str, dict[str, int]]:
    """Return the number of patients by predicted group, then true group."""
    return {
        name: {
            true_name: int((member & true_member).sum())
            for true_name, true_member in zip(GROUPS, (true, ~true), strict=True)
        }
        for name, member in zip(GROUPS, (predicted, ~predicted), strict=True)
    }
