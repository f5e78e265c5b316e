"""Networks applied to samples: patient scores from bags of samples, or from single samples' scores.

A network learned from single samples (bags of one) scores each sample of a patient, and these scores are aggregated;
one learned from bags scores all samples of a patient at once.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hscore.errors import UserError
from hscore.learning.networks import ScoreNetwork
from hscore.learning.samples import Samples

BATCH = 128  # fixed, because another batch size changes the last digits of a score


@dataclass(frozen=True)
class Tensors:
    """``Samples`` on a device: S x images [N, C, rows, columns], S x owner int64 [N], clinical [P, K]."""

    images: list[Tensor]
    patient_indices: list[np.ndarray]
    clinical: Tensor

    @classmethod
    def of(cls, samples: Samples, device: torch.device) -> "Tensors":
        """Copied to the device once; a GPU reads from pinned memory, so that copies overlap."""
        values = [torch.from_numpy(one.values) for one in samples.images]
        clinical = torch.from_numpy(samples.clinical)
        if device.type == "cuda":
            values = [value.pin_memory() for value in values]
        images = [value.to(device, non_blocking=True) for value in values]
        return cls(images, [one.patient_index for one in samples.images], clinical.to(device))


def learns_from_bags(sequences: int, aggregation: str) -> bool:
    """Whether a network sees all samples of a patient at once: with several sequences, or attention among samples."""
    return sequences > 1 or aggregation == "attention"


def check_aggregation(aggregation: str, sequences: int) -> None:
    """UserError for an aggregation that is unknown, or not possible with so many sequences."""
    top = aggregation.removeprefix("top")
    if aggregation not in ("mean", "max", "attention") and not (top != aggregation and top.isdigit() and int(top) > 0):
        raise UserError(
            f"train.aggregation is '{aggregation}'; write mean, max, attention, or top and a number such as top3"
        )
    if sequences > 1 and aggregation not in ("mean", "attention"):
        raise UserError(
            f"train.aggregation is '{aggregation}', but a model of several sequences pools features, not scores: "
            "write mean or attention (models.<name>.train.aggregation holds for one model)"
        )


@torch.inference_mode()
def patient_probabilities(
    network: ScoreNetwork, tensors: Tensors, aggregation: str, patients: np.ndarray | None = None
) -> np.ndarray:
    """Probability of LNM, float64 [patients]; ``patients`` are row numbers, ascending (all where None)."""
    network.eval()
    if patients is not None and not len(patients):
        return np.empty(0)
    patients = np.arange(len(tensors.clinical)) if patients is None else patients
    clinical = network.standardize_clinical(tensors.clinical[torch.from_numpy(patients)])
    features, patient_indices = [], []
    for sequence, (images, patient_index) in enumerate(zip(tensors.images, tensors.patient_indices, strict=True)):
        own = np.flatnonzero(np.isin(patient_index, patients))
        features.append(sample_features(network, sequence, images, torch.from_numpy(own)))
        patient_indices.append(np.searchsorted(patients, patient_index[own]))
    if learns_from_bags(len(features), aggregation):
        bags, mask = zip(
            *(pad(f, o, len(patients)) for f, o in zip(features, patient_indices, strict=True)), strict=True
        )
        return _probabilities(network.score(bags, mask, clinical))
    single = torch.ones(len(patient_indices[0]), 1, dtype=torch.bool, device=clinical.device)
    logits = network.score([features[0].unsqueeze(1)], [single], clinical[torch.from_numpy(patient_indices[0])])
    return aggregate(_probabilities(logits), patient_indices[0], aggregation)


def sample_features(network: ScoreNetwork, sequence: int, images: Tensor, own: Tensor) -> Tensor:
    """Features [n, F] of the samples ``own`` [n] of one sequence."""
    if not len(own):
        return torch.empty(0, network.trunks[sequence].features, device=images.device)
    parts = [
        network.features(sequence, images[part].contiguous(memory_format=network.memory_format))
        for part in own.split(BATCH)
    ]
    return torch.cat(parts)


def pad(features: Tensor, patient_index: np.ndarray, patients: int) -> tuple[Tensor, Tensor]:
    """Features [n, F] and their sorted owners [n] as bags [patients, k, F] and bool [patients, k], k >= 1."""
    counts = np.bincount(patient_index, minlength=patients)
    place = torch.from_numpy(np.arange(len(patient_index)) - np.repeat(np.cumsum(counts) - counts, counts))
    bags = features.new_zeros(patients, max(1, counts.max(initial=0)), features.shape[1])
    mask = torch.zeros(bags.shape[:2], dtype=torch.bool, device=features.device)
    bags[torch.from_numpy(patient_index), place] = features
    mask[torch.from_numpy(patient_index), place] = True
    return bags, mask


def _probabilities(logits: Tensor) -> np.ndarray:
    """Logits [n, heads] -> probabilities of the model's score float64 [n]."""
    return torch.sigmoid(logits[:, 0].float()).cpu().numpy().astype(np.float64)


def aggregate(probabilities: np.ndarray, patient_index: np.ndarray, how: str) -> np.ndarray:
    """Scores of samples [N] -> patient scores [P] in float64; ``patient_index`` [N] is sorted and leaves no patient out.

    ``mean``; ``max``; ``top3``: mean of the three highest (of all, where a patient has fewer), likewise other numbers.
    """
    values = np.asarray(probabilities, np.float64)
    starts = np.flatnonzero(np.diff(patient_index, prepend=-1))
    counts = np.diff(starts, append=len(patient_index))
    if how == "mean":
        return np.add.reduceat(values, starts) / counts
    if how == "max":
        return np.maximum.reduceat(values, starts)
    number = int(how.removeprefix("top"))
    values = values[np.lexsort((-values, patient_index))]
    rank = np.arange(len(patient_index)) - np.repeat(starts, counts)
    return np.add.reduceat(np.where(rank < number, values, 0.0), starts) / np.minimum(counts, number)
