"""The networks: the published family (subnetworks 1, 2 and 3) and, by name, any classification network of MONAI.

Published: stacked convolution, batch normalisation, zero padding and pooling on samples of 3 x 64 x 64 (three
adjacent sections as channels); subnetwork 1 + 2 gives the DL score, 1 + 3 with MRI-LN status joined in gives the
H score; trained end to end. Not published, and therefore settings of ``train.network``:

==============  =============================================================================================
``channels``    filters of each convolution block of subnetwork 1; one block halves rows and columns
``head``        widths of the hidden layers of subnetwork 2 or 3; the clinical scalars join before the first
``dropout``     probability with which an input of each layer of the head is dropped during training
==============  =============================================================================================

Shapes: N samples, C sections (3), 64 rows, 64 columns, F features, K clinical scalars.
"""

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hscore.errors import UserError

PAPER = {"name", "channels", "head", "dropout"}
MONAI = {"name", "arguments", "head", "dropout"}


class Standardize(nn.Module):
    """Subtract ``mean`` and divide by ``deviation``: constants of the training fold, stored with the weights."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("deviation", torch.ones(shape))

    def set(self, mean: Tensor, deviation: Tensor) -> None:
        """Set the constants; a variable without spread is only centred."""
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(deviation > 0, deviation, 1.0))

    def forward(self, values: Tensor) -> Tensor:
        return (values - self.mean) / self.deviation


class ConvolutionTrunk(nn.Sequential):
    """Subnetwork 1: [N, C, 64, 64] -> features [N, F], F = the last of ``channels``.

    Each block: 3 x 3 convolution with zero padding, 2 x 2 max pooling, batch normalisation, ReLU. Pooling stands
    before the normalisation because it commutes with ReLU and leaves the two a quarter of the work (a third of the
    training time). The mean over the remaining rows and columns makes the features independent of position.
    """

    def __init__(self, sections: int, channels: Sequence[int]) -> None:
        blocks: list[nn.Module] = []
        for before, after in zip([sections, *channels], channels, strict=False):
            blocks += [
                nn.Conv2d(before, after, kernel_size=3, padding=1, bias=False),  # the normalisation has the bias
                nn.MaxPool2d(2),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*blocks)
        self.features = channels[-1]

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).mean(dim=(2, 3))


class MonaiTrunk(nn.Module):
    """A classification network of MONAI whose "classes" are used as features: [N, C, 64, 64] -> [N, F]."""

    def __init__(self, name: str, arguments: dict) -> None:
        super().__init__()
        from monai.networks import nets  # here, because it costs 5 s

        factory = getattr(nets, name, None)
        if not (inspect.isclass(factory) or inspect.isfunction(factory)):
            raise UserError(f"train.network.name: monai.networks.nets has no network '{name}'")
        try:
            self.network = factory(**arguments)
        except (TypeError, ValueError, ImportError) as error:
            raise UserError(f"train.network: monai.networks.nets.{name} cannot be built: {error}") from error

    def forward(self, images: Tensor) -> Tensor:
        features = self.network(images)
        # some networks (ViT) also return their inner states
        return features[0] if isinstance(features, tuple) else features

    def count_features(self, shape: Sequence[int]) -> int:
        """F for samples of this shape (C, rows, columns), found by sending one empty sample through."""
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                features = self(torch.zeros(1, *shape))
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"train.network.arguments: the network cannot take samples of {tuple(shape)}: {error}"
            ) from error
        self.train(training)
        if not isinstance(features, Tensor) or features.ndim != 2:
            raise UserError("train.network.name: not a classification network (one vector a sample)")
        return features.shape[1]


class Head(nn.Module):
    """Subnetwork 2 (K = 0) or 3 (K > 0): features [N, F] and clinical scalars [N, K] -> logit [N].

    The clinical scalars join before the first hidden layer and are never dropped out: there are only one or a few.
    """

    def __init__(self, features: int, clinical: int, hidden: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        layers: list[nn.Module] = []
        width = features + clinical
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))

    def forward(self, features: Tensor, clinical: Tensor) -> Tensor:
        return self.layers(torch.cat([self.dropout(features), clinical], dim=1)).squeeze(1)


class ScoreNetwork(nn.Module):
    """Samples and clinical scalars in their own units -> logit of the DL score (K = 0) or H score (K > 0).

    ``forward`` does everything; training standardises its samples once and calls ``logits`` on them.
    """

    def __init__(self, trunk: nn.Module, head: Head, clinical: int) -> None:
        super().__init__()
        self.standardize_images = Standardize(())
        self.standardize_clinical = Standardize((clinical,))
        self.trunk = trunk
        self.head = head

    def logits(self, images: Tensor, clinical: Tensor) -> Tensor:
        """Standardised samples [N, C, rows, columns] and clinical scalars [N, K] -> logits [N]."""
        return self.head(self.trunk(images), clinical)

    def forward(self, images: Tensor, clinical: Tensor) -> Tensor:
        return self.logits(self.standardize_images(images), self.standardize_clinical(clinical))


def build(settings: dict, shape: Sequence[int], clinical: int) -> ScoreNetwork:
    """The network that ``train.network`` describes, with random weights (from torch's global generator).

    ``shape``: (C, rows, columns) of one sample; ``clinical``: number K of clinical scalars.
    """
    name = settings["name"]
    if name != "paper" and not name.startswith("monai:"):
        raise UserError(f"train.network.name is '{name}'; write 'paper' or 'monai:<name of a network>'")
    known = PAPER if name == "paper" else MONAI
    if unknown := sorted(settings.keys() - known):
        raise UserError(f"train.network: '{unknown[0]}' is not a setting of '{name}'; known are {sorted(known)}")
    if name == "paper":
        smallest = 2 ** len(settings["channels"])
        if min(shape[1:]) < smallest:
            raise UserError(
                f"train.network.channels: {len(settings['channels'])} blocks need samples of at least {smallest} x "
                f"{smallest} pixels, but these have {shape[1]} x {shape[2]}"
            )
        trunk: nn.Module = ConvolutionTrunk(shape[0], settings["channels"])
        features = trunk.features
    else:
        trunk = MonaiTrunk(name.removeprefix("monai:"), settings.get("arguments", {}))
        features = trunk.count_features(shape)
    head = Head(features, clinical, settings.get("head", []), settings.get("dropout", 0.0))
    return ScoreNetwork(trunk, head, clinical)
