"""Apply networks to samples: patient scores from bags of samples, or from the scores of single samples.

A network trained on single samples (bags of one) scores each sample of a patient, and these scores are aggregated.
A network trained on bags scores all samples of a patient at once.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hscore.errors import UserError
from hscore.learning.networks import ScoreNetwork
from hscore.learning.samples import Samples

BATCH = 64  # twice as fast as 128, which outgrows the caches; fixed, because it may change the last digits of a score


@dataclass(frozen=True)
class SampleTensors:
    """``Samples`` on a device.

    Attributes:
        images: S x float32 [N, C, rows, columns].
        patient_indices: S x int64 [N], the row of each sample's patient.
        clinical: float32 [P, K].
    """

    images: list[Tensor]
    patient_indices: list[np.ndarray]
    clinical: Tensor

    @classmethod
    def from_samples(cls, samples: Samples, device: torch.device) -> "SampleTensors":
        """Copy ``samples`` to the device. A GPU reads from pinned memory, so that copies overlap."""
        pixels = [torch.from_numpy(images.pixels) for images in samples.images]
        clinical = torch.from_numpy(samples.clinical)
        if device.type == "cuda":
            pixels = [array.pin_memory() for array in pixels]
        on_device = [array.to(device, non_blocking=True) for array in pixels]
        return cls(on_device, [images.patient_index for images in samples.images], clinical.to(device))


def learns_from_bags(sequences: int, aggregation: str) -> bool:
    """Return whether a network sees all samples of a patient at once: several sequences, or attention over samples."""
    return sequences > 1 or aggregation == "attention"


def check_aggregation(aggregation: str, sequences: int) -> None:
    """Raise a UserError for an aggregation that is unknown, or not possible for this number of sequences."""
    top = aggregation.removeprefix("top")
    if aggregation not in ("mean", "max", "attention") and not (top != aggregation and top.isdigit() and int(top) > 0):
        raise UserError(
            f"train.aggregation is '{aggregation}'; write mean, max, attention, or top and a number such as top3"
        )
    if sequences > 1 and aggregation not in ("mean", "attention"):
        raise UserError(
            f"train.aggregation is '{aggregation}', but a model of several sequences pools features, not scores: "
            "write mean or attention (models.<name>.train.aggregation sets it for one model)"
        )


@torch.inference_mode()
def patient_probabilities(
    network: ScoreNetwork, tensors: SampleTensors, aggregation: str, patients: np.ndarray | None = None
) -> np.ndarray:
    """Return the probability of LNM, float64 [patients].

    Args:
        network: applied in evaluation mode.
        tensors: the samples.
        aggregation: setting ``train.aggregation``, for a network trained on single samples.
        patients: rows of the patients, ascending; all if None.
    """
    network.eval()
    if patients is not None and not len(patients):
        return np.empty(0)
    patients = np.arange(len(tensors.clinical)) if patients is None else patients
    clinical = network.standardize_clinical(tensors.clinical[torch.from_numpy(patients)])
    features, patient_indices = [], []
    for sequence, (images, patient_index) in enumerate(zip(tensors.images, tensors.patient_indices, strict=True)):
        rows = np.flatnonzero(np.isin(patient_index, patients))
        features.append(sample_features(network, sequence, images, torch.from_numpy(rows)))
        patient_indices.append(np.searchsorted(patients, patient_index[rows]))
    if learns_from_bags(len(features), aggregation):
        padded = [pad_bags(*sequence, len(patients)) for sequence in zip(features, patient_indices, strict=True)]
        bags, mask = zip(*padded, strict=True)
        return _probabilities(network.score(bags, mask, clinical))
    single = torch.ones(len(patient_indices[0]), 1, dtype=torch.bool, device=clinical.device)
    logits = network.score([features[0].unsqueeze(1)], [single], clinical[torch.from_numpy(patient_indices[0])])
    return aggregate(_probabilities(logits), patient_indices[0], aggregation)


def sample_features(network: ScoreNetwork, sequence: int, images: Tensor, rows: Tensor) -> Tensor:
    """Return the features [n, F] of the samples ``rows`` [n] of one sequence."""
    if not len(rows):
        return torch.empty(0, network.trunks[sequence].features, device=images.device)
    parts = [
        network.features(sequence, images[part].contiguous(memory_format=network.memory_format))
        for part in rows.split(BATCH)
    ]
    return torch.cat(parts)


def pad_bags(features: Tensor, patient_index: np.ndarray, patients: int) -> tuple[Tensor, Tensor]:
    """Return features [n, F] of samples sorted by patient as bags [patients, k, F] and mask [patients, k], k >= 1."""
    counts = np.bincount(patient_index, minlength=patients)
    place = torch.from_numpy(np.arange(len(patient_index)) - np.repeat(np.cumsum(counts) - counts, counts))
    bags = features.new_zeros(patients, max(1, counts.max(initial=0)), features.shape[1])
    mask = torch.zeros(bags.shape[:2], dtype=torch.bool, device=features.device)
    bags[torch.from_numpy(patient_index), place] = features
    mask[torch.from_numpy(patient_index), place] = True
    return bags, mask


def _probabilities(logits: Tensor) -> np.ndarray:
    """Return the probabilities, float64 [n], of the first of the logits [n, heads]."""
    return torch.sigmoid(logits[:, 0].float()).cpu().numpy().astype(np.float64)


def aggregate(probabilities: np.ndarray, patient_index: np.ndarray, how: str) -> np.ndarray:
    """Return patient scores [P], float64, from the scores of their samples.

    Args:
        probabilities: scores of the samples [N].
        patient_index: patient of each sample [N], sorted, with at least one sample per patient.
        how: ``mean``, ``max``, or ``top3`` (any number): the mean of the three highest, or of all if a patient has
            fewer.
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
