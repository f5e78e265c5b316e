"""Describe survival by other characteristics: centre, age, stage, histology and the other subgroup columns.

One log-rank test covers all levels of a column. Levels are those of the diagnostic subgroups (``subgroups``).
"""

import numpy as np
import pandas as pd

from hscore.statistics.common.multiplicity import add_adjusted_p
from hscore.statistics.diagnosis import subgroups
from hscore.statistics.survival import survival_curves
from hscore.statistics.survival.cox_models import time_and_event

METHOD = "log-rank test of all levels at once"
SHOWN = ("n", "events", "median", "median_low", "median_high", "median_method", "median_why", "at")


def describe(known: pd.DataFrame, moments: np.ndarray, horizon: float, confidence: float) -> list[dict]:
    """Return one entry per column of ``subgroups.COLUMNS`` with two or more known levels.

    An entry has ``levels`` with counts, median and survival at the ``moments`` after the first, ``log_rank`` with
    Holm's adjustment over the columns, and ``missing``, the number of patients without a level, who are left out.
    """
    time, event = time_and_event(known)
    columns = [name for name in subgroups.COLUMNS if name in known]
    rows = []
    for name, values in subgroups.subgroup_levels(known[columns]).items():
        has_level = values.to_numpy() != subgroups.MISSING
        group = values.to_numpy()[has_level]
        names = sorted(set(group), key=subgroups.level_order)
        if len(names) < 2:
            continue
        parts = ((level, values.to_numpy() == level) for level in names)
        levels = [
            {
                "level": level,
                **survival_curves.describe_group(time[member], event[member], moments, horizon, confidence),
            }
            for level, member in parts
        ]
        rows.append(
            {
                "variable": name,
                "missing": int((~has_level).sum()),
                "levels": [{key: row[key] for key in ("level", *SHOWN) if key in row} for row in levels],
                "log_rank": {**survival_curves.log_rank(time[has_level], event[has_level], group), "method": METHOD},
            }
        )
    add_adjusted_p([row["log_rank"] for row in rows], "characteristics of this cohort")
    return rows
