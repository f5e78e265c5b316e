"""Smooth random fields in patient space: the same anatomy and texture on every sequence's grid.

A field is a lattice of random coefficients (mm apart) under cubic B-splines. It can be evaluated on any grid of
parallel axes, one axis at a time, which costs three small matrix products instead of a filter over the volume.
"""

from dataclasses import dataclass

import numpy as np

# Variance of a sum of unit coefficients under cubic B-splines: (sum over k of beta(x - k)^2), averaged over x.
_POWER = 151.0 / 315.0


def _cubic_basis(points: np.ndarray, origin: float, spacing: float, count: int) -> np.ndarray:
    """B-spline weights, shape (points, count): four in every row, the rest 0; a point off the lattice has none."""
    u = (points - origin) / spacing
    first = np.clip(np.floor(u).astype(int), 1, count - 3)
    t = u - first
    weights = (
        np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, 3 * (1 - t) ** 3 - 6 * (1 - t) ** 2 + 4, t**3], axis=1) / 6
    )
    weights[(u < 1) | (u > count - 2)] = 0
    basis = np.zeros((len(points), count), np.float32)
    np.put_along_axis(basis, first[:, None] + np.arange(-1, 3), weights, axis=1)
    return basis


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
