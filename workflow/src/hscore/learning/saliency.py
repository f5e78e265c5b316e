"""What a network looked at: Grad-CAM maps of single samples, and the check that they depend on what was learned.

A map says where features that raise the score lie in a sample (Selvaraju et al., ICCV 2017), at the resolution of the
last convolution; how large its values are says nothing across samples. It is the mean over the members.
Each sample is shown to the network as the only one of its patient. The check (Adebayo et al., Sanity checks for
saliency maps, NeurIPS 2018): maps of networks with random weights must be different ones; the agreement between
members shows how alike maps of the same samples can be.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, combinations, product

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from hscore.learning import networks
from hscore.learning.ensemble import Ensemble
from hscore.learning.samples import Samples


class OneSample(nn.Module):
    """A network that sees single samples of one sequence as whole patients: [N, C, rows, columns] -> logits [N, 1]."""

    def __init__(self, network: networks.ScoreNetwork, sequence: int) -> None:
        super().__init__()
        self.network = network
        self.sequence = sequence

    def forward(self, images: Tensor, clinical: Tensor) -> Tensor:
        """``images`` and ``clinical`` [N, K] in their own units."""
        features = self.network.features(self.sequence, images).unsqueeze(1)
        mask = torch.ones(len(images), 1, dtype=torch.bool)
        everything = [features if s == self.sequence else torch.zeros_like(features) for s in self.others()]
        places = [mask if s == self.sequence else ~mask for s in self.others()]
        return self.network.score(everything, places, self.network.standardize_clinical(clinical))[:, :1]

    def others(self) -> range:
        """Numbers of all sequences of the network."""
        return range(len(self.network.trunks))


def maps(
    members: Iterator[networks.ScoreNetwork], sequence: int, images: np.ndarray, clinical: np.ndarray
) -> np.ndarray:
    """Grad-CAM of every member float32 [members, N, rows, columns], 0 or more, at the resolution of the samples.

    ``images`` float32 [N, C, rows, columns] of one ``sequence`` (its number in the model); ``clinical`` [N, K].
    """
    from monai.visualize import GradCAM  # here, because it costs 5 s

    found = []
    for network in members:
        model = OneSample(network, sequence)
        samples, scalars = torch.from_numpy(images), torch.from_numpy(clinical)
        cam = GradCAM(model, last_convolution(model), postprocessing=lambda values: values)
        found.append(_flat(cam(samples, class_idx=0, clinical=scalars)))
    return np.stack(found)


def _flat(values: Tensor) -> np.ndarray:
    """[N, 1, (sections,) rows, columns] -> [N, rows, columns]; a three-dimensional network's mean over sections."""
    values = values.squeeze(1).detach()
    return (values.mean(dim=1) if values.ndim == 4 else values).numpy()


def last_convolution(model: OneSample) -> str:
    """Name of the last convolution of the sequence's trunk."""
    start = f"network.trunks.{model.sequence}."
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Conv3d)]
    return [name for name in layers if name.startswith(start)][-1]


def random_networks(ensemble: Ensemble, number: int) -> Iterator[networks.ScoreNetwork]:
    """Networks of the ensemble's shape and standardisation with random weights, from fixed seeds."""
    (first, *_) = ensemble.networks()
    constants = {name: value.clone() for name, value in first.state_dict().items() if "standardize" in name}
    for seed in range(number):
        torch.manual_seed(seed)
        network = ensemble.build()
        network.load_state_dict(network.state_dict() | constants)
        yield network.eval()


def explain(ensembles: Sequence[Ensemble], samples: Samples, sequence: int, shown: Sequence[int]) -> dict:
    """Maps of the samples ``shown`` (numbers) of one sequence, and how they change when weights are random.

    Returns ``maps`` and ``random_maps`` float32 [N, rows, columns], means over as many networks, and ``check``:
    Spearman correlations (means over samples) of maps of two members, of two random networks, and of a member and a
    random network. None where maps are constant.
    """
    one = samples.images[sequence]
    images, clinical = one.values[list(shown)], samples.clinical[one.patient_index[list(shown)]]
    members = chain.from_iterable(ensemble.networks() for ensemble in ensembles)
    learned = maps(members, sequence, images, clinical)
    random = maps(random_networks(ensembles[0], len(learned)), sequence, images, clinical)
    check = {
        "members": agreement(combinations(learned, 2)),
        "random_weights": agreement(combinations(random, 2)),
        "member_and_random_weights": agreement(product(learned, random)),
        "measure": "Spearman correlation of two Grad-CAM maps of a sample, mean over samples and pairs of networks",
    }
    return {"maps": learned.mean(axis=0), "random_maps": random.mean(axis=0), "check": check}


def sample_scores(ensembles: Sequence[Ensemble], samples: Samples, sequence: int) -> np.ndarray:
    """Mean logit [N] over all members of each sample of one sequence, shown alone."""
    one = samples.images[sequence]
    images, clinical = torch.from_numpy(one.values), torch.from_numpy(samples.clinical[one.patient_index])
    with torch.inference_mode():
        logits = [
            OneSample(network, sequence)(images, clinical)[:, 0]
            for ensemble in ensembles
            for network in ensemble.networks()
        ]
    return torch.stack(logits).mean(dim=0).numpy()


def agreement(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float | None:
    """Mean Spearman correlation of the samples' maps in pairs of [N, rows, columns]; constant maps do not count."""
    found = [correlation(a, b) for first, second in pairs for a, b in zip(first, second, strict=True)]
    found = [value for value in found if value is not None]
    return float(np.mean(found)) if found else None


def correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Spearman's rank correlation of two maps; None where one is constant."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a.ravel(), b.ravel()).statistic)
