"""The networks: subnetworks 1, 2 and 3 of the publication, extended to bags of samples and to several sequences.

Published: stacked convolution, batch normalisation, zero padding and pooling on samples of 3 x 64 x 64 (three
adjacent sections as channels); subnetwork 1 + 2 gives the DL score, 1 + 3 with MRI-LN status joined in gives the
H score; trained end to end. Not published, and therefore settings of ``train.network``:

==============  =============================================================================================
``name``        ``paper``, or ``monai:<name>`` with ``arguments``: any classification network as subnetwork 1
``channels``    filters of each convolution block of subnetwork 1; one block halves rows and columns
``head``        widths of the hidden layers of subnetwork 2 or 3
``dropout``     probability with which an input of each layer of the head is dropped during training
``joins``       where the clinical scalars join subnetwork 3: ``features``, before its first layer, so that the effect
                of the image may depend on them; ``logit``, added to its output with one weight each
                (equivalent to joining before the last layer, which is linear)
``trunk``       of a model with clinical scalars: ``separate``, subnetworks 1 + 3 alone; ``shared``, subnetworks 2
                and 3 on one subnetwork 1, trained on the mean of both losses (subnetwork 3 gives the score)
``attention``   width of the attention's hidden layer, where ``train.aggregation`` is ``attention``
==============  =============================================================================================

Shapes: U bags, k places per sequence in a bag, S sequences, C sections (3), 64 rows, 64 columns, F features, K clinical
scalars. A network that learns from single samples has bags of one.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hscore.errors import UserError
from hscore.learning import bag_pooling, image_trunks

SETTINGS = {"name", "head", "dropout", "joins", "trunk", "attention"}
JOINS = ("features", "logit")
TRUNKS = ("separate", "shared")


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
        """Return the standardised ``values``."""
        return (values - self.mean) / self.deviation


class Head(nn.Module):
    """Subnetwork 2 (K = 0) or 3 (K > 0).

    Dropout does not apply to the clinical scalars: there are only one or a few.
    """

    def __init__(self, features: int, clinical: int, hidden: Sequence[int], dropout: float, joins: str) -> None:
        super().__init__()
        self.joins = joins if clinical else None
        self.dropout = nn.Dropout(dropout)
        layers: list[nn.Module] = []
        width = features + (clinical if self.joins == "features" else 0)
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU(inplace=True), nn.Dropout(dropout)]
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, 1))
        self.clinical = nn.Linear(clinical, 1, bias=False) if self.joins == "logit" else None

    def forward(self, features: Tensor, clinical: Tensor) -> Tensor:
        """Return the logits [U] of ``features`` [U, F] and standardised scalars ``clinical`` [U, K]."""
        features = self.dropout(features)
        if self.joins == "features":
            features = torch.cat([features, clinical], dim=1)
        logits = self.layers(features)
        if self.joins == "logit":
            logits = logits + self.clinical(clinical)
        return logits.squeeze(1)


class ScoreNetwork(nn.Module):
    """The network that gives the logit of the DL score (K = 0) or H score (K > 0).

    Training calls ``forward``, which takes standardised input; ``features`` and ``score`` are its two halves.
    """

    def __init__(self, trunks: Sequence[nn.Module], pool: nn.Module, heads: Sequence[Head], clinical: int) -> None:
        super().__init__()
        self.standardize_images = nn.ModuleList([Standardize(()) for _ in trunks])
        self.standardize_clinical = Standardize((clinical,))
        self.trunks = nn.ModuleList(trunks)
        self.pool = pool
        self.heads = nn.ModuleList(heads)

    @property
    def memory_format(self) -> torch.memory_format:
        """Return the fastest layout of weights and samples: channels last, except for three-dimensional kernels."""
        volumes = any(parameter.ndim == 5 for parameter in self.parameters())
        return torch.contiguous_format if volumes else torch.channels_last

    def forward(self, images: Sequence[Tensor], mask: Sequence[Tensor], clinical: Tensor) -> Tensor:
        """Return logits [U, heads]; the first is the model's score, a second one helps to train the shared trunk.

        Args:
            images: S x [U k, C, rows, columns], standardised, bag after bag.
            mask: S x bool [U, k], True where a place holds a sample of the patient.
            clinical: [U, K], standardised.
        """
        features = [
            trunk(samples).reshape(*places.shape, -1)
            for trunk, samples, places in zip(self.trunks, images, mask, strict=True)
        ]
        return self.score(features, mask, clinical)

    def features(self, sequence: int, images: Tensor) -> Tensor:
        """Return the features [N, F] of samples [N, C, rows, columns] of one sequence, in the units of the images."""
        return self.trunks[sequence](self.standardize_images[sequence](images))

    def score(self, features: Sequence[Tensor], mask: Sequence[Tensor], clinical: Tensor) -> Tensor:
        """Return logits [U, heads] of features S x [U, k, F], mask S x bool [U, k] and standardised scalars [U, K]."""
        pooled = self.pool(features, mask)
        return torch.stack([head(pooled, clinical) for head in self.heads], dim=1)


def build(settings: dict, shapes: Sequence[Sequence[int]], clinical: int, aggregation: str) -> ScoreNetwork:
    """Return the network that ``train.network`` describes, with random weights (from torch's global generator).

    Args:
        settings: section ``train.network`` of the config.
        shapes: (C, rows, columns) of the samples of each sequence.
        clinical: number K of clinical scalars.
        aggregation: setting ``train.aggregation``.

    Raises:
        UserError: a setting is unknown or has an unknown value.
    """
    check_settings(settings)
    trunks = [image_trunks.build(settings, shape) for shape in shapes]
    features = trunks[0].features
    pool = bag_pooling.build(aggregation, features, settings.get("attention", 32))

    def head(clinical: int) -> Head:
        hidden, dropout = settings.get("head", []), settings.get("dropout", 0.0)
        return Head(features, clinical, hidden, dropout, settings.get("joins", "features"))

    heads = [head(clinical)]
    if clinical and settings.get("trunk") == "shared":
        heads.append(head(0))
    return ScoreNetwork(trunks, pool, heads, clinical)


def check_settings(settings: dict) -> None:
    """Raise a UserError for a setting that is unknown or has an unknown value."""
    name = settings["name"]
    if name != "paper" and not name.startswith("monai:"):
        raise UserError(f"train.network.name is '{name}'; write 'paper' or 'monai:<name of a network>'")
    known = SETTINGS | (image_trunks.PAPER_SETTINGS if name == "paper" else image_trunks.MONAI_SETTINGS)
    if unknown := sorted(settings.keys() - known):
        raise UserError(f"train.network: '{unknown[0]}' is not a setting of '{name}'; known are {sorted(known)}")
    for key, values in (("joins", JOINS), ("trunk", TRUNKS)):
        if settings.get(key, values[0]) not in values:
            raise UserError(f"train.network.{key} is '{settings[key]}'; write one of {', '.join(values)}")
