"""What people see of a training: lines in the log and, as an option, TensorBoard."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

LOG_SECONDS = 5.0

log = logging.getLogger(__name__)


class Progress:
    """Lines for people: at most one every few seconds, and one at the end of each group of networks.

    ``groups``: the networks that are trained together, group after group; ``board``: folder for TensorBoard's event
    files, or None.
    """

    def __init__(self, name: str, groups: Sequence[Sequence], epochs: int, board: Path | None = None) -> None:
        self.name = name
        self.epochs = epochs
        self.titles = [self._title(group, groups) for group in groups]
        self.board = _writer(board)
        self.started = self.reported = time.monotonic()
        self.first: int | None = None  # epochs done before this process began
        self.samples = 0

    def _title(self, group: Sequence, groups: Sequence[Sequence]) -> str:
        if len(group) > 1:
            return f"{self.name}, {len(group)} networks together"
        folds = 1 + max(member.fold for other in groups for member in other)
        return f"{self.name} seed {group[0].seed} fold {group[0].fold + 1}/{folds}"

    def report(self, group: int, rows: Sequence[dict], samples: int) -> None:
        """An epoch of a group is over: ``rows`` of its history, one a network, and samples seen in it."""
        for row in rows:
            self._to_board(row)
        done = group * self.epochs + rows[0]["epoch"]
        self.first = done - 1 if self.first is None else self.first
        self.samples += samples
        now = time.monotonic()
        if now - self.reported < LOG_SECONDS:
            return
        self.reported = now
        seconds = now - self.started
        left = seconds / (done - self.first) * (len(self.titles) * self.epochs - done)
        log.info(
            "%s epoch %d/%d: loss %.3f, AUC %s in training%s, %.0f samples/s, %.0f s left",
            self.titles[group], rows[0]["epoch"], self.epochs, _mean(rows, "loss"), _text(_mean(rows, "auc")),
            _held_out(rows), self.samples / seconds, left,
        )  # fmt: skip

    def finished(self, group: int, rows: Sequence[dict]) -> None:
        """A group is trained: ``rows`` of its last epoch, one a network."""
        log.info("%s done: loss %.3f%s", self.titles[group], _mean(rows, "loss"), _held_out(rows))

    def close(self, memory_mb: int) -> None:
        """Log the speed of the whole training and the most memory it held."""
        seconds = time.monotonic() - self.started
        log.info(
            "%s trained in %.0f s: %d samples, %.0f samples/s, %d MB at most",
            self.name, seconds, self.samples, self.samples / max(seconds, 1e-9), memory_mb,
        )  # fmt: skip
        if self.board:
            self.board.close()

    def _to_board(self, row: dict) -> None:
        if self.board:
            run = f"seed {row['seed']} fold {row['fold'] + 1}"
            for name in ("loss", "auc", "inner_loss", "inner_auc", "held_out_loss", "held_out_auc", "learning_rate"):
                if row[name] is not None:
                    self.board.add_scalar(f"{name}/{run}", row[name], row["epoch"])


def _writer(folder: Path | None):
    if folder is None:
        return None
    from tensorboardX import SummaryWriter  # here: an option, and 0.1 s of CPU in every training without it

    return SummaryWriter(str(folder))


def _mean(rows: Sequence[dict], name: str) -> float | None:
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values) / len(values) if values else None


def _text(auc: float | None) -> str:
    return "none (one class only)" if auc is None else f"{auc:.3f}"


def _held_out(rows: Sequence[dict]) -> str:
    """Words on the patients not trained on, where these rows scored them."""
    scored = [row for row in rows if row["held_out_loss"] is not None]
    return f"; held-out patients: AUC {_text(_mean(scored, 'held_out_auc'))}" if scored else ""
