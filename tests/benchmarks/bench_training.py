"""Print the cost of training next to that of the bare network, and of batched next to per-sample augmentation.

Also measured are the parts of a training step, both precisions, and the batch sizes in which networks are applied.

    PYTHONPATH=workflow/src python tests/benchmarks/bench_training.py

Times are medians of interleaved runs in CPU seconds of the process (one thread), so other work on the machine matters
less. Targets: training over bare loop at most 1.15, speed of batched over per-sample augmentation at least 10.
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

from hscore.learning import inference, machine, training
from hscore.learning.augment import Augment
from hscore.learning.samples import Samples, SequenceImages

SETTINGS = yaml.safe_load((Path(__file__).parents[2] / "config" / "config.yaml").read_text())["train"]
SETTINGS = {"threads": 1, **SETTINGS}
PATIENTS, TRIPLETS = 85, 8


def simulated_task(count: int = PATIENTS, **changed: object) -> training.Task:
    """Return training data of ``count`` patients with 8 samples of noise each; ``changed`` overrides settings."""
    random = np.random.default_rng(0)
    images = random.normal(size=(count * TRIPLETS, 3, 64, 64)).astype(np.float32)
    patient_index = np.repeat(np.arange(count), TRIPLETS)
    patients = pd.DataFrame({"patient": [f"P{k}" for k in range(count)]})
    none = np.empty((count, 0))
    samples = Samples(patients, none.astype(np.float32), (SequenceImages("T2WI_tumour", images, patient_index),), none)
    labels = (np.arange(count) % 5 == 0).astype(int)
    folds = np.arange(count) // 5 % 5
    centers = np.full(count, "AA")
    return training.Task("benchmark", samples, labels, folds, centers, SETTINGS | changed, machine.prepare("cpu", 1))


def cpu_seconds(work: Callable[[], None]) -> float:
    """Return the CPU seconds of one call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def compare_with_bare_loop(rounds: int = 7) -> None:
    """Compare an epoch of training with the same number of optimisation steps on one fixed batch of the same size."""
    task = simulated_task()
    run, bare = (training.Training(task, [training.Member(1, 0)]) for _ in range(2))
    size = run.bags_per_epoch // run.batches
    batch = [task.tensors.images[0][:size].contiguous(memory_format=torch.channels_last)]
    patient_index = torch.from_numpy(task.tensors.patient_indices[0][:size])
    labels, clinical = bare.labels[patient_index].unsqueeze(1), bare.clinical[0, patient_index]
    single = [torch.ones(size, 1, dtype=torch.bool)]
    network = bare.models.network.train()

    def bare_epoch() -> None:
        for _ in range(bare.batches):
            bare.optimizer.zero_grad()
            functional.binary_cross_entropy_with_logits(network(batch, single, clinical), labels).backward()
            bare.optimizer.step()

    run.train_epoch()
    bare_epoch()
    times = [(cpu_seconds(run.train_epoch), cpu_seconds(bare_epoch)) for _ in range(rounds)]
    trained = run.bags_per_epoch / statistics.median(t for t, _ in times)
    bare_speed = size * bare.batches / statistics.median(b for _, b in times)
    ratio = statistics.median((t / run.bags_per_epoch) / (b / (size * bare.batches)) for t, b in times)
    print(f"training loop   {trained:7.0f} samples/s (batches of {size})")
    print(f"bare loop       {bare_speed:7.0f} samples/s")
    print(f"training / bare {ratio:7.2f}   (at most 1.15)")


def time_parts_of_a_step(rounds: int = 40) -> None:
    """Measure drawing and augmenting samples, and the optimiser; the rest of a step is the network."""
    run = training.Training(simulated_task(), [training.Member(1, 0)])
    run.train_epoch()
    samples = run.bag_samplers[0].draw(run.orders[0], run.bags_per_epoch).split(run.batches)[0].samples[0].unsqueeze(0)
    step = statistics.median(cpu_seconds(run.train_epoch) for _ in range(7)) / run.batches
    parts = {"samples": lambda: run.images(0, samples), "optimiser": run.optimizer.step}
    costs = {name: statistics.median(cpu_seconds(part) for _ in range(rounds)) for name, part in parts.items()}
    costs["network"] = step - sum(costs.values())
    shares = ", ".join(f"{name} {100 * cost / step:.0f} %" for name, cost in costs.items())
    print(f"a training step {1000 * step:7.1f} ms: {shares}")


def compare_precisions(epochs: int = 4) -> None:
    """Measure an epoch in each precision; which one is faster depends on the processor."""
    for precision in training.PRECISIONS:
        run = training.Training(simulated_task(precision=precision), [training.Member(1, 0)])
        run.train_epoch()
        speed = run.samples * epochs / cpu_seconds(lambda run=run: [run.train_epoch() for _ in range(epochs)])
        print(f"training in {precision:9s}{speed:7.0f} samples/s")


def compare_inference_batches() -> None:
    """Measure scoring all samples in batches of several sizes; print the largest difference of a score."""
    run = training.Training(task := simulated_task(), [training.Member(1, 0)])
    network, chosen = run.models.networks()[0], inference.BATCH

    def scores() -> np.ndarray:
        return inference.patient_probabilities(network, task.tensors, SETTINGS["aggregation"])

    expected = scores()
    for size in (16, 32, 64, 128):
        inference.BATCH = size
        difference = float(np.abs(scores() - expected).max())
        speed = len(task.tensors.patient_indices[0]) / statistics.median(cpu_seconds(scores) for _ in range(7))
        print(f"scoring in batches of {size:3d} {speed:7.0f} samples/s (scores differ by {difference:.0e} at most)")
    inference.BATCH = chosen


def compare_with_per_sample_monai(batches: int = 20, size: int = 64) -> None:
    """Compare the same augmentation per batch on the tensor and per sample in a MONAI DataLoader."""
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
    """Estimate the cost of all folds of one model at the default size from the epochs of one fold."""
    task = simulated_task()
    run = training.Training(task, [training.Member(1, 0)])
    epochs = min(5, SETTINGS["epochs"])
    seconds = cpu_seconds(lambda: [run.train_epoch() for _ in range(epochs)]) / epochs
    folds = int(task.folds.max()) + 1
    print(f"one model, {folds} folds x {SETTINGS['epochs']} epochs, {PATIENTS} patients: "
          f"{seconds * SETTINGS['epochs'] * folds:.0f} CPU s")  # fmt: skip


def time_one_sample_a_patient(epochs: int = 10) -> None:
    """Estimate the cost of 4,500 epochs of 340 training patients with one sample each from fewer epochs."""
    network = SETTINGS["network"] | {"channels": [16, 32, 64, 128]}
    task = simulated_task(425, samples_per_patient=1, network=network)
    run = training.Training(task, [training.Member(1, 0)])
    run.train_epoch()
    seconds = cpu_seconds(lambda: [run.train_epoch() for _ in range(epochs)]) / epochs
    print(f"4,500 epochs of {run.bags_per_epoch} samples, filters {network['channels']}: "
          f"{4500 * seconds / 120:.0f} min on 2 cores, one training each")  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    compare_with_bare_loop()
    time_parts_of_a_step()
    compare_precisions()
    compare_inference_batches()
    time_one_model()
    time_one_sample_a_patient()
    compare_with_per_sample_monai()
