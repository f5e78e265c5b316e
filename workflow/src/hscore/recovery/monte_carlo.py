"""Run many studies from latent scores, to check coverage of intervals and size of tests in the statistics stages.

Every study is drawn independently (`cohorts`) and analysed by the same functions that the validate and survive stages
call. The truth of an estimate is the result of the same function on a very large cohort, or a closed form (`truth`).
"""

import re
from dataclasses import dataclass

import numpy as np

from hscore.recovery import numbers
from hscore.recovery.cohorts import Cohort, draw
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import thresholds, validation
from hscore.statistics.survival import survival_by_score

MODEL = "hybrid"
KINDS = ("intervals", "p", "bands", "chosen")
ROLES = ("external", "development")


@dataclass(frozen=True)
class Settings:
    """Sizes and prevalences of the cohorts by role, and the study's `validate` and `survive` sections."""

    patients: dict[str, int]
    prevalence: dict[str, float]
    validate: dict
    survive: dict

    @classmethod
    def from_config(cls, monte_carlo: dict, validate: dict, survive: dict) -> "Settings":
        """Return settings from the simulation's section `monte_carlo` and the study's config, with fewer resamples."""
        counts = {role: monte_carlo[role] for role in ROLES}
        return cls(
            patients={role: count["patients"] for role, count in counts.items()},
            prevalence={role: count["lnm_positive"] / count["patients"] for role, count in counts.items()},
            validate=validate | {"bootstrap": validate["bootstrap"] | {"resamples": monte_carlo["resamples"]}},
            survive=survive | {"model": MODEL, "adjust_for": ["mri_ln_positive"]},
        )


def frozen_thresholds(parameters: dict, development: ScoredCohort) -> dict[str, dict]:
    """Return the frozen threshold of every model; the ideal observers' scores are risks already.

    The threshold is the planted lower limit of risk of the high-risk group, so that its truth is known.
    """
    threshold = {"value": parameters["survival"]["cut_off"], "chosen_on": "nothing: planted"}
    return {model: {**threshold, "recalibration": {"method": "planted"}} for model in development.scores}


def analyze(parameters: dict, cohorts: dict[str, Cohort], settings: Settings) -> dict:
    """Return the results of the statistics stages for one study: {"validation": ..., "survival": ...}."""
    external, development = cohorts["external"], cohorts["development"]
    thresholds_by_model = frozen_thresholds(parameters, development.evaluation)
    evaluations = {"external": external.evaluation, "out_of_fold": development.evaluation}
    characteristics = {"external": external.characteristics, "out_of_fold": development.characteristics}
    columns = {"external": ("score", external.survival), "development": ("out_of_fold", development.survival)}
    return {
        "validation": validation.validate(evaluations, thresholds_by_model, settings.validate, characteristics),
        "survival": survival_by_score.analyze(columns, MODEL, thresholds_by_model[MODEL], settings.survive),
    }


def batch(parameters: dict, scenario: str, settings: Settings, truth: dict, studies: int, seed: list[int]) -> dict:
    """Return the numbers of several studies.

    Args:
        parameters: the planted parameters.
        scenario: "planted" or "null".
        settings: sizes and settings.
        truth: content of the scenario's truth, see ``truth.reference``.
        studies: number of studies.
        seed: seed of this batch.

    Returns:
        Per place ``intervals`` (estimate, low, high), ``p`` (p-values) and ``bands`` (covered share), NaN where a study
        has no such number. ``chosen`` is the apparent and external accuracy of the hybrid at a threshold chosen on the
        development cohort by Youden's index, minus the true accuracy (see `_at_chosen_threshold`).
    """
    values: dict[str, dict] = {kind: {} for kind in KINDS}

    def note(kind: str, name: str, study: int, value) -> None:
        width = (3,) if kind == "intervals" else ()
        values[kind].setdefault(name, np.full((studies, *width), np.nan))[study] = value

    large = draw(parameters, scenario, 100_000, settings.prevalence["development"], np.random.default_rng([*seed, 0]))
    for study in range(studies):
        random = np.random.default_rng([*seed, study + 1])
        cohorts = {
            role: draw(parameters, scenario, settings.patients[role], settings.prevalence[role], random)
            for role in ROLES
        }
        results = analyze(parameters, cohorts, settings)
        for name, interval in numbers.intervals(results).items():
            note("intervals", name, study, interval)
        for name, p in numbers.tests(results).items():
            note("p", name, study, p)
        for name, band in numbers.bands(results).items():
            if (covered := covered_share(band, name, truth)) is not None:
                note("bands", name, study, covered)
        for name, error in _at_chosen_threshold(cohorts, large).items():
            note("chosen", name, study, error)
    return values


