"""Test whether a score adds information to the measured size of the largest node and SCC antigen.

The baseline is prespecified: log(1 + short axis in mm), log(1 + SCC antigen in ng/ml) and, for nodes, the 0/1
reading, a step at its cut-off. The logit of the score is added. Both models are fitted on the patients who have every
variable.

The test of added value is the likelihood-ratio test of that one term (Pepe et al., Stat Med 2013;32:1467-1482). AUCs of
models refitted on the same patients are apparent, and DeLong's test of their difference is not valid, so they are shown
without an interval. Out of sample, both models are frozen on development and applied to the external patients, where
their AUCs may be compared (paired DeLong test).

The adequacy of the baseline is its share of the likelihood-ratio chi-square of both models; the rest is new information
(Harrell, Regression Modeling Strategies, 2nd ed., 2015, section 9.8.4). A logistic model with fewer than 5 patients of
the rarer class per coefficient is refused (Vittinghoff and McCulloch, Am J Epidemiol 2007;165:710-718), a Cox model by
the setting ``events_per_variable``.

Shapes: ``y_true`` bool [n], ``score`` float [n] in 0..1; a table of characteristics has one row per patient.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from hscore import numerals
from hscore.contracts.manifest import READING
from hscore.metrics import logistic
from hscore.metrics.probability import CLIP, clipped_logit
from hscore.statistics.common.estimates import not_estimable, wald_ratio
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination
from hscore.statistics.survival import concordance, cox, partial_likelihood
from hscore.statistics.survival.cox_models import time_and_event

NODE_SIZE, ANTIGEN = "mri_ln_short_axis_mm", "scc_ag_ng_ml"
MEASURED = [NODE_SIZE, ANTIGEN]  # enter as log(1 + value), which is defined for 0 (no node reported)
OF_NODES = [*MEASURED, READING]
EVENTS_PER_VARIABLE = 5
SCORE = "logit of the score"
PER = "standard deviation of the logit of the score"
WALD = "logistic regression, Wald"
APPARENT = "fitted on these patients: apparent"
SEPARATED = "the likelihood has no maximum (the variables separate the classes or determine each other)"
NO_DEVELOPMENT = "there is no development cohort to freeze the models on"
NO_EXTERNAL = "there is no external cohort to test the frozen models on"


@dataclass(frozen=True)
class CompleteCases:
    """The patients with every variable: ``table`` [k, columns], the score's logit last; ``known`` bool [n]."""

    table: pd.DataFrame
    known: np.ndarray
    missing: dict[str, int]

    def size(self, event: np.ndarray) -> dict:
        """Return patients, events (bool [n]), and how many were left out because which variable is missing."""
        counts = {"n": int(self.known.sum()), "events": int(event[self.known].sum())}
        return {**counts, "left_out": int((~self.known).sum()), "missing": self.missing}


def complete_cases(
    score: np.ndarray, characteristics: pd.DataFrame | None, columns: Sequence[str]
) -> CompleteCases | str:
    """Return the complete cases; a sentence where a variable is not given at all or the score has no logit."""
    if absent := [name for name in columns if characteristics is None or name not in characteristics]:
        return f"the tables of the patients have no {absent[0]}"
    if certain := int(((score < CLIP) | (score > 1 - CLIP)).sum()):
        return f"{certain} scores are 0 or 1, which has no logit"
    table = pd.DataFrame({name: numerals.numbers(characteristics[name]) for name in columns})
    table[MEASURED] = np.log1p(table[MEASURED])
    known = table.notna().all(axis=1).to_numpy()
    missing = {name: int(values.isna().sum()) for name, values in table.items() if values.isna().any()}
    return CompleteCases(table.assign(**{SCORE: clipped_logit(score)})[known].astype(float), known, missing)


def _sized(complete: CompleteCases | str, event: np.ndarray) -> dict:
    if isinstance(complete, str):
        return {"n": 0, "events": 0, "left_out": int(event.size), "missing": {}}
    return complete.size(event)


def _added(baseline: float, both: float) -> dict:
    """Return the test of the score from the likelihood-ratio chi-squares of both models against none."""
    chi2 = max(0.0, both - baseline)
    adequacy = min(1.0, baseline / both) if both > 0 else None
    shares = {"adequacy": adequacy, "new_information": None if adequacy is None else 1 - adequacy}
    return {"chi2": chi2, "df": 1, "p": float(chdtrc(1, chi2)), **shares}


def _not_added(why: str) -> dict:
    return {"chi2": None, "df": 1, "p": None, "adequacy": None, "new_information": None, "why": why}


