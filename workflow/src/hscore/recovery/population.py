"""Model the infinite population behind the planted survival: ideal H score, node status and reading.

Given LNM and the reading, the logit of the ideal H score is normal (``simulation.ideal``). Each of the four parts is
represented by its quantiles.
"""

from dataclasses import dataclass
from itertools import product
from math import log

import numpy as np
from scipy.special import expit, logit, ndtri

from hscore.recovery.limits import Patients
from hscore.simulation import ideal, survival

QUANTILES = 2000  # of each part


@dataclass(frozen=True)
class Population:
    """The population: ``lnm`` and ``reading``, bool [n], ideal ``h_score``, float [n], and survival."""

    lnm: np.ndarray
    reading: np.ndarray
    h_score: np.ndarray
    survival: Patients

    @property
    def high(self) -> np.ndarray:
        """Return membership of the true high-risk group, bool [n]."""
        return self.h_score >= self.survival.planted["cut_off"]


def population(parameters: dict, prevalence: float) -> Population:
    """Return the population with this prevalence of LNM, 0..1, exclusive."""
    signs = parameters["signs"]
    distance = ideal.separation(signs["latent"], *ideal.seen(signs, "CET1WI", "peritumoral"))
    sensitivity, specificity = ideal.reading(parameters)
    normal = ndtri((np.arange(QUANTILES) + 0.5) / QUANTILES)
    parts = []
    for lnm, positive_reading in product((True, False), (True, False)):
        chances = (
            (sensitivity if positive_reading else 1 - sensitivity),
            (1 - specificity if positive_reading else specificity),
        )
        log_odds = distance * normal + (0.5 if lnm else -0.5) * distance**2 + log(chances[0] / chances[1])
        share = prevalence * chances[0] if lnm else (1 - prevalence) * chances[1]
        parts.append((lnm, positive_reading, log_odds + logit(prevalence), share / QUANTILES))
    lnm, reading, weight = (np.repeat([part[k] for part in parts], QUANTILES) for k in (0, 1, 3))
    log_odds = np.concatenate([part[2] for part in parts])
    planted = parameters["survival"]
    return Population(lnm, reading, expit(log_odds), Patients(weight, survival.hazard(planted, log_odds), planted))


def hazard_ratio(parameters: dict) -> float:
    """Return the planted hazard ratio: Cox's, between the true groups, where the cut-off is the prevalence."""
    people = population(parameters, parameters["survival"]["cut_off"])
    return float(np.exp(people.survival.cox(people.high[:, None].astype(float))[0]))
