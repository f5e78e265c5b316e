"""Table 1: the patients by cohort and node status, as numbers; the report formats them."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

# variable -> label, unit
CONTINUOUS = {
    "age": ("Age", "years"),
    "scc_ag_ng_ml": ("SCC antigen", "ng/ml"),
    "mri_ln_short_axis_mm": ("Short axis of the largest node on MRI", "mm"),
}
# variable -> label
CATEGORICAL = {
    "figo_stage": "FIGO stage",
    "histology": "Histology",
    "grade": "Grade",
    "mri_ln_positive": "Lymph nodes on MRI",
    "lnm": "Lymph nodes at pathology",
}
BY_NODES = [variable for variable in CATEGORICAL if variable != "lnm"]  # where node status makes the columns
SIGN = {0: "negative", 1: "positive"}
LEVEL_LABELS = {"mri_ln_positive": SIGN, "lnm": SIGN}
COHORTS = ("development", "external")
UNKNOWN = "unknown"  # node status of patients who are analysed for survival only


def describe(patients: pd.DataFrame) -> dict:
    """Numbers of Table 1 of ``patients``, all who are included.

    They have manifest columns, ``lnm`` (0, 1, NaN: not known) and ``cohort``, one of ``COHORTS``. Returns::

        {"groups": [{"cohort", "lnm": 0 | 1 | UNKNOWN (if there are such) | None (all), "n"}, ...],
         "rows": [{"variable", "label", "kind": "continuous", "unit",
                   "cells": [{"n", "missing", "median", "q1", "q3", "mean", "sd"}, ...],
                   "differences": [...]},
                  {"variable", "label", "kind": "categorical",
                   "missing": [...], "levels": [{"level", "cells": [{"n", "percent"}, ...]}, ...],
                   "differences": [...]}],
         "centers": {"groups": [{"center", "n"}, ...], "rows": [as above, and node status]}}

    Cells and ``missing`` stand in the order of ``groups``. Missing values are counted and left out of everything else,
    so ``percent`` is of the known ones. ``differences`` are absolute standardized mean differences with ``smd``, each
    {"between": "lnm", "cohort"}, {"between": "cohort"} or, the largest of all pairs, {"between": "center"}. A number
    that cannot be computed is None, a difference then says ``why``.
    """
    return {**_by_cohort(patients), "centers": _by_center(patients)}


def _by_cohort(patients: pd.DataFrame) -> dict:
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
    """The same by centre, in the order of the patients; the difference is the largest between two centres."""
    groups = {center: patients[patients["center"] == center] for center in patients["center"].unique()}
    rows = [_continuous_row(variable, groups) for variable in CONTINUOUS]
    rows += [_categorical_row(variable, groups) for variable in CATEGORICAL]
    for row in rows:
        row["differences"] = [{"between": "center", **_largest_difference(row, list(groups.values()))}]
    return {"groups": [{"center": center, "n": len(group)} for center, group in groups.items()], "rows": rows}


def _largest_difference(row: dict, groups: Sequence[pd.DataFrame]) -> dict:
    found = [_difference(row, a, b) for a, b in combinations(groups, 2)]
    known = [difference for difference in found if difference["smd"] is not None]
    if not found:
        return {"smd": None, "why": "there is one centre"}
    return max(known, key=lambda difference: difference["smd"]) if known else found[0]


def _group(patients: pd.DataFrame, cohort: str, lnm: int | str | None) -> pd.DataFrame:
    own = patients[patients["cohort"] == cohort]
    if lnm is None:
        return own
    return own[own["lnm"].isna() if lnm == UNKNOWN else own["lnm"] == lnm]


def _continuous_row(variable: str, groups: dict) -> dict:
    label, unit = CONTINUOUS[variable]
    cells = [_continuous_cell(group[variable]) for group in groups.values()]
    return {"variable": variable, "label": label, "kind": "continuous", "unit": unit, "cells": cells}


def _continuous_cell(values: pd.Series) -> dict:
    """Median and quartiles (linear interpolation between order statistics), mean, standard deviation (n - 1)."""
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
    return sorted(pd.concat([group[variable] for group in groups.values()]).dropna().unique())


def _categorical_row(variable: str, groups: dict) -> dict:
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
    pairs = [({"between": "lnm", "cohort": c}, groups[c, 0], groups[c, 1]) for c in cohorts]
    if len(cohorts) == 2:
        pairs.append(({"between": "cohort"}, groups[cohorts[0], None], groups[cohorts[1], None]))
    return [{**what, **_difference(row, a, b)} for what, a, b in pairs]


def _difference(row: dict, a: pd.DataFrame, b: pd.DataFrame) -> dict:
    difference = continuous_difference if row["kind"] == "continuous" else categorical_difference
    return difference(a[row["variable"]], b[row["variable"]])


def continuous_difference(a: pd.Series, b: pd.Series) -> dict:
    """Absolute standardized mean difference of two groups, |mean_a - mean_b| / sqrt((var_a + var_b) / 2).

    Austin PC. Balance diagnostics for comparing the distribution of baseline covariates between treatment groups in
    propensity-score matched samples. Stat Med 2009;28:3083-107. Missing values are left out.
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
    """Standardized difference of the proportions of all levels, sqrt(d' S^-1 d) with the mean multinomial covariance S.

    Yang D, Dalton JE. A unified approach to measuring the effect size between two groups using SAS. SAS Global Forum
    2012, paper 335. For two levels it is |p_a - p_b| / sqrt((p_a (1 - p_a) + p_b (1 - p_b)) / 2).
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
