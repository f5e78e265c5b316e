"""Coverage of out-of-fold AUCs and of their differences, with DeLong's variance and with the one that is printed.

Logistic members are trained fold by fold on patients of `score_chain`, aligned and calibrated, in memory, so that a
study takes a fifth of a second. `PYTHONPATH=workflow/src:tests python tests/out_of_fold_coverage.py 1000 5` prints the
table of docs/intervals.md for 1,000 studies with five folds.
"""

import sys
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import expit

import score_chain
from chain_coverage import PREVALENCE
from hscore.cohort.folds import stratified_folds
from hscore.learning import calibration
from hscore.metrics.logistic import fit_firth
from hscore.statistics.common.estimates import normal_quantile
from hscore.statistics.diagnosis import cross_validation, discrimination

PATIENTS, LARGE = 338, 10_000
MODELS = {
    "reading": [score_chain.READING],
    "reading and noise": [score_chain.READING, *score_chain.NOISE],
    "image": ["signal", *score_chain.WEAK],
    "hybrid": ["signal", *score_chain.WEAK, score_chain.READING],
    "signal": ["signal"],
}


def fitted(values: np.ndarray, y_true: np.ndarray, fold: np.ndarray) -> list[np.ndarray]:
    """Coefficients of a logistic regression fitted without each fold."""
    return [fit_firth(values[fold != k], y_true[fold != k]) for k in range(fold.max() + 1)]


def probabilities(members: list[np.ndarray], values: np.ndarray) -> np.ndarray:
    """Probabilities [members, patients]."""
    return np.array([expit(one[0] + values @ one[1:]) for one in members])


def study(seed: int, folds: int) -> Iterator[dict]:
    """A row per model and pair of models: its out-of-fold ``auc``, DeLong's ``error``, the members' ``true`` AUC."""
    random = np.random.default_rng(seed)
    drawn = {name: int(random.binomial(size, PREVALENCE)) for name, size in (("own", PATIENTS), ("large", LARGE))}
    own = score_chain.population(random, PATIENTS, drawn["own"], "own")
    large = score_chain.population(random, LARGE, drawn["large"], "large")
    fold = (
        stratified_folds(own[["patient", "center", "lnm"]], folds, seed)
        .set_index("patient")["fold"][own["patient"]]
        .to_numpy()
    )
    y_true, of_large = own["lnm"].to_numpy() == 1, large["lnm"].to_numpy() == 1
    scores, true = [], []
    for columns in MODELS.values():
        members = fitted(own[columns].to_numpy(float), y_true, fold)
        raw = probabilities(members, own[columns].to_numpy(float))
        frozen = calibration.fit(raw, fold == np.arange(folds)[:, None], y_true, "platt")
        scores.append(calibration.apply(frozen, raw)[fold, np.arange(PATIENTS)])
        true.append(discrimination.delong(of_large, probabilities(members, large[columns].to_numpy(float))).auc.mean())
    found = discrimination.delong(y_true, np.array(scores))
    ones = np.eye(len(MODELS))
    rows = dict(zip(MODELS, ones, strict=True))
    rows |= {f"{a} minus {b}": rows[a] - rows[b] for a, b in combinations(MODELS, 2)}
    for name, weights in rows.items():
        error = np.sqrt(weights @ found.covariance @ weights)
        yield {"auc": name, "estimate": weights @ found.auc, "error": error, "true": weights @ np.array(true)}


def coverage(studies: int, folds: int, confidence: float = 0.95) -> pd.DataFrame:
    """Coverage of the members' true AUC (``fitted``) and of its mean over studies (``mean``), and claimed differences.

    ``above`` and ``below`` are the shares of intervals that are above or below 0.
    """
    rows = pd.DataFrame([row for seed in range(studies) for row in study(seed, folds)])
    factors = {"DeLong": 1.0, "corrected": cross_validation.variance_factor(folds)}
    table = {}
    for name, group in rows.groupby("auc", sort=False):
        cells = {"deviation": group["estimate"].std(), "error": group["error"].mean()}
        for method, factor in factors.items():
            margin = normal_quantile(confidence) * np.sqrt(factor) * group["error"]
            for truth, value in (("fitted", group["true"]), ("mean", group["true"].mean())):
                cells[f"{method}, {truth}"] = ((group["estimate"] - value).abs() <= margin).mean()
            cells[f"{method}, above"] = (group["estimate"] > margin).mean()
            cells[f"{method}, below"] = (group["estimate"] < -margin).mean()
        table[name] = cells
    return pd.DataFrame(table).T


if __name__ == "__main__":
    number, folds = (int(word) for word in (*sys.argv[1:3], *("1000", "5")[len(sys.argv) - 1 :]))
    print(coverage(number, folds).to_string(float_format=lambda value: f"{value:.3f}"))
