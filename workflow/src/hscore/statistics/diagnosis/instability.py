"""Measure how a patient's score depends on the training set, seed or resample.

**Members.** A score is the mean of members: networks or regressions trained on other parts of the development cohort
(folds; any two of five share 75 % of a member's patients), or from other seeds. The distance of one member from the
mean shows how unstable a model trained once would be. It is an upper bound for the mean itself, which varies less. It
does not include another sample of patients, because networks are not retrained on bootstrap resamples.

**Threshold.** The cut-off is chosen again, by the same rule, on bootstrap resamples of the development patients.

Shapes: ``score`` float [n], ``members`` float [members, n], ``counts`` float [resamples, patients].

Sources: Riley and Collins, Biom J 2023;65:2200302 (instability plot, mean absolute prediction error, classification
instability index), with members in place of their bootstrap models.
"""

from collections.abc import Mapping

import numpy as np

from hscore.statistics.common import bootstrap
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination, thresholds

NO_MEMBERS = "the score has fewer than two members"
NO_CUT_OFF = "no threshold was frozen for this model"
FIXED = "the threshold is a fixed value"
UNSURE = 0.05  # share of resamples; a patient whose call changes in more of them is unsure
POINT_DIGITS = 6


def report(
    evaluations: Mapping[str, ScoredCohort],
    frozen: Mapping[str, dict],
    settings: dict,
    counts: Mapping[str, np.ndarray],
) -> dict:
    """Return how stable every model's external scores and its threshold are.

    Args:
        evaluations: all of a study, by name.
        frozen: what was frozen on development, by model.
        settings: section ``validate`` of the config.
        counts: bootstrap draws by evaluation.

    Returns:
        ``members``, rows of ``member_stability`` by model and source; ``thresholds``, rows of ``threshold_stability``;
        ``points`` of the reference model, None where it has fewer than two members.
    """
    external, development = (evaluations.get(name) for name in ("external", "out_of_fold"))
    members, threshold_rows, shown = [], [], None
    for model, score in external.scores.items() if external else ():
        threshold = frozen[model]["value"]
        sources = {"folds": external.members.get(model), "seeds": external.seeds.get(model)}
        for source, values in sources.items():
            if source == "folds" or values is not None:
                members.append({"model": model, **member_stability(external.y_true, score, values, threshold, source)})
        if model == settings["reference"] and len(external.members.get(model, ())) > 1:
            shown = {"model": model, "threshold": threshold, **plot_points(score, external.members[model])}
    for model, score in development.scores.items() if development else ():
        known = external and model in external.scores
        spread = threshold_stability(
            (development.y_true, score),
            (external.y_true, external.scores[model]) if known else None,
            frozen[model],
            settings["threshold"],
            settings["confidence"],
            counts["out_of_fold"],
        )
        threshold_rows.append({"model": model, **spread})
    return {"members": members, "thresholds": threshold_rows, "points": shown}


def member_stability(
    y_true: np.ndarray, score: np.ndarray, members: np.ndarray | None, threshold: float | None, source: str
) -> dict:
    """Return how far the members are from the mean, and how many calls they would change.

    Args:
        y_true: bool [n].
        score: float [n], the mean of the members.
        members: float [members, n]; with None or fewer than two the result is a reason.
        threshold: frozen cut-off or None.
        source: difference between the members, "folds" or "seeds".

    Returns:
        ``mean_absolute_difference`` (over members, then patients) and its 90 % quantile and maximum over patients;
        ``mean_range``, between a patient's lowest and highest member; ``auc``, ``lowest`` and ``highest`` of a member;
        ``calls``: patients whose call by any member is not that of the mean (``changed`` of ``n``) and ``index``, the
        mean share of members that differ.
    """
    start = {"source": source, "members": 0 if members is None else len(members), "n": int(score.size)}
    if start["members"] < 2 or not score.size:
        return {**start, "why": NO_MEMBERS if score.size else "there are no patients"}
    distance = np.abs(members - score).mean(axis=0)
    spread = np.ptp(members, axis=0)
    return {
        **start,
        "mean_absolute_difference": float(distance.mean()),
        "absolute_difference_90": float(np.quantile(distance, 0.9)),
        "largest_absolute_difference": float(distance.max()),
        "mean_range": float(spread.mean()),
        "auc": _aucs(y_true, members),
        "calls": _calls(score, members, threshold),
    }


