"""Report the progress of a training in the log and, as an option, in TensorBoard."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

LOG_SECONDS = 5.0

log = logging.getLogger(__name__)


class Progress:
    """Log a line at most every few seconds, and one at the end of each group of networks.

    Args:
        name: of the model.
        groups: the members that are trained together, group after group.
        epochs: of each group, at most.
        board: folder for TensorBoard's event files, or None.
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
        """Report an epoch of a group.

        Args:
            group: number of the group.
            rows: of the history, one per network.
            samples: number of samples seen in the epoch.
        """
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
            self.titles[group], rows[0]["epoch"], self.epochs, _mean(rows, "loss"), _auc_text(_mean(rows, "auc")),
            _held_out(rows), self.samples / seconds, left,
        )  # fmt: skip

    def finished(self, group: int, rows: Sequence[dict]) -> None:
        """Log the end of a group; ``rows`` are those of its last epoch, one per network."""
        log.info("%s done: loss %.3f%s", self.titles[group], _mean(rows, "loss"), _held_out(rows))

    def close(self, memory_mb: int) -> None:
        """Log the speed and the peak memory of the whole training."""
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
    from tensorboardX import SummaryWriter  # imported here: it costs 0.1 s of CPU and is optional

    return SummaryWriter(str(folder))


def _mean(rows: Sequence[dict], name: str) -> float | None:
    values = [row[name] for row in rows if row[name] is not None]
    return sum(values) / len(values) if values else None


def _auc_text(auc: float | None) -> str:
    return "none (one class only)" if auc is None else f"{auc:.3f}"


def _held_out(rows: Sequence[dict]) -> str:
    """Return the AUC of the held-out patients in words; empty if these rows have none."""
    scored = [row for row in rows if row["held_out_loss"] is not None]
    return f"; held-out patients: AUC {_auc_text(_mean(scored, 'held_out_auc'))}" if scored else ""
