"""Which samples an epoch takes: of each patient the same number, at random, no sample twice before all once.

Neighbouring triplets share two of three sections: a few of them an epoch teach as much as all, and every patient
weighs the same.

Shapes: P training patients, S sequences, k samples of a patient and sequence, U bags in an epoch or batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Bags:
    """U bags: ``patients`` [U] (rows), S x ``samples`` int64 [U, k], S x ``mask`` bool [U, k], which of them count.

    A place that does not count holds some other patient's sample, which only takes part in the batch normalisation.
    """

    patients: Tensor
    samples: list[Tensor]
    mask: list[Tensor]

    def take(self, rows: Tensor) -> "Bags":
        """Some of the bags, in the order given."""
        return Bags(self.patients[rows], [one[rows] for one in self.samples], [one[rows] for one in self.mask])

    def split(self, parts: int) -> list["Bags"]:
        """In batches of nearly equal size."""
        return [self.take(rows) for rows in torch.arange(len(self.patients)).tensor_split(parts)]


class BagSampler:
    """Deals the bags of one training fold, epoch after epoch.

    ``patient_indices``: S x [N], the patient of each sample, sorted; ``patients`` [P]: the rows of the training patients,
    ascending; ``per_patient``: k. With ``bags`` one bag a patient holds k samples of each sequence (fewer, where the
    patient has not so many); without, each sample is a bag of its own, and is repeated where a patient has too few.
    """

    def __init__(
        self, patient_indices: Sequence[np.ndarray], patients: np.ndarray, per_patient: int, bags: bool
    ) -> None:
        self.patients = torch.from_numpy(patients)
        self.per_patient = per_patient
        self.bags = bags
        self.own = [
            torch.from_numpy(np.flatnonzero(np.isin(patient_index, patients))) for patient_index in patient_indices
        ]
        self.rank = [
            torch.from_numpy(np.searchsorted(patients, patient_index[own.numpy()]))
            for patient_index, own in zip(patient_indices, self.own, strict=True)
        ]
        self.counts = [torch.bincount(rank, minlength=len(patients)) for rank in self.rank]
        self.total = len(patients) * (1 if bags else per_patient)

    def draw(self, generator: torch.Generator, number: int) -> Bags:
        """``number`` of an epoch's ``total`` bags, in random order."""
        places = torch.arange(self.per_patient)
        samples, mask = [], []
        for own, rank, counts in zip(self.own, self.rank, self.counts, strict=True):
            # sorting by patient + random fraction shuffles the samples inside each patient
            keys = rank + torch.rand(len(rank), generator=generator, dtype=torch.float64)
            first = (counts.cumsum(0) - counts)[:, None]
            position = first + places % counts[:, None].clamp(min=1)
            missing = counts == 0
            position[missing] = torch.randint(len(own), (int(missing.sum()), len(places)), generator=generator)
            samples.append(own[torch.argsort(keys)][position])
            mask.append(places < counts[:, None])
        bags = Bags(self.patients, samples, mask)
        if not self.bags:
            single = samples[0].reshape(-1, 1)
            bags = Bags(self.patients.repeat_interleave(len(places)), [single], [torch.ones_like(single, dtype=bool)])
        return bags.take(torch.randperm(self.total, generator=generator)[:number])
