"""The planted survival model: the log hazard is linear in the logit of the ideal H score.

Event times are exponential. Follow-up ends at a uniform time, or earlier by loss to follow-up at a constant rate. Both
are independent of the event. Times are in months.
"""

from math import log

import numpy as np


def hazard(planted: dict, log_odds: np.ndarray | float) -> np.ndarray | float:
    """Return the monthly hazard at these logits of the ideal H score; ``planted`` is the section ``survival``."""
    reference = log(planted["cut_off"] / (1 - planted["cut_off"]))
    return planted["monthly_hazard_at_cut_off"] * np.exp(planted["log_hazard_per_logit"] * (log_odds - reference))


def under_observation(planted: dict, months: np.ndarray) -> np.ndarray:
    """Return the probability that follow-up has not ended by these months."""
    first, last = planted["follow_up_months"]
    return np.exp(-planted["monthly_loss"] * months) * np.interp(months, [first, last], [1.0, 0.0])


def draw(planted: dict, hazards: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the observed survival of patients with these monthly hazards.

    Returns:
        Months, with one decimal and at least 0.1, float [patients]; whether the event was observed, bool [patients].
    """
    hazards = np.asarray(hazards)
    event = random.exponential(1 / hazards)
    end = random.uniform(*planted["follow_up_months"], hazards.shape)
    lost = random.exponential(1 / planted["monthly_loss"], hazards.shape)
    censored = np.minimum(end, lost)
    return np.maximum(0.1, np.round(np.minimum(event, censored), 1)), event <= censored
