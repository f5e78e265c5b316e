"""Cohorts of scores, outcomes and survival drawn from the planted model, without images: the Monte-Carlo mode's data.

Two scenarios. "planted": every model is the ideal observer of what it sees, so its score is the probability of
metastasis, and the hybrid's drives disease-free survival as planted. "null": all models are equally good and none
better than another, and nothing is related to survival, so that every null hypothesis holds.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from hscore.simulation import ideal, survival
from hscore.statistics.common.scored_cohorts import READING, ScoredCohort

SCENARIOS = ("planted", "null")
IMAGE_MODELS = {
    "cet1wi_tumour": ("CET1WI", "tumour"),
    "cet1wi_peritumoral": ("CET1WI", "peritumoral"),
    "t2wi_peritumoral": ("T2WI", "peritumoral"),
    "adc_peritumoral": ("ADC", "peritumoral"),
}
MODELS = (*IMAGE_MODELS, "clinical", "hybrid")
EQUAL_SEPARATION = 1.2  # of every model's score in the null scenario
OLD = 50  # years; age divides the patients into subgroups that differ in nothing


@dataclass(frozen=True)
class Cohort:
    """Outcome and scores, survival (as `survival_by_score` takes it), and what the subgroups are made of."""

    evaluation: ScoredCohort
    survival: pd.DataFrame
    characteristics: pd.DataFrame


def draw(parameters: dict, scenario: str, patients: int, prevalence: float, random: np.random.Generator) -> Cohort:
    """`patients` of one cohort; LNM, and so the number with it, is random."""
    y_true = random.random(patients) < prevalence
    reading = _reading(parameters, y_true, random)
    ratios = {"planted": _planted, "null": _equal}[scenario](parameters, y_true, reading, random)
    scores = {model: expit(ratio + logit(prevalence)) for model, ratio in ratios.items()}
    law = law_of_survival(parameters, scenario)
    months, event = survival.draw(law, survival.hazard(law, ratios["hybrid"] + logit(prevalence)), random)
    outcome = pd.DataFrame(
        {
            "score": scores["hybrid"],
            "lnm": y_true.astype(float),
            READING: reading.astype(float),
            "dfs_months": months,
            "dfs_event": event.astype(float),
            "competing_event": np.nan,
        }
    )
    age = random.integers(OLD - 15, OLD + 15, patients).astype(str)
    about = pd.DataFrame({"age": age, READING: reading.astype(int).astype(str)})
    return Cohort(ScoredCohort(y_true, scores), outcome, about)


def law_of_survival(parameters: dict, scenario: str) -> dict:
    """Return the section ``survival`` of the planted parameters; in the null scenario the H score has no effect."""
    planted = parameters["survival"]
    return planted if scenario == "planted" else planted | {"log_hazard_per_logit": 0.0}


def _reading(parameters: dict, y_true: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """MRI-LN status, bool [patients]."""
    sensitivity, specificity = ideal.reading(parameters)
    return random.random(y_true.size) < np.where(y_true, sensitivity, 1 - specificity)


def _planted(parameters: dict, y_true: np.ndarray, reading: np.ndarray, random) -> dict[str, np.ndarray]:
    """Log likelihood ratio of LNM for every ideal observer, [patients] each."""
    signs, latent = parameters["signs"], parameters["signs"]["latent"]
    risk = latent * (y_true - 0.5) + random.standard_normal(y_true.size)

    def sign(separation: float) -> tuple[np.ndarray, float]:
        share = separation / latent
        return share * risk + np.sqrt(1 - share**2) * random.standard_normal(y_true.size), separation

    values = {
        sequence: {place: sign(d) for place, d in places.items()} for sequence, places in signs["separation"].items()
    }
    size = sign(signs["size"])
    ratios = {
        model: ideal.log_likelihood_ratio(latent, [values[sequence][place] for place in ideal.PLACES[region]] + [size])
        for model, (sequence, region) in IMAGE_MODELS.items()
    }
    sensitivity, specificity = ideal.reading(parameters)
    called, not_called = np.log(sensitivity / (1 - specificity)), np.log((1 - sensitivity) / specificity)
    ratios["clinical"] = np.where(reading, called, not_called)
    ratios["hybrid"] = ratios["cet1wi_peritumoral"] + ratios["clinical"]
    return ratios


def _equal(parameters: dict, y_true: np.ndarray, reading: np.ndarray, random) -> dict[str, np.ndarray]:
    """Log likelihood ratios of exchangeable models: half of the noise of a score is common to all."""
    d, common = EQUAL_SEPARATION, random.standard_normal(y_true.size)
    return {
        model: d * (d * (y_true - 0.5) + np.sqrt(0.5) * (common + random.standard_normal(y_true.size)))
        for model in MODELS
    }
