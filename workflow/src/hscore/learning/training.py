"""Training of one image model with one seed: all folds, one after the other, in one process.

Every fold trains for a fixed number of epochs on its training patients; nothing is chosen on the held-out fold,
which is only scored once, at the end. Equal inputs give equal weights, bit for bit on the CPU, also when the
process was killed and started again: checkpoints in the state folder hold everything that training depends on.
"""

import hashlib
import logging
import math
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from hscore.errors import UserError
from hscore.files import new_file, new_folder, sha256, write_json
from hscore.learning import inference, networks
from hscore.learning.augment import Augment
from hscore.learning.ensemble import AGGREGATIONS, aggregate, weights_name
from hscore.learning.model_folder import MODEL_FILE, describe, fingerprint, held_out_row, history_row, write_history
from hscore.learning.samples import Samples, read_folds, read_samples, standardization

CHECKPOINT_SECONDS = 10.0
LOG_SECONDS = 5.0
WARM_UP = 0.1  # share of the steps in which the learning rate rises
PRECISIONS = ("float32", "bfloat16")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What is to be trained: one model x seed. ``labels`` and ``folds`` [P] are in the order of the patients."""

    name: str
    samples: Samples
    labels: np.ndarray
    folds: np.ndarray
    settings: dict
    seed: int
    device: torch.device


def train(
    name: str,
    spec: dict,
    settings: dict,
    seed: int,
    folds: str | Path,
    manifests: Sequence[str | Path],
    state: str | Path,
    output: str | Path,
) -> None:
    """Train an image model and write its folder; see the module's text for what is promised."""
    device = prepare(settings)
    split = read_folds(folds)
    samples = read_samples(manifests, spec, split["patient"].tolist())
    task = Task(name, samples, split["lnm"].to_numpy(), split["fold"].to_numpy(), settings, seed, device)
    description = describe(name, spec, settings, seed, split, samples) | describe_machine(device)
    description["network"] = settings["network"]
    description["fingerprint"] = fingerprint(description, samples)
    state = open_state(Path(state), description["fingerprint"])
    results = train_folds(task, state)
    with new_folder(output) as folder:
        for fold, result in enumerate(results):
            weights = {key: value.contiguous() for key, value in result["weights"].items()}
            save_file(weights, folder / weights_name(fold))
        description["weights"] = {path.name: sha256(path) for path in sorted(folder.iterdir())}
        write_history(folder, [row for result in results for row in result["history"]])
        write_json(folder / MODEL_FILE, description)
    shutil.rmtree(state.parent)


def prepare(settings: dict) -> torch.device:
    """The device, with deterministic algorithms and one thread; UserError when a promised GPU is not there."""
    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "the CPU"
    log.info("torch %s, built for %s; train.device is %s", torch.__version__, build, settings["device"])
    if settings["device"] == "gpu" and not torch.cuda.is_available():
        raise UserError("train.device is 'gpu' but no CUDA device is visible; write 'cpu' or run where there is one")
    if settings["precision"] not in PRECISIONS:
        raise UserError(f"train.precision is '{settings['precision']}'; write one of {', '.join(PRECISIONS)}")
    if settings["aggregation"] not in AGGREGATIONS:
        raise UserError(f"train.aggregation is '{settings['aggregation']}'; write one of {', '.join(AGGREGATIONS)}")
    if settings["optimizer"]["name"] != "adamw":
        raise UserError(f"train.optimizer.name is '{settings['optimizer']['name']}'; the only one is 'adamw'")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with it
    torch.use_deterministic_algorithms(True)
    # By default every new tensor would also be filled with NaN, at a third of the training time.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(1)
    return torch.device("cuda" if settings["device"] == "gpu" else "cpu")


def describe_machine(device: torch.device) -> dict:
    """The part of ``model.json`` on which the last digits of weights depend."""
    gpu = device.type == "cuda"
    return {
        "kind": "network",
        "device": torch.cuda.get_device_name(device) if gpu else "cpu",
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cuda": torch.version.cuda if gpu else None,
        "threads": torch.get_num_threads(),
        "memory_format": "channels_last",
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
    }


def open_state(folder: Path, key: str) -> Path:
    """The state folder of this fingerprint; what another fingerprint left is discarded."""
    state = folder / key
    if folder.is_dir():
        for other in sorted(folder.iterdir()):
            if other != state:
                log.info("discarding an interrupted training with other inputs, settings or code: %s", other.name[:12])
                shutil.rmtree(other)
    state.mkdir(parents=True, exist_ok=True)
    return state


def train_folds(task: Task, state: Path) -> list[dict]:
    """Weights and history of every fold, taken from the state folder where they are already there."""
    images = torch.from_numpy(task.samples.images)
    progress = Progress(task)
    results = []
    for fold in range(task.folds.max() + 1):
        # Each fold has a checkpoint of its own: one that a kill left behind must not start the next fold.
        finished, checkpoint = state / f"fold-{fold}.pt", state / f"running-{fold}.pt"
        if finished.is_file():
            log.info("%s: was finished before the interruption", progress.title(fold))
        else:
            save(train_fold(task, images, fold, checkpoint, progress), finished)
            checkpoint.unlink(missing_ok=True)
        results.append(torch.load(finished, weights_only=True))
    return results


