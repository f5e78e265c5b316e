"""Training of one image model: a network for every seed and fold, in one process.

Every network trains on the patients outside its fold. The held-out patients are scored a few times for the learning
curves; nothing is chosen by that. Equal inputs give equal weights, bit for bit on the CPU, also when the process was
killed and started again: checkpoints in the state folder hold everything that training depends on.

Shapes: M networks of a group, P patients, U bags of a batch, k places a sequence in a bag, S sequences.
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
from hscore.learning.inference import Tensors, learns_from_bags, patient_probabilities
from hscore.learning.members import SingleModel, StackedModels
from hscore.learning.model_description import describe, fingerprint
from hscore.learning.progress import Progress
from hscore.learning.samples import Samples, check_trainable, read_folds, read_samples, standardization
from hscore.metrics.ranking import auc

CHECKPOINT_SECONDS = 10.0
WARM_UP = 0.1  # share of the steps in which the learning rate rises
CURVE_POINTS = 4  # how often the held-out patients are scored, at equal distances, the end included
PRECISIONS = ("float32", "bfloat16")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Member:
    """One network to train: its seed and the fold that is held out."""

    seed: int
    fold: int

    @property
    def name(self) -> str:
        """As in file names."""
        return f"seed-{self.seed}-fold-{self.fold}"

    def seed_of(self, purpose: str) -> int:
        """An independent 63-bit seed for each use of randomness."""
        digest = hashlib.sha256(f"{self.seed}/{self.fold}/{purpose}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1


@dataclass(frozen=True)
class Task:
    """What is to be trained. ``labels``, ``folds`` and ``centers`` [P] are in the order of the patients."""

    name: str
    samples: Samples
    labels: np.ndarray
    folds: np.ndarray
    centers: np.ndarray
    settings: dict
    device: torch.device
    tensors: Tensors = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", Tensors.of(self.samples, self.device))

    @classmethod
    def of(cls, name: str, samples: Samples, split: pd.DataFrame, settings: dict, device: torch.device) -> "Task":
        """The task of learning ``split`` (as of ``read_folds``) from ``samples``, which may lack some patients."""
        own = split.set_index("patient").loc[samples.patients["patient"]]
        check_trainable(own, f"model '{name}'", split["fold"].max() + 1)
        columns = (own[column].to_numpy() for column in ("lnm", "fold", "center"))
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
    """Train an image model and write its folder; see the module's text for what is promised.

    ``settings``: section train of the config; ``board``: folder for TensorBoard's files.
    """
    device = machine.prepare(settings["device"], settings["threads"])
    check(settings, len(spec.get("sequences", [0])))
    split = read_folds(folds)
    samples = read_samples(manifests, spec, split["patient"].tolist())
    task = Task.of(name, samples, split, settings, device)
    members = [Member(seed, fold) for seed in seeds for fold in range(split["fold"].max() + 1)]
    description = describe(name, spec, settings, split, samples) | machine.describe(device)
    description |= {"kind": "network", "network": settings["network"], "seeds": list(seeds)}
    description["fingerprint"] = fingerprint(description, samples)
    log.info("%s", said(description))
    state = open_state(Path(state), description["fingerprint"])
    results = train_members(task, members, state, Path(board) / name if board else None)
    description["members"] = [
        {"seed": member.seed, "fold": member.fold, "weights": f"{member.name}.safetensors", "epochs": result["epochs"]}
        for member, result in zip(members, results, strict=True)
    ]
    with new_folder(output) as folder:
        for member, result in zip(members, results, strict=True):
            weights = {key: value.contiguous() for key, value in result["weights"].items()}
            save_file(weights, folder / f"{member.name}.safetensors")
        description["weights"] = {path.name: sha256(path) for path in sorted(folder.iterdir())}
        model_folder.write_history(folder, [row for result in results for row in result["history"]])
        model_folder.write_description(folder, description)
    shutil.rmtree(state.parent)


def said(description: dict) -> str:
    """What the log says at the start: everything on which the last digits of the weights depend."""
    versions = ", ".join(f"{name} {version}" for name, version in description["versions"].items())
    return (
        f"{description['model']}: {versions}; {description['device']} ({description['cpu_capability']}), "
        f"{description['threads']} thread(s), deterministic algorithms "
        f"{'on' if description['deterministic_algorithms'] else 'off'}, {description['training']['precision']}; "
        f"seed(s) {', '.join(map(str, description['seeds']))}, split {description['split'][:12]}, "
        f"fingerprint {description['fingerprint'][:12]}"
    )


def check(settings: dict, sequences: int) -> None:
    """UserError for a setting that is no choice, before anything is read."""
    networks.check(settings["network"])
    inference.check_aggregation(settings["aggregation"], sequences)
    if settings["precision"] not in PRECISIONS:
        raise UserError(f"train.precision is '{settings['precision']}'; write one of {', '.join(PRECISIONS)}")
    if settings["optimizer"]["name"] != "adamw":
        raise UserError(f"train.optimizer.name is '{settings['optimizer']['name']}'; the only one is 'adamw'")
    if settings["class_weights"] not in ("balanced", "none"):
        raise UserError(f"train.class_weights is '{settings['class_weights']}'; write 'balanced' or 'none'")


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


def train_members(task: Task, members: Sequence[Member], state: Path, board: Path | None = None) -> list[dict]:
    """Results (as of ``Training.results``) of every member, taken from the state folder where they are already there.

    On a CPU one after the other, on a GPU all together: see ``members``.
    """
    groups = [list(members)] if task.device.type == "cuda" else [[member] for member in members]
    progress = Progress(task.name, groups, task.settings["epochs"], board)
    results = []
    for number, group in enumerate(groups):
        # Each group has a checkpoint of its own: one that a kill left behind must not start the next one.
        finished, checkpoint = state / f"finished-{number}.pt", state / f"running-{number}.pt"
        if finished.is_file():
            log.info("%s: was finished before the interruption", progress.titles[number])
        else:
            save(train_group(task, group, checkpoint, progress, number), finished)
            checkpoint.unlink(missing_ok=True)
        results += torch.load(finished, weights_only=True)
    progress.close(machine.peak_memory_mb(task.device))
    return results


def train_group(task: Task, group: Sequence[Member], checkpoint: Path, progress: Progress, number: int) -> list[dict]:
    """Train a group to its last epoch, from its checkpoint if there is one."""
    run = Training(task, group)
    if checkpoint.is_file():
        run.restore(torch.load(checkpoint, weights_only=True))
        log.info("%s: going on after epoch %d", progress.titles[number], run.epoch)
    saved = time.monotonic()
    while not run.finished:
        rows = run.train_epoch()
        progress.report(number, rows, run.samples)
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            save(run.state(), checkpoint)
            saved = time.monotonic()
    results = run.results()
    progress.finished(number, [result["history"][-1] for result in results])
    return results


def save(content: object, path: Path) -> None:
    """torch.save in one move."""
    with new_file(path) as temporary:
        torch.save(content, temporary)


class Training:
    """The networks of one group in training: what a checkpoint has to hold, and what can be built again without one.

    The networks of a group share the number and size of their batches: in an epoch each sees as many bags as the
    smallest training fold has, the same in all groups, so that grouping changes no weights but for rounding.
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
        built = [self.build(*one) for one in zip(group, self.patients, strict=True)]
        self.members = SingleModel(built[0]) if len(built) == 1 else StackedModels(built)
        self.clinical = torch.stack([network.standardize_clinical(task.tensors.clinical) for network in built])
        self.constants = [  # of every sequence: mean and deviation [M, 1, 1, 1, 1]
            tuple(
                torch.stack([getattr(network.standardize_images[s], name) for network in built]).reshape(-1, 1, 1, 1, 1)
                for name in ("mean", "deviation")
            )
            for s in range(len(task.samples.images))
        ]
        self.labels = torch.from_numpy(task.labels).to(device, torch.float32)
        self.weights = torch.stack([torch.from_numpy(self.patient_weights(p)) for p in self.patients]).to(device)
        self.bag_sampler = [self.deck(patients) for patients in self.patients]
        self.number = self.bags_of_an_epoch()
        per_bag = settings["samples_per_patient"] if self.bags else 1
        self.batches = math.ceil(self.number * per_bag / settings["batch_size"])
        self.samples = len(group) * self.number * per_bag * len(task.samples.images)
        self.orders = [torch.Generator().manual_seed(member.seed_of("order")) for member in group]
        self.generator = torch.Generator(device).manual_seed(group[0].seed_of("augmentation"))
        rows, columns = task.samples.images[0].values.shape[2:]
        self.augment = Augment(settings["augmentation"], rows, columns, self.generator)
        self.stoppers = [
            early_stopping.Stopper(settings["early_stopping"]["patience"])
            for _ in group
            if settings.get("early_stopping")
        ]
        self.optimizer = torch.optim.AdamW(
            self.members.parameters(),
            lr=0.0,  # set before every step
            weight_decay=settings["optimizer"]["weight_decay"],
            foreach=True,
        )
        torch.manual_seed(group[0].seed_of("dropout"))

    def patients_set_aside(self, member: Member) -> np.ndarray:
        """Training patients (rows) on whom early stopping is decided; none without it."""
        stopping = self.task.settings.get("early_stopping")
        if not stopping:
            return np.empty(0, np.int64)
        patients = np.flatnonzero(self.task.folds != member.fold)
        labels, centers = self.task.labels, self.task.centers
        return early_stopping.set_aside(patients, labels, centers, stopping["share"], member.seed_of("inner part"))

    def build(self, member: Member, patients: np.ndarray) -> networks.ScoreNetwork:
        """The member's network with random weights and the standardisation of its training patients."""
        settings, samples = self.task.settings, self.task.samples
        torch.manual_seed(member.seed_of("weights"))
        shapes = [one.values.shape[1:] for one in samples.images]
        network = networks.build(settings["network"], shapes, samples.clinical.shape[1], settings["aggregation"])
        network.to(self.task.device)
        for one, images, constants in zip(
            samples.images, self.task.tensors.images, network.standardize_images, strict=True
        ):
            own = images[torch.from_numpy(one.of(patients)).to(images.device)]
            if not len(own):
                raise UserError(f"model '{self.task.name}': no patient to train on has samples '{one.key}'")
            deviation, mean = torch.std_mean(own)  # one pair: sections are alike
            constants.set(mean, deviation)
        mean, deviation = standardization(samples.clinical[patients])
        network.standardize_clinical.set(torch.tensor(mean), torch.tensor(deviation))
        return network

    def patient_weights(self, patients: np.ndarray) -> np.ndarray:
        """Weight of each patient's loss [P] in float32, mean 1 over the training ``patients``.

        ``balanced``: both classes weigh the same in total. All patients are drawn equally often, so that one with
        many sections weighs no more than one with few.
        """
        weights = np.ones(len(self.task.labels), np.float32)
        if self.task.settings["class_weights"] == "balanced":
            labels = self.task.labels[patients]
            for label in (0, 1):
                weights[self.task.labels == label] = len(labels) / (2 * np.count_nonzero(labels == label))
        return weights

    def deck(self, patients: np.ndarray) -> BagSampler:
        """The deck of these training patients."""
        patient_indices = [one.patient_index for one in self.task.samples.images]
        return BagSampler(patient_indices, patients, self.task.settings["samples_per_patient"], self.bags)

    def bags_of_an_epoch(self) -> int:
        """Bags in an epoch of every network: as many as the smallest training fold of the task has."""
        training = len(self.task.folds) - np.bincount(self.task.folds)
        stopping = self.task.settings.get("early_stopping")
        patients = min(n - (round(stopping["share"] * n) if stopping else 0) for n in training.tolist())
        return patients * (1 if self.bags else self.task.settings["samples_per_patient"])

    @property
    def finished(self) -> bool:
        """Whether no more epoch is to come."""
        stopped = bool(self.stoppers) and all(stopper.stopped for stopper in self.stoppers)
        return stopped or self.epoch == self.task.settings["epochs"]

    def train_epoch(self) -> list[dict]:
        """One pass over the decks in batches of nearly equal size; returns the new row of each network's history."""
        started = time.monotonic()
        self.members.train()
        drawn = [
            deck.draw(order, self.number).split(self.batches)
            for deck, order in zip(self.bag_sampler, self.orders, strict=True)
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
            row = history.row(member.seed, member.fold, self.epoch, float(losses[m].mean(dtype=np.float64)))
            row |= {"auc": auc(labels[m], scores[m]), "learning_rate": rate, "seconds": seconds}
            self.history[m].append(row)
        self.evaluate()
        return [rows[-1] for rows in self.history]

    def train_batch(self, batches: Sequence[Bags], step: int) -> tuple[Tensor, Tensor, Tensor]:
        """One step of the optimiser, ``batches`` one a network; returns losses, logits and labels [M, U]."""
        settings, device = self.task.settings, self.task.device
        rate = learning_rate(step, self.batches * settings["epochs"], settings["optimizer"]["learning_rate"])
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        patients = torch.stack([bags.patients for bags in batches]).to(device)
        mask = [torch.stack(parts).to(device) for parts in zip(*(bags.mask for bags in batches), strict=True)]
        images = [self.images(s, torch.stack([bags.samples[s] for bags in batches])) for s in range(len(mask))]
        if settings.get("sequence_dropout") and len(mask) > 1:
            mask = self.drop_sequences(mask, settings["sequence_dropout"])
        clinical = torch.stack([own[rows] for own, rows in zip(self.clinical, patients, strict=True)])
        labels = self.labels[patients]
        weights = self.weights.gather(1, patients)
        self.optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, settings["precision"] == "bfloat16"):
            logits = self.members.logits(images, mask, clinical)
        logits = logits.float()
        # a second output, of subnetwork 2 on a shared trunk, has the same target
        losses = functional.binary_cross_entropy_with_logits(
            logits, labels.unsqueeze(2).expand_as(logits), weights.unsqueeze(2), reduction="none"
        ).mean(dim=2)
        losses.mean(dim=1).sum().backward()  # of every network the mean; their gradients do not mix
        self.optimizer.step()
        return losses.detach(), logits.detach()[:, :, 0], labels

    def images(self, sequence: int, samples: Tensor) -> Tensor:
        """Standardised, augmented samples [M, U k, C, rows, columns] of one sequence; ``samples`` [M, U, k]."""
        mean, deviation = self.constants[sequence]
        images = self.task.tensors.images[sequence]
        chosen = images.index_select(0, samples.reshape(-1).to(images.device))
        chosen = chosen.reshape(len(samples), -1, *images.shape[1:])
        chosen = chosen.sub_(mean).div_(deviation)
        return self.augment(chosen.flatten(0, 1)).reshape(chosen.shape)

    def drop_sequences(self, mask: list[Tensor], probability: float) -> list[Tensor]:
        """Take each sequence of a bag away with this probability, but not all that the patient has."""
        has = torch.stack([one.any(dim=2) for one in mask])
        kept = has & (torch.rand(has.shape, generator=self.generator, device=has.device) >= probability)
        kept = torch.where(kept.any(dim=0), kept, has)
        return [one & keep.unsqueeze(2) for one, keep in zip(mask, kept, strict=True)]

    def evaluate(self) -> None:
        """Score patients not trained on: every epoch those set aside, now and then those held out."""
        epochs = self.task.settings["epochs"]
        curve = self.epoch in {math.ceil(epochs * point / CURVE_POINTS) for point in range(1, CURVE_POINTS + 1)}
        if not curve and not self.stoppers:
            return
        for m, network in enumerate(self.members.networks()):
            row = self.history[m][-1]
            if self.stoppers:
                row |= self.scored("inner", self.inner[m], self.scores(network, self.inner[m]))
                self.stoppers[m].see(self.epoch, row["inner_loss"], network.state_dict())
            if curve:
                row |= self.scored("held_out", self.held_out[m], self.scores(network, self.held_out[m]))

    def scores(self, network: networks.ScoreNetwork, patients: np.ndarray) -> np.ndarray:
        """Scores of ``patients`` (rows) by one of the networks."""
        return patient_probabilities(network, self.task.tensors, self.task.settings["aggregation"], patients)

    def scored(self, name: str, patients: np.ndarray, scores: np.ndarray) -> dict:
        """Columns of the history about the ``scores`` of ``patients``."""
        return history.scored(name, scores, self.task.labels[patients])

    def results(self) -> list[dict]:
        """Weights, epochs, history and scores of the held-out patients of every network.

        With early stopping, of its best epoch; so are the held-out columns in the last row of the history.
        """
        results = []
        for m, network in enumerate(self.members.networks()):
            epochs = self.epoch
            if self.stoppers:
                network.load_state_dict(self.stoppers[m].weights)
                epochs = self.stoppers[m].epoch
                del self.history[m][self.stoppers[m].last :]
            scores = self.scores(network, self.held_out[m])
            self.history[m][-1] |= self.scored("held_out", self.held_out[m], scores)
            weights = {name: tensor.cpu() for name, tensor in network.state_dict().items()}
            results.append(
                {"weights": weights, "epochs": epochs, "history": self.history[m], "held_out": scores.tolist()}
            )
        return results

    def state(self) -> dict:
        """Everything the next epoch depends on."""
        cuda = self.task.device.type == "cuda"
        return {
            "epoch": self.epoch,
            "history": self.history,
            "networks": self.members.state(),
            "optimizer": self.optimizer.state_dict(),
            "orders": [order.get_state() for order in self.orders],
            "augmentation": self.generator.get_state(),
            "dropout": torch.cuda.get_rng_state() if cuda else torch.get_rng_state(),
            "stoppers": [stopper.state() for stopper in self.stoppers],
        }

    def restore(self, state: dict) -> None:
        """Go back to a saved ``state`` of the same group."""
        self.epoch, self.history = state["epoch"], state["history"]
        self.members.restore(state["networks"])
        self.optimizer.load_state_dict(state["optimizer"])
        for order, saved in zip(self.orders, state["orders"], strict=True):
            order.set_state(saved)
        self.generator.set_state(state["augmentation"])
        cuda = self.task.device.type == "cuda"
        (torch.cuda.set_rng_state if cuda else torch.set_rng_state)(state["dropout"])
        for stopper, saved in zip(self.stoppers, state["stoppers"], strict=True):
            stopper.restore(saved)


def learning_rate(step: int, steps: int, maximum: float) -> float:
    """One cycle: a straight rise over the first tenth of the steps, then half a cosine down to zero."""
    peak = max(1, round(WARM_UP * steps))
    if step < peak:
        return maximum * (step + 1) / peak
    return maximum * 0.5 * (1 + math.cos(math.pi * (step - peak) / max(1, steps - peak)))
