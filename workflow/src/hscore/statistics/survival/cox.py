"""Fit Cox regressions: hazard ratios with intervals, and a clear refusal where the data allow none.

Fits are lifelines' where it converges (Efron ties), otherwise by Newton's method with step halving, which lifelines
lacks. Profile-likelihood intervals and Firth's penalised fit, which it lacks as well, use ``partial_likelihood``.
``covariates`` is a numeric DataFrame [n, p]; ``time`` float [n], ``event`` bool [n], ``strata`` [n] (any labels):
groups with separate baseline hazards.
A row of a hazard ratio has ``term estimate low high p method``; without an estimate all are None, with ``why``.

Sources: Firth, Biometrika 1993;80:27-38; Heinze and Schemper, Biometrics 2001;57:114-119; Venzon and Moolgavkar,
Appl Stat 1988;37:87-94.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError
from scipy.optimize import brentq
from scipy.special import chdtrc

from hscore.statistics.common.estimates import (
    LARGEST_LOG_RATIO,
    TOO_LARGE,
    finite_or_none,
    normal_quantile,
    two_sided_p,
)
from hscore.statistics.survival import partial_likelihood, proportional_hazards

WALD = "Cox (Efron ties), Wald"
PROFILE = "Cox (Efron ties), profile likelihood"
FIRTH = "Cox with Firth's penalty, profile penalised likelihood"
# lifelines stops when half a step's squared length in standard errors is below this. By default it also stops when the
# likelihood grows by a billionth, which can be 1e-5 standard deviations too early.
PRECISION = {"precision": 1e-18, "r_precision": 0.0}
# Limits for Newton's next step from a maximum and for a standard error there, in standard deviations of a covariate. On
# a likelihood without a maximum a step is about as long as the previous one, or both vanish by rounding.
LONGEST_STEP, LARGEST_ERROR = 1e-6, 1e4
INFINITE = "the likelihood has no maximum (events are ordered perfectly by a variable)"
NO_PROFILE = "the profile of the likelihood did not converge"
NO_FIRTH = "the penalised likelihood did not converge"


def reason_refused(event: np.ndarray, covariates: pd.DataFrame, events_per_variable: float = 0) -> str | None:
    """Return why no Cox model can or should be fitted, None when one can.

    ``events_per_variable`` is the smallest acceptable number of events per coefficient.
    """
    events = int(event.sum())
    if event.size == 0:
        return "there are no patients with survival data"
    if events == 0:
        return "nobody had an event"
    for name, values in covariates.items():
        if unknown_values := int((~np.isfinite(values)).sum()):
            return f"{name} is not known for {unknown_values} patients"
        if values.nunique() < 2:
            return f"all patients have the same {name}"
    if why := level_without_events(event, covariates):
        return why
    if _determine_each_other(_centered(covariates)):
        return f"the variables {', '.join(covariates)} determine each other"
    if events < events_per_variable * covariates.shape[1]:
        return (
            f"{events} events for {covariates.shape[1]} variables: fewer than the {events_per_variable:g} events "
            "per variable required"
        )
    return None


def level_without_events(event: np.ndarray, covariates: pd.DataFrame) -> str | None:
    """Return which of two levels of a variable has no event, so that its hazard ratio is infinite or zero."""
    for name, values in covariates.items():
        if values.nunique() == 2:
            for level in np.unique(values):
                if not event[(values == level).to_numpy()].any():
                    return (
                        f"no events {level_in_words(name, level, values)}, so the hazard ratio has no finite estimate"
                    )
    return None


def level_in_words(name: str, level: float, values: pd.Series) -> str:
    """Return in words the patients of one ``level`` of a variable with two; "with" or "without" for yes or no."""
    if set(values) == {0, 1}:
        return f"{'with' if level else 'without'} {name}"
    return f"where {name} is {level:g}"


@dataclass(frozen=True)
class Model:
    """A fitted Cox model: ``beta`` [p] and its ``covariance`` [p, p]; where both are None, ``why`` it is refused.

    ``infinite``: it is refused because the likelihood has no maximum, so that Firth's penalty gives an estimate.
    """

    time: np.ndarray
    event: np.ndarray
    covariates: pd.DataFrame
    beta: np.ndarray | None
    covariance: np.ndarray | None
    why: str | None = None
    infinite: bool = False
    strata: np.ndarray | None = None

    @property
    def x(self) -> np.ndarray:
        """Return the covariates [n, p]."""
        return self.covariates.to_numpy(dtype=float)

    def wald(self, confidence: float) -> list[dict]:
        """Return the hazard ratio per covariate with its Wald interval."""
        if self.why:
            return [unfitted_row(name, self.why) for name in self.covariates]
        return wald_rows(list(self.covariates), self.beta, np.sqrt(np.diag(self.covariance)), confidence, WALD)

    def profile(self, confidence: float) -> list[dict]:
        """Return hazard ratios with profile-likelihood intervals and likelihood-ratio p (better in small samples)."""
        if self.why:
            return [unfitted_row(name, self.why, PROFILE) for name in self.covariates]

        def derivatives(x: np.ndarray, coefficients: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            return partial_likelihood.derivatives(x, self.time, self.event, coefficients, self.strata)

        columns = _centered(self.covariates, self.strata)
        return _profile_rows(derivatives, columns, self.beta, self.covariance, confidence, PROFILE)

    def both_intervals(self, confidence: float) -> list[dict]:
        """Return the Wald rows, each with its profile-likelihood row (without the term) under ``profile``."""
        rows = zip(self.wald(confidence), self.profile(confidence), strict=True)
        return [
            {**wald, "profile": {key: value for key, value in profile.items() if key != "term"}}
            for wald, profile in rows
        ]

    def leading_row(self, confidence: float) -> dict:
        """Return the leading row of a model of one covariate.

        This is the plain estimate with both intervals. Where it is not finite, Firth's estimate replaces it, with its
        name in ``method`` and the reason in ``plain_why``.
        """
        (row,) = self.both_intervals(confidence)
        if not self.infinite:
            return row
        (penalized,) = firth(self.time, self.event, self.covariates, confidence)
        return row if penalized["estimate"] is None else {**penalized, "plain_why": self.why}

    def proportional_hazards(self, together: Mapping[str, Sequence[str]] | None = None) -> list[dict]:
        """Return the test of proportional hazards for every covariate; None with ``why`` where the model is refused.

        Covariates listed ``together`` under the name of a term are tested jointly.
        """
        if self.why:
            return [{"term": name, "chi2": None, "df": 1, "p": None, "why": self.why} for name in self.covariates]
        names = list(self.covariates)
        return proportional_hazards.test(self.time, self.event, self.x, self.beta, names, together=together)

    @property
    def log_likelihood(self) -> float:
        """Return the log partial likelihood at the maximum."""
        return partial_likelihood.log_likelihood(self.x, self.time, self.event, self.beta, self.strata)

    def joint_test(self, names: list[str]) -> dict:
        """Test several coefficients jointly: likelihood-ratio test against the model without these covariates.

        Returns:
            ``chi2``, ``df`` and ``p``; None with ``why`` where a model is refused.
        """
        empty = {"chi2": None, "df": len(names), "p": None}
        if self.why:
            return {**empty, "why": self.why}
        remaining = self.covariates.drop(columns=names)
        if remaining.shape[1]:
            smaller = fit(self.time, self.event, remaining, strata=self.strata)
            if smaller.why:
                return {**empty, "why": smaller.why}
            lower = smaller.log_likelihood
        else:
            zeros = np.zeros(len(names))
            lower = partial_likelihood.log_likelihood(self.x, self.time, self.event, zeros, self.strata)
        return _likelihood_ratio(self.log_likelihood, lower, len(names))


def fit(
    time: np.ndarray,
    event: np.ndarray,
    covariates: pd.DataFrame,
    events_per_variable: float = 0,
    strata: np.ndarray | None = None,
) -> Model:
    """Return the Cox model by maximum partial likelihood, or its refusal.

    Strata without an event are not informative and are left out.
    """
    if strata is not None:
        kept = np.isin(strata, np.unique(strata[event])) if event.any() else np.ones(event.size, dtype=bool)
        time, event, covariates, strata = time[kept], event[kept], covariates[kept], strata[kept]
    if why := reason_refused(event, covariates, events_per_variable):
        infinite = why == level_without_events(event, covariates)
        return Model(time, event, covariates, None, None, why, infinite, strata)
    if strata is not None and (why := reason_no_contrast(covariates, strata)):
        return Model(time, event, covariates, None, None, why, strata=strata)
    x, back = _uncorrelated(_centered(covariates, strata).to_numpy(dtype=float))
    for maximize in (_lifelines, _newton):
        beta = maximize(time, event, x, strata)
        _, score, information = partial_likelihood.derivatives(x, time, event, beta, strata)
        try:
            covariance = np.linalg.inv(information)
        except np.linalg.LinAlgError:
            continue
        if np.abs(covariance @ score).max() < LONGEST_STEP and np.diag(covariance).max() < LARGEST_ERROR**2:
            return Model(time, event, covariates, back @ beta, back @ covariance @ back.T, strata=strata)
    return Model(time, event, covariates, None, None, INFINITE, True, strata)


def reason_no_contrast(covariates: pd.DataFrame, strata: np.ndarray) -> str | None:
    """Return why no coefficient can be estimated within the strata that have events, None when all can."""
    within = _centered(covariates, strata)
    for name, values in within.items():
        if not values.abs().max() > 1e-9 * covariates[name].abs().max():
            return f"{name} does not vary within any stratum that has events"
    if _determine_each_other(within):
        return f"the variables {', '.join(covariates)} determine each other within the strata"
    return None


def _centered(covariates: pd.DataFrame, strata: np.ndarray | None = None) -> pd.DataFrame:
    """Return the covariates less their mean, within each stratum if there are any; the likelihood is the same."""
    return covariates - (covariates.mean() if strata is None else covariates.groupby(strata).transform("mean"))


def _determine_each_other(centered: pd.DataFrame) -> bool:
    """Return whether a covariate follows from the others, whatever their units."""
    return bool(np.linalg.matrix_rank(centered / centered.abs().max()) < centered.shape[1])


def _uncorrelated(centered: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return uncorrelated columns of unit mean square [n, p], and the map [p, p] from their coefficients back.

    The parts of a spline are so correlated that the maximum is many standard deviations away, where lifelines does not
    converge. The map is upper triangular with a positive diagonal: the last coefficient changes only in its unit.
    """
    scale, size = np.abs(centered).max(axis=0), np.sqrt(len(centered))
    directions, triangle = np.linalg.qr(centered / scale)
    signs = np.sign(np.diag(triangle))
    return size * directions * signs, size * np.linalg.inv(triangle * signs[:, None]) / scale[:, None]


