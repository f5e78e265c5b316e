"""Disease-free survival by H score in each cohort, as written to JSON.

A cohort is a DataFrame indexed by patient with ``score`` (0..1), ``lnm`` (0/1), ``dfs_months``, ``dfs_event`` (0/1),
``competing_event`` (0/1) and the columns to adjust for; missing is NaN. Patients without survival data are counted and
left out; those without a covariate are left out of the multivariable models only, or their covariates are imputed.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hscore.statistics import competing, concordance, cox, imputation, splines, survival, time_dependent
from hscore.statistics.estimates import finite, quantile

STEP_MONTHS = 12  # distance of the columns of the table of numbers at risk
PER = "0.1 of the H score"
SPLINE_KNOTS = 4
SPLINE_POINTS = 40


def analyse(cohorts: dict[str, tuple[str, pd.DataFrame]], model: str, frozen: dict, settings: dict) -> dict:
    """Everything the survive stage reports.

    ``cohorts`` maps "external" and "development" to the name of the score column used and the patients; ``frozen`` is
    the model's entry in the frozen thresholds; ``settings`` is the study's ``survive`` section.
    """
    grouping = cut_off(settings["groups"], frozen, cohorts["development"][1]["score"].to_numpy())
    return {
        "model": model,
        "grouping": grouping,
        "cohorts": {
            name: describe(cohort, column, grouping["cut"], settings) for name, (column, cohort) in cohorts.items()
        },
        "prediction": prediction(cohorts["development"][1], cohorts["external"][1], settings["horizon_months"]),
    }


def cut_off(rule: str, frozen: dict, out_of_fold: np.ndarray) -> dict:
    """The grouping: ``rule``, ``cut`` and ``chosen_on``; "score >= cut" is the high group."""
    if rule == "threshold":
        return {"rule": rule, "cut": frozen["value"], "chosen_on": frozen["chosen_on"]}
    return {"rule": rule, "cut": float(np.median(out_of_fold)), "chosen_on": "out-of-fold development scores"}


def describe(cohort: pd.DataFrame, score_column: str, cut: float, settings: dict) -> dict:
    """Everything the report shows of one cohort's survival; ``settings`` is the study's ``survive`` section."""
    known = cohort.dropna(subset=["dfs_months", "dfs_event"])
    time, event = known["dfs_months"].to_numpy(float), known["dfs_event"].to_numpy() == 1
    score = known["score"].to_numpy(float)
    high = score >= cut
    confidence, horizon = settings["confidence"], settings["horizon_months"]
    names = list(settings["adjust_for"])
    result = {
        "n": int(time.size),
        "events": int(event.sum()),
        "score_column": score_column,
        "missing": {
            "dfs": len(cohort) - len(known),
            **{name: int(known[name].isna().sum()) for name in names},
            "handling": handling(settings),
        },
    }
    moments = np.arange(0, horizon + 1e-9, STEP_MONTHS if horizon >= 2 * STEP_MONTHS else horizon / 4)
    groups = {"high": high, "low": ~high}
    group = pd.DataFrame({"high H score": high.astype(float)}, index=known.index)
    continuous = pd.DataFrame({f"per {PER}": score / 0.1}, index=known.index)
    (ratio,) = cox.fit(time, event, group, confidence)
    (slope,) = cox.fit(time, event, continuous, confidence)
    return {
        **result,
        "follow_up": _follow_up(time, event),
        "groups": {
            name: survival.describe_group(time[member], event[member], confidence, horizon)
            for name, member in groups.items()
        },
        "at_risk": {
            "time": moments.tolist(),
            **{name: survival.at_risk(time[member], moments) for name, member in groups.items()},
        },
        "log_rank": survival.log_rank(time, event, high),
        "hazard_ratio": ratio,
        "hazard_ratio_profile": cox.profile(time, event, group, confidence)[0],
        "hazard_ratio_firth": cox.firth(time, event, group, confidence)[0],
        "multivariable": multivariable(known, group, names, settings),
        "pathology": beside_pathology(known, group, settings),
        "continuous": {"per": PER, **slope},
        "proportional_hazards": [*cox.proportional(time, event, group), *cox.proportional(time, event, continuous)],
        "proportional_hazards_multivariable": multivariable_proportional(known, group, names),
        "competing": competing_events(known, high, moments, confidence),
        "concordance": concordance.harrell(time, event, score, confidence),
        "concordance_uno": concordance.uno(time, event, score, confidence),
        "time_dependent_auc": [time_dependent.auc_at(time, event, score, moment, confidence) for moment in moments[1:]],
        "spline": spline(time, event, score, settings),
        "restricted_mean": survival.restricted_mean_difference(time, event, high, horizon, confidence),
    }


def spline(time: np.ndarray, event: np.ndarray, score: np.ndarray, settings: dict) -> dict:
    """Hazard ratio along the score against its median, restricted cubic spline, and the test of non-linearity."""
    method = f"Cox, restricted cubic spline, {SPLINE_KNOTS} knots at Harrell's quantiles, Wald band"
    result = {"score": [], "hazard_ratio": [], "low": [], "high": [], "method": method}
    at = splines.knots(score, SPLINE_KNOTS) if score.size else np.array([])
    if at.size < 3:
        why = "the score takes too few different values for a curve"
        return {**result, "nonlinearity": {"chi2": None, "df": None, "p": None, "why": why}}
    columns = pd.DataFrame(splines.basis(score, at)).add_prefix("part ")
    why = cox.refusal(event, columns, settings["events_per_variable"])
    model = why or cox.coefficients(time, event, columns)
    if isinstance(model, str):
        return {**result, "nonlinearity": {"chi2": None, "df": at.size - 2, "p": None, "why": model}}
    beta, covariance = model
    grid = np.linspace(score.min(), score.max(), SPLINE_POINTS)
    difference = splines.basis(grid, at) - splines.basis(np.array([np.median(score)]), at)
    log_ratio = difference @ beta
    margin = quantile(settings["confidence"]) * np.sqrt(np.einsum("ij,jk,ik->i", difference, covariance, difference))
    curves = {"hazard_ratio": log_ratio, "low": log_ratio - margin, "high": log_ratio + margin}
    return {
        **result,
        "score": grid.tolist(),
        **{name: np.exp(values).tolist() for name, values in curves.items()},
        "nonlinearity": cox.added_value(time, event, columns.iloc[:, :1], columns),
    }


def prediction(development: pd.DataFrame, external: pd.DataFrame, horizon: float) -> dict:
    """A Cox model of the score, fitted on development, predicts the external patients: integrated Brier score.

    Beside it that of predicting the development cohort's Kaplan-Meier curve for everybody (no model).
    """
    method = "integrated Brier score, inverse probability of censoring weights (Graf)"
    empty = {"model": None, "no_model": None, "to_month": None, "fitted_on": "development", "method": method}
    parts = []
    for cohort in (development, external):
        known = cohort.dropna(subset=["dfs_months", "dfs_event"])
        parts.append((known["dfs_months"].to_numpy(float), known["dfs_event"].to_numpy() == 1, known["score"]))
    (time, event, score), (new_time, new_event, new_score) = parts
    model = cox.coefficients(time, event, score.to_frame())
    if isinstance(model, str):
        return {**empty, "why": f"no Cox model on development: {model}"}
    end = min(horizon, np.floor(new_time.max() - 1e-9)) if new_time.size else 0.0
    if end < 2:
        return {**empty, "why": "no external patient was followed for two months"}
    months = np.arange(1.0, end + 1)
    hazard = cox.baseline_hazard(time, event, score.to_numpy()[:, None], model[0], months)
    predicted = np.exp(-np.exp(new_score.to_numpy() * model[0][0])[:, None] * hazard)
    curve = survival.kaplan_meier(time, event, 0.95)
    nobody = np.tile([survival.at_time(curve, month)[0] for month in months], (new_time.size, 1))
    values = (time_dependent.integrated_brier(new_time, new_event, p, months) for p in (predicted, nobody))
    return {**empty, **dict(zip(("model", "no_model"), values, strict=True)), "to_month": float(end)}


def handling(settings: dict) -> str:
    """What happens to patients without a covariate, in words."""
    if settings["missing"] == "complete-case":
        return "complete cases"
    number = settings["imputation"]["imputations"]
    return f"covariates imputed {number} times by chained equations; complete cases of survival"


def multivariable(known: pd.DataFrame, group: pd.DataFrame, names: Sequence[str], settings: dict) -> list[dict]:
    """Cox model of the H-score group and the columns to adjust for, one row a term.

    On the patients with all of them; with ``missing: impute`` on all patients, pooled over the completed tables.
    """
    columns = known[list(names)]
    if settings["missing"] == "impute" and columns.isna().any(axis=None) and columns.notna().any().all():
        return _imputed(known, group, columns, settings)
    complete, time, event, covariates = _complete_cases(known, group, names)
    rows = cox.fit(time, event, covariates, settings["confidence"], settings["events_per_variable"])
    return [{**row, "n": int(time.size), "events": int(event.sum())} for row in rows]


def _complete_cases(known: pd.DataFrame, group: pd.DataFrame, names: Sequence[str]) -> tuple:
    complete = known.dropna(subset=list(names))
    covariates = pd.concat([group, design(known[list(names)])], axis=1).loc[complete.index]
    return complete, complete["dfs_months"].to_numpy(float), complete["dfs_event"].to_numpy() == 1, covariates


def _imputed(known: pd.DataFrame, group: pd.DataFrame, columns: pd.DataFrame, settings: dict) -> list[dict]:
    """The multivariable model on every completed table, pooled by Rubin's rules."""
    time, event = known["dfs_months"].to_numpy(float), known["dfs_event"].to_numpy() == 1
    nobody = np.zeros((time.size, 1))
    hazard = cox.baseline_hazard(time, event, nobody, np.zeros(1), time)
    helpers = pd.DataFrame({"score": known["score"], "event": event.astype(float), "hazard": hazard}, index=known.index)
    if "lnm" not in columns:
        helpers["lnm"] = known["lnm"].astype(float)
    number, seed = settings["imputation"]["imputations"], settings["imputation"]["seed"]
    method = f"{cox.WALD}, Rubin's rules over {number} imputations"
    size = {"n": int(time.size), "events": int(event.sum())}
    estimates, variances = [], []
    for table in imputation.completed(columns, helpers, number, seed):
        covariates = pd.concat([group, design(table, like=columns)], axis=1)
        model = cox.refusal(event, covariates, settings["events_per_variable"])
        model = model or cox.coefficients(time, event, covariates)
        if isinstance(model, str):
            return [{**cox.unfitted(name, model, method), **size} for name in covariates]
        estimates.append(model[0])
        variances.append(np.diag(model[1]))
    pooled = imputation.pool(np.array(estimates), np.array(variances), settings["confidence"])
    ratios = ("estimate", "low", "high")
    return [
        {"term": term, **row, **{key: finite(np.exp(row[key])) for key in ratios}, "method": method, **size}
        for term, row in zip(covariates, pooled, strict=True)
    ]


