"""Probabilities and their logits; numpy only."""

import numpy as np

CLIP = 1e-6  # smallest distance of a probability from 0 and 1 at which its logit is used


def clip_probability(probability: np.ndarray) -> np.ndarray:
    """Return the probabilities limited to values with a finite logit; NaN stays NaN."""
    return np.clip(probability, CLIP, 1 - CLIP)


def logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) of the clipped probabilities; NaN stays NaN."""
    probability = clip_probability(probability)
    return np.log(probability) - np.log1p(-probability)


def expit(logit: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-x)), without overflow for large negative x."""
    return np.exp(-np.logaddexp(0.0, -logit))
