"""Compare a model between subgroups: AUC and accuracy by level, and tests of their difference.

Levels are shown however small they are. Shapes: ``y_true`` bool [n], ``scores`` float [n], ``levels`` str [n].
"""

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from hscore import numerals
from hscore.statistics.common.multiplicity import add_adjusted_p
from hscore.statistics.diagnosis import accuracy, cross_validation, discrimination

BELOW, MISSING = "below", "missing"
SHARES = "Pearson's chi-square, not corrected"
Q_DELONG = "Cochran's Q of DeLong AUCs"
Q_NEWCOMBE = "Cochran's Q of AUCs, Newcombe's variance at the common AUC"
NO_CUT_OFF = "no threshold was frozen for this model"


def by_level(
    y_true: np.ndarray,
    scores: np.ndarray,
    threshold: float | None,
    levels: np.ndarray,
    interval: str,
    confidence: float,
    folds: int | None = None,
) -> list[dict]:
    """Return per level ``level n positives auc sensitivity specificity``; the latter two need a cut-off.

    ``folds`` is the number of folds of out-of-fold scores.
    """
    rows = []
    for level in sorted(set(levels), key=level_order):
        member = levels == level
        if threshold is None:
            rates = accuracy.without_cut_off(interval, NO_CUT_OFF)
        else:
            y_pred = scores[member] >= threshold
            rates = accuracy.rates(accuracy.confusion(y_true[member], y_pred), interval, confidence)
        rows.append(
            {
                "level": str(level),
                "n": int(member.sum()),
                "positives": int(y_true[member].sum()),
                "auc": discrimination.auc_interval(y_true[member], scores[member], confidence, folds=folds),
                "sensitivity": rates["sensitivity"],
                "specificity": rates["specificity"],
            }
        )
    return rows


def level_order(level: str) -> tuple:
    """Return the sort key of a level: "below 50" before "50 or more", "missing" last."""
    return level == MISSING, not level.startswith(BELOW), level


def heterogeneity(
    y_true: np.ndarray, scores: np.ndarray, threshold: float | None, levels: np.ndarray, folds: int | None = None
) -> dict[str, dict]:
    """Return tests of interaction: do ``auc``, ``sensitivity`` and ``specificity`` differ between the levels?

    Each has ``chi2``, ``df``, ``p``. Levels that cannot enter a test are counted in its ``left_out``.
    """
    auc = _of_aucs(y_true, scores, levels, folds)
    if threshold is None:
        missing = {"chi2": None, "df": None, "p": None, "left_out": 0, "method": SHARES, "why": NO_CUT_OFF}
        return {"auc": auc, "sensitivity": missing, "specificity": {**missing}}
    correct = (scores >= threshold) == y_true
    return {
        "auc": auc,
        "sensitivity": _of_shares(correct[y_true], levels[y_true], levels),
        "specificity": _of_shares(correct[~y_true], levels[~y_true], levels),
    }


def _of_aucs(y_true: np.ndarray, scores: np.ndarray, levels: np.ndarray, folds: int | None) -> dict:
    """Return Cochran's Q of the levels' AUCs, weighted by their DeLong variances.

    Where a level has no DeLong variance (perfect separation, or one patient of a class), all are weighted by Newcombe's
    variance at the common AUC instead. A level with one class, or with equal scores, is not informative and cannot
    enter.
    """
    values, variances, sizes, left_out = [], [], [], 0
    for level in np.unique(levels):
        member = levels == level
        if discrimination.reason_one_class(y_true[member]) or np.ptp(scores[member]) == 0:
            left_out += 1
            continue
        result = discrimination.delong(y_true[member], scores[member])
        values.append(result.auc[0])
        variances.append(result.covariance[0, 0])
        sizes.append((int(y_true[member].sum()), int((~y_true[member]).sum())))
    row = {
        "chi2": None,
        "df": None,
        "p": None,
        "left_out": left_out,
        "method": cross_validation.corrected_method(Q_DELONG, folds),
    }
    if len(values) < 2:
        return {**row, "why": "fewer than two levels have both classes and different scores"}
    values, variances = np.array(values), np.array(variances)
    if not (variances > 0).all():
        common = np.average(values, weights=[m * n / (m + n) for m, n in sizes])
        row["method"] = cross_validation.corrected_method(Q_NEWCOMBE, folds)
        if common in (0, 1):
            return {**row, "why": "every level is perfectly separated"}
        variances = np.array([discrimination.newcombe_error(common, m, n) ** 2 for m, n in sizes])
    variances = variances * cross_validation.variance_factor(folds)
    chi2 = float(((values - np.average(values, weights=1 / variances)) ** 2 / variances).sum())
    return {**row, "chi2": chi2, "df": len(values) - 1, "p": float(chdtrc(len(values) - 1, chi2))}


