"""Pool the features of a patient's samples into the patient's features (multiple-instance learning).

Shapes: U bags, k places per bag for the samples of one sequence, S sequences, F features. ``mask`` is True where a
place holds a sample; it is False throughout for a sequence that the patient does not have. Every bag contains at least
one sample.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MeanPooling(nn.Module):
    """Mean over the samples of a sequence, then over the available sequences.

    Source: M. Havaei et al., HeMIS: hetero-modal image segmentation, MICCAI 2016 (its first moment), which lets one
    network take any subset of sequences.
    """

    def forward(self, features: Sequence[Tensor], mask: Sequence[Tensor]) -> Tensor:
        """Return the pooled features [U, F] of ``features`` S x [U, k, F] with ``mask`` S x bool [U, k]."""
        means = [masked_mean(samples, places) for samples, places in zip(features, mask, strict=True)]
        available = torch.stack([places.any(dim=1) for places in mask], dim=1)
        return masked_mean(torch.stack(means, dim=1), available)


class GatedAttention(nn.Module):
    """Weighted mean over all samples of all sequences; the weights are learned from the features and sum to one.

    Source: M. Ilse, J. M. Tomczak, M. Welling, Attention-based deep multiple instance learning, ICML 2018, eq. 9:
    weight ~ exp(w . (tanh(V f) * sigmoid(U f))).
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.tangent = nn.Linear(features, units)
        self.gate = nn.Linear(features, units)
        self.weight = nn.Linear(units, 1, bias=False)  # a bias cancels in the softmax

    def forward(self, features: Sequence[Tensor], mask: Sequence[Tensor]) -> Tensor:
        """Return the pooled features [U, F] of ``features`` S x [U, k, F] with ``mask`` S x bool [U, k]."""
        all_features = torch.cat(list(features), dim=1)
        return (self.weights(features, mask).unsqueeze(2) * all_features).sum(dim=1)

    def weights(self, features: Sequence[Tensor], mask: Sequence[Tensor]) -> Tensor:
        """Return the weight of every sample in its bag [U, S k]; 0 for an empty place."""
        all_features = torch.cat(list(features), dim=1)
        gated = torch.tanh(self.tangent(all_features)) * torch.sigmoid(self.gate(all_features))
        energies = self.weight(gated).squeeze(2).masked_fill(~torch.cat(list(mask), dim=1), -torch.inf)
        return torch.softmax(energies, dim=1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean [U, F] of ``values`` [U, k, F] over the places of ``mask`` [U, k]; 0 for a bag without any."""
    weights = mask.to(values.dtype).unsqueeze(2)
    return (values * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def build(aggregation: str, features: int, units: int) -> nn.Module:
    """Return the pooling for ``train.aggregation``; ``units`` is the width of the attention's hidden layer."""
    return GatedAttention(features, units) if aggregation == "attention" else MeanPooling()
