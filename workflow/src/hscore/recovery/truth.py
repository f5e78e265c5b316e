"""The truth behind the Monte-Carlo studies: from the planted parameters, or from cohorts so large that they hardly
vary.

Validation: the same function on large cohorts, so an estimate that is added there has a truth at once. Survival: closed
forms of the planted exponential times, and large cohorts where there are none. What neither gives is measured against
the mean of the studies, and said so.
"""

import numpy as np

from hscore.recovery import numbers
from hscore.recovery.cohorts import draw
from hscore.recovery.monte_carlo import ROLES, Settings, frozen
from hscore.statistics import concordance, cox, discrimination, validation
from hscore.statistics.estimates import finite
from hscore.statistics.survival_by_score import STEP_MONTHS

LARGE, REPEATS = 50_000, 4  # patients and number of the large cohorts
QUADRATIC, QUADRATIC_REPEATS = 3_000, 12  # where the cost grows with the square
GROUP = "high H score"


def reference(parameters: dict, scenario: str, settings: Settings, seed: int) -> dict:
    """`values` and `curves` by place; `hazards` and `calibrated` say what further curves truly are."""
    random = np.random.default_rng([seed, 1])
    trees = [_validation(parameters, scenario, settings, random) for _ in range(REPEATS)]
    found = [numbers.intervals(tree) for tree in trees]
    values = {name: float(np.mean([one[name][0] for one in found if name in one])) for name in found[0]}
    values |= _survival(parameters, scenario, settings, random)
    bands = [numbers.bands(tree) for tree in trees]
    curves = {
        name: [finite(value) for value in np.mean([np.array(one[name]["value"], float) for one in bands], axis=0)]
        for name in bands[0]
        if "decision_curves" in name
    }
    return {
        "scenario": scenario,
        "values": values,
        "curves": curves,
        "hazards": _hazards(parameters, scenario),
        "calibrated": [name for name in bands[0] if "calibration[" in name and "recalibrated" in name]
        if scenario == "planted"
        else [],
    }


def _validation(parameters: dict, scenario: str, settings: Settings, random: np.random.Generator) -> dict:
    large = {role: draw(parameters, scenario, LARGE, settings.prevalence[role], random) for role in ROLES}
    few = settings.validate | {"bootstrap": {"resamples": 2, "seed": 1}}
    evaluations = {"external": large["external"].evaluation, "out_of_fold": large["development"].evaluation}
    about = {"external": large["external"].characteristics, "out_of_fold": large["development"].characteristics}
    fixed = frozen(parameters, evaluations["out_of_fold"])
    return {"validation": validation.validate(evaluations, fixed, few, about)}


def _hazards(parameters: dict, scenario: str) -> dict[str, float]:
    """Monthly hazard behind each Kaplan-Meier curve."""
    low, ratio = parameters["survival"]["monthly_hazard_low"], hazard_ratio(parameters, scenario)
    return {
        f"survival.cohorts.{role}.groups.{group}.curve": low * (ratio if group == "high" else 1.0)
        for role in ROLES
        for group in ("high", "low")
    }


def hazard_ratio(parameters: dict, scenario: str) -> float:
    """Of the high group against the low one."""
    return parameters["survival"]["hazard_ratio"] if scenario == "planted" else 1.0


def _survival(parameters: dict, scenario: str, settings: Settings, random: np.random.Generator) -> dict[str, float]:
    """True values of the survival analysis by place."""
    ratio, low = hazard_ratio(parameters, scenario), parameters["survival"]["monthly_hazard_low"]
    horizon = settings.survive["horizon_months"]
    mean = {hazard: (1 - np.exp(-hazard * horizon)) / hazard for hazard in (low, low * ratio)}
    values = {}
    for role in ROLES:
        here = f"survival.cohorts.{role}"
        values[f"{here}.hazard_ratio_firth"] = ratio
        of_group = ("hazard_ratio", f"multivariable[{GROUP}]", f"pathology.both[{GROUP}]")
        beside_it = ("multivariable[mri_ln_positive]", "pathology.both[lnm]")
        for names, true in ((of_group, ratio), (beside_it, 1.0)):
            values |= {f"{here}.{name}{kind}": true for name in names for kind in ("", ".profile")}
        values[f"{here}.restricted_mean"] = float(mean[low * ratio] - mean[low])
        for group, hazard in (("high", low * ratio), ("low", low)):
            values[f"{here}.groups.{group}.median"] = np.log(2) / hazard
            values |= {f"{here}.groups.{group}.at[at {month}]": np.exp(-hazard * month) for month in _years(settings)}
        values |= {f"{here}.{name}": value for name, value in _large(parameters, scenario, settings, role, random)}
    return values


def _years(settings: Settings) -> range:
    """The months at which the survival analysis reports."""
    return range(STEP_MONTHS, int(settings.survive["horizon_months"]) + 1, STEP_MONTHS)


def _large(parameters: dict, scenario: str, settings: Settings, role: str, random: np.random.Generator):
    """(name, value) of what has no closed form, from large cohorts."""
    cohort = draw(parameters, scenario, LARGE, settings.prevalence[role], random).survival
    time, event = cohort["dfs_months"].to_numpy(), cohort["dfs_event"].to_numpy() == 1
    for name, columns in (
        ("pathology.alone", cohort[["lnm"]]),
        ("univariable[mri_ln_positive]", cohort[["mri_ln_positive"]]),
        ("continuous", (cohort[["score"]] / 0.1)),
    ):
        ratio = float(np.exp(cox.fit(time, event, columns).beta[0]))
        yield name, ratio
        yield f"{name}.profile", ratio
    without_censoring = parameters | {
        "survival": parameters["survival"] | {"follow_up_months": [1e6, 1e6], "monthly_loss": 1e-12}
    }
    complete = draw(without_censoring, scenario, LARGE, settings.prevalence[role], random).survival
    times, nodes = complete["dfs_months"].to_numpy(), complete["lnm"].to_numpy() == 1
    restricted = np.minimum(times, settings.survive["horizon_months"])
    yield "pathology.restricted_mean", float(restricted[nodes].mean() - restricted[~nodes].mean())
    for name, group in (("positive", times[nodes]), ("negative", times[~nodes])):
        yield f"pathology.groups.{name}.median", float(np.median(group))
        for moment in _years(settings):
            yield f"pathology.groups.{name}.at[at {moment}]", float((group > moment).mean())
    for moment in _years(settings):
        early = times <= moment
        yield (
            f"time_dependent_auc[at {moment}]",
            float(discrimination.delong(early, complete["score"].to_numpy()).auc[0]),
        )
    pairs = {"concordance": concordance.harrell, "concordance_uno": concordance.uno}
    for name, function in pairs.items():
        found = []
        for _ in range(QUADRATIC_REPEATS):
            part = draw(parameters, scenario, QUADRATIC, settings.prevalence[role], random).survival
            columns = part["dfs_months"].to_numpy(), part["dfs_event"].to_numpy() == 1, part["score"].to_numpy()
            found.append(function(*columns, settings.survive["confidence"])["estimate"])
        yield name, float(np.mean(found))
