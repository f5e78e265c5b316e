"""The Cox models that the survival report shows, beyond the H score alone.

Rows are those of ``cox``, each with ``n`` and ``events``. ``known`` is the DataFrame of patients with survival data
(columns as in ``survival_by_score``), ``group`` their 0/1 column of the high H score, ``settings`` the study's
``survive`` section.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hscore.statistics import cox, imputation, splines, survival
from hscore.statistics.estimates import finite, quantile

SPLINE_KNOTS = 4
SPLINE_POINTS = 40


def outcome(known: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Time float [n] and event bool [n]."""
    return known["dfs_months"].to_numpy(float), known["dfs_event"].to_numpy() == 1


def handling(settings: dict) -> str:
    """What happens to patients without a covariate, in words."""
    if settings["missing"] == "complete-case":
        return "complete cases"
    number = settings["imputation"]["imputations"]
    return f"covariates imputed {number} times by chained equations; complete cases of survival"


def univariable(known: pd.DataFrame, names: Sequence[str], settings: dict) -> list[dict]:
    """Each of the columns to adjust for in a model of its own, one row a term, on the patients who have it."""
    rows = []
    for name in names:
        complete = known.dropna(subset=[name])
        time, event = outcome(complete)
        found = cox.fit(time, event, design(complete[[name]])).both_intervals(settings["confidence"])
        rows += [{**row, **_size(time, event)} for row in found]
    return rows


def multivariable(known: pd.DataFrame, group: pd.DataFrame, settings: dict) -> dict[str, list[dict]]:
    """The H-score group and the columns to adjust for: ``rows``, one a term, and their ``proportional_hazards``.

    On the patients with all of them; with ``missing: impute`` the rows are of all patients, pooled over the completed
    tables, and the test is still of the complete cases. Both are empty where there is nothing to adjust for.
    """
    names = list(settings["adjust_for"])
    if not names:
        return {"rows": [], "proportional_hazards": []}
    complete = known.dropna(subset=names)
    time, event = outcome(complete)
    covariates = pd.concat([group, design(known[names])], axis=1).loc[complete.index]
    model = cox.fit(time, event, covariates, settings["events_per_variable"])
    columns = known[names]
    if settings["missing"] == "impute" and columns.isna().any(axis=None) and columns.notna().any().all():
        rows = _imputed(known, group, columns, settings)
    else:
        rows = [{**row, **_size(time, event)} for row in model.both_intervals(settings["confidence"])]
    return {"rows": rows, "proportional_hazards": model.proportional()}


def _size(time: np.ndarray, event: np.ndarray) -> dict[str, int]:
    return {"n": int(time.size), "events": int(event.sum())}


def _imputed(known: pd.DataFrame, group: pd.DataFrame, columns: pd.DataFrame, settings: dict) -> list[dict]:
    """The multivariable model on every completed table, pooled by Rubin's rules."""
    time, event = outcome(known)
    nobody = np.zeros((time.size, 1))
    hazard = cox.baseline_hazard(time, event, nobody, np.zeros(1), time)
    helpers = pd.DataFrame({"score": known["score"], "event": event.astype(float), "hazard": hazard}, index=known.index)
    completed_too = columns
    if "lnm" not in columns and known["lnm"].notna().all():
        helpers["lnm"] = known["lnm"].astype(float)
    elif "lnm" not in columns and known["lnm"].notna().any():
        completed_too = columns.assign(lnm=known["lnm"].astype(float))
    number, seed = settings["imputation"]["imputations"], settings["imputation"]["seed"]
    method = f"{cox.WALD}, Rubin's rules over {number} imputations"
    estimates, variances = [], []
    for table in imputation.completed(completed_too, helpers, number, seed):
        covariates = pd.concat([group, design(table[list(columns)], like=columns)], axis=1)
        model = cox.fit(time, event, covariates, settings["events_per_variable"])
        if model.why:
            return [{**cox.unfitted(name, model.why, method), **_size(time, event)} for name in covariates]
        estimates.append(model.beta)
        variances.append(np.diag(model.covariance))
    pooled = imputation.pool(np.array(estimates), np.array(variances), settings["confidence"])
    ratios = ("estimate", "low", "high")
    return [
        {
            "term": term,
            **row,
            **{key: finite(np.exp(row[key])) for key in ratios},
            "method": method,
            **_size(time, event),
        }
        for term, row in zip(covariates, pooled, strict=True)
    ]


