"""Compute what an ideal observer reaches on the planted cohort, the best result of any model, in closed form.

The latent nodal risk z of a patient is Normal(+-mu/2, 1) with and without LNM, which is the same as
logit P(LNM | z) = mu z + logit(prevalence). A sign s with separation d is a z + sqrt(1 - a^2) e with a = d / mu and its
own standard normal e, so s is Normal(+-d/2, 1). Several signs inform about z by I = sum a^2 / (1 - a^2), and the
likelihood ratio of LNM given them is that of one normal variable with separation mu sqrt(I / (1 + I))
(one-factor model; Su and Liu, J Am Stat Assoc 1993;88:1350-1355 for the best linear combination of normal markers).
"""

from math import log, sqrt
from statistics import NormalDist

MRI_LN_POSITIVE_MM = 10.0  # published
PLACES = {"tumour": ("inside",), "peritumoral": ("inside", "around")}  # places of the signs in a region's box
ROUNDED_MM = 0.1  # short axes are reported to a tenth of a millimetre
_NORMAL = NormalDist()


def separation(latent: float, *signs: float) -> float:
    """Return the separation (in standard deviations) of the best combination of signs with these separations."""
    information = sum((d / latent) ** 2 / (1 - (d / latent) ** 2) for d in signs)
    return latent * sqrt(information / (1 + information))


def auc(distance: float) -> float:
    """Return the AUC of a normal score with class means `distance` standard deviations apart: Phi(d / sqrt 2)."""
    return _NORMAL.cdf(distance / sqrt(2))


def seen(signs: dict, sequence: str, region: str) -> list[float]:
    """Return the separations of the signs in a region's box on a sequence; every box shows the tumour's size."""
    return [*(signs["separation"][sequence][place] for place in PLACES[region]), signs["size"]]


def reading(parameters: dict) -> tuple[float, float]:
    """Return sensitivity and specificity of MRI-LN status: short axis of the largest node at least 10 mm."""
    below = {
        status: NormalDist(log(node["median"]), node["log_sd"]).cdf(log(MRI_LN_POSITIVE_MM - ROUNDED_MM / 2))
        for status, node in parameters["node_short_axis_mm"].items()
    }
    return 1 - below["positive"], below["negative"]


def hybrid_auc(distance: float, sensitivity: float, specificity: float) -> float:
    """Return the AUC of the ideal combination of a normal score with an independent (given LNM) reading.

    The log likelihood ratio is Normal(+-d^2 / 2, d) plus one of two values, so the AUC is a sum over the readings of a
    positive and a negative patient of Phi((d^2 + difference of the values) / (d sqrt 2)).
    """
    if_positive, if_negative = log(sensitivity / (1 - specificity)), log((1 - sensitivity) / specificity)
    positives = ((if_positive, sensitivity), (if_negative, 1 - sensitivity))
    negatives = ((if_positive, 1 - specificity), (if_negative, specificity))
    if distance == 0:
        return (sensitivity + specificity) / 2
    return sum(
        p * q * _NORMAL.cdf((distance**2 + with_lnm - without) / (sqrt(2) * distance))
        for with_lnm, p in positives
        for without, q in negatives
    )


def observers(parameters: dict) -> dict:
    """Return the AUC of every ideal observer.

    Observers are: each sequence and region, all signs together, all signs with the reading, the reading alone, and the
    hybrid. As in the publication, the hybrid uses the tumour and the peritumoral tissue on CET1WI, and MRI-LN status.
    """
    signs = parameters["signs"]
    latent = signs["latent"]
    images = {
        sequence: {region: auc(separation(latent, *seen(signs, sequence, region))) for region in PLACES}
        for sequence in signs["separation"]
    }
    every = [d for places in signs["separation"].values() for d in places.values()]
    sensitivity, specificity = reading(parameters)
    best = separation(latent, *seen(signs, "CET1WI", "peritumoral"))
    everything = separation(latent, *every, signs["size"])
    return {
        **images,
        "all_sequences": auc(everything),
        "all_sequences_mri_ln": hybrid_auc(everything, sensitivity, specificity),
        "mri_ln": (sensitivity + specificity) / 2,
        "hybrid": hybrid_auc(best, sensitivity, specificity),
    }


def log_likelihood_ratio(latent: float, signs: list[tuple[float, float]]) -> float:
    """Return log P(signs | LNM) / P(signs | no LNM) of (value, separation) pairs."""
    information = sum((d / latent) ** 2 / (1 - (d / latent) ** 2) for _, d in signs)
    weighted = sum(value * (d / latent) / (1 - (d / latent) ** 2) for value, d in signs)
    return latent * weighted / (1 + information)


def reading_ratio(parameters: dict, short_axis: float) -> float:
    """Return log P(MRI-LN status | LNM) / P(MRI-LN status | no LNM) of a short axis in mm."""
    sensitivity, specificity = reading(parameters)
    if short_axis >= MRI_LN_POSITIVE_MM:
        return log(sensitivity / (1 - specificity))
    return log((1 - sensitivity) / specificity)


def h_score_logit(parameters: dict, signs: dict, size: float, short_axis: float, prevalence: float) -> float:
    """Return logit P(LNM | CET1WI signs, size, MRI-LN status) by Bayes' rule, the score of a perfect hybrid."""
    planted = parameters["signs"]
    pairs = [(signs[place], d) for place, d in planted["separation"]["CET1WI"].items()]
    ratio = log_likelihood_ratio(planted["latent"], [*pairs, (size, planted["size"])])
    return ratio + reading_ratio(parameters, short_axis) + log(prevalence / (1 - prevalence))
