"""Late fusion: Firth's logistic regression on the logits of other models' scores, and clinical variables beside them.

The scores fused are out-of-fold ones: each patient's by networks that never saw the patient. The regression for a fold
is fitted without that fold's patients. (Networks of the other folds did see them; through two or three coefficients
that cannot be exploited, and this is what stacking commonly means: L. Breiman, Mach Learn 1996;24:49-64.)

A score with a negative slope is left out, as in Breiman's stacking, and the rest is fitted again: that risk should
fall as a risk score rises is chance, and out of fold such chance is systematic, because a fold with more positive
patients leaves fewer to train on.

A patient without one of the scores is scored by a regression on those there are (a "reduced-feature model":
M. Saar-Tsechansky and F. Provost, J Mach Learn Res 2007;8:1625-57), fitted on everyone who has these.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from hscore.learning import logistic_member
from hscore.metrics.probability import logit


def fit(scores: np.ndarray, clinical: np.ndarray, labels: np.ndarray, names: Sequence[str], fused: int) -> dict:
    """One fold's member: for every set of available scores, named "a+b", a member of a logistic model.

    ``scores`` [P, B] are probabilities, NaN where a model gave none; ``names`` are the B = ``fused`` models, then the
    clinical variables. A set that no training patients of both classes have is left out.
    """
    members = {}
    for size in range(1, fused + 1):
        for chosen in combinations(range(fused), size):
            complete = np.isfinite(scores[:, chosen]).all(axis=1)
            if np.unique(labels[complete]).size == 2:
                values = np.column_stack([logit(scores[complete][:, chosen]), clinical[complete]])
                kept = [names[k] for k in chosen]
                members["+".join(kept)] = rising(values, labels[complete], [*kept, *names[fused:]], len(kept))
    return members


def rising(values: np.ndarray, labels: np.ndarray, names: Sequence[str], fused: int) -> dict:
    """A regression in which none of the first ``fused`` variables has a negative slope: those get the slope 0."""
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
    """Probability of LNM [P] by the member of one fold; NaN where no regression is for the scores a patient has.

    ``names`` are those of the columns of ``scores`` [P, B].
    """
    result = np.full(len(scores), np.nan)
    available = np.isfinite(scores)
    for pattern in np.unique(available, axis=0):
        key = "+".join(name for name, there in zip(names, pattern, strict=True) if there)
        if key in member:
            rows = (available == pattern).all(axis=1)
            values = np.column_stack([logit(scores[rows][:, pattern]), clinical[rows]])
            result[rows] = logistic_member.probabilities(member[key], values)
    return result
