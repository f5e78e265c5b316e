"""Fit the Cox models of the survival report, beyond the H score alone.

Rows are those of ``cox``, each with ``n`` and ``events``. ``known`` is the DataFrame of patients with survival data
(columns as in ``survival_by_score``), ``group`` their 0/1 column of the high H score, ``settings`` the study's
``survive`` section.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hscore.statistics.common import splines
from hscore.statistics.common.estimates import finite_or_none, normal_quantile
from hscore.statistics.survival import cox, imputation, survival_curves

SPLINE_KNOTS = 4
SPLINE_POINTS = 40
LIKELIHOOD_RATIO = "likelihood-ratio test, all coefficients of the term jointly"


def time_and_event(known: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return time, float [n], and event, bool [n]."""
    return known["dfs_months"].to_numpy(float), known["dfs_event"].to_numpy() == 1


def missing_values_in_words(settings: dict) -> str:
    """Return how patients without a covariate are handled, in words."""
    if settings["missing"] == "complete-case":
        return "complete cases"
    number = settings["imputation"]["imputations"]
    return f"covariates imputed {number} times by chained equations; complete cases of survival"


def univariable(known: pd.DataFrame, names: Sequence[str], settings: dict) -> list[dict]:
    """Return each adjustment column in a separate model, one row per term, for the patients with a value."""
    rows = []
    for name in names:
        complete = known.dropna(subset=[name])
        time, event = time_and_event(complete)
        rows_of_column = cox.fit(time, event, design_matrix(complete[[name]])).both_intervals(settings["confidence"])
        rows += [{**row, **_size(time, event)} for row in rows_of_column]
    return rows


def multivariable(known: pd.DataFrame, group: pd.DataFrame, settings: dict) -> dict[str, list[dict]]:
    """Return the H-score group with the adjustment columns: ``rows``, ``terms`` and their ``proportional_hazards``.

    ``rows`` has one row per coefficient, ``terms`` one test per column with several coefficients. They describe the
    patients with all columns. With ``missing: impute`` rows and terms describe all patients, pooled over the completed
    tables, and the test of proportional hazards still the complete cases. All are empty without adjustment columns.
    """
    names = list(settings["adjust_for"])
    if not names:
        return {"rows": [], "terms": [], "proportional_hazards": []}
    complete = known.dropna(subset=names)
    time, event = time_and_event(complete)
    covariates = pd.concat([group, design_matrix(known[names])], axis=1).loc[complete.index]
    model = cox.fit(time, event, covariates, settings["events_per_variable"])
    columns = known[names]
    if settings["missing"] == "impute" and columns.isna().any(axis=None) and columns.notna().any().all():
        rows, terms = _imputed(known, group, columns, settings)
    else:
        rows = [{**row, **_size(time, event)} for row in model.both_intervals(settings["confidence"])]
        terms = _tests_of_terms(model, columns)
    return {
        "rows": rows,
        "terms": terms,
        "proportional_hazards": model.proportional_hazards(_several_coefficients(covariates, columns)),
    }


def univariable_terms(known: pd.DataFrame, names: Sequence[str]) -> list[dict]:
    """Test each column with several coefficients jointly, in a separate model, for the patients with a value."""
    tests = []
    for name in names:
        complete = known.dropna(subset=[name])
        model = cox.fit(*time_and_event(complete), design_matrix(complete[[name]]))
        tests += _tests_of_terms(model, known[[name]])
    return tests


def _tests_of_terms(model: cox.Model, columns: pd.DataFrame) -> list[dict]:
    """Return the likelihood-ratio test of each of the ``columns`` with several coefficients in the model."""
    size = _size(model.time, model.event)
    return [
        {"term": name, **model.joint_test(parts), "method": LIKELIHOOD_RATIO, **size}
        for name, parts in _several_coefficients(model.covariates, columns).items()
    ]


def _several_coefficients(covariates: pd.DataFrame, columns: pd.DataFrame) -> dict[str, list[str]]:
    """Return the names of the covariates of each column that became more than one."""
    parts = {name: [part for part in design_matrix(columns[[name]]) if part in covariates] for name in columns}
    return {name: covariates_of_column for name, covariates_of_column in parts.items() if len(covariates_of_column) > 1}


def _size(time: np.ndarray, event: np.ndarray) -> dict[str, int]:
    return {"n": int(time.size), "events": int(event.sum())}


