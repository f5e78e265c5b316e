"""Write ``history.csv``, the learning curves of a training: loss and AUC of every member after every epoch."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics

COLUMNS = (
    *("seed", "fold", "epoch", "loss", "auc", "learning_rate", "seconds"),
    *("inner_loss", "inner_auc", "held_out_loss", "held_out_auc"),
)


def new_row(seed: int | None, fold: int, epoch: int, loss: float) -> dict:
    """Return a row of ``history.csv`` for one member after one epoch, with None in every column not given.

    Columns ``inner_*`` are about the patients set aside for early stopping, ``held_out_*`` about those of the fold.

    Args:
        seed: of the member; None for a model that has none.
        fold: that the member was trained without.
        epoch: counted from 1.
        loss: mean training loss of the epoch.
    """
    return dict.fromkeys(COLUMNS) | {"seed": seed, "fold": fold, "epoch": epoch, "loss": loss}


def evaluation_columns(name: str, scores: np.ndarray, labels: np.ndarray) -> dict:
    """Return the mean log loss and AUC of some patients as columns ``<name>_loss`` and ``<name>_auc``.

    Args:
        name: of the patients: ``training``, ``inner`` or ``held_out``.
        scores: probabilities [P]; patients without a score (NaN) are left out.
        labels: node status [P], 0 or 1.

    Returns:
        The two columns; empty if no patient has a score. The AUC is None if all have the same status.
    """
    known = np.isfinite(scores)
    if not known.any():
        return {}
    return {
        f"{name}_loss": float(metrics.log_loss(labels[known], scores[known], labels=[0, 1])),
        f"{name}_auc": auc(scores[known], labels[known]),
    }


def auc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the area under the ROC curve of ``labels`` [P] of 0 and 1; None without both classes."""
    return float(metrics.roc_auc_score(labels, scores)) if np.unique(labels).size == 2 else None


def write(folder: Path, rows: list[dict]) -> None:
    """Write ``history.csv`` into a model folder."""
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(folder / "history.csv", index=False, float_format="%.6g")
