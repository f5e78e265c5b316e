"""Print what the training loop costs beside the bare network, and the batched beside the per-sample augmentation.

    PYTHONPATH=workflow/src python tests/benchmarks/bench_training.py

Times are of the process (CPU seconds, one thread), interleaved, and medians: other work on the machine matters less.
The two ratios to look at: training over bare loop (at most 1.15), batched over per-sample augmentation (at least 10).
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from standard_parts import per_sample_transforms
from torch.nn import functional

from hscore.learning import machine, training
from hscore.learning.augment import Augment
from hscore.learning.samples import Images, Samples

SETTINGS = yaml.safe_load((Path(__file__).parents[2] / "config" / "config.yaml").read_text())["train"]
SETTINGS = {"threads": 1, **SETTINGS}
PATIENTS, TRIPLETS = 85, 8


def simulated_task(count: int = PATIENTS, **changed: object) -> training.Task:
    """So many patients with 8 samples of noise each; ``changed``: settings of training other than the default ones."""
    random = np.random.default_rng(0)
    images = random.normal(size=(count * TRIPLETS, 3, 64, 64)).astype(np.float32)
    patient_index = np.repeat(np.arange(count), TRIPLETS)
    patients = pd.DataFrame({"patient": [f"P{k}" for k in range(count)]})
    none = np.empty((count, 0))
    samples = Samples(patients, none.astype(np.float32), (Images("T2WI_tumour", images, patient_index),), none)
    labels = (np.arange(count) % 5 == 0).astype(int)
    folds = np.arange(count) // 5 % 5
    centers = np.full(count, "AA")
    return training.Task("benchmark", samples, labels, folds, centers, SETTINGS | changed, machine.prepare("cpu", 1))


def cpu_seconds(work: Callable[[], None]) -> float:
    """CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def compare_with_bare_loop(rounds: int = 7) -> None:
    """An epoch of training beside forward, backward and step on one fixed batch, as often and as large."""
    task = simulated_task()
    run, bare = (training.Training(task, [training.Member(1, 0)]) for _ in range(2))
    size = run.number // run.batches
    batch = [task.tensors.images[0][:size].contiguous(memory_format=torch.channels_last)]
    patient_index = torch.from_numpy(task.tensors.patient_indices[0][:size])
    labels, clinical = bare.labels[patient_index].unsqueeze(1), bare.clinical[0, patient_index]
    single = [torch.ones(size, 1, dtype=torch.bool)]
    network = bare.members.network.train()

    def bare_epoch() -> None:
        for _ in range(bare.batches):
            bare.optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(network(batch, single, clinical), labels).backward()
            bare.optimizer.step()

    run.train_epoch()
    bare_epoch()
    times = [(cpu_seconds(run.train_epoch), cpu_seconds(bare_epoch)) for _ in range(rounds)]
    trained = run.number / statistics.median(t for t, _ in times)
    bare_speed = size * bare.batches / statistics.median(b for _, b in times)
    ratio = statistics.median((t / run.number) / (b / (size * bare.batches)) for t, b in times)
    print(f"training loop   {trained:7.0f} samples/s (batches of {size})")
    print(f"bare loop       {bare_speed:7.0f} samples/s")
    print(f"training / bare {ratio:7.2f}   (at most 1.15)")


def compare_with_per_sample_monai(batches: int = 20, size: int = 64) -> None:
    """The same augmentation: a batch on the tensor, and sample by sample in a MONAI DataLoader."""
    from monai.data import DataLoader, Dataset

    images = torch.randn(size * batches, 3, 64, 64)
    limits = SETTINGS["augmentation"]
    augment = Augment(limits, 64, 64, torch.Generator().manual_seed(0))
    per_sample = per_sample_transforms(limits)

    def batched() -> None:
        order = torch.randperm(len(images))
        for batch in order.split(size):
            augment(images[batch])

    def sample_by_sample() -> None:
        for _ in DataLoader(Dataset(list(images), per_sample), batch_size=size, shuffle=True):
            pass

    speeds = [len(images) / cpu_seconds(work) for work in (batched, sample_by_sample)]
    print(f"batched augmentation    {speeds[0]:7.0f} samples/s")
    print(f"per-sample DataLoader   {speeds[1]:7.0f} samples/s (MONAI)")
    print(f"batched / per sample    {speeds[0] / speeds[1]:7.1f}   (at least 10)")


def time_one_model() -> None:
    """All folds of one model at the default size: the epochs of one fold, times folds."""
    task = simulated_task()
    run = training.Training(task, [training.Member(1, 0)])
    epochs = min(5, SETTINGS["epochs"])
    seconds = cpu_seconds(lambda: [run.train_epoch() for _ in range(epochs)]) / epochs
    folds = int(task.folds.max()) + 1
    print(f"one model, {folds} folds x {SETTINGS['epochs']} epochs, {PATIENTS} patients: "
          f"{seconds * SETTINGS['epochs'] * folds:.0f} CPU s")  # fmt: skip


def time_one_sample_a_patient(epochs: int = 10) -> None:
    """4,500 epochs of 340 training patients with one sample each, from as many of them as the time allows."""
    network = SETTINGS["network"] | {"channels": [16, 32, 64, 128]}
    task = simulated_task(425, samples_per_patient=1, network=network)
    run = training.Training(task, [training.Member(1, 0)])
    run.train_epoch()
    seconds = cpu_seconds(lambda: [run.train_epoch() for _ in range(epochs)]) / epochs
    print(f"4,500 epochs of {run.number} samples, filters {network['channels']}: "
          f"{4500 * seconds / 120:.0f} min on 2 cores, one training each")  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    compare_with_bare_loop()
    time_one_model()
    time_one_sample_a_patient()
    compare_with_per_sample_monai()
