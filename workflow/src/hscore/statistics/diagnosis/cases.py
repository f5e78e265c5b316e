"""Select patients to show: every score in order, and typical, wrong and most certain calls."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

KINDS = ("true positive", "false positive", "true negative", "false negative")
NUMBERS = ("age", "mri_ln_short_axis_mm", "tumour_volume_ml")
WORDS = ("figo_stage", "histology")


def typical_and_worst(y_true: np.ndarray, score: np.ndarray, threshold: float, most: int) -> dict[str, list[int]]:
    """Return the positions of patients by kind of call; a score of at least ``threshold`` is a positive call.

    Args:
        y_true: reference standard, bool [n].
        score: float [n].
        threshold: cut-off of the score.
        most: number of wrong calls of each kind; with 0 nobody is chosen.

    Returns:
        ``true_positive`` and ``true_negative``: the patient with the (lower) median score among those calls, regardless
        of the picture; ``false_negative``: the lowest scores first; ``false_positive``: the highest first. A kind that
        does not occur is an empty list. Equal scores keep the order of the patients.
    """
    if not most:
        return {}
    y_pred = score >= threshold
    order = np.argsort(score, kind="stable")

    def ordered(members: np.ndarray) -> np.ndarray:
        return order[members[order]]

    typical = {"true_positive": y_true & y_pred, "true_negative": ~y_true & ~y_pred}
    chosen = {kind: _median(ordered(members)) for kind, members in typical.items()}
    chosen["false_negative"] = ordered(y_true & ~y_pred)[:most].tolist()
    highest = np.argsort(-score, kind="stable")
    chosen["false_positive"] = highest[(~y_true & y_pred)[highest]][:most].tolist()
    return chosen


def _median(ordered: np.ndarray) -> list[int]:
    return [int(ordered[(len(ordered) - 1) // 2])] if len(ordered) else []


def most_certain(y_true: np.ndarray, scores: np.ndarray, threshold: float) -> dict[str, int]:
    """Return the row of the most extreme score of each kind of call; ``y_true`` bool [n], ``scores`` [n] or NaN."""
    y_pred = scores >= threshold
    known = np.isfinite(scores)
    chosen = {}
    for kind in KINDS:
        called_positive, is_correct = kind.endswith("positive"), kind.startswith("true")
        rows = np.flatnonzero(known & (y_pred == called_positive) & (y_true == (called_positive == is_correct)))
        if rows.size:
            chosen[kind] = int(rows[np.argmax(scores[rows] if called_positive else -scores[rows])])
    return chosen


def most_certain_calls(nodes: pd.Series, scores: pd.Series, threshold: float | None) -> list[dict[str, Any]]:
    """Return ``kind patient lnm score`` of the patients of ``most_certain``; nobody without a threshold.

    Args:
        nodes: node status by patient, NaN where it is not known: such a call is neither correct nor wrong.
        scores: scores of the same patients in the same order.
        threshold: cut-off of the score.
    """
    if threshold is None:
        return []
    y_true = (nodes == 1).to_numpy()
    chosen = most_certain(y_true, scores.where(nodes.notna()).to_numpy(), threshold)
    return [
        {"kind": kind, "patient": scores.index[row], "lnm": bool(y_true[row]), "score": float(scores.iloc[row])}
        for kind, row in chosen.items()
    ]


def waterfall(score: pd.Series, patients: pd.DataFrame) -> list[dict[str, Any]]:
    """Return score, node status and centre of every patient, highest score first, without names.

    Args:
        score: by patient.
        patients: by patient, with ``lnm`` and ``center``.
    """
    ordered = score.sort_values(ascending=False, kind="stable")
    rows = patients.loc[ordered.index]
    return [
        {"score": float(value), "lnm": bool(lnm), "center": center}
        for value, lnm, center in zip(ordered, rows["lnm"], rows["center"], strict=True)
    ]


def describe(
    scores: Mapping[str, pd.DataFrame],
    patients: pd.DataFrame,
    thresholds: Mapping[str, float | None],
    main: str,
    most: int,
    montages: Mapping[str, bytes | None],
) -> dict[str, Any]:
    """Return the waterfall of every evaluation, and the patients to show of the first one.

    Args:
        scores: by evaluation, the scores as in ``shown_patients``.
        patients: as in ``shown_patients``.
        thresholds: as in ``shown_patients``.
        main: model whose score is the H score.
        most: as in ``shown_patients``.
        montages: picture file by patient, if any.

    Returns:
        ``model``, its ``threshold``, ``evaluation`` of the shown patients, ``waterfall`` by evaluation, and ``shown``:
        the rows of ``shown_patients`` with ``montage``, the picture in base64 or None.
    """
    evaluation = next(iter(scores))
    shown = shown_patients(scores[evaluation], patients, thresholds, main, most)
    return {
        "model": main,
        "threshold": thresholds[main],
        "evaluation": evaluation,
        "waterfall": {name: waterfall(frame[main], patients) for name, frame in scores.items()},
        "shown": [{**case, "montage": _in_base64(montages.get(case["patient"]))} for case in shown],
    }


def _in_base64(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def shown_patients(
    scores: pd.DataFrame,
    patients: pd.DataFrame,
    thresholds: Mapping[str, float | None],
    main: str,
    most: int,
) -> list[dict[str, Any]]:
    """Return the patients of ``typical_and_worst`` by the main model, with every model's score and call.

    Args:
        scores: one column per model, by patient.
        patients: by patient: ``center``, ``lnm`` (bool), ``dfs_months``, ``dfs_event``, clinical columns; NaN: missing.
        thresholds: the frozen threshold of each model, None where it has none.
        main: model whose calls determine the choice; without its threshold nobody is chosen.
        most: wrong calls of each kind.
    """
    if thresholds[main] is None:
        return []
    y_true = patients.loc[scores.index, "lnm"].to_numpy(bool)
    chosen = typical_and_worst(y_true, scores[main].to_numpy(), thresholds[main], most)
    return [
        {"kind": kind, **_patient(patients.loc[name]), **_calls(scores.loc[name], thresholds)}
        for kind, positions in chosen.items()
        for name in scores.index[positions]
    ]


def _patient(row: pd.Series) -> dict[str, Any]:
    """Return the known clinical values, outcome and follow-up of a patient."""

    def known(keys: Sequence[str]) -> list[str]:
        return [key for key in keys if key in row and pd.notna(row[key])]

    clinical = {key: float(row[key]) for key in known(NUMBERS)} | {key: row[key] for key in known(WORDS)}
    months, event = (None if pd.isna(row[key]) else float(row[key]) for key in ("dfs_months", "dfs_event"))
    outcome = {"lnm": bool(row["lnm"]), "dfs_months": months, "dfs_event": None if event is None else bool(event)}
    return {"patient": row.name, "center": row["center"], "clinical": clinical, **outcome}


def _calls(scores: pd.Series, thresholds: Mapping[str, float | None]) -> dict[str, Any]:
    y_pred = {
        model: bool(score >= thresholds[model]) for model, score in scores.items() if thresholds.get(model) is not None
    }
    return {"scores": {model: float(score) for model, score in scores.items()}, "called": y_pred}
