"""Late fusion: Firth's logistic regression on the logits of other models' scores and on clinical variables.

The fused scores are out-of-fold: each patient is scored by networks that never saw the patient. The regression for a
fold is fitted without that fold's patients, but on scores of networks that saw them. This is common stacking
(L. Breiman, Mach Learn 1996;24:49-64). With several models it makes out-of-fold AUCs slightly optimistic
(docs/scores.md).

A score with a negative slope is left out, as in Breiman's stacking, and the rest is fitted again. Risk falls with a
rising risk score only by chance. Out of fold such chance is systematic, because a fold with more positive patients
leaves fewer to train on.

A patient without one of the scores is scored by a regression on the available ones (a "reduced-feature model":
M. Saar-Tsechansky and F. Provost, J Mach Learn Res 2007;8:1625-57), fitted on everyone who has these.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from hscore.learning import logistic_member
from hscore.metrics.probability import clipped_logit


def fit(scores: np.ndarray, clinical: np.ndarray, labels: np.ndarray, names: Sequence[str], fused: int) -> dict:
    """Fit one fold's member: for every set of available scores, named "a+b", a member of a logistic model.

    A set of scores that the training patients of one class do not have is left out.

    Args:
        scores: probabilities [P, B], NaN where a model gave none.
        clinical: clinical variables [P, K].
        labels: node status [P], 0 or 1.
        names: of the B models, then of the K clinical variables.
        fused: B.
    """
    members = {}
    for size in range(1, fused + 1):
        for chosen in combinations(range(fused), size):
            complete = np.isfinite(scores[:, chosen]).all(axis=1)
            if np.unique(labels[complete]).size == 2:
                values = np.column_stack([clipped_logit(scores[complete][:, chosen]), clinical[complete]])
                kept = [names[k] for k in chosen]
                members["+".join(kept)] = fit_non_negative(values, labels[complete], [*kept, *names[fused:]], len(kept))
    return members


def fit_non_negative(values: np.ndarray, labels: np.ndarray, names: Sequence[str], fused: int) -> dict:
    """Fit a regression with slope 0 for those of the first ``fused`` variables whose slope would be negative."""
    kept = list(range(values.shape[1]))
    while True:
        member = logistic_member.fit_member(values[:, kept], labels, [names[k] for k in kept])
        slopes = [member["coefficients"][names[k]] if k < fused else 0.0 for k in kept]
        if not kept or min(slopes) >= 0:
            break
        kept.pop(int(np.argmin(slopes)))
    coefficients = {name: member["coefficients"].get(name, 0.0) for name in names}
    places = {k: place for place, k in enumerate(kept)}
    constants = {
        key: [member[key][places[k]] if k in places else default for k in range(len(names))]
        for key, default in (("mean", 0.0), ("deviation", 1.0))
    }
    return {"intercept": member["intercept"], "coefficients": coefficients, **constants}


def probabilities(member: dict, scores: np.ndarray, clinical: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Return the probability of LNM [P] by one fold's member; NaN where it has no regression for a patient's scores.

    ``names`` are those of the columns of ``scores`` [P, B].
    """
    result = np.full(len(scores), np.nan)
    available = np.isfinite(scores)
    for pattern in np.unique(available, axis=0):
        key = "+".join(name for name, has_score in zip(names, pattern, strict=True) if has_score)
        if key in member:
            rows = (available == pattern).all(axis=1)
            values = np.column_stack([clipped_logit(scores[rows][:, pattern]), clinical[rows]])
            result[rows] = logistic_member.probabilities(member[key], values)
    return result