def train_fold(task: Task, images: Tensor, fold: int, checkpoint: Path, progress: "Progress") -> dict:
    """Train one fold to its last epoch, from its checkpoint if there is one, and score the held-out patients."""
    run = FoldTraining(task, images, fold)
    if checkpoint.is_file():
        run.restore(torch.load(checkpoint, weights_only=True))
        log.info("%s: going on after epoch %d", progress.title(fold), run.epoch)
    saved = time.monotonic()
    while run.epoch < task.settings["epochs"]:
        run.train_epoch()
        progress.report(fold, run.history[-1], run.drawn)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            save(run.state(), checkpoint)
            saved = time.monotonic()
    run.score_held_out(images)
    progress.report_fold(fold, run.history[-1])
    weights = {key: value.cpu() for key, value in run.network.state_dict().items()}
    return {"weights": weights, "history": run.history}


def save(content: dict, path: Path) -> None:
    """torch.save in one move."""
    with new_file(path) as temporary:
        torch.save(content, temporary)


class FoldTraining:
    """One fold in training: everything a checkpoint has to hold, and what can be built again without one."""

    def __init__(self, task: Task, images: Tensor, fold: int) -> None:
        self.task = task
        self.fold = fold
        self.epoch = 0
        self.history: list[dict] = []
        settings, device = task.settings, task.device
        self.patients = np.flatnonzero(task.folds != fold)
        torch.manual_seed(seed_of(task.seed, fold, "weights and dropout"))
        self.network = networks.build(settings["network"], images.shape[1:], task.samples.clinical.shape[1])
        own = torch.from_numpy(np.flatnonzero(np.isin(task.samples.owner, self.patients)))
        images = images[own]
        self.fit_standardization(images)
        self.network.to(device, memory_format=torch.channels_last)
        with torch.no_grad():
            self.images = self.network.standardize_images(images.to(device))
            self.clinical = self.network.standardize_clinical(torch.from_numpy(task.samples.clinical).to(device))
        self.owner = torch.from_numpy(task.samples.owner)[own].to(device)
        self.labels = torch.from_numpy(task.labels).to(device, torch.float32)
        self.weights = torch.from_numpy(self.patient_weights()).to(device)
        self.deck = Deck(task.samples.owner[own.numpy()], settings["samples_per_patient"])
        self.order = torch.Generator().manual_seed(seed_of(task.seed, fold, "order"))
        self.generator = torch.Generator(device).manual_seed(seed_of(task.seed, fold, "augmentation"))
        self.augment = Augment(settings["augmentation"], *images.shape[2:], self.generator)
        self.batches = math.ceil(self.deck.drawn / settings["batch_size"])
        self.drawn = self.deck.drawn
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=0.0,  # set before every step
            weight_decay=settings["optimizer"]["weight_decay"],
        )

    def fit_standardization(self, images: Tensor) -> None:
        """Mean and deviation of the training patients' samples (one pair: sections are alike) and scalars."""
        deviation, mean = torch.std_mean(images)
        self.network.standardize_images.set(mean, deviation)
        mean, deviation = standardization(self.task.samples.clinical[self.patients])
        self.network.standardize_clinical.set(torch.tensor(mean), torch.tensor(deviation))

    def patient_weights(self) -> np.ndarray:
        """Weight of each patient's loss [P] in float32, mean 1 over the training patients.

        ``balanced``: both classes weigh the same in total. All samples of a patient are drawn equally often, so
        that a patient with many sections weighs no more than one with few.
        """
        labels = self.task.labels[self.patients]
        weights = np.ones(len(self.task.labels), np.float32)
        how = self.task.settings["class_weights"]
        if how == "balanced":
            for label in (0, 1):
                weights[self.task.labels == label] = len(labels) / (2 * np.count_nonzero(labels == label))
        elif how != "none":
            raise UserError(f"train.class_weights is '{how}'; write 'balanced' or 'none'")
        return weights

    def train_epoch(self) -> None:
        """One pass: ``samples_per_patient`` samples of every training patient, in batches of nearly equal size."""
        started = time.monotonic()
        self.network.train()
        total = torch.zeros((), device=self.task.device)
        for step, batch in enumerate(self.deck.draw(self.order).tensor_split(self.batches)):
            total += self.train_batch(batch.to(self.task.device), self.epoch * self.batches + step)
        self.epoch += 1
        row = history_row(self.fold, self.epoch, total.item() / self.drawn)
        row["learning_rate"] = self.optimizer.param_groups[0]["lr"]
        row["seconds"] = time.monotonic() - started
        self.history.append(row)

    def train_batch(self, batch: Tensor, step: int) -> Tensor:
        """One step of the optimiser; returns the weighted sum of the batch's losses."""
        settings = self.task.settings
        rate = learning_rate(step, self.batches * settings["epochs"], settings["optimizer"]["learning_rate"])
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        owner = self.owner[batch]
        images = self.augment(self.images[batch]).contiguous(memory_format=torch.channels_last)
        self.optimizer.zero_grad()
        with torch.autocast(images.device.type, torch.bfloat16, settings["precision"] == "bfloat16"):
            logits = self.network.logits(images, self.clinical[owner])
        losses = functional.binary_cross_entropy_with_logits(
            logits.float(), self.labels[owner], self.weights[owner], reduction="sum"
        )
        (losses / len(batch)).backward()
        self.optimizer.step()
        return losses.detach()

    def score_held_out(self, images: Tensor) -> None:
        """Add log loss and AUC of the held-out patients to the last row of the history."""
        held_out = self.task.folds == self.fold
        own = np.flatnonzero(held_out[self.task.samples.owner])
        owner = self.task.samples.owner[own]
        scalars = torch.from_numpy(self.task.samples.clinical)[owner]
        device = self.task.device
        triplets = inference.sample_probabilities(self.network, images[own].to(device), scalars.to(device)).numpy()
        scores = aggregate(triplets, owner, self.task.settings["aggregation"])
        self.history[-1] |= held_out_row(scores, self.task.labels[held_out])

    def state(self) -> dict:
        """Everything the next epoch depends on."""
        cuda = self.task.device.type == "cuda"
        return {
            "fold": self.fold,
            "epoch": self.epoch,
            "history": self.history,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "order": self.order.get_state(),
            "augmentation": self.generator.get_state(),
            "dropout": torch.cuda.get_rng_state() if cuda else torch.get_rng_state(),
        }

    def restore(self, state: dict) -> None:
        """Go back to a saved ``state`` of the same fold."""
        self.epoch, self.history = state["epoch"], state["history"]
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.order.set_state(state["order"])
        self.generator.set_state(state["augmentation"])
        cuda = self.task.device.type == "cuda"
        (torch.cuda.set_rng_state if cuda else torch.set_rng_state)(state["dropout"])