def _of_shares(correct: np.ndarray, levels: np.ndarray, all_levels: np.ndarray) -> dict:
    """Return Pearson's chi-square test of the shares of correct calls, bool [patients]; empty levels are left out."""
    names, index = np.unique(levels, return_inverse=True)
    left_out = int(np.unique(all_levels).size - names.size)
    row = {"chi2": None, "df": None, "p": None, "left_out": left_out, "method": SHARES}
    if names.size < 2:
        return {**row, "why": "fewer than two levels have such patients"}
    share = correct.mean()
    if share in (0, 1):
        return {**row, "why": "the calls are all correct or all wrong"}
    size, correct_calls = np.bincount(index), np.bincount(index, weights=correct)
    chi2 = float(((correct_calls - size * share) ** 2 / (size * share * (1 - share))).sum())
    return {**row, "chi2": chi2, "df": names.size - 1, "p": float(chdtrc(names.size - 1, chi2))}


# Where a measured column is divided; other columns are used level by level.
# 33.5 ml is a sphere with a diameter of 4 cm, the border between FIGO IB2 and IB3.
DIVISIONS = {"age": 50, "mri_ln_short_axis_mm": 10, "tumour_volume_ml": 33.5}
COLUMNS = ("center", "age", "figo_stage", "histology", "grade", "mri_ln_short_axis_mm", "tumour_volume_ml", "scanner")


def subgroup_levels(table: pd.DataFrame) -> pd.DataFrame:
    """Return the subgroup columns as text, [patients, columns]; a missing value is a separate level, "missing"."""
    parts = {}
    for name, values in table.items():
        words = values.astype(object)
        if name in DIVISIONS:
            division = DIVISIONS[name]
            measured = numerals.numbers(values)
            words = pd.Series(np.where(measured < division, f"{BELOW} {division}", f"{division} or more"), table.index)
            words = words.where(measured.notna())
        parts[name] = words.where(words.notna(), MISSING).astype(str)
    return pd.DataFrame(parts)


def describe(
    y_true: np.ndarray,
    scores: np.ndarray,
    threshold: float | None,
    table: pd.DataFrame,
    interval: str,
    confidence: float,
    folds: int | None = None,
) -> list[dict]:
    """Return one entry per column of ``table`` that is in ``COLUMNS``: its levels and the tests of their difference.

    A column without any known value is left out.
    """
    columns = [name for name in COLUMNS if name in table and table[name].notna().any()]
    rows = [
        {
            "variable": name,
            "levels": by_level(y_true, scores, threshold, words.to_numpy(), interval, confidence, folds),
            "heterogeneity": heterogeneity(y_true, scores, threshold, words.to_numpy(), folds),
        }
        for name, words in subgroup_levels(table[columns]).items()
    ]
    for measure in ("auc", "sensitivity", "specificity"):
        add_adjusted_p([row["heterogeneity"][measure] for row in rows], "tested subgroup variables of this evaluation")
    return rows
