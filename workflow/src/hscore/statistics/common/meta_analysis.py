"""Pool one measure over several centres by random-effects meta-analysis, with the interval for a new centre.

Shapes: ``values`` float [k] on an approximately normal scale (logit, logarithm), ``variances`` float [k] of their
errors within the centres.

Sources: restricted maximum likelihood by Fisher scoring, Viechtbauer, J Educ Behav Stat 2005;30:261-293 (as R's
metafor ``rma``); interval of the mean, Hartung and Knapp, Stat Med 2001;20:3875-3889, never shorter than with known
variances, Roever, Knapp, Friede, BMC Med Res Methodol 2015;15:99 (metafor ``test = "adhoc"``); prediction interval
with k - 2 degrees of freedom, Higgins, Thompson, Spiegelhalter, J R Stat Soc A 2009;172:137-159; I2 as a share of the
total variance, Higgins and Thompson, Stat Med 2002;21:1539-1558. Their use for prediction models: Debray et al., BMJ
2017;356:i6460.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

METHOD = "random effects (REML), Hartung-Knapp interval"
STEPS = 1000


@dataclass(frozen=True)
class Pooled:
    """Mean over the centres with its interval; ``tau2``: variance between centres; ``i2``: its share of the total.

    ``prediction`` is the interval of the true value of a new centre; None with fewer than three centres.
    """

    mean: float
    low: float
    high: float
    tau2: float
    i2: float
    prediction: tuple[float, float] | None


def pool(values: np.ndarray, variances: np.ndarray, confidence: float) -> Pooled:
    """Pool at least two centres; variances must be above zero."""
    k = values.size
    tau2 = between_centers(values, variances)
    weights = 1 / (variances + tau2)
    mean = float(np.average(values, weights=weights))
    spread = float((weights * (values - mean) ** 2).sum() / (k - 1))
    error = float(np.sqrt(max(1.0, spread) / weights.sum()))
    margin = float(stdtrit(k - 1, 0.5 + confidence / 2)) * error
    prediction = None
    if k > 2:
        reach = float(stdtrit(k - 2, 0.5 + confidence / 2) * np.sqrt(tau2 + error**2))
        prediction = (mean - reach, mean + reach)
    within = 1 / variances
    typical = (k - 1) * within.sum() / (within.sum() ** 2 - (within**2).sum())
    return Pooled(mean, mean - margin, mean + margin, tau2, float(tau2 / (tau2 + typical)), prediction)


def between_centers(values: np.ndarray, variances: np.ndarray) -> float:
    """Return the variance of the true values between the centres, by restricted maximum likelihood.

    Raises:
        ArithmeticError: the iteration did not converge.
    """
    tau2 = max(0.0, float(np.var(values, ddof=1) - variances.mean()))
    tolerance = 1e-12 * (1 + float(variances.mean()))
    for _ in range(STEPS):
        weights = 1 / (variances + tau2)
        first, second, third = (float((weights**power).sum()) for power in (1, 2, 3))
        deviation = values - np.average(values, weights=weights)
        slope = float((weights**2 * deviation**2).sum()) - (first - second / first)
        information = second - 2 * third / first + (second / first) ** 2
        new = max(0.0, tau2 + slope / information)
        if abs(new - tau2) < tolerance:
            return new
        tau2 = new
    raise ArithmeticError(f"the variance between the centres did not converge in {STEPS} steps")
