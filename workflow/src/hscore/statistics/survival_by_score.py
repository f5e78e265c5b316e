"""Disease-free survival by H score in each cohort, as written to JSON.

A cohort is a DataFrame indexed by patient with ``score`` (0..1), ``dfs_months``, ``dfs_event`` (0/1) and the columns to
adjust for; missing is NaN. Patients without survival data are counted and left out (complete cases); so are, in the
multivariable model only, those without a covariate.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hscore.statistics import concordance, cox, survival

STEP_MONTHS = 12  # distance of the columns of the table of numbers at risk
PER = "0.1 of the H score"


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
            "handling": "complete cases",
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
        "continuous": {"per": PER, **slope},
        "proportional_hazards": [*cox.proportional(time, event, group), *cox.proportional(time, event, continuous)],
        "concordance": concordance.harrell(time, event, score, confidence),
        "concordance_uno": concordance.uno(time, event, score, confidence),
        "restricted_mean": survival.restricted_mean_difference(time, event, high, horizon, confidence),
    }


def multivariable(known: pd.DataFrame, group: pd.DataFrame, names: Sequence[str], settings: dict) -> list[dict]:
    """Cox model of the H-score group and the columns to adjust for, one row a term, on patients with all of them."""
    complete = known.dropna(subset=list(names))
    covariates = pd.concat([group, design(known[list(names)])], axis=1).loc[complete.index]
    time, event = complete["dfs_months"].to_numpy(float), complete["dfs_event"].to_numpy() == 1
    rows = cox.fit(time, event, covariates, settings["confidence"], settings["events_per_variable"])
    return [{**row, "n": int(time.size), "events": int(event.sum())} for row in rows]


def design(columns: pd.DataFrame) -> pd.DataFrame:
    """Numeric covariates: numbers as they are, text as one 0/1 column a level against the most frequent level.

    Levels are named "figo_stage: III against IB"; a missing value stays missing.
    """
    parts = []
    for name, values in columns.items():
        if pd.api.types.is_numeric_dtype(values):
            parts.append(values.astype(float).to_frame())
            continue
        counts = values.value_counts()
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
