"""Does anything that should know nothing of the outcome tell it? AUC of each feature, tested, Holm-adjusted."""

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from hscore.statistics.common.multiplicity import holm
from hscore.statistics.diagnosis import discrimination

LEVEL = 0.01  # of the adjusted p-value below which a feature is flagged
FEWEST = 4  # patients of each class that have a feature


def report(features: pd.DataFrame, y_true: np.ndarray) -> dict:
    """Every feature [patients, columns] against the outcome, bool [patients]: ``n positives features flagged method``.

    Two-sided Mann-Whitney test (normal approximation with ties). A feature that is the same in all patients, or known
    in too few of a class, is left out.
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
