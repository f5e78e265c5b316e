"""From the features of a patient's samples to the patient's features (multiple-instance learning).

Shapes: U bags, k places in a bag for the samples of one sequence, S sequences, F features. ``mask`` says which places
hold a sample: a sequence that a patient does not have is simply not there. Every bag holds at least one sample.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MeanPooling(nn.Module):
    """Mean over the samples of a sequence, then over the sequences that are there.

    Source: M. Havaei et al., HeMIS: hetero-modal image segmentation, MICCAI 2016 (its first moment), where it makes
    one network serve any subset of sequences.
    """

    def forward(self, features: Sequence[Tensor], mask: Sequence[Tensor]) -> Tensor:
        """``features`` S x [U, k, F] and ``mask`` S x bool [U, k] -> [U, F]."""
        sequences = torch.stack([masked_mean(f, t) for f, t in zip(features, mask, strict=True)], dim=1)
        return masked_mean(sequences, torch.stack([t.any(dim=1) for t in mask], dim=1))


class GatedAttention(nn.Module):
    """Weighted mean over all samples of all sequences; the weights are learned from the features and sum to one.

    Source: M. Ilse, J. M. Tomczak, M. Welling, Attention-based deep multiple instance learning, ICML 2018, eq. 9:
    weight ~ exp(w . (tanh(V f) * sigmoid(U f))).
    """

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.tangent = nn.Linear(features, units)
        self.gate = nn.Linear(features, units)
        self.weight = nn.Linear(units, 1, bias=False)  # a softmax would not see it

    def forward(self, features: Sequence[Tensor], mask: Sequence[Tensor]) -> Tensor:
        """``features`` S x [U, k, F] and ``mask`` S x bool [U, k] -> [U, F]."""
        everything = torch.cat(list(features), dim=1)
        return (self.weights(features, mask).unsqueeze(2) * everything).sum(dim=1)

    def weights(self, features: Sequence[Tensor], mask: Sequence[Tensor]) -> Tensor:
        """Weight of every sample in its bag [U, S k]; 0 for an empty place."""
        everything = torch.cat(list(features), dim=1)
        gated = torch.tanh(self.tangent(everything)) * torch.sigmoid(self.gate(everything))
        energies = self.weight(gated).squeeze(2).masked_fill(~torch.cat(list(mask), dim=1), -torch.inf)
        return torch.softmax(energies, dim=1)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean over dimension 1 of ``values`` [U, k, F] where ``mask`` [U, k]; 0 for a bag that is empty there."""
    weights = mask.to(values.dtype).unsqueeze(2)
    return (values * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)


def build(aggregation: str, features: int, units: int) -> nn.Module:
    """The pooling for ``train.aggregation``; ``units`` is the width of the attention's hidden layer."""
    return GatedAttention(features, units) if aggregation == "attention" else MeanPooling()