def _apparent(baseline: float | None, both: float | None) -> dict:
    """Return AUC or C of both models in the patients they were fitted on."""
    return {"baseline": baseline, "both": both, "caution": APPARENT}


def _not_apparent(why: str) -> dict:
    return {"baseline": None, "both": None, "why": why}


# Nodes


def node_added_value(
    evaluations: Mapping[str, ScoredCohort],
    characteristics: Mapping[str, pd.DataFrame | None],
    model: str,
    confidence: float,
) -> dict:
    """Return the added value of a model for node status: in each evaluation, and frozen on development.

    Args:
        evaluations: held-out ones by name, "external" and "out_of_fold".
        characteristics: tables of their patients.
        model: name of the model whose score is added.
        confidence: level of the intervals.

    Returns:
        ``model``; ``evaluations``, one row each with ``n events left_out missing``, ``added`` (``chi2 df p adequacy
        new_information``), ``odds_ratio`` and the ``apparent`` AUCs; ``frozen``, the AUCs and ``gain`` out of sample.
    """
    parts = {
        name: (evaluation.y_true, complete_cases(evaluation.scores[model], characteristics.get(name), OF_NODES))
        for name, evaluation in evaluations.items()
        if model in evaluation.scores
    }
    rows = [{"evaluation": name, **_nodes(*part, confidence)} for name, part in parts.items()]
    return {"model": model, "evaluations": rows, "frozen": _frozen_nodes(parts, confidence)}


def _fits(y_true: np.ndarray, complete: CompleteCases | str) -> tuple[logistic.Logistic, logistic.Logistic] | str:
    """Return the baseline model and that with the score; a sentence where they cannot or should not be fitted."""
    if isinstance(complete, str):
        return complete
    y_true, table = y_true[complete.known], complete.table
    if why := discrimination.reason_one_class(y_true):
        return why
    for name, values in table.items():
        if values.nunique() < 2:
            return f"all patients have the same {name}"
    rarer = int(min(y_true.sum(), (~y_true).sum()))
    if rarer < EVENTS_PER_VARIABLE * table.shape[1]:
        return (
            f"{rarer} patients of the rarer class for {table.shape[1]} variables: fewer than the "
            f"{EVENTS_PER_VARIABLE} per variable required"
        )
    baseline, both = (logistic.fit(table.iloc[:, :last].to_numpy(), y_true) for last in (-1, table.shape[1]))
    return SEPARATED if baseline is None or both is None else (baseline, both)


def _nodes(y_true: np.ndarray, complete: CompleteCases | str, confidence: float) -> dict:
    size, models = _sized(complete, y_true), _fits(y_true, complete)
    if isinstance(models, str):
        missing = not_estimable(models, WALD, per=PER)
        return {**size, "added": _not_added(models), "odds_ratio": missing, "apparent": _not_apparent(models)}
    y_true, both = y_true[complete.known], models[1]
    null_likelihood = logistic.fit(np.empty((y_true.size, 0)), y_true).log_likelihood
    standard_deviation = complete.table[SCORE].std()
    aucs = [discrimination.delong(y_true, _linear(model, complete.table)).auc[0] for model in models]
    return {
        **size,
        "added": _added(*(2 * (model.log_likelihood - null_likelihood) for model in models)),
        "odds_ratio": wald_ratio(
            both.coefficients[-1] * standard_deviation,
            both.errors[-1] * standard_deviation,
            confidence,
            WALD,
            per=PER,
            spread=float(standard_deviation),
        ),
        "apparent": _apparent(*map(float, aucs)),
    }


def _linear(model: logistic.Logistic, table: pd.DataFrame) -> np.ndarray:
    """Return the linear predictor of the model of the first columns of the table."""
    slopes = model.coefficients[1:]
    return model.coefficients[0] + table.iloc[:, : slopes.size].to_numpy() @ slopes


def _frozen_nodes(parts: Mapping[str, tuple[np.ndarray, CompleteCases | str]], confidence: float) -> dict:
    """Return external AUCs of both models fitted on out-of-fold development scores, and their paired difference."""
    why = NO_DEVELOPMENT if "out_of_fold" not in parts else NO_EXTERNAL if "external" not in parts else None
    models = why or _fits(*parts["out_of_fold"])
    if not isinstance(models, str) and isinstance(parts["external"][1], str):
        models = parts["external"][1]
    if isinstance(models, str):
        missing = not_estimable(models, discrimination.PAIRED)
        return {"n": None, "events": None, "baseline": missing, "both": {**missing}, "gain": {**missing, "p": None}}
    y_true, complete = parts["external"]
    y_true, scores = y_true[complete.known], np.array([_linear(model, complete.table) for model in models])
    gain = discrimination.compare(y_true, scores[1], scores[0], confidence)
    return {
        "n": int(y_true.size),
        "events": int(y_true.sum()),
        "baseline": discrimination.auc_interval(y_true, scores[0], confidence),
        "both": discrimination.auc_interval(y_true, scores[1], confidence),
        "gain": {"estimate": gain.pop("difference"), **gain},
    }


