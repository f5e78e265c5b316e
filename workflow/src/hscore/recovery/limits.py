"""Compute the limits of survival statistics when every patient's hazard is known.

The patients are given, each with a constant hazard h. Their survival is drawn repeatedly: a patient is under
observation and free of the event at time t with probability exp(-h t) G(t), where G is the planted follow-up. Every
value here is an integral over such terms, by Gauss-Legendre quadrature, and has no random error.

Sources: the limit of Cox's estimate where hazards are not proportional: Struthers and Kalbfleisch, Biometrika
1986;73:363-369, equation 2.2. Time-dependent AUC: Heagerty, Lumley, Pepe, Biometrics 2000;56:337-344 (cumulative
cases, dynamic controls). Limits of Harrell's and Uno's C: Uno et al., Stat Med 2011;30:1105-1117, sections 1 and 2.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq

from hscore.simulation import survival

NODES = 32  # per part of the follow-up: before and after the earliest possible end
LONGEST = 1e5  # months; upper bound of every group's median
STEPS, TOLERANCE = 50, 1e-10  # Newton's method: largest number of steps, last step in standard deviations


@dataclass(frozen=True)
class Patients:
    """Patients, or a population of them: all arrays are float [n].

    Attributes:
        weight: number of patients that each entry represents.
        hazard: monthly hazard.
        planted: section ``survival`` of the planted parameters.
    """

    weight: np.ndarray
    hazard: np.ndarray
    planted: dict

    @cached_property
    def times(self) -> tuple[np.ndarray, np.ndarray]:
        """Return nodes (months) and weights [t] of an integral over the whole follow-up."""
        nodes, shares = np.polynomial.legendre.leggauss(NODES)
        first, last = self.planted["follow_up_months"]
        lengths = np.array([first, last - first], float)
        months = np.array([[0.0], [first]]) + lengths[:, None] * (nodes + 1) / 2
        return months.ravel(), (lengths[:, None] * shares / 2).ravel()

    @cached_property
    def free(self) -> np.ndarray:
        """Return the number of patients free of the event at each node, without any censoring [t, n]."""
        return self.weight * np.exp(-np.outer(self.times[0], self.hazard))

    @cached_property
    def observed(self) -> np.ndarray:
        """Return the probability of being under observation at each node [t]."""
        return survival.under_observation(self.planted, self.times[0])

    def cox(self, covariates: np.ndarray) -> np.ndarray:
        """Return the coefficients [p] to which a Cox model of these covariates [n, p] converges, by Newton's method.

        Raises:
            numpy.linalg.LinAlgError: a covariate is the same for all, or follows from the others.
            ArithmeticError: the iteration did not converge.
        """
        x = covariates - covariates.mean(axis=0)
        measure = self.times[1] * self.observed
        deaths = self.free @ self.hazard
        of_dead = self.free @ (self.hazard[:, None] * x)
        beta = np.zeros(x.shape[1])
        for _ in range(STEPS):
            at_risk = self.free * np.exp(x @ beta)
            total = at_risk.sum(axis=1)
            mean = at_risk @ x / total[:, None]
            second = np.einsum("tn,na,nb->tab", at_risk, x, x, optimize=True) / total[:, None, None]
            variance = second - mean[:, :, None] * mean[:, None, :]
            information = np.einsum("t,tab->ab", measure * deaths, variance)
            step = np.linalg.solve(information, measure @ (of_dead - mean * deaths[:, None]))
            beta += step
            if np.all(np.abs(step) * x.std(axis=0) < TOLERANCE):
                return beta
        raise ArithmeticError(f"the limit of the Cox model was not found in {STEPS} steps")

    def survival(self, member: np.ndarray, months: np.ndarray) -> np.ndarray:
        """Return the event-free share of a group (bool [n]) at these months."""
        weight = self.weight[member] / self.weight[member].sum()
        return np.exp(-np.outer(months, self.hazard[member])) @ weight

    def median(self, member: np.ndarray) -> float:
        """Return the median time to the event of a group, months."""
        return brentq(lambda month: self.survival(member, np.array([month]))[0] - 0.5, 0.0, LONGEST)

    def restricted_mean(self, member: np.ndarray, horizon: float) -> float:
        """Return the restricted mean survival time of a group, months."""
        hazard = self.hazard[member]
        return float(np.average(-np.expm1(-hazard * horizon) / hazard, weights=self.weight[member]))

    def auc_at(self, score: np.ndarray, month: float) -> float:
        """Return the time-dependent AUC of a score: patients with the event by ``month`` against those without."""
        free = np.exp(-month * self.hazard)
        wins, pairs = _pairs(score, self.weight * (1 - free), self.weight * free)
        return float(wins / pairs)

    def harrell(self, score: np.ndarray) -> float:
        """Return the limit of Harrell's C, which uses the pairs that remain after censoring."""
        return self._concordance(score, self.observed**2)

    def uno(self, score: np.ndarray) -> float:
        """Return the limit of Uno's C: all pairs whose first event is within the follow-up."""
        return self._concordance(score, np.ones_like(self.observed))

    def _concordance(self, score: np.ndarray, seen: np.ndarray) -> float:
        wins, pairs = _pairs(score, self.free * self.hazard, self.free)
        return float((self.times[1] * seen) @ wins / ((self.times[1] * seen) @ pairs))


def _pairs(score: np.ndarray, case: np.ndarray, control: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs in which a case scores higher than a control (equal: one half), and all pairs; weights [..., n]."""
    values, index = np.unique(score, return_inverse=True)

    def by_value(weight: np.ndarray) -> np.ndarray:
        order = np.argsort(index, kind="stable")
        first = np.searchsorted(index[order], np.arange(values.size))
        return np.add.reduceat(weight[..., order], first, axis=-1)

    case, control = by_value(case), by_value(control)
    below = np.cumsum(control, axis=-1) - control / 2
    return (case * below).sum(axis=-1), case.sum(axis=-1) * control.sum(axis=-1)
