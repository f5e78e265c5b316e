"""Impute missing covariates by chained equations, and pool estimates by Rubin's rules.

Each covariate with gaps is drawn in turn from a model given all the others, including the helpers. After some rounds
the drawn table is one of the completed data sets. 0/1 columns use logistic regression; levels one logistic regression
per level, with probabilities scaled to a sum of one; numbers predictive mean matching, so that only observed values are
drawn. Every round also draws the models' coefficients, so that their uncertainty is included.

Sources: van Buuren and Groothuis-Oudshoorn, J Stat Softw 2011;45(3); White and Royston, Stat Med 2009;28:1982-1998
(for a Cox model the helpers contain the event and the cumulative hazard); Rubin 1987, Multiple Imputation for
Nonresponse in Surveys, chapter 3.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import expit, fdtrc, stdtr, stdtrit

from hscore.metrics import logistic

ROUNDS = 10
DONORS = 5
PRIOR = 0.1  # precision of a normal prior on standardised slopes: finite also where a variable separates


def completed_tables(table: pd.DataFrame, helpers: pd.DataFrame, number: int, seed: int) -> Iterator[pd.DataFrame]:
    """Yield ``number`` completed copies of ``table`` [n, columns] (numbers or text, gaps NaN).

    ``helpers`` [n, q] have no gaps. Every column needs at least one known value. Equal seeds give equal draws.
    """
    gaps = table.isna()
    order = [name for name in gaps.sum().sort_values(kind="stable").index if gaps[name].any()]
    for stream in np.random.SeedSequence(seed).spawn(number):
        rng = np.random.default_rng(stream)
        drawn = table.copy()
        for name in order:
            known = table.loc[~gaps[name], name].to_numpy()
            drawn.loc[gaps[name], name] = rng.choice(known, int(gaps[name].sum()))
        for _ in range(ROUNDS):
            for name in order:
                x = predictors(pd.concat([helpers, drawn.drop(columns=name)], axis=1))
                missing = gaps[name].to_numpy()
                drawn.loc[missing, name] = draw_missing(x[~missing], drawn.loc[~missing, name], x[missing], rng)
        yield drawn


def predictors(columns: pd.DataFrame) -> np.ndarray:
    """Return the standardised design [n, 1 + p] with a constant: text as one column per level but the first."""
    dummies = pd.get_dummies(columns, drop_first=True).to_numpy(dtype=float)
    spread = dummies.std(axis=0)
    varying = dummies[:, spread > 0]
    standard = (varying - varying.mean(axis=0)) / spread[spread > 0]
    return np.column_stack([np.ones(len(columns)), standard])


def draw_missing(x: np.ndarray, known: pd.Series, x_missing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return values for the rows ``x_missing`` from a model of ``known`` on ``x``, with drawn coefficients."""
    if not pd.api.types.is_numeric_dtype(known):
        return _levels(x, known, x_missing, rng)
    values = known.to_numpy(dtype=float)
    if np.isin(values, (0, 1)).all():
        return (rng.random(len(x_missing)) < _probability(x, values, x_missing, rng)).astype(float)
    return _matched(x, values, x_missing, rng)


def _levels(x: np.ndarray, known: pd.Series, x_missing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    levels = np.array(sorted(known.unique()), dtype=object)
    weights = np.array([_probability(x, (known == level).to_numpy(float), x_missing, rng) for level in levels])
    borders = np.cumsum(weights / weights.sum(axis=0), axis=0)
    return levels[(rng.random(len(x_missing)) > borders).sum(axis=0).clip(max=levels.size - 1)]


def _probability(x: np.ndarray, values: np.ndarray, x_missing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the probability of 1 by a logistic regression, its coefficients drawn from their normal approximation."""
    penalty = np.diag([1e-6] + [PRIOR] * (x.shape[1] - 1))
    beta, information = logistic.fit_with_prior(x, values, penalty)
    return expit(x_missing @ _normal(beta, np.linalg.inv(information), rng))


def _matched(x: np.ndarray, values: np.ndarray, x_missing: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return by predictive mean matching the value of one of the patients with the nearest predicted means."""
    inverse = np.linalg.inv(x.T @ x + PRIOR * np.diag([0.0] + [1.0] * (x.shape[1] - 1)))
    beta = inverse @ x.T @ values
    freedom = max(1, values.size - x.shape[1])
    variance = ((values - x @ beta) ** 2).sum() / rng.chisquare(freedom)
    target = x_missing @ _normal(beta, variance * inverse, rng)
    distance = np.abs((x @ beta)[None, :] - target[:, None])
    donors = np.argsort(distance, axis=1, kind="stable")[:, :DONORS]
    return values[donors[np.arange(target.size), rng.integers(0, donors.shape[1], target.size)]]


def _normal(mean: np.ndarray, covariance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return mean + np.linalg.cholesky(covariance) @ rng.standard_normal(mean.size)


def pool(estimates: np.ndarray, variances: np.ndarray, confidence: float) -> list[dict]:
    """Return one row per coefficient by Rubin's rules, from estimates and their variances, both [imputations, p].

    Rows have ``estimate low high p df`` on the scale of the estimates, and ``missing_information``, the fraction of
    information lost by the gaps.
    """
    number = len(estimates)
    within, between = variances.mean(axis=0), estimates.var(axis=0, ddof=1)
    rows = []
    for value, inside, across in zip(estimates.mean(axis=0), within, (1 + 1 / number) * between, strict=True):
        total = inside + across
        ratio = across / inside
        freedom = (number - 1) * (1 + 1 / ratio) ** 2 if ratio > 1e-12 else 1e12  # no difference: normal
        margin = stdtrit(freedom, 0.5 + confidence / 2) * np.sqrt(total)
        rows.append(
            {
                "estimate": float(value),
                "low": float(value - margin),
                "high": float(value + margin),
                "p": float(2 * stdtr(freedom, -abs(value) / np.sqrt(total))),
                "df": float(freedom),
                "missing_information": float((ratio + 2 / (freedom + 3)) / (ratio + 1)),
            }
        )
    return rows


def pool_test(estimates: np.ndarray, covariances: np.ndarray) -> dict:
    """Return the Wald test that several coefficients are zero, over imputations (D1 of Li, Raghunathan and Rubin).

    JASA 1991;86:1065-1073; R: ``mice::D1``.

    Args:
        estimates: [imputations, k].
        covariances: [imputations, k, k], each completed table's own.

    Returns:
        ``chi2`` (k times the F statistic), ``df`` (k), ``p`` by the F distribution, and ``method``.
    """
    number, k = estimates.shape
    mean, within = estimates.mean(axis=0), covariances.mean(axis=0)
    between = np.atleast_2d(np.cov(estimates, rowvar=False))
    ratio = max((1 + 1 / number) * np.trace(np.linalg.solve(within, between)) / k, 1e-12)
    statistic = float(mean @ np.linalg.solve(within, mean) / (k * (1 + ratio)))
    t = k * (number - 1)
    freedom = 4 + (t - 4) * (1 + (1 - 2 / t) / ratio) ** 2 if t > 4 else t * (1 + 1 / k) * (1 + 1 / ratio) ** 2 / 2
    method = f"Wald test, all coefficients of the term jointly, pooled over {number} imputations (D1)"
    return {"chi2": k * statistic, "df": k, "p": float(fdtrc(k, freedom, statistic)), "method": method}
