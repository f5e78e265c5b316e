"""How often does each printed interval hold the truth, when a study is done as `hscore` does it?

`score_chain` draws the patients and puts them through the steps: folds, members, alignment and calibration, frozen
cut-offs, validation. Here disease-free survival is added, with a hazard that rises with the logit of the true risk. The
truth of a number is what the same function says of `LARGE` further patients of the population, scored by this study's
own frozen models and divided by its own cut-offs:

- external numbers: by the ensemble, as in the study;
- out-of-fold numbers: each of the further patients by one member drawn at random, as in the study, where each patient
  is scored by the one member that did not see the patient.

So every truth is conditional on the fitted models. `LEFT_OUT` lists what has no clear truth. Run
`PYTHONPATH=workflow/src:tests python tests/chain_coverage.py 400`; it prints the tables of docs/intervals.md.
"""

import contextlib
import io
import json
import multiprocessing
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
from scipy.special import logit

import score_chain
import score_tables
from hscore.files import read_json
from hscore.recovery import numbers
from hscore.statistics.common import bootstrap
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import validation
from hscore.statistics.survival import concordance, cox, cox_models, survival_by_score, time_dependent
from hscore.steps import analyze_survival

LARGE = 5_000
RESAMPLES = 200
PREVALENCE = 103 / 479
SIZES = {"development": 338, "external": 141, "large": LARGE}
BAND = ("grid", "value", "low", "high")
MODEL = "hybrid"  # whose score is the H score
PER_LOGIT, MONTHLY_HAZARD = 0.33, 0.0045
FOLLOW_UP, MONTHLY_LOSS = (30, 84), 0.002  # as resources/simulation.yaml

LEFT_OUT = {
    r"apparent": "accuracy on the training patients: an estimate of nothing else",
    r"^validation\.precision": "plans of a prospective study",
    r"^validation\.centers": "the single external centre once more, under its own name",
    r"\.spline|\.curve$|calibration\[.*\]\.curve": "curves on a grid that differs from study to study",
}


def population(random: np.random.Generator, size: int, center: str) -> pd.DataFrame:
    """Patients of ``score_chain`` with a random number of positives, their age, and disease-free survival."""
    table = score_chain.population(random, size, int(random.binomial(size, PREVALENCE)), center)
    event_time = random.exponential(1 / (MONTHLY_HAZARD * np.exp(PER_LOGIT * (true_logit(table) - logit(PREVALENCE)))))
    censored = np.minimum(random.uniform(*FOLLOW_UP, size), random.exponential(1 / MONTHLY_LOSS, size))
    return table.assign(
        age=random.integers(35, 65, size),
        dfs_months=np.maximum(0.1, np.round(np.minimum(event_time, censored), 1)),
        dfs_event=(event_time <= censored).astype(int),
    )


def true_logit(table: pd.DataFrame) -> np.ndarray:
    """Logit of the chance of metastasis given the reading and the signal, [patients]."""
    sensitivity, specificity, signal = score_chain.SENSITIVITY, score_chain.SPECIFICITY, score_chain.SIGNAL
    called, not_called = np.log(sensitivity / (1 - specificity)), np.log((1 - sensitivity) / specificity)
    reading = np.where(table[score_chain.READING] == 1, called, not_called)
    return logit(PREVALENCE) + reading + signal * (table["signal"].to_numpy() - signal / 2)


def study(seed: int) -> tuple[pd.DataFrame, dict[str, tuple[float, bool]]]:
    """Return one study: a row per interval (``place estimate low high true``), and what it claims of ``nothing``."""
    random = np.random.default_rng(seed)
    cohorts = {name: population(random, size, name) for name, size in SIZES.items()}
    with tempfile.TemporaryDirectory() as name, contextlib.redirect_stderr(io.StringIO()):
        folder = Path(name)
        score_chain.make(folder, cohorts, seed, RESAMPLES)
        by_score(folder, cohorts)
        found = {name: read_json(folder / f"{name}.json") for name in ("validation", "survival")}
        true = truth(folder, cohorts["large"], found["survival"]["prediction"]["fitted"], random)
    return compared(found, true), claims(found["validation"])


