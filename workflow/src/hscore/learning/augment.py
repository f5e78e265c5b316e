"""Augmentation of a whole batch at once, on the tensor; every draw comes from one seeded generator.

All magnitudes are drawn uniformly from -limit to +limit for each sample; intensities are in units of the training
fold's standard deviation, because training augments standardised samples.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

NOISE_BANK = 1 << 22  # normal numbers drawn once (16 MB)


class Augment:
    """Random flips, rotation, scale, shift, intensity scale and shift, and noise, for batches of samples.

    Settings (``train.augmentation``): ``flip`` (rows and columns each with probability 1/2), ``rotation_degrees``,
    ``scale`` (0.1: 0.9 to 1.1 times as large), ``shift`` (fraction of rows and columns), ``intensity_scale``
    (contrast about the mean), ``intensity_shift``, ``noise`` (standard deviation). A missing one is off.
    """

    def __init__(self, settings: dict, rows: int, columns: int, generator: torch.Generator) -> None:
        self.settings = settings
        self.generator = generator
        self.device = generator.device
        self.aspect = rows / columns
        # centres of the pixels in grid_sample's coordinates: -1 and 1 are the outer edges of the image
        self.y = ((torch.arange(rows, device=self.device) * 2 + 1) / rows - 1).reshape(1, rows, 1)
        self.x = ((torch.arange(columns, device=self.device) * 2 + 1) / columns - 1).reshape(1, 1, columns)
        # Drawing new normal numbers costs more than everything else here, so that each sample takes a random
        # stretch of one long fixed series instead; it has a fixed seed, so that a resumed run finds the same one.
        self.bank = None
        if settings.get("noise"):
            seeded = torch.Generator(self.device).manual_seed(0)
            self.bank = torch.randn(NOISE_BANK, generator=seeded, device=self.device)

    def __call__(self, images: Tensor) -> Tensor:
        """Samples [N, C, rows, columns] -> new samples of the same shape."""
        images = functional.grid_sample(images, self.grid(len(images)), padding_mode="border", align_corners=False)
        n = len(images)
        contrast = 1 + self.uniform(n, self.settings.get("intensity_scale", 0.0)).reshape(n, 1, 1, 1)
        brightness = self.uniform(n, self.settings.get("intensity_shift", 0.0)).reshape(n, 1, 1, 1)
        images = images.mul_(contrast).add_(brightness)
        return images if self.bank is None else images.add_(self.noise(images.shape), alpha=self.settings["noise"])

    def uniform(self, n: int, limit: float) -> Tensor:
        """n numbers from -limit to limit."""
        return (torch.rand(n, generator=self.generator, device=self.device) * 2 - 1) * limit

    def grid(self, n: int) -> Tensor:
        """Where each output pixel is taken from [n, rows, columns, 2]: flip, scale, rotation, then shift."""
        angle = self.uniform(n, math.radians(self.settings.get("rotation_degrees", 0.0)))
        size = 1 + self.uniform(n, self.settings.get("scale", 0.0))
        shift_x = 2 * self.uniform(n, self.settings.get("shift", 0.0)).reshape(n, 1, 1)
        shift_y = 2 * self.uniform(n, self.settings.get("shift", 0.0)).reshape(n, 1, 1)
        flip_x, flip_y = self.sign(n), self.sign(n)
        # an image twice as large takes its pixels from half as far off the centre
        cosine, sine = torch.cos(angle) / size, torch.sin(angle) / size
        xx, xy = (cosine * flip_x).reshape(n, 1, 1), (-sine * flip_y * self.aspect).reshape(n, 1, 1)
        yx, yy = (sine * flip_x / self.aspect).reshape(n, 1, 1), (cosine * flip_y).reshape(n, 1, 1)
        grid = torch.empty(n, self.y.shape[1], self.x.shape[2], 2, device=self.device)
        for k, (of_x, of_y, shift) in enumerate(((xx, xy, shift_x), (yx, yy, shift_y))):
            torch.add(of_x * self.x, of_y * self.y, out=grid[..., k]).add_(shift)
        return grid

    def sign(self, n: int) -> Tensor:
        """n times -1 (flipped) or 1; the draw is made whether or not flips are on."""
        heads = torch.rand(n, generator=self.generator, device=self.device) < 0.5
        return torch.where(heads & bool(self.settings.get("flip", False)), -1.0, 1.0)

    def noise(self, shape: torch.Size) -> Tensor:
        """Standard normal noise of this shape: each sample a random stretch of the bank."""
        length = shape[1:].numel()
        starts = torch.randint(0, NOISE_BANK - length, (shape[0],), generator=self.generator, device=self.device)
        return torch.stack([self.bank[start : start + length] for start in starts.tolist()]).reshape(shape)