def to_arrays(batch_values: dict) -> dict[str, np.ndarray]:
    """Return a batch as plain arrays for a file."""
    return {f"{kind}/{name}": values for kind in KINDS for name, values in batch_values[kind].items()}


def from_arrays(arrays) -> dict:
    """Return a batch from the arrays of its file."""
    values: dict[str, dict] = {kind: {} for kind in KINDS}
    for key in arrays:
        kind, _, name = key.partition("/")
        values[kind][name] = arrays[key]
    return values


def covered_share(band: dict, name: str, truth: dict) -> float | None:
    """Return the share of a band's points that contain the truth; None where the truth is not known."""
    true = true_curve(band["grid"], name, truth)
    if true is None:
        return None
    low, high = (np.array(band[key], float) for key in ("low", "high"))  # None becomes NaN
    known = np.isfinite(low) & np.isfinite(high) & np.isfinite(true)
    if not known.any():
        return None
    tolerance = 1e-9  # limits of 0 and 1 contain a truth of 0 and 1 despite rounding
    return float(((low - tolerance <= true) & (true <= high + tolerance))[known].mean())


def true_curve(grid: list, name: str, truth: dict) -> np.ndarray | None:
    """Return the true values of a curve on its grid: survival by month, calibrated scores, or the reference's grid."""
    if name in truth["survival"]:
        by_month = truth["survival"][name]
        return np.interp(grid, np.arange(len(by_month)), by_month)
    if name in truth["calibrated"]:
        return np.array(grid)
    if name in truth["curves"] and len(truth["curves"][name]) == len(grid):
        return np.array(truth["curves"][name], float)
    return None


def _at_chosen_threshold(cohorts: dict[str, Cohort], large: Cohort) -> dict[str, float]:
    """Return the error of the hybrid's sensitivity and specificity at Youden's threshold, by cohort."""
    development = cohorts["development"].evaluation
    choice = thresholds.choose(development.y_true, development.scores[MODEL], "youden")
    if "why" in choice:
        return {}
    errors = {}
    y_large, large_calls = large.evaluation.y_true, large.evaluation.scores[MODEL] >= choice["value"]
    for role, cohort in cohorts.items():
        y_cohort, calls = cohort.evaluation.y_true, cohort.evaluation.scores[MODEL] >= choice["value"]
        for measure, member, of_large, sign in (
            ("sensitivity", y_cohort, y_large, True),
            ("specificity", ~y_cohort, ~y_large, False),
        ):
            if member.any():
                errors[f"{role} {measure}"] = (calls[member] == sign).mean() - (large_calls[of_large] == sign).mean()
    return errors


# --- summary of many studies

# Tests whose null hypothesis holds although differences between models and in survival are planted. Ideal observers are
# calibrated, equally in all subgroups and in both cohorts. Groups of a continuous score do not have proportional
# hazards, and node status and reading add information to the score's group. No null hypothesis on them holds exactly.
PLANTED_NULLS = re.compile(
    r"calibration\[.*recalibrated.*\]\.spiegelhalter$|subgroups\[.*\]\.heterogeneity$|auc_change\["
)


