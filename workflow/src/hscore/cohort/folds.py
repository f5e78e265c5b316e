"""Dealing the development patients into folds."""

import numpy as np
import pandas as pd

from hscore.errors import UserError


def stratified_folds(patients: pd.DataFrame, folds: int, seed: int) -> pd.DataFrame:
    """Folds 0..``folds``-1 of ``patients`` (columns patient, center, lnm 0/1), balanced by centre and node status.

    Within each centre and node status (a stratum) the patients are shuffled and dealt one by one; the next stratum
    goes on with the fold after. So in any two folds the numbers of patients differ by one at most, and so do those of
    positives, of negatives, and of each stratum, however small.

    A patient's fold depends on the seed and on who else is in the cohort, not on the order of the rows or of the
    centres' tables: strata and patients are sorted by name before, and each stratum has random numbers of its own.
    scikit-learn's ``StratifiedKFold`` of the strata balances as well, but follows the order of the rows and warns of
    strata smaller than the number of folds. It would deal every study anew.

    Returns columns patient, center, lnm, fold, sorted by centre and patient.

    Raises:
        UserError: fewer positive or fewer negative patients than folds.
    """
    for status, name in ((1, "with"), (0, "without")):
        n = int((patients["lnm"] == status).sum())
        if n < folds:
            raise UserError(
                f"split.folds: {folds} folds need at least {folds} development patients {name} lymph-node metastasis, "
                f"there {'is' if n == 1 else 'are'} {n}; use fewer folds or add patients"
            )
    dealt = []
    start = 0
    for (status, center), stratum in patients.groupby(["lnm", "center"], sort=True):
        names = np.sort(stratum["patient"].to_numpy(str))
        order = np.random.default_rng([seed, int(status), *center.encode()]).permutation(len(names))
        dealt.append(
            pd.DataFrame(
                {
                    "patient": names[order],
                    "center": center,
                    "lnm": int(status),
                    "fold": (start + np.arange(len(names))) % folds,
                }
            )
        )
        start += len(names)
    return pd.concat(dealt).sort_values(["center", "patient"], ignore_index=True)


def by_center(patients: pd.DataFrame) -> pd.DataFrame:
    """A fold for every centre of ``patients`` (as in ``deal``), so that each is held out once as a whole.

    Returns columns patient, center, lnm, fold, sorted by centre and patient; folds are numbered by centre name.

    Raises:
        UserError: there is only one centre.
    """
    centers = sorted(patients["center"].unique())
    if len(centers) < 2:
        raise UserError(f"leave_one_center_out needs two development centres or more, there is only '{centers[0]}'")
    folds = patients.assign(fold=patients["center"].map(centers.index))
    return folds[["patient", "center", "lnm", "fold"]].sort_values(["center", "patient"], ignore_index=True)
