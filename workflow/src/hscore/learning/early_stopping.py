"""Early stopping on an inner part of the training patients; the held-out fold is not used.

Settings (``train.early_stopping``): ``share``, the share of the training patients that is set aside; ``patience``, the
number of epochs without a smaller loss among them after which training ends. The weights of the best epoch are kept.
"""

import math

import numpy as np
from torch import Tensor

from hscore.errors import UserError


def set_aside(patients: np.ndarray, labels: np.ndarray, centers: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return the inner part of the training patients (rows, ascending): ``share`` of each center and node status.

    Systematic sampling: the patients are sorted by status and center, in random order within these, and taken at equal
    intervals. The number taken does not depend on the labels, so that no outcome of one fold reaches the training of
    another.

    Args:
        patients: rows of the training patients, ascending.
        labels: node status 0 or 1 of all patients [P].
        centers: center of all patients [P].
        share: of the training patients, 0 to 1.
        seed: of the random order.

    Raises:
        UserError: one of the two parts would have no patient with metastasis, or none without.
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
    """Track one network's loss among the patients set aside, and keep the weights of its best epoch.

    Attributes:
        best_loss: smallest loss so far.
        best_epoch: epoch of that loss, counted from 1.
        last_epoch: last epoch before training stopped.
        weights: weights after ``best_epoch``, on the CPU.
        stopped: whether ``patience`` epochs have passed without a smaller loss.
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.best_loss = math.inf
        self.best_epoch = 0
        self.last_epoch = 0
        self.weights: dict[str, Tensor] = {}
        self.stopped = False

    def update(self, epoch: int, loss: float, weights: dict[str, Tensor]) -> None:
        """Record the loss and weights after an epoch. Has no effect once stopped."""
        if self.stopped:
            return
        self.last_epoch = epoch
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            self.weights = {name: tensor.detach().cpu().clone() for name, tensor in weights.items()}
        self.stopped = epoch - self.best_epoch >= self.patience

    def state(self) -> dict:
        """Return the attributes, as ``restore`` takes them."""
        return vars(self)

    def restore(self, state: dict) -> None:
        """Resume from a saved ``state``."""
        vars(self).update(state)
