"""Smooth random fields in patient space: the same anatomy and texture on every sequence's grid.

A field is a lattice of random coefficients (mm apart) under cubic B-splines. It can be evaluated on any grid of
parallel axes, one axis at a time, which costs three small matrix products instead of a filter over the volume.
"""

from dataclasses import dataclass

import numpy as np

# Variance of a sum of unit coefficients under cubic B-splines: (sum over k of beta(x - k)^2), averaged over x.
_POWER = 151.0 / 315.0


def _cubic_basis(points: np.ndarray, origin: float, spacing: float, count: int) -> np.ndarray:
    """B-spline weights, shape (points, count)."""
    t = np.abs((points[:, None] - origin) / spacing - np.arange(count)[None, :])
    near = 2 / 3 - t**2 + t**3 / 2
    far = (2 - t) ** 3 / 6
    return np.where(t < 1, near, np.where(t < 2, far, 0.0)).astype(np.float32)


@dataclass(frozen=True)
class Field:
    """A random field of mean 0 and standard deviation 1 within `extent` (half-widths z, y, x in mm)."""

    coefficients: np.ndarray
    origin: tuple[float, float, float]
    spacing: tuple[float, float, float]

    @classmethod
    def random(cls, random: np.random.Generator, spacing, extent) -> "Field":
        """Draw a field whose correlation length along each axis is about `spacing` (mm: z, y, x)."""
        counts = [int(np.ceil(2 * half / step)) + 5 for half, step in zip(extent, spacing, strict=True)]
        coefficients = random.standard_normal(counts, np.float32) / np.float32(_POWER**1.5)
        origin = tuple(-half - 2 * step for half, step in zip(extent, spacing, strict=True))
        return cls(coefficients, origin, tuple(spacing))

    def at(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Values at the grid z x y x x (mm), shape (z, y, x), float32."""
        count = self.coefficients.shape
        axes = [
            _cubic_basis(np.asarray(p), o, s, n)
            for p, o, s, n in zip((z, y, x), self.origin, self.spacing, count, strict=True)
        ]
        across_z = np.tensordot(axes[0], self.coefficients, axes=(1, 0))
        return (axes[1] @ across_z) @ axes[2].T
