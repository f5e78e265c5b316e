"""Probabilities and their logits."""

import numpy as np
from scipy.special import logit

CLIP = 1e-6  # smallest distance of a probability from 0 and 1 at which its logit is used


def clip_probability(probability: np.ndarray) -> np.ndarray:
    """Return the probabilities limited to values with a finite logit; NaN stays NaN."""
    return np.clip(probability, CLIP, 1 - CLIP)


def clipped_logit(probability: np.ndarray) -> np.ndarray:
    """Return log(p / (1 - p)) of the clipped probabilities; NaN stays NaN."""
    return logit(clip_probability(probability))