class Deck:
    """Which samples an epoch takes: from each patient the same number, at random, no sample twice before all once.

    ``owner`` [N]: patient of each sample, sorted. Neighbouring triplets share two of three sections: a few of them
    an epoch teach as much as all, and every patient weighs the same.
    """

    def __init__(self, owner: np.ndarray, per_patient: int) -> None:
        starts = np.flatnonzero(np.diff(owner, prepend=-1))
        counts = np.diff(starts, append=len(owner))
        positions = starts[:, None] + np.arange(per_patient) % counts[:, None]
        self.positions = torch.from_numpy(positions.reshape(-1))
        self.patient = torch.from_numpy(np.repeat(np.arange(len(starts)), counts))
        self.drawn = len(self.positions)

    def draw(self, generator: torch.Generator) -> Tensor:
        """Sample numbers [drawn] of one epoch, in random order."""
        # sorting by patient + random fraction shuffles the samples inside each patient
        keys = self.patient + torch.rand(len(self.patient), generator=generator, dtype=torch.float64)
        taken = torch.argsort(keys)[self.positions]
        return taken[torch.randperm(self.drawn, generator=generator)]


class Progress:
    """Lines for people: at most one every few seconds, and one at the end of each fold."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.folds = int(task.folds.max()) + 1
        self.started = self.reported = time.monotonic()
        self.first: tuple[int, int] | None = None
        self.samples = 0

    def title(self, fold: int) -> str:
        """Where training stands: model, seed, fold."""
        return f"{self.task.name} seed {self.task.seed} fold {fold + 1}/{self.folds}"

    def report(self, fold: int, row: dict, drawn: int) -> None:
        """Log an epoch's loss, the speed and the time left, if the last line is some seconds old."""
        self.first = self.first or (fold, row["epoch"] - 1)
        self.samples += drawn
        now = time.monotonic()
        if now - self.reported < LOG_SECONDS:
            return
        self.reported = now
        epochs = self.task.settings["epochs"]
        done = (fold - self.first[0]) * epochs + row["epoch"] - self.first[1]
        left = (self.folds - fold) * epochs - row["epoch"]
        seconds = now - self.started
        log.info(
            "%s epoch %d/%d: loss %.3f, %.0f samples/s, %.0f s left",
            self.title(fold), row["epoch"], epochs, row["loss"], self.samples / seconds, seconds / done * left,
        )  # fmt: skip

    def report_fold(self, fold: int, row: dict) -> None:
        """Log the end of a fold."""
        text = "no AUC (one class only)" if row["held_out_auc"] is None else f"AUC {row['held_out_auc']:.3f}"
        log.info("%s done: loss %.3f; held-out patients: %s", self.title(fold), row["loss"], text)


def learning_rate(step: int, steps: int, maximum: float) -> float:
    """One cycle: a straight rise over the first tenth of the steps, then half a cosine down to zero."""
    peak = max(1, round(WARM_UP * steps))
    if step < peak:
        return maximum * (step + 1) / peak
    return maximum * 0.5 * (1 + math.cos(math.pi * (step - peak) / max(1, steps - peak)))


def seed_of(seed: int, fold: int, purpose: str) -> int:
    """An independent 63-bit seed for each use of randomness."""
    digest = hashlib.sha256(f"{seed}/{fold}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
