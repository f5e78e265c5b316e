"""Draw the samples of an epoch: the same number per patient, at random, without repeats until all have been drawn.

Neighbouring triplets share two of three sections, so a few of them per epoch teach as much as all. Every patient has
the same weight.

Shapes: P training patients, S sequences, k samples per patient and sequence, U bags in an epoch or batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Bags:
    """U bags of samples.

    Attributes:
        patients: [U], the row of each bag's patient.
        samples: S x int64 [U, k], indices of samples. A masked place holds a sample of some other patient, which only
            takes part in the batch normalisation.
        mask: S x bool [U, k], True where a place holds a sample of the patient.
    """

    patients: Tensor
    samples: list[Tensor]
    mask: list[Tensor]

    def take(self, rows: Tensor) -> "Bags":
        """Return the bags ``rows``, in the order given."""
        return Bags(
            self.patients[rows], [indices[rows] for indices in self.samples], [places[rows] for places in self.mask]
        )

    def split(self, parts: int) -> list["Bags"]:
        """Return the bags in ``parts`` batches of nearly equal size."""
        return [self.take(rows) for rows in torch.arange(len(self.patients)).tensor_split(parts)]


class BagSampler:
    """Draw the bags of one training fold, epoch after epoch.

    Args:
        patient_indices: S x [N], the patient of each sample, sorted.
        patients: [P], the rows of the training patients, ascending.
        per_patient: k.
        bags: if True, one bag per patient contains k samples of each sequence (fewer for a patient who has fewer).
            If False, each sample is a bag of its own, and is repeated for a patient who has too few.
    """

    def __init__(
        self, patient_indices: Sequence[np.ndarray], patients: np.ndarray, per_patient: int, bags: bool
    ) -> None:
        self.patients = torch.from_numpy(patients)
        self.per_patient = per_patient
        self.bags = bags
        self.sample_indices = [
            torch.from_numpy(np.flatnonzero(np.isin(patient_index, patients))) for patient_index in patient_indices
        ]
        self.ranks = [
            torch.from_numpy(np.searchsorted(patients, patient_index[indices.numpy()]))
            for patient_index, indices in zip(patient_indices, self.sample_indices, strict=True)
        ]
        self.counts = [torch.bincount(rank, minlength=len(patients)) for rank in self.ranks]
        self.total = len(patients) * (1 if bags else per_patient)

    def draw(self, generator: torch.Generator, number: int) -> Bags:
        """Return ``number`` of an epoch's ``total`` bags, in random order."""
        places = torch.arange(self.per_patient)
        samples, mask = [], []
        for indices, rank, counts in zip(self.sample_indices, self.ranks, self.counts, strict=True):
            # sorting by patient + random fraction shuffles the samples inside each patient
            keys = rank + torch.rand(len(rank), generator=generator, dtype=torch.float64)
            first = (counts.cumsum(0) - counts)[:, None]
            position = first + places % counts[:, None].clamp(min=1)
            missing = counts == 0
            position[missing] = torch.randint(len(indices), (int(missing.sum()), len(places)), generator=generator)
            samples.append(indices[torch.argsort(keys)][position])
            mask.append(places < counts[:, None])
        bags = Bags(self.patients, samples, mask)
        if not self.bags:
            single = samples[0].reshape(-1, 1)
            bags = Bags(self.patients.repeat_interleave(len(places)), [single], [torch.ones_like(single, dtype=bool)])
        return bags.take(torch.randperm(self.total, generator=generator)[:number])