def by_score(folder: Path, cohorts: dict[str, pd.DataFrame]) -> None:
    """Run the step survive."""
    named = ("development", "external")
    for name in named:
        cohorts[name][["patient", "dfs_months", "dfs_event"]].to_csv(folder / f"{name}_dfs.csv", index=False)
    several = {
        option: [str(folder / f"{name}{ending}.csv") for name in named]
        for option, ending in (("--dfs", "_dfs"), ("--lnm", "_lnm"), ("--manifests", ""))
    }
    analyze_survival.main(
        ["--development", str(folder / f"{MODEL}-development.csv"), "--external", str(folder / f"{MODEL}-external.csv"),
         *(word for option, paths in several.items() for word in (option, *paths)),
         "--thresholds", str(folder / "thresholds.json"), "--settings", json.dumps(survival_settings()),
         "--output", str(folder / "survival.json")]
    )  # fmt: skip


def survival_settings() -> dict:
    """Return the config's section survive."""
    return score_chain.config("survive") | {"model": MODEL}


def truth(folder: Path, large: pd.DataFrame, prediction: dict, random: np.random.Generator) -> dict:
    """What the same functions say of the large cohort, scored by the study's frozen models."""
    external = scored(folder, large)
    unseen = random.integers(0, len(external.members[MODEL]), len(large)), np.arange(len(large))
    single = ScoredCohort(external.y_true, {model: rows[unseen] for model, rows in external.members.items()})
    evaluations, about = {"external": external, "out_of_fold": single}, large[["age", score_chain.READING]].astype(str)
    frozen, settings = read_json(folder / "thresholds.json"), survival_settings()
    cut = frozen[MODEL]["value"]
    with linear():
        cohorts = {
            name: survival_by_score.describe(
                large.assign(score=cohort.scores[MODEL], competing_event=np.nan), evaluation, settings, cut
            )
            for name, evaluation, cohort in (("external", "external", external), ("development", "out_of_fold", single))
        }
        by_ensemble = {"external": ("external", large.assign(score=external.scores[MODEL]))}
        predicted = survival_by_score.prediction(prediction, by_ensemble, settings)
        return {
            "validation": validation.validate(
                evaluations, frozen, score_chain.validation_settings(2), dict.fromkeys(evaluations, about)
            ),
            "survival": {"cohorts": cohorts, "prediction": predicted},
        }


def scored(folder: Path, large: pd.DataFrame) -> ScoredCohort:
    """The large cohort with every model's external scores and those of its members."""
    found = {model: score_tables.read(folder / f"{model}-large.csv") for model in score_chain.MODELS}
    members = {model: table.filter(regex="^fold_").to_numpy().T for model, table in found.items()}
    scores = {model: table["score"].to_numpy() for model, table in found.items()}
    return ScoredCohort(large["lnm"].to_numpy() == 1, scores, members)


@contextlib.contextmanager
def linear() -> Iterator[None]:
    """Leave out what is costly in a large cohort and changes no estimate: jackknives, profile intervals, splines."""
    with contextlib.ExitStack() as stack:
        for module, name, other in (
            (concordance, "concordance", _concordance),
            (time_dependent, "jackknife", lambda statistics, n: statistics(bootstrap.cohort_counts(n))[0] * np.nan),
            (cox, "_crossing", lambda *_: None),
            (cox_models, "spline", lambda *_: {}),
        ):
            stack.enter_context(patch.object(module, name, other))
        yield