# Survival


def survival_added_value(cohorts: Mapping[str, tuple[str, pd.DataFrame]], settings: dict) -> dict:
    """Return the added value for disease-free survival: Cox models of node size and SCC antigen, with the score added.

    Args:
        cohorts: "external" and "development" as in ``survival_by_score.analyze``, with the columns ``MEASURED``.
        settings: section ``survive`` of the config.

    Returns:
        ``cohorts``, one row each as in ``node_added_value`` with ``hazard_ratio`` and apparent C; ``frozen``: C out of
        sample.
    """
    parts = {}
    for name, (_, cohort) in cohorts.items():
        known = cohort.dropna(subset=["dfs_months", "dfs_event"])
        parts[name] = (*time_and_event(known), complete_cases(known["score"].to_numpy(float), known, MEASURED))
    models = {name: _cox_fits(*part, settings["events_per_variable"]) for name, part in parts.items()}
    confidence = settings["confidence"]
    rows = [
        {"cohort": name, **_survival(event, complete, models[name], confidence)}
        for name, (_, event, complete) in parts.items()
    ]
    return {"cohorts": rows, "frozen": _frozen_survival(parts, models, confidence)}


def _cox_fits(
    time: np.ndarray, event: np.ndarray, complete: CompleteCases | str, events_per_variable: float
) -> tuple[cox.Model, cox.Model] | str:
    """Return the baseline model and that with the score; a sentence where they cannot or should not be fitted."""
    if isinstance(complete, str):
        return complete
    time, event = time[complete.known], event[complete.known]
    if why := cox.reason_refused(event, complete.table, events_per_variable):
        return why
    baseline, both = (cox.fit(time, event, complete.table.iloc[:, :last]) for last in (-1, complete.table.shape[1]))
    return baseline.why or both.why or (baseline, both)


def _survival(
    event: np.ndarray,
    complete: CompleteCases | str,
    models: tuple[cox.Model, cox.Model] | str,
    confidence: float,
) -> dict:
    size = _sized(complete, event)
    if isinstance(models, str):
        missing = not_estimable(models, cox.WALD, per=PER, p=None)
        return {**size, "added": _not_added(models), "hazard_ratio": missing, "apparent": _not_apparent(models)}
    null_likelihood = _no_model(models[1])
    standard_deviation = complete.table[SCORE].std()
    ratio = cox.fit(
        models[1].time, models[1].event, complete.table.assign(**{SCORE: complete.table[SCORE] / standard_deviation})
    )
    row = ratio.wald(confidence)[-1]
    concordances = [concordance.harrell(model.time, model.event, model.x @ model.beta, confidence) for model in models]
    return {
        **size,
        "added": _added(*(2 * (model.log_likelihood - null_likelihood) for model in models)),
        "hazard_ratio": {**row, "per": PER, "spread": float(standard_deviation)},
        "apparent": _apparent(*(value["estimate"] for value in concordances)),
    }


def _no_model(model: cox.Model) -> float:
    """Return the log partial likelihood with all coefficients zero."""
    return partial_likelihood.log_likelihood(model.x, model.time, model.event, np.zeros(model.x.shape[1]))


def _frozen_survival(
    parts: Mapping[str, tuple], models: Mapping[str, tuple[cox.Model, cox.Model] | str], confidence: float
) -> dict:
    """Return external concordance of both models fitted on development, and their difference in the same patients."""
    why = NO_DEVELOPMENT if "development" not in parts else NO_EXTERNAL if "external" not in parts else None
    frozen = why or models["development"]
    if not isinstance(frozen, str) and isinstance(parts["external"][2], str):
        frozen = parts["external"][2]
    if isinstance(frozen, str):
        missing = not_estimable(frozen, concordance.HARRELL)
        return {"n": None, "events": None, "baseline": missing, "both": {**missing}, "gain": {**missing, "p": None}}
    time, event, complete = parts["external"]
    time, event = time[complete.known], event[complete.known]
    risks = [complete.table.iloc[:, : model.beta.size].to_numpy() @ model.beta for model in frozen]
    return {
        "n": int(time.size),
        "events": int(event.sum()),
        "baseline": concordance.harrell(time, event, risks[0], confidence),
        "both": concordance.harrell(time, event, risks[1], confidence),
        "gain": concordance.compare(time, event, risks[1], risks[0], confidence),
    }
