"""Compute the truth behind the Monte-Carlo studies, from the planted parameters or from very large cohorts.

Validation: the same function on large cohorts, so that every new estimate has a truth at once. Survival: the limits of
the estimates in the planted population (`limits`), without random error. Estimates without either are compared with the
mean of the studies, and marked as such.
"""

from collections.abc import Iterator

import numpy as np

from hscore.recovery import numbers
from hscore.recovery.cohorts import draw, law_of_survival
from hscore.recovery.monte_carlo import ROLES, Settings, frozen_thresholds
from hscore.recovery.population import Population, population
from hscore.statistics.common.estimates import finite_or_none
from hscore.statistics.diagnosis import validation
from hscore.statistics.survival.survival_by_score import STEP_MONTHS

LARGE, REPEATS = 50_000, 4  # patients and number of the large cohorts
GROUP = "high H score"


def reference(parameters: dict, scenario: str, settings: Settings, seed: int) -> dict:
    """Return the true values of a scenario.

    Returns:
        `values` and `curves` by place, `survival` (curves by month) and `calibrated` (places of curves on the
        diagonal).
    """
    random = np.random.default_rng([seed, 1])
    trees = [_validation(parameters, scenario, settings, random) for _ in range(REPEATS)]
    intervals = [numbers.intervals(tree) for tree in trees]
    values = {
        name: float(np.mean([tree_values[name][0] for tree_values in intervals if name in tree_values]))
        for name in intervals[0]
    }
    of_survival, by_month = _survival(parameters, scenario, settings)
    bands = [numbers.bands(tree) for tree in trees]
    curves = {
        name: [
            finite_or_none(value)
            for value in np.mean([np.array(tree_values[name]["value"], float) for tree_values in bands], axis=0)
        ]
        for name in bands[0]
        if "decision_curves" in name
    }
    return {
        "scenario": scenario,
        "values": values | of_survival,
        "curves": curves,
        "survival": by_month,
        "calibrated": [name for name in bands[0] if "calibration[" in name and "recalibrated" in name]
        if scenario == "planted"
        else [],
    }


def _validation(parameters: dict, scenario: str, settings: Settings, random: np.random.Generator) -> dict:
    large = {role: draw(parameters, scenario, LARGE, settings.prevalence[role], random) for role in ROLES}
    with_few_resamples = settings.validate | {"bootstrap": {"resamples": 2, "seed": 1}}
    evaluations = {"external": large["external"].evaluation, "out_of_fold": large["development"].evaluation}
    characteristics = {
        "external": large["external"].characteristics,
        "out_of_fold": large["development"].characteristics,
    }
    thresholds = frozen_thresholds(parameters, evaluations["out_of_fold"])
    return {"validation": validation.validate(evaluations, thresholds, with_few_resamples, characteristics)}


def _survival(parameters: dict, scenario: str, settings: Settings) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return true values of the survival analysis by place, and the survival of groups by month, from month 0 on.

    In the null scenario nothing is related to survival, so the population's scores do not matter.
    """
    values, curves = {}, {}
    law = law_of_survival(parameters, scenario)
    longest = int(np.ceil(law["follow_up_months"][1]))
    for role in ROLES:
        people = population(parameters | {"survival": law}, settings.prevalence[role])
        cohort_prefix = f"survival.cohorts.{role}"
        values |= {f"{cohort_prefix}.{name}": value for name, value in _hazard_ratios(people)}
        values |= {f"{cohort_prefix}.{name}": value for name, value in _of_score(people, settings)}
        groups = {"high": people.high, "low": ~people.high}
        nodes = {"positive": people.lnm, "negative": ~people.lnm}
        for prefix, pair in ((cohort_prefix, groups), (f"{cohort_prefix}.pathology", nodes)):
            values |= {f"{prefix}.{name}": value for name, value in _of_groups(people, pair, settings)}
            for name, member in pair.items():
                by_month = people.survival.survival(member, np.arange(longest + 1))
                curves[f"{prefix}.groups.{name}.curve"] = by_month.tolist()
    return values, curves


def _hazard_ratios(people: Population) -> Iterator[tuple[str, float]]:
    """Yield (name, value) of every Cox hazard ratio."""
    score = people.h_score / 0.1
    for covariates, names in (
        ([people.high], ["hazard_ratio"]),
        ([people.high, people.reading], [f"multivariable[{GROUP}]", "multivariable[mri_ln_positive]"]),
        ([people.high, people.lnm], [f"pathology.both[{GROUP}]", "pathology.both[lnm]"]),
        ([people.lnm], ["pathology.alone"]),
        ([people.reading], ["univariable[mri_ln_positive]"]),
        ([score], ["continuous"]),
    ):
        ratios = np.exp(people.survival.cox(np.column_stack(covariates).astype(float)))
        for name, ratio in zip(names, ratios, strict=True):
            yield name, float(ratio)
            yield f"{name}.profile", float(ratio)
            if name == "hazard_ratio":
                yield f"{name}_firth", float(ratio)


def _of_score(people: Population, settings: Settings) -> Iterator[tuple[str, float]]:
    """Yield (name, value) of the statistics on how the score orders patients by survival."""
    yield "concordance", people.survival.harrell(people.h_score)
    yield "concordance_uno", people.survival.uno(people.h_score)
    for month in _years(settings):
        yield f"time_dependent_auc[at {month}]", people.survival.auc_at(people.h_score, month)


def _of_groups(people: Population, groups: dict[str, np.ndarray], settings: Settings) -> Iterator[tuple[str, float]]:
    """Yield (name, value) of the survival of two groups, bool [n] each."""
    means = [people.survival.restricted_mean(member, settings.survive["horizon_months"]) for member in groups.values()]
    yield "restricted_mean", means[0] - means[1]
    months = np.array(_years(settings))
    for name, member in groups.items():
        yield f"groups.{name}.median", people.survival.median(member)
        for month, share in zip(months, people.survival.survival(member, months), strict=True):
            yield f"groups.{name}.at[at {month}]", float(share)


def _years(settings: Settings) -> range:
    """Return the months at which the survival analysis reports."""
    return range(STEP_MONTHS, int(settings.survive["horizon_months"]) + 1, STEP_MONTHS)
