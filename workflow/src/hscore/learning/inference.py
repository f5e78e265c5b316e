"""Networks applied to samples: patient scores from triplet logits."""

import torch
from torch import Tensor

from hscore.learning.networks import ScoreNetwork

BATCH = 128  # fixed, because another batch size changes the last digits of a score


@torch.inference_mode()
def sample_probabilities(network: ScoreNetwork, images: Tensor, clinical: Tensor) -> Tensor:
    """Probability of LNM [N] on the CPU for samples [N, C, rows, columns] and their scalars [N, K], own units."""
    network.eval()
    parts = [
        torch.sigmoid(network(batch.contiguous(memory_format=torch.channels_last), scalars))
        for batch, scalars in zip(images.split(BATCH), clinical.split(BATCH), strict=True)
    ]
    return torch.cat(parts).float().cpu()
