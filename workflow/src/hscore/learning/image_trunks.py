"""Subnetwork 1, which computes the features of a sample: the published network or any MONAI classification network.

Shapes: N samples, C sections, 64 rows, 64 columns, F features.
"""

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hscore.errors import UserError

# Settings of ``train.network`` that apply to only one of the two.
PAPER_SETTINGS = {"channels"}
MONAI_SETTINGS = {"arguments"}


class ConvolutionTrunk(nn.Sequential):
    """The published subnetwork 1, with one block per entry of ``channels``; F is the last entry.

    Each block: 3 x 3 convolution with zero padding, 2 x 2 max pooling, batch normalisation, ReLU. Pooling comes before
    the normalisation because it commutes with ReLU and leaves the two a quarter of the work (a third of the training
    time). MONAI's ``Convolution`` block does not allow this order. The mean over the remaining rows and columns makes
    the features independent of position.

    Initial weights are PyTorch's default: uniform within 1 / sqrt(inputs of a filter), on both sides of 0. With n
    blocks, a value before the mean depends on 3 * 2**n - 2 rows and columns of the sample: 46 of 64 with the default
    of four.
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
        """Return the features [N, F] of ``images`` [N, C, 64, 64]."""
        return super().forward(images).mean(dim=(2, 3))


class MonaiTrunk(nn.Module):
    """A classification network of MONAI whose "classes" are used as features.

    A network with ``spatial_dims: 3`` gets the sections as a third dimension instead of as channels: [N, 1, C, 64, 64].

    Args:
        name: of the network in ``monai.networks.nets``.
        arguments: passed to its constructor.
        shape: (C, rows, columns) of the samples.

    Raises:
        UserError: MONAI has no such network, or it does not take these arguments or samples.
    """

    def __init__(self, name: str, arguments: dict, shape: Sequence[int]) -> None:
        super().__init__()
        from monai.networks import nets  # costs 1.5 s of CPU, which the published network does not need

        factory = getattr(nets, name, None)
        if not (inspect.isclass(factory) or inspect.isfunction(factory)):
            raise UserError(f"train.network.name: monai.networks.nets has no network '{name}'")
        try:
            self.network = factory(**arguments)
        except (TypeError, ValueError, ImportError) as error:
            raise UserError(f"train.network: monai.networks.nets.{name} cannot be built: {error}") from error
        self.volumes = arguments.get("spatial_dims") == 3
        self.features = self._count_features(shape)

    def forward(self, images: Tensor) -> Tensor:
        """Return the features [N, F] of ``images`` [N, C, 64, 64]."""
        features = self.network(images.unsqueeze(1) if self.volumes else images)
        # some networks (ViT) also return their inner states
        return features[0] if isinstance(features, tuple) else features

    def _count_features(self, shape: Sequence[int]) -> int:
        """Return F for samples of this shape (C, rows, columns), by applying the network to one sample of zeros."""
        self.eval()
        try:
            with torch.no_grad():
                features = self(torch.zeros(1, *shape))
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"train.network.arguments: the network cannot take samples of {tuple(shape)}: {error}"
            ) from error
        self.train()
        if not isinstance(features, Tensor) or features.ndim != 2:
            raise UserError("train.network.name: not a classification network (one vector per sample)")
        return features.shape[1]


def build(settings: dict, shape: Sequence[int]) -> nn.Module:
    """Return the trunk that ``train.network`` describes, with random weights.

    Args:
        settings: section ``train.network`` of the config.
        shape: (C, rows, columns) of the samples.

    Raises:
        UserError: the network cannot take samples of this shape, or MONAI does not have it.
    """
    name = settings["name"]
    if name != "paper":
        return MonaiTrunk(name.removeprefix("monai:"), settings.get("arguments", {}), shape)
    blocks = len(settings["channels"])
    if min(shape[1:]) < 2**blocks:
        raise UserError(
            f"train.network.channels: {blocks} blocks need samples of at least {2**blocks} x {2**blocks} pixels, "
            f"but these have {shape[1]} x {shape[2]}"
        )
    return ConvolutionTrunk(shape[0], settings["channels"])