def _imputed(
    known: pd.DataFrame, group: pd.DataFrame, columns: pd.DataFrame, settings: dict
) -> tuple[list[dict], list[dict]]:
    """Fit the multivariable model on every completed table and pool by Rubin's rules: rows and tests of terms."""
    time, event = time_and_event(known)
    no_covariate = np.zeros((time.size, 1))
    hazard = cox.baseline_hazard(time, event, no_covariate, np.zeros(1), time)
    helpers = pd.DataFrame({"score": known["score"], "event": event.astype(float), "hazard": hazard}, index=known.index)
    imputed_columns = columns
    if "lnm" not in columns and known["lnm"].notna().all():
        helpers["lnm"] = known["lnm"].astype(float)
    elif "lnm" not in columns and known["lnm"].notna().any():
        imputed_columns = columns.assign(lnm=known["lnm"].astype(float))
    number, seed = settings["imputation"]["imputations"], settings["imputation"]["seed"]
    method = f"{cox.WALD}, Rubin's rules over {number} imputations"
    estimates, covariances = [], []
    for table in imputation.completed_tables(imputed_columns, helpers, number, seed):
        covariates = pd.concat([group, design_matrix(table[list(columns)], like=columns)], axis=1)
        model = cox.fit(time, event, covariates, settings["events_per_variable"])
        if model.why:
            rows = [{**cox.unfitted_row(name, model.why, method), **_size(time, event)} for name in covariates]
            return rows, _tests_of_terms(model, columns)
        estimates.append(model.beta)
        covariances.append(model.covariance)
    estimates, covariances = np.array(estimates), np.array(covariances)
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    pooled = imputation.pool(estimates, variances, settings["confidence"])
    rows = [
        {**row, **cox.ratio_row(term, row["estimate"], row["low"], row["high"], row["p"], method), **_size(time, event)}
        for term, row in zip(covariates, pooled, strict=True)
    ]
    terms = []
    for name, parts in _several_coefficients(covariates, columns).items():
        at = covariates.columns.get_indexer(parts)
        test = imputation.pool_test(estimates[:, at], covariances[:, at[:, None], at])
        terms.append({"term": name, **test, **_size(time, event)})
    return rows, terms


def adjusted_for_pathology(known: pd.DataFrame, group: pd.DataFrame, settings: dict) -> dict:
    """Test whether the H score adds information on survival to the nodes at pathology.

    The patients are those with known node status. ``alone``: Cox model of node status; ``log_rank`` by node status;
    ``both``: H score and node status in one model; ``added``: likelihood-ratio test of the H score added to node
    status.
    """
    time, event = time_and_event(known)
    confidence = settings["confidence"]
    nodes = known[["lnm"]].astype(float)
    alone, both = (cox.fit(time, event, columns) for columns in (nodes, pd.concat([group, nodes], axis=1)))
    refused = cox.reason_refused(event, both.covariates, settings["events_per_variable"])
    shown = (
        [cox.unfitted_row(name, refused) for name in both.covariates] if refused else both.both_intervals(confidence)
    )
    return {
        "alone": {**alone.leading_row(confidence), **_size(time, event)},
        "log_rank": survival_curves.log_rank(time, event, known["lnm"].to_numpy() == 1),
        "both": [{**row, **_size(time, event)} for row in shown],
        "added": {"chi2": None, "df": 1, "p": None, "why": refused} if refused else cox.added_value(alone, both),
    }


def spline(time: np.ndarray, event: np.ndarray, score: np.ndarray, settings: dict) -> dict:
    """Return the hazard ratio along the score relative to its median, by restricted cubic spline.

    ``nonlinearity`` tests the spline against a straight line, ``overall`` against no effect of the score.
    """
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
        untested = {"chi2": None, "df": None, "p": None, "why": why}
        return {**result, "nonlinearity": untested, "overall": untested}
    columns = pd.DataFrame(splines.basis(score, at)).add_prefix("part ")
    model = cox.fit(time, event, columns, settings["events_per_variable"])
    if model.why:
        untested = {"chi2": None, "p": None, "why": model.why}
        return {
            **result, "nonlinearity": {**untested, "df": at.size - 2}, "overall": {**untested, "df": at.size - 1}
        }  # fmt: skip
    grid, middle = np.linspace(score.min(), score.max(), SPLINE_POINTS), np.median(score)
    difference = splines.basis(grid, at) - splines.basis(np.array([middle]), at)
    log_ratio = difference @ model.beta
    spread = np.sqrt(np.einsum("ij,jk,ik->i", difference, model.covariance, difference))
    margin = normal_quantile(settings["confidence"]) * spread
    curves = {"hazard_ratio": log_ratio, "low": log_ratio - margin, "high": log_ratio + margin}
    with np.errstate(over="ignore"):  # far from all events the band is as wide as a float goes
        curves = {name: [finite_or_none(value) for value in np.exp(values)] for name, values in curves.items()}
    return {
        **result,
        "score": grid.tolist(),
        **curves,
        "reference": float(middle),
        "knots": at.tolist(),
        "nonlinearity": cox.added_value(cox.fit(time, event, columns.iloc[:, :1]), model),
        "overall": model.joint_test(list(columns)),
    }


def design_matrix(columns: pd.DataFrame, like: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return numeric covariates: numbers unchanged, text as one 0/1 column per level against the most frequent level.

    Levels are named "figo_stage: III against IB"; a missing value stays missing. ``like`` is the table that defines
    levels and frequencies, ``columns`` itself if None.
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
