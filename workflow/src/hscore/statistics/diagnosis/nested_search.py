"""Compare a nested search over training settings, as a whole procedure, with the configured settings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from hscore.errors import UserError
from hscore.statistics.common.scored_cohorts import ScoredCohort
from hscore.statistics.diagnosis import discrimination, selection

SEARCHED, CONFIGURED = "searched", "configured"  # keys of the intervals
NOTE = "out-of-fold; 'searched' is the whole procedure with one seed, 'configured' the settings of the study"


def summarize(
    parts: Sequence[Mapping[str, Any]], split: pd.DataFrame, development: ScoredCohort, confidence: float
) -> dict:
    """Return what each part chose, the AUC of the search and of the configured settings, and their difference.

    Args:
        parts: what the search of each outer fold, and of all patients (``held_out`` None), found.
        split: the development patients (``contracts.folds.read``).
        development: out-of-fold scores of the model with the configured settings, in the order of the split.
        confidence: level of the intervals, 0..1.

    Raises:
        UserError: the search scored a patient who is not in the split.
    """
    model = parts[0]["model"]
    both = replace(development, scores=development.scores | {SEARCHED: pooled_scores(parts, split["patient"])})
    y_true, pair = selection.scored_by_all(both, SEARCHED, model)
    intervals = {
        key: discrimination.auc_interval(y_true, scores, confidence, folds=both.overlap(name))
        for key, name, scores in zip((SEARCHED, CONFIGURED), (SEARCHED, model), pair, strict=True)
    }
    overlap = both.overlap(SEARCHED, model)
    return {
        "model": model,
        "recommended": next(part["chosen"] for part in parts if part["held_out"] is None),
        "folds": [{key: part[key] for key in ("held_out", "chosen", "tried")} for part in parts],
        "n": int(y_true.size),
        "positives": int(y_true.sum()),
        **intervals,
        "searched_minus_configured": discrimination.compare(y_true, *pair, confidence, overlap),
        "note": NOTE,
    }


def pooled_scores(parts: Sequence[Mapping[str, Any]], patients: pd.Series) -> np.ndarray:
    """Return the held-out scores of all parts in the order of the ``patients``, float [n]; NaN where there is none.

    Raises:
        UserError: a part scored somebody else.
    """
    searched = {patient: score for part in parts for patient, score in part["scores"].items()}
    if unknown := searched.keys() - set(patients):
        raise UserError(f"the split has no patient '{min(unknown)}', whom the search scored; run the search again")
    return np.array([searched.get(patient, np.nan) for patient in patients])
