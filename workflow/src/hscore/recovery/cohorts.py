"""Draw cohorts of scores, outcomes and survival from the planted model, without images, for Monte-Carlo studies.

There are two scenarios. "planted": every model is the ideal observer of its inputs, so its score is the probability of
metastasis, and the hybrid's score drives disease-free survival as planted. "null": all models are equally good, and
nothing is related to survival, so every null hypothesis holds.
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
OLD = 50  # years; age divides the patients into subgroups without any difference


@dataclass(frozen=True)
class Cohort:
    """One cohort: outcome and scores, survival (input of `survival_by_score`), and the variables of the subgroups."""

    evaluation: ScoredCohort
    survival: pd.DataFrame
    characteristics: pd.DataFrame


def draw(parameters: dict, scenario: str, patients: int, prevalence: float, random: np.random.Generator) -> Cohort:
    """Return a cohort drawn at random.

    Args:
        parameters: the planted parameters.
        scenario: "planted" or "null".
        patients: number of patients.
        prevalence: probability of LNM, 0..1; the number of patients with LNM is random.
        random: source of random numbers.
    """
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
    characteristics = pd.DataFrame({"age": age, READING: reading.astype(int).astype(str)})
    return Cohort(ScoredCohort(y_true, scores), outcome, characteristics)


def law_of_survival(parameters: dict, scenario: str) -> dict:
    """Return the section ``survival`` of the planted parameters; in the null scenario the H score has no effect."""
    planted = parameters["survival"]
    return planted if scenario == "planted" else planted | {"log_hazard_per_logit": 0.0}


def _reading(parameters: dict, y_true: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return the MRI-LN status, bool [patients]."""
    sensitivity, specificity = ideal.reading(parameters)
    return random.random(y_true.size) < np.where(y_true, sensitivity, 1 - specificity)


def _planted(parameters: dict, y_true: np.ndarray, reading: np.ndarray, random) -> dict[str, np.ndarray]:
    """Return the log likelihood ratio of LNM for every ideal observer, [patients] each."""
    signs, latent = parameters["signs"], parameters["signs"]["latent"]
    risk = latent * (y_true - 0.5) + random.standard_normal(y_true.size)

    def sign(separation: float) -> tuple[np.ndarray, float]:
        share = separation / latent
        return share * risk + np.sqrt(1 - share**2) * random.standard_normal(y_true.size), separation

    values = {
        sequence: {region: sign(separation) for region, separation in separations.items()}
        for sequence, separations in signs["separation"].items()
    }
    size = sign(signs["size"])
    ratios = {
        model: ideal.log_likelihood_ratio(
            latent, [values[sequence][region] for region in ideal.PLACES[model_region]] + [size]
        )
        for model, (sequence, model_region) in IMAGE_MODELS.items()
    }
    sensitivity, specificity = ideal.reading(parameters)
    positive_ratio, negative_ratio = np.log(sensitivity / (1 - specificity)), np.log((1 - sensitivity) / specificity)
    ratios["clinical"] = np.where(reading, positive_ratio, negative_ratio)
    ratios["hybrid"] = ratios["cet1wi_peritumoral"] + ratios["clinical"]
    return ratios


def _equal(parameters: dict, y_true: np.ndarray, reading: np.ndarray, random) -> dict[str, np.ndarray]:
    """Return log likelihood ratios of exchangeable models; half of a score's noise is common to all."""
    d, common = EQUAL_SEPARATION, random.standard_normal(y_true.size)
    return {
        model: d * (d * (y_true - 0.5) + np.sqrt(0.5) * (common + random.standard_normal(y_true.size)))
        for model in MODELS
    }