def null_is_true(test: str, scenario: str) -> bool:
    """Return whether a test's null hypothesis holds in a scenario."""
    return scenario == "null" or bool(PLANTED_NULLS.search(test))


def summary(batches: list[dict], truth: dict, confidence: float) -> dict:
    """Return coverage and bias of every interval and band, size or power of every test, with Monte-Carlo errors."""
    joined = {
        kind: {name: _joined([part[kind].get(name) for part in batches], batches) for name in _names(batches, kind)}
        for kind in KINDS
    }
    return {
        "scenario": truth["scenario"],
        "studies": sum(map(_studies, batches)),
        "confidence": confidence,
        "intervals": [
            _interval(name, values, truth)
            for name, values in joined["intervals"].items()
            if name in truth["values"] or np.isfinite(values[:, 0]).any()
        ],
        "bands": [_mean(name, values, "covered") for name, values in joined["bands"].items()],
        "tests": [_test(name, values, truth) for name, values in joined["p"].items()],
        "chosen_threshold": [_mean(name, values, "bias") for name, values in joined["chosen"].items()],
    }


def _names(batches: list[dict], kind: str) -> list[str]:
    return list(dict.fromkeys(name for part in batches for name in part[kind]))


def _joined(parts: list[np.ndarray | None], batches: list[dict]) -> np.ndarray:
    """Return the studies of all batches; a batch without a place counts as NaN."""
    shape = next(part.shape[1:] for part in parts if part is not None)
    return np.concatenate(
        [
            np.full((_studies(batch), *shape), np.nan) if part is None else part
            for part, batch in zip(parts, batches, strict=True)
        ]
    )


def _studies(batch: dict) -> int:
    return len(next(iter(batch["intervals"].values())))


def _interval(name: str, values: np.ndarray, truth: dict) -> dict:
    """Return the summary of one interval over all studies; `values` is [studies, (estimate, low, high)]."""
    known = values[~np.isnan(values[:, 1])]
    estimate, low, high = known.T
    finite = estimate[np.isfinite(estimate)]
    mean = float(finite.mean()) if len(finite) else None
    true, source = truth["values"].get(name), "planted"
    if true is None:
        true, source = mean, "mean of the studies"
    tolerance = 1e-9 * max(1.0, abs(true))
    covered = (low <= true + tolerance) & (true <= high + tolerance)
    row = {
        "place": name,
        "studies": len(known),
        "truth": true,
        "truth_from": source,
        "mean": mean,
        "bias": mean - true if len(finite) == len(estimate) else None,
        "bias_error": float(finite.std(ddof=1) / np.sqrt(len(finite))) if len(finite) > 1 else None,
        "coverage": float(covered.mean()),
        "coverage_error": _share_error(covered.mean(), len(known)),
        "below": float((high < true - tolerance).mean()),
        "above": float((low > true + tolerance).mean()),
    }
    widths = (high - low)[np.isfinite(high - low)]
    return {**row, "median_width": float(np.median(widths)) if len(widths) else None}


def _test(name: str, values: np.ndarray, truth: dict) -> dict:
    known = values[~np.isnan(values)]
    rejected = float((known < 0.05).mean())
    return {
        "place": name,
        "studies": len(known),
        "null_is_true": null_is_true(name, truth["scenario"]),
        "rejected": rejected,
        "rejected_error": _share_error(rejected, len(known)),
    }


def _mean(name: str, values: np.ndarray, key: str) -> dict:
    known = values[~np.isnan(values)]
    error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else None
    return {"place": name, "studies": len(known), key: float(known.mean()), f"{key}_error": error}


def _share_error(share: float, count: int) -> float:
    """Return the Monte-Carlo standard error of a share, not smaller than that of one study among all."""
    share = min(max(share, 1 / (count + 1)), 1 - 1 / (count + 1))
    return float(np.sqrt(share * (1 - share) / count))
