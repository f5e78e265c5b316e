"""Decision curves: is it worth acting on a score, at a given price of a false positive?

"Predicted risk >= threshold probability t" is acted upon. Net benefit = TP/n - FP/n x t/(1-t).
Shapes: ``positive`` bool [n], ``predicted`` float [n], ``at`` float [thresholds], ``counts`` float [resamples, n].

Sources: Vickers and Elkin, Med Decis Making 2006;26:565-574; standardised net benefit, Kerr et al., J Clin Oncol
2016;34:2534-2540; net interventions avoided, Vickers et al., BMC Med Inform Decis Mak 2008;8:53.
"""

import numpy as np

from hscore.statistics.calibration import band


def thresholds(low: float, high: float) -> np.ndarray:
    """Threshold probabilities in steps of one per cent."""
    return np.arange(round(low * 100), round(high * 100) + 1) / 100


def net_benefit(positive: np.ndarray, acted: np.ndarray, at: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Net benefit [resamples, thresholds]; ``acted`` bool [n, thresholds] says who is acted upon at each threshold."""
    odds = at / (1 - at)
    gain = (acted & positive[:, None]) - (acted & ~positive[:, None]) * odds
    return counts @ gain / counts.sum(axis=1, keepdims=True)


def curve(
    positive: np.ndarray, acted: np.ndarray, at: np.ndarray, confidence: float, counts: np.ndarray
) -> dict[str, list]:
    """One strategy's decision curve with pointwise bootstrap bands, and what it spares against acting on everybody.

    ``interventions_avoided_per_100``: net, at no loss of true positives. ``spared_per_missed``: patients without
    metastasis not acted upon for each metastasis missed; None where none is missed.
    """
    everybody = np.ones_like(acted)
    ones = np.ones((1, positive.size))
    value, all_value = (net_benefit(positive, who, at, ones)[0] for who in (acted, everybody))
    low, high = band(net_benefit(positive, acted, at, counts), confidence)
    prevalence = positive.mean()
    spared, missed = (~acted & ~positive[:, None]).sum(axis=0), (~acted & positive[:, None]).sum(axis=0)
    return {
        "net_benefit": value.tolist(),
        "low": low,
        "high": high,
        "standardised": (value / prevalence).tolist() if prevalence else [None] * at.size,
        "interventions_avoided_per_100": (100 * (value - all_value) / (at / (1 - at))).tolist(),
        "spared_per_missed": [float(s / m) if m else None for s, m in zip(spared, missed, strict=True)],
    }


def curves(
    positive: np.ndarray,
    predicted: dict[str, np.ndarray],
    cuts: dict[str, float],
    at: np.ndarray,
    confidence: float,
    counts: np.ndarray,
) -> dict:
    """Decision curves of treating all, none, by each model's risk, and by each model's frozen yes/no call."""
    shape = (positive.size, at.size)
    result = {
        "threshold": at.tolist(),
        "n": int(positive.size),
        "positives": int(positive.sum()),
        "method": f"net benefit; pointwise percentile bootstrap, {len(counts)} resamples",
        "treat_all": curve(positive, np.ones(shape, dtype=bool), at, confidence, counts),
        "treat_none": {"net_benefit": [0.0] * at.size},
        "models": {},
        "frozen_calls": {},
    }
    for model, risk in predicted.items():
        acted = risk[:, None] >= at
        called = np.broadcast_to((risk >= cuts[model])[:, None], shape)
        result["models"][model] = curve(positive, acted, at, confidence, counts)
        result["frozen_calls"][model] = curve(positive, called, at, confidence, counts)
    return result
