"""Test whether features that should be independent of the outcome reveal it: AUC of each feature, Holm-adjusted."""

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from hscore.statistics.common.multiplicity import holm
from hscore.statistics.diagnosis import discrimination

LEVEL = 0.01  # adjusted p-value below which a feature is flagged
FEWEST = 4  # smallest number of patients per class with a feature


def report(features: pd.DataFrame, y_true: np.ndarray) -> dict:
    """Return the test of every feature against the outcome: ``n positives features flagged method``.

    The test is the two-sided Mann-Whitney test (normal approximation with ties). A feature that is equal in all
    patients, or known for too few of a class, is left out.

    Args:
        features: one row per patient, one column per feature.
        y_true: outcome, bool [patients].
    """
    rows = []
    for name, values in features.items():
        known = values.notna().to_numpy()
        score, outcome = values.to_numpy(float)[known], y_true[known]
        if min(outcome.sum(), (~outcome).sum()) < FEWEST or np.unique(score).size < 2:
            continue
        p = float(mannwhitneyu(score[outcome], score[~outcome], method="asymptotic").pvalue)
        auc = float(discrimination.delong(outcome, score).auc[0])
        rows.append({"feature": name, "n": int(known.sum()), "auc": auc, "p": p})
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
    return {
        "n": int(y_true.size),
        "positives": int(y_true.sum()),
        "features": sorted(rows, key=lambda row: row["p"]),
        "flagged": [row["feature"] for row in rows if row["p_holm"] < LEVEL],
        "method": f"Mann-Whitney test, Holm's adjustment within the centre, flagged below {LEVEL:g}",
    }
