"""Compute ROC statistics of many bootstrap resamples at once.

Shapes: ``y_true`` bool [n], ``scores`` float [n], ``counts`` float [resamples, n] from ``bootstrap.draw_by_class``,
so that every resample contains both classes, unless stated otherwise. Higher scores mean "more likely positive"; ties
count one half.

Sources: McClish, Med Decis Making 1989;9:190-195 (partial area, its correction); Boyd, Eng, Page, ECML-PKDD 2013
(average precision as the step-wise area under the precision-recall curve).
"""

import numpy as np

from hscore.statistics.common import bootstrap
from hscore.statistics.common.estimates import not_estimable
from hscore.statistics.diagnosis.discrimination import reason_undefined


class ResampledRoc:
    """Positives and negatives of every resample at each different score, highest score first."""

    def __init__(self, y_true: np.ndarray, scores: np.ndarray, counts: np.ndarray) -> None:
        order = np.argsort(-scores, kind="stable")
        start = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)  # first of each group of ties
        drawn = counts[:, order]
        self.cases = np.add.reduceat(drawn * y_true[order], start, axis=1)
        self.controls = np.add.reduceat(drawn * ~y_true[order], start, axis=1)

    def aucs(self) -> np.ndarray:
        """Return the area under the ROC curve, [resamples]."""
        above = np.cumsum(self.cases, axis=1) - self.cases / 2
        return (self.controls * above).sum(axis=1) / (self.cases.sum(axis=1) * self.controls.sum(axis=1))

    def partial_aucs(self, lowest_specificity: float) -> np.ndarray:
        """Return the area where specificity is at least the given one, straight lines between points, [resamples].

        McClish's correction is applied, as in pROC ``partial.auc.correct = TRUE``: 0.5 is no discrimination, 1 perfect.
        """
        end = 1 - lowest_specificity
        x, y = (
            np.pad(np.cumsum(part, axis=1) / part.sum(axis=1, keepdims=True), ((0, 0), (1, 0)))
            for part in (self.controls, self.cases)
        )
        step, rise = np.diff(x, axis=1), np.diff(y, axis=1)
        width = np.clip(end - x[:, :-1], 0, step)  # part of each segment inside the range
        slope = np.divide(rise, step, out=np.zeros_like(rise), where=step > 0)
        area = (width * y[:, :-1] + width**2 * slope / 2).sum(axis=1)
        chance = end**2 / 2
        return (1 + (area - chance) / (end - chance)) / 2

    def average_precisions(self) -> np.ndarray:
        """Return the area under the precision-recall curve: sum of precision x gain in recall, [resamples].

        There is no interpolation. The value is NaN for a resample without a positive, which ``bootstrap.draw`` may
        give.
        """
        cases = np.cumsum(self.cases, axis=1)
        y_pred_count = cases + np.cumsum(self.controls, axis=1)
        precision = np.divide(cases, y_pred_count, out=np.zeros_like(cases), where=y_pred_count > 0)
        with np.errstate(invalid="ignore"):
            return (self.cases * precision).sum(axis=1) / cases[:, -1]

    def sensitivities(self, at: np.ndarray) -> np.ndarray:
        """Return the sensitivity at the false-positive rates ``at`` [points], [resamples, points].

        Points are joined by straight lines. At a vertical step the upper end counts.
        """
        x, y = (
            np.pad(np.cumsum(part, axis=1) / part.sum(axis=1, keepdims=True), ((0, 0), (1, 0)))
            for part in (self.controls, self.cases)
        )
        return np.array([np.interp(at, x_values, y_values) for x_values, y_values in zip(x, y, strict=True)])


BAND = np.linspace(0, 1, 51)  # false-positive rates


def band(y_true: np.ndarray, scores: np.ndarray, counts: np.ndarray, confidence: float) -> dict:
    """Return the pointwise band of the ROC curve: ``false_positive_rate``, ``low``, ``high`` [points], ``method``.

    It consists of percentiles of the sensitivity over stratified resamples, as pROC ``ci.se``. With only one class the
    result has a ``why`` instead.
    """
    method = f"pointwise stratified percentile bootstrap, {len(counts)} resamples"
    if why := reason_undefined(y_true, scores):
        return {"method": method, "why": why}
    draws = ResampledRoc(y_true, scores, counts).sensitivities(BAND)
    return {"false_positive_rate": BAND.tolist(), **bootstrap.percentile_band(draws, confidence), "method": method}


def describe(
    y_true: np.ndarray,
    scores: np.ndarray,
    draws: bootstrap.Resamples,
    confidence: float,
    lowest_specificity: float,
) -> dict[str, dict]:
    """Return ``auc_bootstrap``, ``partial_auc`` (high specificity only) and ``average_precision`` (rare positives).

    Each is an estimate with its percentile interval over the stratified resamples. The last uses unstratified ones,
    because it depends on the number of positives. The latter two have ``chance``, the value of an uninformative score.
    """
    resampled = f"percentile bootstrap, {len(draws.whole)} resamples"
    rows = {
        "auc_bootstrap": {"method": f"stratified {resampled}"},
        "partial_auc": {
            "chance": 0.5,
            "method": f"partial AUC at specificity of {lowest_specificity:g} and more, McClish-corrected; "
            f"stratified {resampled}",
        },
        "average_precision": {
            "chance": float(y_true.mean()) if y_true.size else None,
            "method": f"average precision (area under the precision-recall curve); {resampled}",
        },
    }
    if why := reason_undefined(y_true, scores):
        return {name: not_estimable(why, **row) for name, row in rows.items()}
    observed, by_class, whole = (
        ResampledRoc(y_true, scores, counts) for counts in (bootstrap.cohort_counts(y_true.size), *draws)
    )
    pairs = {
        "auc_bootstrap": (observed.aucs(), by_class.aucs()),
        "partial_auc": (observed.partial_aucs(lowest_specificity), by_class.partial_aucs(lowest_specificity)),
        "average_precision": (observed.average_precisions(), whole.average_precisions()),
    }
    return {
        name: {"estimate": float(value[0]), **bootstrap.percentile_interval(drawn, confidence), **rows[name]}
        for name, (value, drawn) in pairs.items()
    }