def _aucs(y_true: np.ndarray, members: np.ndarray) -> dict:
    """Return the lowest and highest AUC of a member."""
    if why := discrimination.reason_undefined(y_true, *members):
        return {"lowest": None, "highest": None, "why": why}
    aucs = [discrimination.placements(y_true, row)[0].mean() for row in members]
    return {"lowest": float(min(aucs)), "highest": float(max(aucs))}


def _calls(score: np.ndarray, members: np.ndarray, threshold: float | None) -> dict:
    """Return the patients whose call at the frozen cut-off differs between the mean and a member."""
    if threshold is None:
        return {"changed": None, "n": int(score.size), "index": None, "why": NO_CUT_OFF}
    differs = (members >= threshold) != (score >= threshold)
    return {"changed": int(differs.any(axis=0).sum()), "n": int(score.size), "index": float(differs.mean())}


def plot_points(score: np.ndarray, members: np.ndarray) -> dict:
    """Return the values of an instability plot: ``score`` of the patients and one row per member, ordered by score."""
    order = np.argsort(score, kind="stable")
    return {
        "score": score[order].round(POINT_DIGITS).tolist(),
        "members": members[:, order].round(POINT_DIGITS).tolist(),
    }


def threshold_stability(
    development: tuple[np.ndarray, np.ndarray],
    external: tuple[np.ndarray, np.ndarray] | None,
    frozen: dict,
    rule: str | dict,
    confidence: float,
    counts: np.ndarray,
) -> dict:
    """Return how much the cut-off depends on the patients it was chosen on.

    Args:
        development: outcome, bool [patients], and out-of-fold scores, float [patients], of the development cohort.
        external: the same of the external cohort, or None.
        frozen: the model's entry in the frozen thresholds.
        rule: as configured, see ``thresholds.parse_rule``.
        confidence: share of the resamples between ``from`` and ``to``, 0..1.
        counts: bootstrap draws of the development cohort.

    Returns:
        ``cut_off``: the ``frozen`` one, and ``from`` and ``to``, the range of the resampled ones; ``chosen`` of
        ``resamples`` in which a cut-off separated; ``external``: ``changed``, the mean share of patients whose call
        differs from that at the frozen cut-off, ``unsure``, the share of those whose call changes in more than one
        resample of twenty, and ``sensitivity`` and ``specificity`` at the frozen cut-off and, ``from`` and ``to``, at
        the others. These are ranges over cut-offs in the same patients, not confidence intervals.
    """
    threshold, (name, _) = frozen["value"], thresholds.parse_rule(rule)
    why = (
        NO_CUT_OFF if threshold is None else FIXED if name == "value" else discrimination.reason_undefined(*development)
    )
    cut_offs = np.full(len(counts), np.nan) if why else thresholds.on_resamples(*development, rule, counts)
    known = cut_offs[~np.isnan(cut_offs)]
    start = {"resamples": len(counts), "chosen": int(known.size)}
    if not known.size:
        missing = {
            "frozen": threshold,
            "from": None,
            "to": None,
            "why": why or "no resample yields a threshold with a positive Youden index",
        }
        return {**start, "cut_off": missing, "external": None}
    result = {**start, "cut_off": _spread(threshold, known, confidence)}
    if external is None or not external[1].size:
        return {**result, "external": None}
    y_true, score = external
    frozen_calls, calls = score >= threshold, score >= known[:, None]
    changed = (calls != frozen_calls).mean(axis=0)
    rates = {}
    for measure, group in (("sensitivity", y_true), ("specificity", ~y_true)):
        if not group.any():
            rates[measure] = {"frozen": None, "from": None, "to": None, "why": "there are no such patients"}
            continue
        correct = (calls == y_true)[:, group].mean(axis=1)
        rates[measure] = _spread(float((frozen_calls == y_true)[group].mean()), correct, confidence)
    shares = {"changed": float(changed.mean()), "unsure": float((changed > UNSURE).mean())}
    return {**result, "external": {"n": int(score.size), **shares, **rates}}


def _spread(value: float, draws: np.ndarray, confidence: float) -> dict:
    """Return a value and the percentiles of its resampled values."""
    low, high = bootstrap.percentiles(draws, confidence)
    return {"frozen": value, "from": float(low), "to": float(high)}