def multivariable_proportional(known: pd.DataFrame, group: pd.DataFrame, names: Sequence[str]) -> list[dict]:
    """Test of proportional hazards for every term of the multivariable model, complete cases; none without terms."""
    _, time, event, covariates = _complete_cases(known, group, names)
    return cox.proportional(time, event, covariates) if names else []


def beside_pathology(known: pd.DataFrame, group: pd.DataFrame, settings: dict) -> dict:
    """Does the H score say more about survival than the nodes at pathology?

    ``alone``: Cox model of node status; ``log_rank`` by node status; ``both``: H score and node status in one model;
    ``added``: likelihood-ratio test of the H score on top of node status.
    """
    time, event = known["dfs_months"].to_numpy(float), known["dfs_event"].to_numpy() == 1
    confidence = settings["confidence"]
    nodes = known[["lnm"]].astype(float)
    both = pd.concat([group, nodes], axis=1)
    return {
        "alone": cox.fit(time, event, nodes, confidence)[0],
        "log_rank": survival.log_rank(time, event, known["lnm"].to_numpy() == 1),
        "both": cox.fit(time, event, both, confidence, settings["events_per_variable"]),
        "added": cox.added_value(time, event, nodes, both),
    }


def competing_events(known: pd.DataFrame, high: np.ndarray, moments: np.ndarray, confidence: float) -> dict | None:
    """Cumulative incidence by group where the tables name competing events; None where they name none."""
    other = known["competing_event"].to_numpy() == 1
    if known["competing_event"].isna().all():
        return None
    time, event = known["dfs_months"].to_numpy(float), known["dfs_event"].to_numpy() == 1
    return {
        "n": int(other.sum()),
        "unknown": int(known["competing_event"].isna().sum()),
        "handling": "competing events are censored in every other analysis",
        "groups": {
            name: competing.describe(time[member], event[member], other[member], moments, confidence)
            for name, member in (("high", high), ("low", ~high))
        },
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


def _follow_up(time: np.ndarray, event: np.ndarray) -> dict:
    if not time.size:
        why = "there are no patients with survival data"
        return {"median": None, "longest": None, "method": "reverse Kaplan-Meier", "why": why}
    middle = survival.follow_up(time, event)
    result = {"median": middle, "longest": float(time.max()), "method": "reverse Kaplan-Meier"}
    return result if middle is not None else {**result, "why": "fewer than half of the patients were censored"}
