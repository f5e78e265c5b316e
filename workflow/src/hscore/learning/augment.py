"""Augment whole batches at once, on the device; every draw comes from one seeded generator.

Each magnitude is drawn per sample, uniformly from -limit to +limit. Intensities are in units of the training fold's
standard deviation, because standardised samples are augmented.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

NOISE_BANK = 1 << 22  # normal numbers drawn once (16 MB)


class Augment:
    """Apply random flips, rotation, scale, shift, intensity scale and shift, and noise to batches of samples.

    Settings (``train.augmentation``): ``flip`` (rows and columns each with probability 1/2), ``rotation_degrees``,
    ``scale`` (0.1: 0.9 to 1.1 times as large), ``shift`` (fraction of rows and columns), ``intensity_scale``
    (contrast about the mean), ``intensity_shift``, ``noise`` (standard deviation). A missing setting is off.

    Args:
        settings: section ``train.augmentation``.
        rows: of a sample.
        columns: of a sample.
        generator: source of all draws; its device is where the batches are.
    """

    def __init__(self, settings: dict, rows: int, columns: int, generator: torch.Generator) -> None:
        self.settings = settings
        self.generator = generator
        self.device = generator.device
        self.aspect = rows / columns
        # centres of the pixels in grid_sample's coordinates: -1 and 1 are the outer edges of the image
        self.y = ((torch.arange(rows, device=self.device) * 2 + 1) / rows - 1).reshape(1, rows, 1)
        self.x = ((torch.arange(columns, device=self.device) * 2 + 1) / columns - 1).reshape(1, 1, columns)
        # Drawing new normal numbers costs more than all other augmentation. Each sample therefore takes a random
        # stretch of one long fixed series, whose fixed seed lets a resumed run use the same series.
        self.bank = None
        if settings.get("noise"):
            seeded = torch.Generator(self.device).manual_seed(0)
            self.bank = torch.randn(NOISE_BANK, generator=seeded, device=self.device)

    def __call__(self, images: Tensor) -> Tensor:
        """Return augmented copies of samples [N, C, rows, columns]."""
        images = functional.grid_sample(images, self.grid(len(images)), padding_mode="border", align_corners=False)
        n = len(images)
        contrast = 1 + self.uniform(n, self.settings.get("intensity_scale", 0.0)).reshape(n, 1, 1, 1)
        brightness = self.uniform(n, self.settings.get("intensity_shift", 0.0)).reshape(n, 1, 1, 1)
        images = images.mul_(contrast).add_(brightness)
        return images if self.bank is None else images.add_(self.noise(images.shape), alpha=self.settings["noise"])

    def uniform(self, n: int, limit: float) -> Tensor:
        """Draw n numbers from -limit to limit."""
        return (torch.rand(n, generator=self.generator, device=self.device) * 2 - 1) * limit

    def grid(self, n: int) -> Tensor:
        """Draw the source of each output pixel [n, rows, columns, 2]: flip, scale, rotation, then shift."""
        angle = self.uniform(n, math.radians(self.settings.get("rotation_degrees", 0.0)))
        size = 1 + self.uniform(n, self.settings.get("scale", 0.0))
        shift_x = 2 * self.uniform(n, self.settings.get("shift", 0.0)).reshape(n, 1, 1)
        shift_y = 2 * self.uniform(n, self.settings.get("shift", 0.0)).reshape(n, 1, 1)
        flip_x, flip_y = self.flip_signs(n), self.flip_signs(n)
        # an image twice as large takes its pixels from half the distance to the centre
        cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
        xx, xy = (cosine * flip_x).reshape(n, 1, 1), (-sine * flip_y * self.aspect).reshape(n, 1, 1)
        yx, yy = (sine * flip_x / self.aspect).reshape(n, 1, 1), (cosine * flip_y).reshape(n, 1, 1)
        grid = torch.empty(n, self.y.shape[1], self.x.shape[2], 2, device=self.device)
        for k, (of_x, of_y, shift) in enumerate(((xx, xy, shift_x), (yx, yy, shift_y))):
            torch.add(of_x * self.x, of_y * self.y, out=grid[..., k]).add_(shift)
        return grid

    def flip_signs(self, n: int) -> Tensor:
        """Draw n signs, -1 (flipped) or 1; even if flips are off, so that later draws are the same."""
        heads = torch.rand(n, generator=self.generator, device=self.device) < 0.5
        return torch.where(heads & bool(self.settings.get("flip", False)), -1.0, 1.0)

    def noise(self, shape: torch.Size) -> Tensor:
        """Return standard normal noise of this shape; each sample is a random stretch of the bank."""
        length = shape[1:].numel()
        starts = torch.randint(0, NOISE_BANK - length, (shape[0],), generator=self.generator, device=self.device)
        return torch.stack([self.bank[start : start + length] for start in starts.tolist()]).reshape(shape)
