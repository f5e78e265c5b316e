"""Compute accuracy by intention to diagnose: patients without a result of the index test are counted, not dropped.

The 3 x 2 table contains index test positive, negative and without a result, against the reference standard. In the
worst case (the intention-to-diagnose rule) a patient without a result counts as a wrong call: a false negative with
metastasis, a false positive without. In the best case it counts as a correct one. The truth is between them, and the
usual analysis of complete cases assumes that these patients are like the others.

Source: Schuetz, Schlattmann, Dewey. Use of 3 x 2 tables with an intention to diagnose approach to assess clinical
performance of diagnostic tests. BMJ 2012;345:e6717.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hscore.contracts import tables
from hscore.contracts.manifest import READING
from hscore.statistics.common import scored_cohorts
from hscore.statistics.common.estimates import not_estimable
from hscore.statistics.common.proportions import NAMES, proportion
from hscore.statistics.diagnosis import accuracy
from hscore.statistics.diagnosis.evaluated_patients import EvaluatedPatients

RATES = ("sensitivity", "specificity", "ppv", "npv")
GROUPS = {"positive": "patients with metastasis", "negative": "patients without metastasis", "all": "patients"}


def report_all(
    evaluations: Mapping[str, scored_cohorts.ScoredCohort],
    patients: Mapping[str, EvaluatedPatients],
    index_tests: Mapping[str, str | None],
    frozen: Mapping[str, dict],
    settings: dict,
) -> list[dict]:
    """Return the rows of ``report`` for every evaluation whose excluded patients are known.

    Args:
        evaluations: scores by name.
        patients: those of the evaluations to report, by name.
        index_tests: as in ``report``.
        frozen: as in ``report``.
        settings: as in ``report``.
    """
    return [
        row
        for name, group in patients.items()
        if group.excluded is not None
        for row in report(
            name,
            evaluations[name],
            group.characteristics,
            group.excluded,
            group.without_reference,
            index_tests,
            frozen,
            settings,
        )
    ]


def report(
    name: str,
    evaluation: scored_cohorts.ScoredCohort,
    characteristics: pd.DataFrame,
    excluded: pd.DataFrame,
    without_reference: int,
    index_tests: Mapping[str, str | None],
    frozen: Mapping[str, dict],
    settings: dict,
) -> list[dict]:
    """Return one row for each index test of one evaluation.

    Args:
        name: of the evaluation.
        evaluation: the patients who have both a score and a node status.
        characteristics: their columns as text, in the same order.
        excluded: patients without a score, with ``lnm`` (float, NaN where it is not known) and their columns as text.
        without_reference: included patients whose node status is not known.
        index_tests: by model, the column of a reading, or None for an image model. A reading has a result for an
            excluded patient whose column is known. The node reading on MRI is added if it is not among the models.
        frozen: by model, the frozen threshold.
        settings: section validate of the config.
    """
    known = excluded[excluded["lnm"].notna()]
    tests = {
        model: model_calls(evaluation.scores[model], frozen[model], column, characteristics, known)
        for model, column in index_tests.items()
        if model in evaluation.scores
    }
    if READING not in index_tests.values() and (reading := scored_cohorts.node_reading(characteristics)) is not None:
        further = tables.yes_no(known, READING, "the excluded patients").to_numpy()
        tests[READING] = reading, further, None
    unverified = without_reference + len(excluded) - len(known)
    interval, confidence = settings["proportion_interval"], settings["confidence"]
    return [
        {
            "evaluation": name,
            "test": test,
            **describe(
                counts_3x2(evaluation.y_true, y_pred, known["lnm"].to_numpy() == 1, further),
                interval,
                confidence,
                why,
            ),
            "without_reference": unverified,
        }
        for test, (y_pred, further, why) in tests.items()
    ]


def model_calls(
    scores: np.ndarray, frozen: Mapping, column: str | None, characteristics: pd.DataFrame, known: pd.DataFrame
) -> tuple[np.ndarray | None, np.ndarray, str | None]:
    """Return a model's calls, those of the excluded patients (NaN: no result), and the reason if there are none.

    A reading makes the same call for an excluded patient as for included ones with the same value.
    """
    no_result = np.full(len(known), np.nan)
    if frozen["value"] is None:
        return None, no_result, frozen["why"]
    y_pred = scores >= frozen["value"]
    if column is None:
        return y_pred, no_result, None
    calls = dict(zip(characteristics[column], y_pred.astype(float), strict=True))
    return y_pred, known[column].map(calls).to_numpy(float), None


def counts_3x2(
    y_true: np.ndarray, y_pred: np.ndarray | None, positive_excluded: np.ndarray, called_excluded: np.ndarray
) -> dict[str, dict[str, int | None]]:
    """Return the 3 x 2 table: by reference standard the numbers called positive, called negative and without a result.

    Args:
        y_true: reference standard of the patients with a score, bool [n].
        y_pred: their calls, bool [n]; None without a threshold, which leaves both counts None.
        positive_excluded: reference standard of the patients without a score, bool [m].
        called_excluded: their calls, float [m]: 1, 0 or NaN for no result.
    """
    table: dict[str, dict[str, int | None]] = {}
    for name, group, further in (
        ("positive", y_true, positive_excluded),
        ("negative", ~y_true, ~positive_excluded),
    ):
        no_result = np.isnan(called_excluded[further])
        calls = None if y_pred is None else np.concatenate([y_pred[group], called_excluded[further][~no_result] == 1])
        table[name] = {
            "n": int(group.sum() + further.sum()),
            "called_positive": None if calls is None else int(calls.sum()),
            "called_negative": None if calls is None else int((~calls).sum()),
            "no_result": int(no_result.sum()),
        }
    return table


def describe(
    table: Mapping[str, Mapping[str, int | None]], interval: str, confidence: float, why: str | None = None
) -> dict:
    """Return shares with a result, and accuracy of complete cases, in the worst and in the best case.

    Args:
        table: result of ``counts_3x2``.
        interval: name of the interval of a proportion.
        confidence: its level.
        why: reason if the test makes no calls.
    """
    sizes = {name: (row["n"], row["no_result"]) for name, row in table.items()}
    sizes["all"] = tuple(np.sum(list(sizes.values()), axis=0))
    shares = {
        name: proportion(n - no_result, n, interval, confidence, GROUPS[name]) for name, (n, no_result) in sizes.items()
    }
    content = {"table": dict(table), "with_result": shares}
    if why:
        missing = {rate: not_estimable(why, NAMES[interval], numerator=None, denominator=None) for rate in RATES}
        return {**content, "complete": missing, "worst": missing, "best": missing}
    tp, fn, missed = (table["positive"][key] for key in ("called_positive", "called_negative", "no_result"))
    fp, tn, spared = (table["negative"][key] for key in ("called_positive", "called_negative", "no_result"))
    cases = {
        "complete": {"tp": tp, "fn": fn, "fp": fp, "tn": tn},
        "worst": {"tp": tp, "fn": fn + missed, "fp": fp + spared, "tn": tn},
        "best": {"tp": tp + missed, "fn": fn, "fp": fp, "tn": tn + spared},
    }
    for name, counts in cases.items():
        rates = accuracy.rates(counts, interval, confidence)
        content[name] = {rate: rates[rate] for rate in RATES}
    return content
