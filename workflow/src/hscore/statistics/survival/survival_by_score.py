"""Analyse disease-free survival by H score: curves, hazard ratios, concordance and prediction, as written to JSON.

A cohort is a DataFrame indexed by patient with ``score`` (0..1), ``lnm`` (0/1), ``dfs_months``, ``dfs_event`` (0/1),
``competing_event`` (0/1), ``mri_ln_positive`` (0/1) and the adjustment columns; missing values are NaN. Where it has
them, survival is also described by the columns of ``subgroups.COLUMNS``, and stratified by ``center``. All patients
with survival data are analysed; those without are counted and left out. Patients without a covariate are left out of
the models that use it, or their covariates are imputed. Patients without node status at pathology are left out only of
the comparison with it.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hscore.statistics.common import precision
from hscore.statistics.diagnosis import added_value
from hscore.statistics.survival import (
    competing,
    concordance,
    cox,
    cox_models,
    score_and_reading,
    subdistribution,
    survival_by_characteristic,
    survival_curves,
    survival_prediction,
    time_dependent,
)
from hscore.statistics.survival.cox_models import time_and_event

STEP_MONTHS = 12  # distance of the columns of the table of numbers at risk
PER = "0.1 of the H score"
MEDIAN = "out-of-fold development scores"


def analyze(
    cohorts: Mapping[str, tuple[str, pd.DataFrame]],
    model: str,
    frozen: dict,
    settings: dict,
    prediction_model: dict | None = None,
) -> dict:
    """Return everything that the survive stage reports.

    Args:
        cohorts: "external", "development" or both -> evaluation of the scores used, and the patients.
        model: name of the model whose score is the H score.
        frozen: the model's entry in the frozen thresholds.
        settings: section ``survive`` of the config.
        prediction_model: without a development cohort, that of the study whose models are used
            (``survival_prediction.fit``).
    """
    grouping = cut_off(settings["groups"], frozen)
    groups = {"threshold": grouping["threshold"], "why": grouping.get("why")}
    if "development" in cohorts:
        known = with_survival(cohorts["development"][1])
        prediction_model = survival_prediction.fit(
            *time_and_event(known), known["score"].to_numpy(float), settings["horizon_months"]
        )
    return {
        "model": model,
        "grouping": grouping,
        "cohorts": {
            name: describe(cohort, evaluation, settings, **groups) for name, (evaluation, cohort) in cohorts.items()
        },
        "prediction": prediction(prediction_model, cohorts, settings),
        "added_value": added_value.survival_added_value(cohorts, settings),
    }


def cut_off(rule: str, frozen: dict) -> dict:
    """Return the grouping: ``rule``, ``threshold`` and ``chosen_on``; "score >= threshold" is the high group.

    Where no cut-off was frozen, ``threshold`` is None with the reason in ``why``.
    """
    key, chosen_on = ("value", frozen["chosen_on"]) if rule == "threshold" else ("median", MEDIAN)
    grouping = {"rule": rule, "threshold": frozen[key], "chosen_on": chosen_on}
    if frozen[key] is not None:
        return grouping
    why = frozen.get("why") if rule == "threshold" else "there are no development scores to take the median of"
    return {**grouping, "why": why or "no threshold was frozen"}


def with_survival(cohort: pd.DataFrame) -> pd.DataFrame:
    """Return the patients whose survival is known."""
    return cohort.dropna(subset=["dfs_months", "dfs_event"])


def prediction(model: dict | None, cohorts: Mapping[str, tuple[str, pd.DataFrame]], settings: dict) -> dict:
    """Return the model that predicts survival, under ``fitted``, and its performance in the external cohort.

    ``external`` is its error, ``calibration`` whether predicted and observed survival agree.
    """
    result = {"fitted_on": "development", "fitted": model}
    if model is None:
        why = "there is no development cohort to fit a prediction on"
        return {**result, "external": None, "calibration": None, "why": why}
    if "external" not in cohorts:
        why = "there is no external cohort to test the prediction on"
        return {**result, "external": None, "calibration": None, "why": why}
    known = with_survival(cohorts["external"][1])
    tested = (model, *time_and_event(known), known["score"].to_numpy(float))
    return {
        **result,
        "external": survival_prediction.evaluate(*tested, settings["confidence"]),
        "calibration": survival_prediction.calibrate(*tested, settings),
    }


def describe(
    cohort: pd.DataFrame, evaluation: str, settings: dict, threshold: float | None, why: str | None = None
) -> dict:
    """Return everything the report shows of one cohort's survival; ``settings`` is the study's ``survive`` section.

    Without a ``threshold`` both groups are empty, and their values are None with the reason ``why``.
    """
    known = with_survival(cohort)
    time, event = time_and_event(known)
    score = known["score"].to_numpy(float)
    high, low = (
        (score >= threshold, score < threshold) if threshold is not None else (np.zeros(score.size, dtype=bool),) * 2
    )
    confidence, horizon = settings["confidence"], settings["horizon_months"]
    moments = np.arange(0, horizon + 1e-9, STEP_MONTHS if horizon >= 2 * STEP_MONTHS else horizon / 4)
    group = pd.DataFrame({"high H score": high.astype(float)}, index=known.index)
    if threshold is None:
        group["high H score"] = np.nan
    no_groups = {"why": why} if threshold is None else {}
    by_group = cox.fit(time, event, group)
    tenths = pd.DataFrame({f"per {PER}": score / 0.1}, index=known.index)
    by_score = cox.fit(time, event, tenths)
    ratio, continuous = (model.leading_row(confidence) for model in (by_group, by_score))
    size = {"n": int(time.size), "events": int(event.sum())}
    adjusted = cox_models.multivariable(known, group, settings)
    staged = known["lnm"].notna().to_numpy()
    time_staged, event_staged = time_and_event(known[staged])
    nodes = known["lnm"].to_numpy()[staged] == 1
    node_groups = {"positive": nodes, "negative": ~nodes}
    return {
        **size,
        "evaluation": evaluation,
        "missing": count_missing(cohort, known, settings),
        "follow_up": survival_curves.describe_follow_up(time, event, confidence),
        **survival_curves.describe_groups(time, event, {"high": high, "low": low}, moments, horizon, confidence),
        "log_rank": {**survival_curves.log_rank(time, event, high), **no_groups},
        "hazard_ratio": {**ratio, **size, **no_groups},
        "hazard_ratio_firth": {**cox.firth(time, event, group, confidence)[0], **no_groups},
        "hazard_ratio_precision": hazard_ratio_precision(ratio, high, event, confidence),
        "continuous": {"per": PER, **continuous, **size},
        "univariable": cox_models.univariable(known, settings["adjust_for"], settings),
        "multivariable": adjusted["rows"],
        "terms": [
            *({"model": "univariable", **row} for row in cox_models.univariable_terms(known, settings["adjust_for"])),
            *({"model": "multivariable", **row} for row in adjusted["terms"]),
        ],
        "stratified": stratified_by_center(known, group, tenths, confidence, why),
        "characteristics": survival_by_characteristic.describe(known, moments, horizon, confidence),
        "beside_reading": score_and_reading.describe(known, settings),
        "pathology": {
            **cox_models.adjusted_for_pathology(known[staged], group[staged], settings),
            **survival_curves.describe_groups(time_staged, event_staged, node_groups, moments, horizon, confidence),
            "restricted_mean": survival_curves.restricted_mean_difference(
                time_staged, event_staged, nodes, horizon, confidence
            ),
        },
        "proportional_hazards": [*by_group.proportional_hazards(), *by_score.proportional_hazards()],
        "proportional_hazards_multivariable": adjusted["proportional_hazards"],
        "competing": competing_events(known, {"high": high, "low": low}, group, tenths, moments, confidence, why),
        "concordance": concordance.harrell(time, event, score, confidence),
        "concordance_uno": concordance.uno(time, event, score, confidence),
        "time_dependent_auc": [time_dependent.auc_at(time, event, score, moment, confidence) for moment in moments[1:]],
        "spline": cox_models.spline(time, event, score, settings),
        "restricted_mean": {
            **survival_curves.restricted_mean_difference(time, event, high, horizon, confidence),
            **no_groups,
        },
    }


def count_missing(cohort: pd.DataFrame, known: pd.DataFrame, settings: dict) -> dict[str, int | str]:
    """Return the number of patients without survival data (``dfs``), and of the others without nodes or a covariate."""
    return {
        "dfs": len(cohort) - len(known),
        "lnm": int(known["lnm"].isna().sum()),
        **{name: int(known[name].isna().sum()) for name in settings["adjust_for"]},
        "handling": cox_models.missing_values_in_words(settings),
    }


def hazard_ratio_precision(ratio: dict, high: np.ndarray, event: np.ndarray, confidence: float) -> dict:
    """Return the precision of the hazard ratio, and the events that a prospective study needs.

    Precision is the upper end of the interval over its lower end: ``here``, and as the target, ``width``.
    """
    width = precision.WIDTHS["hazard ratio"]
    known = ratio["low"] and ratio["high"]  # neither 0, by underflow, nor without a limit
    result = {"here": ratio["high"] / ratio["low"] if known else None, "width": width, "events": None, "patients": None}
    if not event.any() or high.all() or not high.any():
        return {**result, "why": "there are no events or only one group to plan with"}
    events = precision.for_hazard_ratio(float(high.mean()), width, confidence)
    return {**result, "events": events, "patients": int(np.ceil(events / event.mean()))}


def stratified_by_center(
    known: pd.DataFrame, group: pd.DataFrame, tenths: pd.DataFrame, confidence: float, why: str | None
) -> dict:
    """Return the H score stratified by centre, so that only patients of one centre are compared with each other.

    ``hazard_ratio`` and ``log_rank`` describe the group, ``continuous`` the score; ``centers`` is their number. Values
    are None with a reason for a cohort of one centre; ``why`` is the reason if the groups are empty.
    """
    centers = known["center"].to_numpy(dtype=str) if "center" in known else np.array([])
    number = int(np.unique(centers).size)
    if number < 2:
        reason = "all patients come from one centre" if number else "the patients' centres are not known"
        row = cox.unfitted_row("", reason)
        empty = {key: value for key, value in row.items() if key != "term"}
        test = {"chi2": None, "df": None, "p": None, "why": reason}
        return {"centers": number, "hazard_ratio": empty, "continuous": {"per": PER, **empty}, "log_rank": test}
    time, event = time_and_event(known)
    ratio, continuous = (
        cox.fit(time, event, columns, strata=centers).both_intervals(confidence)[0] for columns in (group, tenths)
    )
    no_groups = {} if why is None else {"why": why}
    test = survival_curves.log_rank(time, event, group["high H score"].to_numpy() == 1, centers)
    return {
        "centers": number,
        "hazard_ratio": {**ratio, **no_groups},
        "continuous": {"per": PER, **continuous},
        "log_rank": {**test, **no_groups},
    }


def competing_events(
    known: pd.DataFrame,
    groups: Mapping[str, np.ndarray],
    group: pd.DataFrame,
    tenths: pd.DataFrame,
    moments: np.ndarray,
    confidence: float,
    why: str | None,
) -> dict | None:
    """Return the analyses of competing events; None where the tables contain none.

    These are cumulative incidence by group with Gray's test, and subdistribution hazard ratios of the high group and
    of the score. ``why`` is the reason if the groups are empty.
    """
    competing_event = known["competing_event"].to_numpy() == 1
    if known["competing_event"].isna().all():
        return None
    time, event = time_and_event(known)
    no_groups = {} if why is None else {"why": why}
    (ratio,), (continuous,) = (
        subdistribution.hazard_ratios(time, event, competing_event, columns, confidence) for columns in (group, tenths)
    )
    return {
        "n": int(competing_event.sum()),
        "unknown": int(known["competing_event"].isna().sum()),
        "handling": "competing events are censored in every other analysis",
        "groups": {
            name: competing.describe(time[member], event[member], competing_event[member], moments, confidence)
            for name, member in groups.items()
        },
        "gray": {**subdistribution.gray(time, event, competing_event, groups["high"]), **no_groups},
        "hazard_ratio": {**ratio, **no_groups},
        "continuous": {"per": PER, **continuous},
    }
