"""Compute NRI and IDI: does a new model move patients in the right direction? To be read with net benefit.

Both reward miscalibration and have been called misleading (Pepe et al., Stat Biosci 2015;7:282-295). They have no
p-value, because none of the proposed ones tests whether the new model adds anything (Pepe, Janes, Li, J Natl Cancer
Inst 2014;106:dju041): of models that add only noise 9 % have a categorical NRI whose interval is above 0, where 2.5 %
are nominal (docs/intervals.md).

Shapes: ``y_true`` bool [n]; ``old`` and ``new`` float [n], predicted probabilities.

Source: Pencina, D'Agostino, Vasan, Stat Med 2008;27:157-172 and 2011;30:11-21; errors as in Hmisc ``improveProb``.
"""

import numpy as np

from hscore.statistics.common.estimates import not_estimable, wald
from hscore.statistics.diagnosis.discrimination import reason_undefined


def continuous_nri(y_true: np.ndarray, old: np.ndarray, new: np.ndarray, confidence: float) -> dict:
    """Return the category-free NRI: net share of events moved up plus net share of non-events moved down."""
    method = "continuous NRI, Wald"
    if why := reason_undefined(y_true, old, new):
        return not_estimable(why, method)
    return _nri(y_true, np.sign(new - old), confidence, method)


def categorical_nri(
    y_true: np.ndarray, old: np.ndarray, new: np.ndarray, borders: list[float], confidence: float
) -> dict:
    """Return the NRI over risk categories [cut k, cut k+1)."""
    method = "categorical NRI, Wald"
    if why := reason_undefined(y_true, old, new):
        return not_estimable(why, method)
    moved = np.sign(np.digitize(new, borders) - np.digitize(old, borders))
    return _nri(y_true, moved, confidence, method)


def _nri(y_true: np.ndarray, moved: np.ndarray, confidence: float, method: str) -> dict:
    """Return an NRI; ``moved`` is 1 (up), 0 or -1. The standard error is multinomial, not that under the null."""
    events, non_events = moved[y_true], -moved[~y_true]
    variance = events.var() / events.size + non_events.var() / non_events.size
    parts = {"events": float(events.mean()), "non_events": float(non_events.mean())}
    value = parts["events"] + parts["non_events"]
    if variance == 0:
        return {**not_estimable("no patient moves, or all move in the same way", method), "estimate": value, **parts}
    return wald(value, np.sqrt(variance), confidence, method, **parts)


def idi(y_true: np.ndarray, old: np.ndarray, new: np.ndarray, confidence: float) -> dict:
    """Return the integrated discrimination improvement: gain in mean risk of events minus that of non-events."""
    method = "IDI, Wald"
    if why := reason_undefined(y_true, old, new):
        return not_estimable(why, method)
    gain, loss = (new - old)[y_true], (new - old)[~y_true]
    if min(gain.size, loss.size) < 2:
        return not_estimable("the variance needs two patients of each class", method)
    variance = gain.var(ddof=1) / gain.size + loss.var(ddof=1) / loss.size
    value, parts = float(gain.mean() - loss.mean()), {"events": float(gain.mean()), "non_events": float(-loss.mean())}
    if variance == 0:
        return {**not_estimable("all predictions change by the same amount", method), "estimate": value, **parts}
    return wald(value, np.sqrt(variance), confidence, method, **parts)