def beside_pathology(known: pd.DataFrame, group: pd.DataFrame, settings: dict) -> dict:
    """Does the H score say more about survival than the nodes at pathology?

    On the patients whose node status is known. ``alone``: Cox model of node status; ``log_rank`` by node status;
    ``both``: H score and node status in one model; ``added``: likelihood-ratio test of the H score on top of node
    status.
    """
    time, event = outcome(known)
    confidence = settings["confidence"]
    nodes = known[["lnm"]].astype(float)
    alone, both = (cox.fit(time, event, columns) for columns in (nodes, pd.concat([group, nodes], axis=1)))
    refused = cox.refusal(event, both.covariates, settings["events_per_variable"])
    shown = [cox.unfitted(name, refused) for name in both.covariates] if refused else both.both_intervals(confidence)
    return {
        "alone": {**alone.leading(confidence), **_size(time, event)},
        "log_rank": survival.log_rank(time, event, known["lnm"].to_numpy() == 1),
        "both": [{**row, **_size(time, event)} for row in shown],
        "added": cox.added_value(alone, both),
    }


def spline(time: np.ndarray, event: np.ndarray, score: np.ndarray, settings: dict) -> dict:
    """Hazard ratio along the score against its median, restricted cubic spline, and the test of non-linearity."""
    result = {
        "score": [],
        "hazard_ratio": [],
        "low": [],
        "high": [],
        "reference": None,
        "knots": [],
        "method": f"Cox, restricted cubic spline, {SPLINE_KNOTS} knots at Harrell's quantiles, Wald band",
    }
    known = np.isfinite(score).all()
    at = splines.knots(score, SPLINE_KNOTS) if score.size and known else np.array([])
    if at.size < 3:
        why = "the score takes too few different values for a curve" if known else "scores are missing or infinite"
        return {**result, "nonlinearity": {"chi2": None, "df": None, "p": None, "why": why}}
    columns = pd.DataFrame(splines.basis(score, at)).add_prefix("part ")
    model = cox.fit(time, event, columns, settings["events_per_variable"])
    if model.why:
        return {**result, "nonlinearity": {"chi2": None, "df": at.size - 2, "p": None, "why": model.why}}
    grid, middle = np.linspace(score.min(), score.max(), SPLINE_POINTS), np.median(score)
    difference = splines.basis(grid, at) - splines.basis(np.array([middle]), at)
    log_ratio = difference @ model.beta
    spread = np.sqrt(np.einsum("ij,jk,ik->i", difference, model.covariance, difference))
    margin = quantile(settings["confidence"]) * spread
    curves = {"hazard_ratio": log_ratio, "low": log_ratio - margin, "high": log_ratio + margin}
    with np.errstate(over="ignore"):  # far from all events the band is as wide as a float goes
        curves = {name: [finite(value) for value in np.exp(values)] for name, values in curves.items()}
    return {
        **result,
        "score": grid.tolist(),
        **curves,
        "reference": float(middle),
        "knots": at.tolist(),
        "nonlinearity": cox.added_value(cox.fit(time, event, columns.iloc[:, :1]), model),
    }


def design(columns: pd.DataFrame, like: pd.DataFrame | None = None) -> pd.DataFrame:
    """Numeric covariates: numbers as they are, text as one 0/1 column a level against the most frequent level.

    Levels are named "figo_stage: III against IB"; a missing value stays missing. ``like`` is the table whose levels
    and frequencies count, ``columns`` itself if None.
    """
    parts = []
    for name, values in columns.items():
        if pd.api.types.is_numeric_dtype(values):
            parts.append(values.astype(float).to_frame())
            continue
        counts = (columns if like is None else like)[name].value_counts()
        base = sorted(counts.index[counts == counts.max()])[0] if len(counts) else None
        for level in sorted(set(counts.index) - {base}):
            parts.append(
                (values == level).where(values.notna()).astype(float).rename(f"{name}: {level} against {base}")
            )
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=columns.index)
