"""Compute the numbers of Table 1, the patients by cohort and node status. The report formats them."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

# Label and unit of each continuous variable
CONTINUOUS = {
    "age": ("Age", "years"),
    "scc_ag_ng_ml": ("SCC antigen", "ng/ml"),
    "mri_ln_short_axis_mm": ("Short axis of the largest node on MRI", "mm"),
}
# Label of each categorical variable
CATEGORICAL = {
    "figo_stage": "FIGO stage",
    "histology": "Histology",
    "grade": "Grade",
    "mri_ln_positive": "Lymph nodes on MRI",
    "lnm": "Lymph nodes at pathology",
}
BY_NODES = [variable for variable in CATEGORICAL if variable != "lnm"]  # for tables with node status as columns
SIGN = {0: "negative", 1: "positive"}
LEVEL_LABELS = {"mri_ln_positive": SIGN, "lnm": SIGN}
COHORTS = ("development", "external")
UNKNOWN = "unknown"  # node status of patients who are analysed for survival only


def describe(patients: pd.DataFrame) -> dict:
    """Return the numbers of Table 1.

    Cells and ``missing`` are in the order of ``groups``. Missing values are counted and left out of everything else, so
    ``percent`` refers to the known values. ``differences`` are absolute standardized mean differences ``smd``. Each is
    {"between": "lnm", "cohort"}, {"between": "cohort"} or {"between": "center"}, the largest of all pairs of centres. A
    number that cannot be computed is None, and a difference then has the reason ``why``.

    Args:
        patients: all included patients, with manifest columns, ``lnm`` (0, 1, NaN: not known) and ``cohort``, one of
            ``COHORTS``.

    Returns:
        A dictionary of this form::

            {"groups": [{"cohort", "lnm": 0 | 1 | UNKNOWN (if there are such) | None (all), "n"}, ...],
             "rows": [{"variable", "label", "kind": "continuous", "unit",
                       "cells": [{"n", "missing", "median", "q1", "q3", "mean", "sd"}, ...],
                       "differences": [...]},
                      {"variable", "label", "kind": "categorical",
                       "missing": [...], "levels": [{"level", "cells": [{"n", "percent"}, ...]}, ...],
                       "differences": [...]}],
             "centers": {"groups": [{"center", "n"}, ...], "rows": [as above, and node status]}}
    """
    return {**_by_cohort(patients), "centers": _by_center(patients)}


def _by_cohort(patients: pd.DataFrame) -> dict:
    """Return groups and rows by cohort and node status."""
    cohorts = [cohort for cohort in COHORTS if (patients["cohort"] == cohort).any()]
    keys = [(cohort, lnm) for cohort in cohorts for lnm in (None, 0, 1, UNKNOWN)]
    groups = {(cohort, lnm): _group(patients, cohort, lnm) for cohort, lnm in keys}
    groups = {key: group for key, group in groups.items() if key[1] != UNKNOWN or len(group)}
    rows = [_continuous_row(variable, groups) for variable in CONTINUOUS]
    rows += [_categorical_row(variable, groups) for variable in BY_NODES]
    for row in rows:
        row["differences"] = _differences(row, groups, cohorts)
    return {"groups": [{"cohort": c, "lnm": lnm, "n": len(group)} for (c, lnm), group in groups.items()], "rows": rows}


def _by_center(patients: pd.DataFrame) -> dict:
    """Return groups and rows by centre, in the order of the patients, and the largest differences of two centres."""
    groups = {center: patients[patients["center"] == center] for center in patients["center"].unique()}
    rows = [_continuous_row(variable, groups) for variable in CONTINUOUS]
    rows += [_categorical_row(variable, groups) for variable in CATEGORICAL]
    for row in rows:
        row["differences"] = [{"between": "center", **_largest_difference(row, list(groups.values()))}]
    return {"groups": [{"center": center, "n": len(group)} for center, group in groups.items()], "rows": rows}


def _largest_difference(row: dict, groups: Sequence[pd.DataFrame]) -> dict:
    """Return the largest standardized difference of any two groups."""
    differences = [_difference(row, a, b) for a, b in combinations(groups, 2)]
    known = [difference for difference in differences if difference["smd"] is not None]
    if not differences:
        return {"smd": None, "why": "there is one centre"}
    return max(known, key=lambda difference: difference["smd"]) if known else differences[0]


def _group(patients: pd.DataFrame, cohort: str, lnm: int | str | None) -> pd.DataFrame:
    """Return the patients of one cohort and node status; all of the cohort if ``lnm`` is None."""
    members = patients[patients["cohort"] == cohort]
    if lnm is None:
        return members
    return members[members["lnm"].isna() if lnm == UNKNOWN else members["lnm"] == lnm]


def _continuous_row(variable: str, groups: dict) -> dict:
    """Return the row of a continuous variable, one cell per group."""
    label, unit = CONTINUOUS[variable]
    cells = [_continuous_cell(group[variable]) for group in groups.values()]
    return {"variable": variable, "label": label, "kind": "continuous", "unit": unit, "cells": cells}


def _continuous_cell(values: pd.Series) -> dict:
    """Return median and quartiles (linear interpolation between order statistics), mean and SD (n - 1)."""
    known = values.dropna()
    numbers = {
        "median": known.median(),
        "q1": known.quantile(0.25),
        "q3": known.quantile(0.75),
        "mean": known.mean(),
        "sd": known.std(),
    }
    numbers = {name: None if pd.isna(value) else float(value) for name, value in numbers.items()}
    return {"n": len(known), "missing": int(values.isna().sum()), **numbers}


def _levels(variable: str, groups: dict) -> list:
    """Return the sorted levels of a variable in any group."""
    return sorted(pd.concat([group[variable] for group in groups.values()]).dropna().unique())


def _categorical_row(variable: str, groups: dict) -> dict:
    """Return the row of a categorical variable, one cell per level and group."""
    labels = LEVEL_LABELS.get(variable, {})
    levels = []
    for level in _levels(variable, groups):
        cells = []
        for group in groups.values():
            n, known = int((group[variable] == level).sum()), int(group[variable].notna().sum())
            cells.append({"n": n, "percent": 100 * n / known if known else None})
        levels.append({"level": labels.get(level, str(level)), "cells": cells})
    missing = [int(group[variable].isna().sum()) for group in groups.values()]
    label = CATEGORICAL[variable]
    return {"variable": variable, "label": label, "kind": "categorical", "missing": missing, "levels": levels}


def _differences(row: dict, groups: dict, cohorts: Sequence[str]) -> list[dict]:
    """Return the standardized differences by node status within each cohort, and between the cohorts."""
    pairs = [({"between": "lnm", "cohort": c}, groups[c, 0], groups[c, 1]) for c in cohorts]
    if len(cohorts) == 2:
        pairs.append(({"between": "cohort"}, groups[cohorts[0], None], groups[cohorts[1], None]))
    return [{**what, **_difference(row, a, b)} for what, a, b in pairs]


def _difference(row: dict, a: pd.DataFrame, b: pd.DataFrame) -> dict:
    """Return the standardized difference of a row's variable between two groups."""
    difference = continuous_difference if row["kind"] == "continuous" else categorical_difference
    return difference(a[row["variable"]], b[row["variable"]])