def _lifelines(time: np.ndarray, event: np.ndarray, x: np.ndarray, strata: np.ndarray | None) -> np.ndarray:
    """Return the coefficients [p] where lifelines' iteration stops, at a maximum or not; zeros where it fails."""
    table = pd.DataFrame(x).add_prefix("x").assign(time=time, event=event)
    if strata is not None:
        table["stratum"] = strata
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ``fit`` checks the same conditions on the likelihood itself
        try:
            fitter = CoxPHFitter(strata=None if strata is None else ["stratum"])
            return fitter.fit(table, "time", "event", fit_options=PRECISION).params_.to_numpy(dtype=float)
        except ConvergenceError:
            return np.zeros(x.shape[1])


def _newton(time: np.ndarray, event: np.ndarray, x: np.ndarray, strata: np.ndarray | None) -> np.ndarray:
    """Return the same as ``_lifelines`` by step halving, where lifelines oversteps or stops too early."""

    def slope(coefficients: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        return partial_likelihood.derivatives(x, time, event, coefficients, strata)

    start = np.zeros(x.shape[1])
    try:
        return _maximize(slope, start, np.ones(start.size, dtype=bool))
    except ArithmeticError:
        return start


def unfitted_row(term: str, why: str, method: str = WALD) -> dict:
    """Return a hazard ratio that could not be estimated, with the reason."""
    return {"term": term, "estimate": None, "low": None, "high": None, "p": None, "method": method, "why": why}


def wald_rows(terms: Sequence[str], beta: np.ndarray, errors: np.ndarray, confidence: float, method: str) -> list[dict]:
    """Return the hazard ratio of each coefficient with its Wald interval."""
    z = normal_quantile(confidence)
    return [
        ratio_row(name, b, b - z * error, b + z * error, two_sided_p(b / error), method)
        for name, b, error in zip(terms, beta, errors, strict=True)
    ]


def ratio_row(term: str, beta: float, low: float | None, high: float | None, p: float, method: str) -> dict:
    """Return the row of a hazard ratio from its logarithm with interval; None is an end without a limit."""
    if abs(beta) > LARGEST_LOG_RATIO:
        return unfitted_row(term, TOO_LARGE, method)
    with np.errstate(over="ignore"):
        low, high = (None if end is None else finite_or_none(np.exp(end)) for end in (low, high))
    return {"term": term, "estimate": float(np.exp(beta)), "low": low, "high": high, "p": p, "method": method}


def added_value(smaller: Model, larger: Model) -> dict:
    """Return the likelihood-ratio test of a model against one nested in it: ``chi2``, ``df``, ``p``, or ``why``."""
    degrees = larger.covariates.shape[1] - smaller.covariates.shape[1]
    if why := smaller.why or larger.why:
        return {"chi2": None, "df": degrees, "p": None, "why": why}
    return _likelihood_ratio(larger.log_likelihood, smaller.log_likelihood, degrees)


def _likelihood_ratio(larger: float, smaller: float, degrees: int) -> dict:
    """Return the test of two maximal log likelihoods, the second of the smaller model."""
    chi2 = max(0.0, 2 * (larger - smaller))
    return {"chi2": chi2, "df": degrees, "p": float(chdtrc(degrees, chi2))}


def baseline_hazard(
    time: np.ndarray, event: np.ndarray, x: np.ndarray, beta: np.ndarray, moments: np.ndarray
) -> np.ndarray:
    """Return Breslow's cumulative hazard of a patient with all covariates zero, at each moment, [moments].

    lifelines has it only with a fit. Here ``beta`` is arbitrary, and zero for the Nelson-Aalen estimate.
    """
    weights = np.exp(x @ beta)
    times, deaths = np.unique(time[event], return_counts=True)
    steps = deaths / np.array([weights[time >= t].sum() for t in times])
    return np.concatenate([[0.0], np.cumsum(steps)])[np.searchsorted(times, moments, side="right")]


def firth(time: np.ndarray, event: np.ndarray, covariates: pd.DataFrame, confidence: float) -> list[dict]:
    """Return Firth's penalised Cox fit with profile intervals; it is finite even where one group has no event."""
    why = None
    if not event.any():
        why = "there are no patients with survival data" if not event.size else "nobody had an event"
    elif not np.isfinite(covariates).all(axis=None):
        why = "a variable is not known for all patients"
    elif (covariates.nunique() < 2).any():
        why = "a variable is the same in all patients"
    if why:
        return [unfitted_row(name, why, FIRTH) for name in covariates]
    columns = _centered(covariates)
    _, _, information = partial_likelihood.derivatives(
        (columns / columns.abs().max()).to_numpy(dtype=float), time, event, np.zeros(columns.shape[1])
    )
    if np.linalg.matrix_rank(information, hermitian=True) < columns.shape[1]:
        why = "at every event, all patients at risk had the same covariates"
        return [unfitted_row(name, why, FIRTH) for name in covariates]

    def derivatives(x: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        value, score, information = partial_likelihood.derivatives(x, time, event, b)
        third = partial_likelihood.third_moments(x, time, event, b)
        penalty = 0.5 * np.einsum("ab,bac->c", np.linalg.inv(information), third)
        return value + 0.5 * np.linalg.slogdet(information)[1], score + penalty, information

    x, back = _uncorrelated(columns.to_numpy(dtype=float))
    try:
        beta = _maximize(partial(derivatives, x), np.zeros(x.shape[1]), np.ones(x.shape[1], dtype=bool))
        covariance = np.linalg.inv(derivatives(x, beta)[2])
    except (ArithmeticError, np.linalg.LinAlgError):
        return [unfitted_row(name, NO_FIRTH, FIRTH) for name in covariates]
    return _profile_rows(derivatives, columns, back @ beta, back @ covariance @ back.T, confidence, FIRTH)


Slope = Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]
Derivatives = Callable[[np.ndarray, np.ndarray], tuple[float, np.ndarray, np.ndarray]]


def _maximize(slope: Slope, start: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return the maximum by Newton's method over the ``free`` coefficients; the others stay at ``start``.

    The information is that of the plain likelihood, so that a full step can overshoot by its own length under the
    penalty. A step is kept only if it gains a fair part of the increase that the slope predicts (Armijo's rule).
    """
    beta = start.astype(float).copy()
    value, score, information = slope(beta)
    for _ in range(200):
        step = np.zeros(beta.size)
        # far out on a profile the risk sets may contain no information on the other coefficients: no step along those
        step[free] = np.linalg.lstsq(information[np.ix_(free, free)], score[free])[0]
        step /= max(1.0, np.abs(step).max(initial=0))  # no more than one standard deviation at once
        while (expected_gain := float(step @ score)) > 1e-14 * (1 + abs(value)):
            trial = slope(beta + step)
            if trial[0] >= value + 0.2 * expected_gain:
                break
            step /= 2
        else:
            return beta
        beta = beta + step
        value, score, information = trial
    raise ArithmeticError("the partial likelihood did not converge in 200 steps")


def _profile_rows(
    derivatives: Derivatives,
    columns: pd.DataFrame,
    beta: np.ndarray,
    covariance: np.ndarray,
    confidence: float,
    method: str,
) -> list[dict]:
    """Return per coefficient the values where the profile falls by half the chi-square quantile, and the LR test."""
    drop, rows = normal_quantile(confidence) ** 2 / 2, []
    for index, name in enumerate(columns):
        order = [*np.delete(np.arange(beta.size), index), index]
        x, back = _uncorrelated(columns.to_numpy(dtype=float)[:, order])
        unit, error = back[-1, -1], np.sqrt(covariance[index, index])
        try:
            low, high, p = _profile(partial(derivatives, x), np.linalg.solve(back, beta[order]), error / unit, drop)
        except (ArithmeticError, np.linalg.LinAlgError):
            rows.append(unfitted_row(name, NO_PROFILE, method))
            continue
        low, high = (None if end is None else end * unit for end in (low, high))
        rows.append(ratio_row(name, beta[index], low, high, p, method))
    return rows


def _profile(slope: Slope, best: np.ndarray, error: float, drop: float) -> tuple[float | None, float | None, float]:
    """Return the interval of the last coefficient by its profile likelihood, and the p-value of the LR test."""
    free = np.arange(best.size) < best.size - 1

    def height(value: float) -> float:
        return slope(_maximize(slope, np.append(best[:-1], value), free))[0]

    maximum = slope(best)[0]
    low, high = (_crossing(height, best[-1], side * error, maximum - drop) for side in (-1, 1))
    return low, high, float(chdtrc(1, max(0.0, 2 * (maximum - height(0.0)))))


def _crossing(height: Callable[[float], float], start: float, step: float, level: float) -> float | None:
    """Return where the profile falls to ``level`` on one side of its maximum; None when it never does."""
    inner, outer = start, start + step
    for _ in range(30):
        if height(outer) < level:
            return float(brentq(lambda value: height(value) - level, min(inner, outer), max(inner, outer), xtol=1e-10))
        inner, outer, step = outer, outer + 1.5 * step, 1.5 * step
    return None
