"""Compute decision curves: the net benefit of acting on a score at a given price of a false positive.

Patients with predicted risk >= threshold probability t are treated. Net benefit = TP/n - FP/n x t/(1-t).
Shapes: ``y_true`` bool [n], ``predicted`` float [n], ``at`` float [thresholds], ``counts`` float [resamples, n],
``acted`` bool [n, thresholds]: who is treated at each threshold.

Sources: Vickers and Elkin, Med Decis Making 2006;26:565-574; standardised net benefit, Kerr et al., J Clin Oncol
2016;34:2534-2540; net interventions avoided, Vickers et al., BMC Med Inform Decis Mak 2008;8:53.
"""

import numpy as np

from hscore.statistics.common.bootstrap import POINT, cohort_counts, percentiles
from hscore.statistics.common.estimates import finite_or_none

MEASURES = ("net_benefit", "standardised", "interventions_avoided_per_100", "spared_per_missed")


def thresholds(low: float, high: float) -> np.ndarray:
    """Return threshold probabilities in steps of one per cent."""
    return np.arange(round(low * 100), round(high * 100) + 1) / 100


def net_benefit(y_true: np.ndarray, acted: np.ndarray, at: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the net benefit [resamples, thresholds]; NaN without patients."""
    odds = at / (1 - at)
    gain = (acted & y_true[:, None]) - (acted & ~y_true[:, None]) * odds
    with np.errstate(invalid="ignore"):
        return counts @ gain / counts.sum(axis=1, keepdims=True)


def measures(y_true: np.ndarray, acted: np.ndarray, at: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the ``MEASURES`` of one strategy, [resamples, thresholds] each; NaN where undefined.

    ``interventions_avoided_per_100``: net, without fewer true positives, compared with treating everybody.
    ``spared_per_missed``: patients without metastasis who are not treated, per metastasis missed; infinite where none
    is missed.
    """
    value = net_benefit(y_true, acted, at, counts)
    with np.errstate(invalid="ignore"):
        prevalence = (counts @ y_true / counts.sum(axis=1))[:, None]
    odds = at / (1 - at)
    all_value = prevalence - (1 - prevalence) * odds
    with np.errstate(invalid="ignore", divide="ignore"):
        return (
            value,
            value / prevalence,
            100 * (value - all_value) / odds,
            (counts @ (~acted & ~y_true[:, None])) / (counts @ (~acted & y_true[:, None])),
        )


def with_band(values: np.ndarray, draws: np.ndarray, confidence: float) -> dict[str, list[float | None]]:
    """Return ``estimate``, ``low``, ``high`` by threshold, from the cohort's values [1, thresholds] and the draws.

    A band that collapses to a point is left out. This happens where all resamples give the same value, for example for
    two strategies that treat the same patients. Other patients could distinguish them.
    """
    ends = percentiles(draws, confidence)
    with np.errstate(invalid="ignore"):
        ends[:, np.ptp(ends, axis=0) <= POINT] = np.nan
    rows = {"estimate": values[0], "low": ends[0], "high": ends[1]}
    return {name: [finite_or_none(value) for value in row] for name, row in rows.items()}


def curve(
    y_true: np.ndarray, acted: np.ndarray, at: np.ndarray, confidence: float, counts: np.ndarray
) -> dict[str, dict | list]:
    """Return one strategy's ``MEASURES`` with pointwise bootstrap bands, and the patients ``spared`` and ``missed``."""
    values, draws = (measures(y_true, acted, at, drawn) for drawn in (cohort_counts(y_true.size), counts))
    return {
        **{
            name: with_band(value, drawn, confidence)
            for name, value, drawn in zip(MEASURES, values, draws, strict=True)
        },
        "spared": (~acted & ~y_true[:, None]).sum(axis=0).tolist(),
        "missed": (~acted & y_true[:, None]).sum(axis=0).tolist(),
    }


def net_benefit_difference(
    y_true: np.ndarray, acted: np.ndarray, comparator: np.ndarray, at: np.ndarray, confidence: float, counts: np.ndarray
) -> dict[str, list[float | None]]:
    """Return the net benefit of one strategy minus another in the same patients, with a pointwise bootstrap band."""
    values, draws = (
        net_benefit(y_true, acted, at, drawn) - net_benefit(y_true, comparator, at, drawn)
        for drawn in (cohort_counts(y_true.size), counts)
    )
    return with_band(values, draws, confidence)


def band_method(counts: np.ndarray) -> str:
    """Return the name of the method of the bands that ``counts`` [resamples, n] give."""
    return f"pointwise percentile bootstrap, {len(counts)} resamples; none where they all agree"


def curves(
    y_true: np.ndarray,
    predicted: dict[str, np.ndarray],
    reading: np.ndarray | None,
    at: np.ndarray,
    confidence: float,
    counts: np.ndarray,
) -> dict:
    """Return decision curves of treating all, treating none, MRI-LN alone, and each model's risk.

    Args:
        y_true: bool [n].
        predicted: risks by model, float [n].
        reading: the radiologist's node call, bool [n]; None where it is not known for all patients.
        at: threshold probabilities.
        confidence: level of the bands, 0..1.
        counts: bootstrap draws, [resamples, n].
    """
    shape = (y_true.size, at.size)
    all_acted, reading_acted = np.ones(shape, dtype=bool), None
    result = {
        "threshold": at.tolist(),
        "n": int(y_true.size),
        "positives": int(y_true.sum()),
        "method": f"net benefit; {band_method(counts)}",
        "treat_all": curve(y_true, all_acted, at, confidence, counts),
        "treat_none": {"net_benefit": {"estimate": [0.0] * at.size}},
        "mri_ln": {"why": "the reading of the nodes on MRI is not known for all these patients"},
        "models": {},
        **({} if y_true.size else {"why": "there are no patients"}),
    }
    if reading is not None:
        reading_acted = np.broadcast_to(reading[:, None], shape)
        result["mri_ln"] = curve(y_true, reading_acted, at, confidence, counts)
    for model, risk in predicted.items():
        acted = risk[:, None] >= at
        content = curve(y_true, acted, at, confidence, counts)
        content["against_treat_all"] = net_benefit_difference(y_true, acted, all_acted, at, confidence, counts)
        if reading_acted is not None:
            content["against_mri_ln"] = net_benefit_difference(y_true, acted, reading_acted, at, confidence, counts)
        result["models"][model] = content
    return result


def frozen_call_curves(
    y_true: np.ndarray,
    scores: dict[str, np.ndarray],
    cut_offs: dict[str, float],
    at: np.ndarray,
    confidence: float,
    counts: np.ndarray,
) -> dict[str, dict]:
    """Return decision curves of acting on each model's frozen yes/no call, at every threshold probability."""
    shape = (y_true.size, at.size)
    return {
        model: curve(y_true, np.broadcast_to((score >= cut_offs[model])[:, None], shape), at, confidence, counts)
        for model, score in scores.items()
    }
