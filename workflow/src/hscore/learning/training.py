"""Train one image model: a network for every seed and fold, in one process.

Every network trains on the patients outside its fold. The held-out patients are scored a few times for the learning
curves; these scores influence nothing. Equal inputs give equal weights, bit for bit on the CPU, even if the process was
killed and started again: checkpoints in the state folder contain everything that training depends on.

Shapes: M networks of a group, P patients, U bags of a batch, k places per sequence in a bag, S sequences, C sections, K
clinical scalars.
"""

import hashlib
import logging
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from hscore.contracts import model_folder
from hscore.errors import UserError
from hscore.files import new_file, new_folder, sha256
from hscore.learning import early_stopping, history, inference, machine, networks
from hscore.learning.augment import Augment
from hscore.learning.bag_sampler import Bags, BagSampler
from hscore.learning.inference import SampleTensors, learns_from_bags, patient_probabilities
from hscore.learning.model_description import describe, fingerprint
from hscore.learning.progress import Progress
from hscore.learning.samples import Samples, check_trainable, read_folds, read_samples, standardization
from hscore.learning.stacked_models import SingleModel, StackedModels
from hscore.metrics.ranking import auc

CHECKPOINT_SECONDS = 10.0
WARM_UP = 0.1  # share of the steps in which the learning rate rises
CURVE_POINTS = 4  # number of times the held-out patients are scored, at equal intervals, the last epoch included
PRECISIONS = ("float32", "bfloat16")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """One network to train: its seed and its held-out fold."""

    seed: int
    fold: int

    @property
    def name(self) -> str:
        """Return the name used in file names."""
        return f"seed-{self.seed}-fold-{self.fold}"

    def seed_of(self, purpose: str) -> int:
        """Return an independent 63-bit seed for each use of randomness."""
        digest = hashlib.sha256(f"{self.seed}/{self.fold}/{purpose}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Task:
    """A model to train.

    Attributes:
        name: of the model.
        samples: of P patients.
        labels: node status [P], 0 or 1.
        folds: held-out fold of each patient [P].
        centers: center of each patient [P].
        settings: section ``train`` of the config.
        device: on which to train.
        tensors: ``samples`` on the device.
    """

    name: str
    samples: Samples
    labels: np.ndarray
    folds: np.ndarray
    centers: np.ndarray
    settings: dict
    device: torch.device
    tensors: SampleTensors = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", SampleTensors.from_samples(self.samples, self.device))

    @classmethod
    def from_split(
        cls, name: str, samples: Samples, split: pd.DataFrame, settings: dict, device: torch.device
    ) -> "Task":
        """Return the task for a split (as of ``read_folds``); ``samples`` may lack some of its patients.

        Raises:
            UserError: the patients outside one of the folds all have the same node status.
        """
        patients = split.set_index("patient").loc[samples.patients["patient"]]
        check_trainable(patients, f"model '{name}'", split["fold"].max() + 1)
        columns = (patients[column].to_numpy() for column in ("lnm", "fold", "center"))
        return cls(name, samples, *columns, settings, device)


def train(
    name: str,
    spec: dict,
    settings: dict,
    seeds: Sequence[int],
    folds: str | Path,
    manifests: Sequence[str | Path],
    state: str | Path,
    output: str | Path,
    board: str | Path | None = None,
) -> None:
    """Train an image model and write its folder.

    Args:
        name: of the model in the config.
        spec: its entry under ``models``.
        settings: section ``train``.
        seeds: seeds of the networks.
        folds: table of the split.
        manifests: tables of the development centers.
        state: folder for checkpoints; removed at the end.
        output: model folder to write.
        board: folder for TensorBoard's files; None for none.

    Raises:
        UserError: a setting has no valid value, a table is unusable, or no patient has samples to train on.
    """
    device = machine.prepare(settings["device"], settings["threads"])
    check_settings(settings, len(spec.get("sequences", [0])))
    split = read_folds(folds)
    samples = read_samples(manifests, spec, split["patient"].tolist())
    task = Task.from_split(name, samples, split, settings, device)
    members = [Member(seed, fold) for seed in seeds for fold in range(split["fold"].max() + 1)]
    description = describe(name, spec, settings, split, samples) | machine.describe(device)
    description |= {"kind": "network", "network": settings["network"], "seeds": list(seeds)}
    description["fingerprint"] = fingerprint(description, samples)
    log.info("%s", training_summary(description))
    state = open_state(Path(state), description["fingerprint"])
    results = train_members(task, members, state, Path(board) / name if board else None)
    description["members"] = [
        {"seed": member.seed, "fold": member.fold, "weights": f"{member.name}.safetensors", "epochs": result["epochs"]}
        for member, result in zip(members, results, strict=True)
    ]
    description["parameters"] = results[0]["parameters"]  # all members have the same
    rows = [row for result in results for row in result["history"]]
    description["learned"] = history.has_learned(name, rows)
    with new_folder(output) as folder:
        for member, result in zip(members, results, strict=True):
            weights = {key: value.contiguous() for key, value in result["weights"].items()}
            save_file(weights, folder / f"{member.name}.safetensors")
        description["weights"] = {path.name: sha256(path) for path in sorted(folder.iterdir())}
        model_folder.write_history(folder, rows)
        model_folder.write_description(folder, description)
    shutil.rmtree(state.parent)


def training_summary(description: dict) -> str:
    """Return the first line of the log: everything on which the last digits of the weights depend."""
    versions = ", ".join(f"{name} {version}" for name, version in description["versions"].items())
    return (
        f"{description['model']}: {versions}; {description['device']} ({description['cpu_capability']}), "
        f"{description['threads']} thread(s), deterministic algorithms "
        f"{'on' if description['deterministic_algorithms'] else 'off'}, {description['training']['precision']}; "
        f"seed(s) {', '.join(map(str, description['seeds']))}, split {description['split'][:12]}, "
        f"fingerprint {description['fingerprint'][:12]}"
    )


def check_settings(settings: dict, sequences: int) -> None:
    """Raise a UserError for a setting without a valid value, before any table is read."""
    networks.check_settings(settings["network"])
    inference.check_aggregation(settings["aggregation"], sequences)
    if settings["precision"] not in PRECISIONS:
        raise UserError(f"train.precision is '{settings['precision']}'; write one of {', '.join(PRECISIONS)}")
    if settings["optimizer"]["name"] != "adamw":
        raise UserError(f"train.optimizer.name is '{settings['optimizer']['name']}'; write 'adamw', the only choice")
    if settings["class_weights"] not in ("balanced", "none"):
        raise UserError(f"train.class_weights is '{settings['class_weights']}'; write 'balanced' or 'none'")


def open_state(folder: Path, key: str) -> Path:
    """Create and return the state folder of the fingerprint ``key``; discard those of other fingerprints."""
    state = folder / key
    if folder.is_dir():
        for other in sorted(folder.iterdir()):
            if other != state:
                log.info("discarding an interrupted training with other inputs, settings or code: %s", other.name[:12])
                shutil.rmtree(other)
    state.mkdir(parents=True, exist_ok=True)
    return state


def train_members(task: Task, members: Sequence[Member], state: Path, board: Path | None = None) -> list[dict]:
    """Return the results (as of ``Training.results``) of every member, from the state folder if already finished.

    The members are trained one after the other on a CPU, and together on a GPU (see ``stacked_models``).
    """
    groups = [list(members)] if task.device.type == "cuda" else [[member] for member in members]
    progress = Progress(task.name, groups, task.settings["epochs"], board)
    results = []
    for number, group in enumerate(groups):
        # Each group has its own checkpoint: one left behind by a kill must not start the next group.
        finished, checkpoint = state / f"finished-{number}.pt", state / f"running-{number}.pt"
        if finished.is_file():
            log.info("%s: was finished before the interruption", progress.titles[number])
        else:
            save_atomically(train_group(task, group, checkpoint, progress, number), finished)
            checkpoint.unlink(missing_ok=True)
        results += torch.load(finished, weights_only=True)
    progress.close(machine.peak_memory_mb(task.device))
    return results


def train_group(task: Task, group: Sequence[Member], checkpoint: Path, progress: Progress, number: int) -> list[dict]:
    """Train a group to its last epoch, from its checkpoint if there is one."""
    run = Training(task, group)
    if checkpoint.is_file():
        run.restore(torch.load(checkpoint, weights_only=True))
        log.info("%s: resuming after epoch %d", progress.titles[number], run.epoch)
    saved = time.monotonic()
    while not run.finished:
        rows = run.train_epoch()
        progress.report(number, rows, run.samples)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            save_atomically(run.state(), checkpoint)
            saved = time.monotonic()
    results = run.results()
    progress.finished(number, [result["history"][-1] for result in results])
    return results


def save_atomically(content: object, path: Path) -> None:
    """Save with ``torch.save`` to a temporary file, and move it into place."""
    with new_file(path) as temporary:
        torch.save(content, temporary)


class Training:
    """The networks of one group in training.

    ``state`` returns what a checkpoint must contain; everything else is built again from the task and the group.

    The networks of a group share the number and size of their batches. In an epoch each sees as many bags as the
    smallest training fold has. This number is the same in all groups: grouping changes weights only by rounding.
    """

    def __init__(self, task: Task, group: Sequence[Member]) -> None:
        self.task, self.group = task, list(group)
        self.epoch = 0
        self.history: list[list[dict]] = [[] for _ in group]
        settings, device = task.settings, task.device
        self.bags = learns_from_bags(len(task.samples.images), settings["aggregation"])
        self.held_out = [np.flatnonzero(task.folds == member.fold) for member in group]
        self.inner = [self.patients_set_aside(member) for member in group]
        self.patients = [
            np.setdiff1d(np.flatnonzero(task.folds != member.fold), inner)
            for member, inner in zip(group, self.inner, strict=True)
        ]
        built = [self.build(member, patients) for member, patients in zip(group, self.patients, strict=True)]
        self.models = SingleModel(built[0]) if len(built) == 1 else StackedModels(built)
        self.clinical = torch.stack([network.standardize_clinical(task.tensors.clinical) for network in built])
        self.constants = [  # mean and deviation of every sequence, each [M, 1, 1, 1, 1]
            tuple(
                torch.stack([getattr(network.standardize_images[s], name) for network in built]).reshape(-1, 1, 1, 1, 1)
                for name in ("mean", "deviation")
            )
            for s in range(len(task.samples.images))
        ]
        self.labels = torch.from_numpy(task.labels).to(device, torch.float32)
        self.weights = torch.stack([torch.from_numpy(self.patient_weights(p)) for p in self.patients]).to(device)
        self.bag_samplers = [self.bag_sampler(patients) for patients in self.patients]
        self.bags_per_epoch = self.smallest_epoch()
        per_bag = settings["samples_per_patient"] if self.bags else 1
        self.batches = math.ceil(self.bags_per_epoch * per_bag / settings["batch_size"])
        self.samples = len(group) * self.bags_per_epoch * per_bag * len(task.samples.images)
        self.orders = [torch.Generator().manual_seed(member.seed_of("order")) for member in group]
        self.generator = torch.Generator(device).manual_seed(group[0].seed_of("augmentation"))
        rows, columns = task.samples.images[0].shape[1:]
        self.augment = Augment(settings["augmentation"], rows, columns, self.generator)
        self.stoppers = [
            early_stopping.Stopper(settings["early_stopping"]["patience"])
            for _ in group
            if settings.get("early_stopping")
        ]
        self.optimizer = torch.optim.AdamW(
            self.models.parameters(),
            lr=0.0,  # set before every step
            weight_decay=settings["optimizer"]["weight_decay"],
            foreach=True,
        )
        torch.manual_seed(group[0].seed_of("dropout"))

    def patients_set_aside(self, member: Member) -> np.ndarray:
        """Return the training patients (rows) on whom early stopping is decided; empty without early stopping."""
        stopping = self.task.settings.get("early_stopping")
        if not stopping:
            return np.empty(0, np.int64)
        patients = np.flatnonzero(self.task.folds != member.fold)
        labels, centers = self.task.labels, self.task.centers
        return early_stopping.set_aside(patients, labels, centers, stopping["share"], member.seed_of("inner part"))

    def build(self, member: Member, patients: np.ndarray) -> networks.ScoreNetwork:
        """Return the member's network with random weights and the standardisation of its training patients."""
        settings, samples = self.task.settings, self.task.samples
        torch.manual_seed(member.seed_of("weights"))
        shapes = [images.shape for images in samples.images]
        network = networks.build(settings["network"], shapes, samples.clinical.shape[1], settings["aggregation"])
        network.to(self.task.device)
        for images, on_device, constants in zip(
            samples.images, self.task.tensors.images, network.standardize_images, strict=True
        ):
            training = on_device[torch.from_numpy(images.indices_of(patients)).to(on_device.device)]
            if not len(training):
                raise UserError(f"model '{self.task.name}': no patient to train on has samples '{images.array_key}'")
            deviation, mean = torch.std_mean(training)  # one pair for all sections
            constants.set(mean, deviation)
        mean, deviation = standardization(samples.clinical[patients])
        network.standardize_clinical.set(torch.tensor(mean), torch.tensor(deviation))
        return network

    def patient_weights(self, patients: np.ndarray) -> np.ndarray:
        """Return the weight of each patient's loss, float32 [P], with mean 1 over the training ``patients``.

        ``balanced`` gives both classes the same total weight. All patients are drawn equally often, so that a patient
        with many sections weighs no more than one with few.
        """
        weights = np.ones(len(self.task.labels), np.float32)
        if self.task.settings["class_weights"] == "balanced":
            labels = self.task.labels[patients]
            for label in (0, 1):
                weights[self.task.labels == label] = len(labels) / (2 * np.count_nonzero(labels == label))
        return weights

    def bag_sampler(self, patients: np.ndarray) -> BagSampler:
        """Return the bag sampler of these training patients."""
        patient_indices = [images.patient_index for images in self.task.samples.images]
        return BagSampler(patient_indices, patients, self.task.settings["samples_per_patient"], self.bags)

    def smallest_epoch(self) -> int:
        """Return the number of bags that the smallest training fold of the task has."""
        training = len(self.task.folds) - np.bincount(self.task.folds)
        stopping = self.task.settings.get("early_stopping")
        patients = min(n - (round(stopping["share"] * n) if stopping else 0) for n in training.tolist())
        return patients * (1 if self.bags else self.task.settings["samples_per_patient"])

    @property
    def finished(self) -> bool:
        """Return whether training has stopped early or reached its last epoch."""
        stopped = bool(self.stoppers) and all(stopper.stopped for stopper in self.stoppers)
        return stopped or self.epoch == self.task.settings["epochs"]

    def train_epoch(self) -> list[dict]:
        """Train one epoch in batches of nearly equal size, and return the new row of each network's history."""
        started = time.monotonic()
        self.models.train()
        drawn = [
            sampler.draw(order, self.bags_per_epoch).split(self.batches)
            for sampler, order in zip(self.bag_samplers, self.orders, strict=True)
        ]
        steps = [
            self.train_batch(batches, self.epoch * self.batches + step)
            for step, batches in enumerate(zip(*drawn, strict=True))
        ]
        self.epoch += 1
        losses, scores, labels = (torch.cat(parts, dim=1).cpu().numpy() for parts in zip(*steps, strict=True))
        rate = self.optimizer.param_groups[0]["lr"]
        seconds = time.monotonic() - started
        for m, member in enumerate(self.group):
            row = history.new_row(member.seed, member.fold, self.epoch, float(losses[m].mean(dtype=np.float64)))
            row |= {"auc": auc(labels[m], scores[m]), "learning_rate": rate, "seconds": seconds}
            self.history[m].append(row)
        self.evaluate()
        return [rows[-1] for rows in self.history]

    def train_batch(self, batches: Sequence[Bags], step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Take one step of the optimiser; return losses, logits and labels [M, U].

        Args:
            batches: one per network.
            step: number of the step, from 0.
        """
        settings, device = self.task.settings, self.task.device
        rate = learning_rate(step, self.batches * settings["epochs"], settings["optimizer"]["learning_rate"])
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        patients = torch.stack([bags.patients for bags in batches]).to(device)
        mask = [torch.stack(parts).to(device) for parts in zip(*(bags.mask for bags in batches), strict=True)]
        images = [self.images(s, torch.stack([bags.samples[s] for bags in batches])) for s in range(len(mask))]
        if settings.get("sequence_dropout") and len(mask) > 1:
            mask = self.drop_sequences(mask, settings["sequence_dropout"])
        clinical = torch.stack([scalars[rows] for scalars, rows in zip(self.clinical, patients, strict=True)])
        labels = self.labels[patients]
        weights = self.weights.gather(1, patients)
        self.optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, settings["precision"] == "bfloat16"):
            logits = self.models.logits(images, mask, clinical)
        logits = logits.float()
        # a second output, of subnetwork 2 on a shared trunk, has the same target
        losses = functional.binary_cross_entropy_with_logits(
            logits, labels.unsqueeze(2).expand_as(logits), weights.unsqueeze(2), reduction="none"
        ).mean(dim=2)
        losses.mean(dim=1).sum().backward()  # the mean per network; their gradients are independent
        self.optimizer.step()
        return losses.detach(), logits.detach()[:, :, 0], labels

    def images(self, sequence: int, samples: Tensor) -> Tensor:
        """Return standardised, augmented ``samples`` [M, U, k] of one sequence as [M, U k, C, rows, columns]."""
        mean, deviation = self.constants[sequence]
        images = self.task.tensors.images[sequence]
        chosen = images.index_select(0, samples.reshape(-1).to(images.device))
        chosen = chosen.reshape(len(samples), -1, *images.shape[1:])
        chosen = chosen.sub_(mean).div_(deviation)
        return self.augment(chosen.flatten(0, 1)).reshape(chosen.shape)

    def drop_sequences(self, mask: list[Tensor], probability: float) -> list[Tensor]:
        """Mask each sequence of a bag with this probability, unless that would mask all sequences of the patient."""
        available = torch.stack([places.any(dim=2) for places in mask])
        draws = torch.rand(available.shape, generator=self.generator, device=available.device)
        kept = available & (draws >= probability)
        kept = torch.where(kept.any(dim=0), kept, available)
        return [places & keep.unsqueeze(2) for places, keep in zip(mask, kept, strict=True)]

    def evaluate(self) -> None:
        """Score the patients set aside after every epoch, and the held-out patients after some."""
        epochs = self.task.settings["epochs"]
        curve = self.epoch in {math.ceil(epochs * point / CURVE_POINTS) for point in range(1, CURVE_POINTS + 1)}
        if not curve and not self.stoppers:
            return
        for m, network in enumerate(self.models.networks()):
            row = self.history[m][-1]
            if self.stoppers:
                row |= self.evaluation_columns("inner", self.inner[m], self.scores(network, self.inner[m]))
                self.stoppers[m].update(self.epoch, row["inner_loss"], network.state_dict())
            if curve:
                row |= self.held_out_columns(m, self.scores(network, self.held_out[m]))

    def scores(self, network: networks.ScoreNetwork, patients: np.ndarray) -> np.ndarray:
        """Return the scores of ``patients`` (rows) by one of the networks."""
        return patient_probabilities(network, self.task.tensors, self.task.settings["aggregation"], patients)

    def evaluation_columns(self, name: str, patients: np.ndarray, scores: np.ndarray) -> dict:
        """Return the columns of the history about the ``scores`` of ``patients``."""
        return history.evaluation_columns(name, scores, self.task.labels[patients])

    def held_out_columns(self, m: int, scores: np.ndarray) -> dict:
        """Return the columns of the history about the ``scores`` of the held-out patients by network ``m``."""
        labels, weights, held_out = self.task.labels, self.weights[m].cpu().numpy(), self.held_out[m]
        prevalence = np.average(labels[self.patients[m]], weights=weights[self.patients[m]])
        gain = history.held_out_gain(scores, labels[held_out], weights[held_out], float(prevalence))
        return self.evaluation_columns("held_out", held_out, scores) | gain

    def results(self) -> list[dict]:
        """Return weights, epochs, history and scores of the held-out patients of every network.

        With early stopping these, and the held-out columns in the last row of the history, are of the best epoch.
        """
        results = []
        for m, network in enumerate(self.models.networks()):
            epochs = self.epoch
            if self.stoppers:
                network.load_state_dict(self.stoppers[m].weights)
                epochs = self.stoppers[m].best_epoch
                del self.history[m][self.stoppers[m].last_epoch :]
            scores = self.scores(network, self.held_out[m])
            self.history[m][-1] |= self.held_out_columns(m, scores)
            weights = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
            results.append(
                {
                    "weights": weights,
                    "parameters": sum(values.numel() for values in network.parameters()),
                    "epochs": epochs,
                    "history": self.history[m],
                    "held_out": scores.tolist(),
                }
            )
        return results

    def state(self) -> dict:
        """Return everything that the next epoch depends on."""
        cuda = self.task.device.type == "cuda"
        return {
            "epoch": self.epoch,
            "history": self.history,
            "networks": self.models.state(),
            "optimizer": self.optimizer.state_dict(),
            "orders": [order.get_state() for order in self.orders],
            "augmentation": self.generator.get_state(),
            "dropout": torch.cuda.get_rng_state() if cuda else torch.get_rng_state(),
            "stoppers": [stopper.state() for stopper in self.stoppers],
        }

    def restore(self, state: dict) -> None:
        """Resume from a saved ``state`` of the same group."""
        self.epoch, self.history = state["epoch"], state["history"]
        self.models.restore(state["networks"])
        self.optimizer.load_state_dict(state["optimizer"])
        for order, saved in zip(self.orders, state["orders"], strict=True):
            order.set_state(saved)
        self.generator.set_state(state["augmentation"])
        cuda = self.task.device.type == "cuda"
        (torch.cuda.set_rng_state if cuda else torch.set_rng_state)(state["dropout"])
        for stopper, saved in zip(self.stoppers, state["stoppers"], strict=True):
            stopper.restore(saved)


def learning_rate(step: int, steps: int, maximum: float) -> float:
    """Return the rate of a step: a linear rise over the first tenth of the steps, then half a cosine to zero."""
    peak = max(1, round(WARM_UP * steps))
    if step < peak:
        return maximum * (step + 1) / peak
    return maximum * 0.5 * (1 + math.cos(math.pi * (step - peak) / max(1, steps - peak)))
