"""Early stopping on an inner part of the training patients; the held-out fold takes no part in it.

Settings (``train.early_stopping``): ``share``, of the training patients that are set aside; ``patience``, epochs
without a smaller loss among them after which training ends. The weights of the best epoch are kept.
"""

import math

import numpy as np
from torch import Tensor

from hscore.errors import UserError


def set_aside(patients: np.ndarray, labels: np.ndarray, centers: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The inner part of ``patients`` (rows, ascending): ``share`` of each center and node status, ascending.

    Systematic sampling: sorted by status and center, in random order within, every so many is taken. How many does
    not depend on the labels, so that nothing of one fold's outcomes reaches another's training.

    Raises:
        UserError: one of the two parts would have no patient with, or none without metastasis.
    """
    number = round(share * len(patients))
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(len(patients)), centers[patients], labels[patients]))
    taken = np.floor((np.arange(number) + random.random()) * len(patients) / max(1, number)).astype(int)
    inner = np.sort(patients[order[taken]])
    for part in (inner, np.setdiff1d(patients, inner)):
        if np.unique(labels[part]).size < 2:
            raise UserError(
                f"train.early_stopping.share: {number} of {len(patients)} training patients set aside leave a part in "
                "which all have the same lymph-node status; choose another share, or null"
            )
    return inner


class Stopper:
    """Watches one network's loss among the patients set aside, and keeps the weights of its best epoch.

    ``epoch`` is the best one so far, ``last`` the last one that counts.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best = math.inf
        self.epoch = 0
        self.last = 0
        self.weights: dict[str, Tensor] = {}
        self.stopped = False

    def see(self, epoch: int, loss: float, weights: dict[str, Tensor]) -> None:
        """Report the loss after an epoch; once stopped, nothing more is kept."""
        if self.stopped:
            return
        self.last = epoch
        if loss < self.best:
            self.best, self.epoch = loss, epoch
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
        self.stopped = epoch - self.epoch >= self.patience

    def state(self) -> dict:
        """Everything a resumed training needs."""
        return vars(self)

    def restore(self, state: dict) -> None:
        """Go on from ``state``."""
        vars(self).update(state)