def _concordance(time: np.ndarray, event: np.ndarray, risk: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """``concordance.concordance`` without a standard error, some events at a time."""
    wins = total = 0.0
    for some in np.array_split(np.flatnonzero(event), 1 + event.sum() // 500):
        later = (time > time[some, None]) | ((time == time[some, None]) & ~event)
        won = np.where(risk == risk[some, None], 0.5, risk < risk[some, None])
        wins, total = wins + weight[some] @ (later * won).sum(axis=1), total + weight[some] @ later.sum(axis=1)
    return float(wins / total), np.nan


def compared(found: dict, true: dict) -> pd.DataFrame:
    """A row per interval of a study: ``place estimate low high true``; without an interval both ends are NaN."""
    intervals, known = numbers.intervals(found), estimates(true)
    rows = []
    for place, value in estimates(found).items():
        if any(re.search(pattern, place) for pattern in LEFT_OUT):
            continue
        _, low, high = intervals.get(place, (np.nan,) * 3)
        rows.append((place, value, low, high, known.get(place, np.nan)))
    true_bands = numbers.bands(true)
    for place, band in numbers.bands(found).items():
        if "decision_curves" in place:
            rows += [
                (f"{place} at {row[0]:g}", *row[1:])
                for row in zip(*(band[key] for key in BAND), true_bands[place]["value"], strict=True)
                if round(100 * row[0]) % 10 == 0
            ]
    return pd.DataFrame(rows, columns=["place", "estimate", "low", "high", "true"]).astype(
        {"low": float, "high": float}
    )


def claims(content: dict) -> dict[str, tuple[float, bool]]:
    """The gain of ``nothing``, the reading and six variables of noise, over the reading, and if it is significant.

    NRI and IDI have no test: theirs is "significant" where the interval excludes 0.
    """
    found = {}
    for row in content["comparisons"]:
        if (row["model_a"], row["model_b"]) == ("nothing", "clinical"):
            found[f"AUC, DeLong, {row['evaluation']}"] = row["difference"], (row["p"] or 1) < 0.05
    for row in content["paired_accuracy"]:
        if (row["model_a"], row["model_b"]) == ("nothing", "clinical"):
            name = f"{row['measure']}, exact McNemar, {row['evaluation']}"
            found[name] = row["difference"]["estimate"], row["p_exact"] < 0.05
    for row in content["reclassification"]:
        if row["old"] == "clinical":
            for name in ("categorical_nri", "continuous_nri", "idi"):
                interval = row[name]
                outside = interval["low"] is not None and not interval["low"] <= 0 <= interval["high"]
                found[f"{name}, {row['evaluation']}"] = interval["estimate"], outside
    return found


def estimates(content: dict) -> dict[str, float]:
    """Every number that may have an interval by place; NaN where it is not estimable."""
    found = {}
    for place, node in numbers.places(content):
        key = next((key for key in numbers.VALUES if key in node and not isinstance(node[key], list)), None)
        if key and "low" in node and not isinstance(node[key], dict):
            found[place] = np.nan if node[key] is None else node[key]
        if "median_low" in node:
            found[f"{place}.median"] = np.nan if node["median"] is None else node["median"]
    return found


# What the table calls the places: the first pattern that a place contains.
KINDS = {
    r"performance\[.*\.auc$": "AUC (Newcombe)",
    r"\.auc_delong$": "AUC (DeLong)",
    r"\.auc_logit$": "AUC (DeLong, logit)",
    r"\.auc_bootstrap$": "AUC (bootstrap)",
    r"\.partial_auc$": "partial AUC",
    r"\.average_precision$": "average precision",
    r"comparisons\[": "difference of AUCs",
    r"auc_change\[.*\.ensemble$": "AUC added by averaging",
    r"auc_change\[": "change of AUC between the cohorts",
    r"performance\[.*\.sensitivity$": "sensitivity",
    r"performance\[.*\.specificity$": "specificity",
    r"\.accuracy$": "accuracy",
    r"\.ppv$": "PPV",
    r"\.npv$": "NPV",
    r"likelihood_ratio$": "likelihood ratios",
    r"odds_ratio$": "diagnostic odds ratio",
    r"\.(youden|balanced_accuracy)$": "Youden's index, balanced accuracy",
    r"\.f1$": "F1",
    r"\.net_benefit at": "net benefit",
    r"\.standardised at": "standardised net benefit",
    r"\.interventions_avoided_per_100 at": "dissections avoided per 100",
    r"\.spared_per_missed at": "spared per metastasis missed",
    r"\.against_\w+ at": "difference of net benefit",
    r"\.(mcc|kappa)$": "MCC, kappa",
    r"paired_accuracy.*sensitivity": "difference of sensitivity",
    r"paired_accuracy.*specificity": "difference of specificity",
    r"paired_accuracy.*accuracy": "difference of accuracy",
    r"observed_expected$": "O:E",
    r"calibration\[.*\.intercept$": "calibration intercept",
    r"calibration\[.*\.slope$": "calibration slope",
    r"\.brier$": "Brier score",
    r"scaled_brier$": "scaled Brier score",
    r"categorical_nri$": "categorical NRI",
    r"continuous_nri$": "continuous NRI",
    r"\.idi$": "IDI",
    r"subgroups.*\.auc$": "AUC in subgroups",
    r"subgroups": "sensitivity, specificity in subgroups",
    r"hazard_ratio\.profile$": "hazard ratio of the groups (profile)",
    r"hazard_ratio_firth$": "hazard ratio of the groups (Firth)",
    r"hazard_ratio$": "hazard ratio of the groups",
    r"continuous\.profile$": "hazard ratio per 0.1 (profile)",
    r"continuous$": "hazard ratio per 0.1",
    r"(variable|both)\[.*\.profile$|alone\.profile$": "hazard ratios in models with the reading or pathology (profile)",
    r"(variable|both)\[|alone$": "hazard ratios in models with the reading or pathology",
    r"concordance$": "Harrell's C",
    r"concordance_uno$": "Uno's C",
    r"time_dependent_auc": "time-dependent AUC",
    r"\.at\[": "survival at yearly times",
    r"groups.*\.median$": "median survival",
    r"restricted_mean$": "difference of restricted means",
    r"prediction\.external\.(model|no_model)$": "integrated Brier score",
    r"prediction\.external\.scaled$": "index of prediction accuracy",
}
COHORTS = ("out-of-fold", "external")
DEVELOPMENT = r"out_of_fold|cohorts\.development"


def kind(place: str) -> str:
    """Return the table's name of a place, "other" where ``KINDS`` does not know it."""
    return next((name for pattern, name in KINDS.items() if re.search(pattern, place)), "other")


def summary(studies: list[pd.DataFrame]) -> pd.DataFrame:
    """Coverage of every kind of number in both cohorts, a row each.

    ``coverage`` is the share of intervals that hold the truth; ``error`` its Monte-Carlo error, that of a mean over
    studies, because the intervals of one study depend on each other. ``below`` and ``above`` are the shares of
    intervals on either side of the truth, ``width`` is their median width, ``none`` the share of numbers without an
    interval; ``lowest`` and ``place`` say which number of the kind is covered least.
    """
    rows = pd.concat([rows.assign(study=number) for number, rows in enumerate(studies)], ignore_index=True)
    rows = rows[rows["true"].notna()]
    rows["kind"] = rows["place"].map(kind)
    rows["cohort"] = np.where(rows["place"].str.contains(DEVELOPMENT), *COHORTS)
    slack = 1e-9 * np.maximum(1, rows["true"].abs())
    rows["below"], rows["above"] = rows["high"] < rows["true"] - slack, rows["low"] > rows["true"] + slack
    rows["covered"], rows["width"] = ~(rows["below"] | rows["above"]), rows["high"] - rows["low"]
    table = []
    for (name, cohort), group in rows.groupby(["kind", "cohort"], sort=False):
        known = group.dropna(subset=["low", "high"])
        by_study, by_place = (known.groupby(key)["covered"].mean() for key in ("study", "place"))
        shares = known[["covered", "below", "above"]].mean().set_axis(["coverage", "below", "above"])
        table.append(
            {"kind": name, "cohort": cohort, **shares, "error": by_study.std() / np.sqrt(len(by_study)),
             "width": known["width"].median(), "none": 1 - len(known) / len(group), "lowest": by_place.min(),
             "place": by_place.idxmin() if len(known) else ""}
        )  # fmt: skip
    return pd.DataFrame(table)


def without_truth(studies: list[pd.DataFrame]) -> list[str]:
    """The places that have an interval and no truth."""
    rows = pd.concat(studies).dropna(subset=["low"])
    known = rows.groupby("place")["true"].count()
    return list(known.index[known == 0])


def false_positives(found: list[dict[str, tuple[float, bool]]]) -> pd.DataFrame:
    """Share of studies in which ``nothing`` differs significantly from the reading, and in which it gains."""
    table = {}
    for name in dict.fromkeys(name for one in found for name in one):
        gain, significant = np.array([one[name] for one in found], float).T
        table[name] = {"significant": significant.mean(), "gain": (significant * (gain > 0)).mean()}
    return pd.DataFrame(table).T


def markdown(table: pd.DataFrame) -> str:
    """The coverage as the table of docs/intervals.md."""
    lines = [
        "| statistic | external: coverage, % | width | none, % | out-of-fold: coverage, % | width | none, % |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, group in table.groupby("kind", sort=False):
        cells = [name]
        for cohort in COHORTS[::-1]:
            rows = group[group["cohort"] == cohort]
            for row in rows.itertuples():
                width = f"{row.width:.3g}" if np.isfinite(row.width) else "open"
                cells += [f"{100 * row.coverage:.1f} ({100 * row.error:.1f})", width, f"{100 * row.none:.1f}"]
            if rows.empty:
                cells += ["\u2013"] * 3
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    number, processes = (int(word) for word in (*sys.argv[1:3], *("200", "1")[len(sys.argv) - 1 :]))
    with multiprocessing.Pool(processes) as pool:
        rows, claimed = zip(*pool.imap(study, range(number)), strict=True)
    print(markdown(summary(list(rows))), false_positives(list(claimed)).to_string(), sep="\n\n")
    print("\nwithout a known truth:", *without_truth(list(rows)), sep="\n")
