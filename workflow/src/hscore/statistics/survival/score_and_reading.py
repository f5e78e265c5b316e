"""Test whether the H score adds information on survival to the MRI reading of the nodes, which it contains.

The Cox model contains the reading (0 or 1) and the H score on its continuous scale, because dividing patients into
groups loses information. The score enters as the base-2 logarithm of its odds, so its hazard ratio is per doubling of
the odds of metastasis. Its p-value is that of the likelihood-ratio test against the reading alone.
"""

import numpy as np
import pandas as pd
from scipy.special import logit

from hscore.contracts.manifest import READING
from hscore.statistics.survival import cox
from hscore.statistics.survival.cox_models import time_and_event

SCORE = "H score, per doubling of odds"


def describe(known: pd.DataFrame, settings: dict) -> dict:
    """Return the H score next to the reading in one Cox model.

    Args:
        known: patients with survival data [n]; columns as in ``survival_by_score``, including the reading.
        settings: section survive of the config.

    Returns:
        ``n`` and ``events`` of the patients whose reading is known, and ``rows``: the hazard ratio of the score and of
        the reading, each adjusted for the other, with profile-likelihood interval and likelihood-ratio p. Where the
        plain model has no finite estimate they are Firth's, with its name and the reason in ``plain_why``.
    """
    complete = known.dropna(subset=[READING])
    time, event = time_and_event(complete)
    with np.errstate(divide="ignore"):  # an infinite logit is refused below, by name
        odds = logit(complete["score"].to_numpy(float)) / np.log(2)
    covariates = pd.DataFrame({SCORE: odds, READING: complete[READING].to_numpy(float)}, index=complete.index)
    size = {"n": int(time.size), "events": int(event.sum())}
    return {**size, "rows": [{**row, **size} for row in _rows(time, event, covariates, settings)]}


def _rows(time: np.ndarray, event: np.ndarray, covariates: pd.DataFrame, settings: dict) -> list[dict]:
    confidence, infinite = settings["confidence"], int((~np.isfinite(covariates[SCORE])).sum())
    why = f"the score is 0 or 1 in {infinite} patients, which has no finite odds" if infinite else None
    if why := why or (None if time.size else "the MRI reading is not known for any patient with survival data"):
        return [cox.unfitted_row(name, why, cox.PROFILE) for name in covariates]
    model = cox.fit(time, event, covariates, settings["events_per_variable"])
    if model.infinite and event.sum() >= settings["events_per_variable"] * covariates.shape[1]:
        penalized = cox.firth(time, event, covariates, confidence)
        if all(row["estimate"] is not None for row in penalized):
            return [{**row, "plain_why": model.why} for row in penalized]
    return model.profile(confidence)