def continuous_difference(a: pd.Series, b: pd.Series) -> dict:
    """Return the absolute standardized mean difference, |mean_a - mean_b| / sqrt((var_a + var_b) / 2).

    Missing values are left out. ``smd`` is None, with the reason ``why``, if it cannot be computed.

    Source: Austin PC. Balance diagnostics for comparing the distribution of baseline covariates between treatment
    groups in propensity-score matched samples. Stat Med 2009;28:3083-107.
    """
    a, b = a.dropna(), b.dropna()
    if len(a) < 2 or len(b) < 2:
        return {"smd": None, "why": "fewer than two known values in a group"}
    spread = np.sqrt((a.var() + b.var()) / 2)
    difference = abs(a.mean() - b.mean())
    if spread == 0:
        return {"smd": 0.0} if difference == 0 else {"smd": None, "why": "no spread within the groups"}
    return {"smd": float(difference / spread)}


def categorical_difference(a: pd.Series, b: pd.Series) -> dict:
    """Return the standardized difference of the proportions of all levels, sqrt(d' S^-1 d).

    S is the mean of the two multinomial covariance matrices. For two levels the difference is
    |p_a - p_b| / sqrt((p_a (1 - p_a) + p_b (1 - p_b)) / 2). Missing values are left out. ``smd`` is None, with the
    reason ``why``, if it cannot be computed.

    Source: Yang D, Dalton JE. A unified approach to measuring the effect size between two groups using SAS. SAS Global
    Forum 2012, paper 335.
    """
    a, b = a.dropna(), b.dropna()
    if not len(a) or not len(b):
        return {"smd": None, "why": "no known value in a group"}
    levels = sorted(set(a) | set(b))[1:]
    p, q = (np.array([(group == level).mean() for level in levels]) for group in (a, b))
    difference = p - q
    if not difference.any():
        return {"smd": 0.0}
    covariance = (np.diag(p) - np.outer(p, p) + np.diag(q) - np.outer(q, q)) / 2
    if np.linalg.matrix_rank(covariance, hermitian=True) < len(levels):
        return {"smd": None, "why": "the groups share no level"}
    return {"smd": float(np.sqrt(difference @ np.linalg.solve(covariance, difference)))}
