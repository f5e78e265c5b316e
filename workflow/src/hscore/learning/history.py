"""The course of a training, ``history.csv``: loss and AUC of every member after every epoch."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn import metrics

COLUMNS = (
    *("seed", "fold", "epoch", "loss", "auc", "learning_rate", "seconds"),
    *("inner_loss", "inner_auc", "held_out_loss", "held_out_auc"),
)


def row(seed: int | None, fold: int, epoch: int, loss: float) -> dict:
    """One row of ``history.csv``, of one member after one epoch: mean loss and AUC in training; the rate and the time.

    ``inner``: patients set aside for early stopping; ``held_out``: those of the fold. None where not looked at.
    """
    return dict.fromkeys(COLUMNS) | {"seed": seed, "fold": fold, "epoch": epoch, "loss": loss}


def scored(name: str, scores: np.ndarray, labels: np.ndarray) -> dict:
    """Columns of ``history.csv`` about patients not trained on, ``inner`` or ``held_out``: mean log loss and AUC.

    Those without a score (NaN) do not count; nothing where there is nobody.
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
