"""Compute Grad-CAM maps of single samples, and check that they depend on the trained weights.

A map shows where a sample has features that raise the score (Selvaraju et al., ICCV 2017), at the resolution of the
last convolution. Its values cannot be compared between samples. It is the mean over the members. Each sample is given
to the network as the only one of its patient. The check (Adebayo et al., Sanity checks for saliency maps, NeurIPS
2018): maps of networks with random weights must differ. The agreement between members shows how similar maps of the
same samples can be.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, product

import numpy as np
import torch
from monai.visualize import GradCAM
from scipy.stats import spearmanr
from torch import Tensor, nn

from hscore.learning import networks
from hscore.learning.ensemble import Ensemble
from hscore.learning.samples import Samples


class SingleSampleNetwork(nn.Module):
    """Apply a network to samples of one sequence, each as if it were the only sample of a patient."""

    def __init__(self, network: networks.ScoreNetwork, sequence: int) -> None:
        super().__init__()
        self.network = network
        self.sequence = sequence

    def forward(self, images: Tensor, clinical: Tensor) -> Tensor:
        """Return logits [N, 1] of ``images`` [N, C, rows, columns] and ``clinical`` [N, K], neither standardised."""
        features = self.network.features(self.sequence, images).unsqueeze(1)
        mask = torch.ones(len(images), 1, dtype=torch.bool)
        sequences = range(len(self.network.trunks))
        all_features = [features if s == self.sequence else torch.zeros_like(features) for s in sequences]
        all_masks = [mask if s == self.sequence else ~mask for s in sequences]
        return self.network.score(all_features, all_masks, self.network.standardize_clinical(clinical))[:, :1]


def gradcam_maps(
    members: Iterator[networks.ScoreNetwork], sequence: int, images: np.ndarray, clinical: np.ndarray
) -> np.ndarray:
    """Return the Grad-CAM map of every sample by every member.

    Args:
        members: trained networks.
        sequence: its number in the model.
        images: float32 [N, C, rows, columns], samples of that sequence.
        clinical: float32 [N, K].

    Returns:
        float32 [members, N, rows, columns], 0 or more, at the resolution of the samples.
    """
    maps = []
    for network in members:
        model = SingleSampleNetwork(network, sequence)
        samples, scalars = torch.from_numpy(images), torch.from_numpy(clinical)
        cam = GradCAM(model, last_convolution(model), postprocessing=lambda values: values)
        maps.append(_mean_over_sections(cam(samples, class_idx=0, clinical=scalars)))
    return np.stack(maps)


def _mean_over_sections(values: Tensor) -> np.ndarray:
    """Return maps [N, rows, columns] of [N, 1, rows, columns], or of [N, 1, sections, rows, columns] (3D network)."""
    values = values.squeeze(1).detach()
    return (values.mean(dim=1) if values.ndim == 4 else values).numpy()


def last_convolution(model: SingleSampleNetwork) -> str:
    """Return the name of the last convolution of the sequence's trunk."""
    start = f"network.trunks.{model.sequence}."
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Conv3d)]
    return [name for name in layers if name.startswith(start)][-1]


def random_networks(ensemble: Ensemble, number: int) -> Iterator[networks.ScoreNetwork]:
    """Yield ``number`` networks of the ensemble's shape and standardisation with random weights, from fixed seeds."""
    (first, *_) = ensemble.networks()
    constants = {name: value.clone() for name, value in first.state_dict().items() if "standardize" in name}
    for seed in range(number):
        torch.manual_seed(seed)
        network = ensemble.untrained_network()
        network.load_state_dict(network.state_dict() | constants)
        yield network.eval()


def explain(ensembles: Sequence[Ensemble], samples: Samples, sequence: int, shown: Sequence[int]) -> dict:
    """Return maps of some samples, and compare them with the maps of networks with random weights.

    Args:
        ensembles: of one model, one per seed or group of seeds.
        samples: read with their ``spec``.
        sequence: its number in the model.
        shown: indices of the samples of that sequence.

    Returns:
        ``maps`` and ``random_maps``, float32 [N, rows, columns], means over equally many networks; ``check``: Spearman
        correlations (means over samples) of the maps of two members, of two random networks, and of a member and a
        random network, None where maps are constant.
    """
    sequence_images, rows = samples.images[sequence], list(shown)
    images, clinical = sequence_images.pixels[rows], samples.clinical[sequence_images.patient_index[rows]]
    members = chain.from_iterable(ensemble.networks() for ensemble in ensembles)
    learned = gradcam_maps(members, sequence, images, clinical)
    random = gradcam_maps(random_networks(ensembles[0], len(learned)), sequence, images, clinical)
    check = {
        "members": agreement(combinations(learned, 2)),
        "random_weights": agreement(combinations(random, 2)),
        "member_and_random_weights": agreement(product(learned, random)),
        "measure": "Spearman correlation of two Grad-CAM maps of a sample, mean over samples and pairs of networks",
    }
    return {"maps": learned.mean(axis=0), "random_maps": random.mean(axis=0), "check": check}


def sample_scores(ensembles: Sequence[Ensemble], samples: Samples, sequence: int) -> np.ndarray:
    """Return the mean logit [N] over all members of each sample of one sequence, scored alone."""
    sequence_images = samples.images[sequence]
    images = torch.from_numpy(sequence_images.pixels)
    clinical = torch.from_numpy(samples.clinical[sequence_images.patient_index])
    with torch.inference_mode():
        logits = [
            SingleSampleNetwork(network, sequence)(images, clinical)[:, 0]
            for ensemble in ensembles
            for network in ensemble.networks()
        ]
    return torch.stack(logits).mean(dim=0).numpy()


def agreement(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """Return the mean Spearman correlation of maps in pairs of [N, rows, columns]; constant maps are left out."""
    correlations = [correlation(a, b) for first, second in pairs for a, b in zip(first, second, strict=True)]
    defined = [value for value in correlations if value is not None]
    return float(np.mean(defined)) if defined else None


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return Spearman's rank correlation of two maps; None if one is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a.ravel(), b.ravel()).statistic)
