"""Would another training set, seed or resample have said the same of a patient?

**Members.** A score is the mean of members: networks or regressions trained on other parts of the development cohort
(folds; any two of five share 75 % of a member's patients), or from other seeds. How far one member alone is from the
mean shows how unstable a model trained once would be. It is an upper bound for the mean itself, which is steadier, and
it leaves out another sample of patients: networks are not trained again on bootstrap resamples.

**Threshold.** The cut-off is chosen again, by the same rule, on bootstrap resamples of the development patients.

Shapes: ``score`` float [n], ``members`` float [members, n], ``counts`` float [resamples, patients].

Sources: Riley and Collins, Biom J 2023;65:2200302 (instability plot, mean absolute prediction error, classification
instability index), with members in the place of their bootstrap models.
"""

from collections.abc import Mapping

import numpy as np

from hscore.statistics.common import bootstrap
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination, thresholds

NO_MEMBERS = "the score has fewer than two members"
NO_CUT_OFF = "no cut-off was frozen for this model"
FIXED = "the cut-off is a fixed value"
UNSURE = 0.05  # of the resamples: a patient whose call changes in more is unsure
POINT_DIGITS = 6


def report(
    evaluations: Mapping[str, ScoredCohort],
    frozen: Mapping[str, dict],
    settings: dict,
    counts: Mapping[str, np.ndarray],
) -> dict:
    """How stable every model's external scores and its threshold are.

    Args:
        evaluations: all of a study, by name.
        frozen: what was frozen on development, by model.
        settings: section ``validate`` of the config.
        counts: bootstrap draws by evaluation.

    Returns:
        ``members``, rows as of ``of_members`` by model and source; ``thresholds``, rows as of ``of_threshold``;
        ``points`` of the reference model as of ``points``, None where it has fewer than two members.
    """
    external, development = (evaluations.get(name) for name in ("external", "out_of_fold"))
    members, cut_offs, shown = [], [], None
    for model, score in external.scores.items() if external else ():
        threshold = frozen[model]["value"]
        sources = {"folds": external.members.get(model), "seeds": external.seeds.get(model)}
        for source, values in sources.items():
            if source == "folds" or values is not None:
                members.append({"model": model, **of_members(external.y_true, score, values, threshold, source)})
        if model == settings["reference"] and len(external.members.get(model, ())) > 1:
            shown = {"model": model, "threshold": threshold, **points(score, external.members[model])}
    for model, score in development.scores.items() if development else ():
        known = external and model in external.scores
        found = of_threshold(
            (development.y_true, score),
            (external.y_true, external.scores[model]) if known else None,
            frozen[model],
            settings["threshold"],
            settings["confidence"],
            counts["out_of_fold"],
        )
        cut_offs.append({"model": model, **found})
    return {"members": members, "thresholds": cut_offs, "points": shown}


def of_members(
    y_true: np.ndarray, score: np.ndarray, members: np.ndarray | None, threshold: float | None, source: str
) -> dict:
    """How far the members are from the mean, and whose call they would change.

    Args:
        y_true: bool [n].
        score: float [n], the mean of the members.
        members: float [members, n]; None or fewer than two say why nothing follows.
        cut: frozen threshold or None.
        source: what the members differ in, "folds" or "seeds".

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
    """The lowest and highest AUC of a member."""
    if why := discrimination.undefined(y_true, *members):
        return {"lowest": None, "highest": None, "why": why}
    areas = [discrimination.placements(y_true, row)[0].mean() for row in members]
    return {"lowest": float(min(areas)), "highest": float(max(areas))}


def _calls(score: np.ndarray, members: np.ndarray, threshold: float | None) -> dict:
    """Patients whose call at the frozen cut-off changes between the mean and a member."""
    if threshold is None:
        return {"changed": None, "n": int(score.size), "index": None, "why": NO_CUT_OFF}
    differs = (members >= threshold) != (score >= threshold)
    return {"changed": int(differs.any(axis=0).sum()), "n": int(score.size), "index": float(differs.mean())}


def points(score: np.ndarray, members: np.ndarray) -> dict:
    """What an instability plot draws: the patients' ``score`` and their ``members``, a row each, in order of score."""
    order = np.argsort(score, kind="stable")
    return {
        "score": score[order].round(POINT_DIGITS).tolist(),
        "members": members[:, order].round(POINT_DIGITS).tolist(),
    }


def of_threshold(
    development: tuple[np.ndarray, np.ndarray],
    external: tuple[np.ndarray, np.ndarray] | None,
    frozen: dict,
    rule: str | dict,
    confidence: float,
    counts: np.ndarray,
) -> dict:
    """How much the cut-off depends on the patients it was chosen on.

    Args:
        development: outcome, bool [patients], and out-of-fold scores, float [patients], of the development cohort.
        external: the same of the external cohort, or None.
        frozen: the model's entry in the frozen thresholds.
        rule: as configured, see ``thresholds.parse_rule``.
        confidence: share of the resamples between ``from`` and ``to``.
        counts: bootstrap draws of the development cohort.

    Returns:
        ``cut_off``: the ``frozen`` one, and ``from`` and ``to``, between which the resampled ones lie; ``chosen`` of
        ``resamples`` in which a cut-off separated; ``external``: ``changed``, the mean share of patients whose call is
        not that at the frozen cut-off, ``unsure``, the share of those whose call changes in more than one resample of
        twenty, and ``sensitivity`` and ``specificity`` at the frozen cut-off and, ``from`` and ``to``, at the others.
        These are spreads over cut-offs, not confidence intervals: the patients are the same.
    """
    threshold, (name, _) = frozen["value"], thresholds.parse_rule(rule)
    why = NO_CUT_OFF if threshold is None else FIXED if name == "value" else discrimination.undefined(*development)
    cuts = np.full(len(counts), np.nan) if why else thresholds.on_resamples(*development, rule, counts)
    known = cuts[~np.isnan(cuts)]
    start = {"resamples": len(counts), "chosen": int(known.size)}
    if not known.size:
        nothing = {
            "frozen": threshold,
            "from": None,
            "to": None,
            "why": why or "no resample has a cut-off that separates",
        }
        return {**start, "cut_off": nothing, "external": None}
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
        right = (calls == y_true)[:, group].mean(axis=1)
        rates[measure] = _spread(float((frozen_calls == y_true)[group].mean()), right, confidence)
    shares = {"changed": float(changed.mean()), "unsure": float((changed > UNSURE).mean())}
    return {**result, "external": {"n": int(score.size), **shares, **rates}}


def _spread(value: float, draws: np.ndarray, confidence: float) -> dict:
    """A value, and the percentiles between which the resampled ones lie."""
    low, high = bootstrap.percentiles(draws, confidence)
    return {"frozen": value, "from": float(low), "to": float(high)}
