"""Smooth random fields in patient space, so that every sequence's grid shows the same anatomy.

A field is a lattice of coefficients (mm apart) under cubic B-splines. A grid is given by its rows and columns: a row
has a height z and a depth y, which may be oblique, and a column a position x. The splines are summed over the lattice
row by row, then over the columns in one matrix product, which takes little more time than writing the result.
"""

from dataclasses import dataclass

import numpy as np

# Variance of a sum of unit coefficients under cubic B-splines: (sum over k of beta(x - k)^2), averaged over x.
_POWER = 151.0 / 315.0


def _taps(points: np.ndarray, origin: float, spacing: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of the four coefficients that act on each point, and their weights (4, points).

    Weights are 0 off the lattice.
    """
    u = (points - origin) / spacing
    first = np.clip(np.floor(u).astype(np.intp), 1, count - 3)
    t = (u - first).astype(np.float32)
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, 3 * (1 - t) ** 3 - 6 * (1 - t) ** 2 + 4, t**3]) / 6
    weights[:, (u < 1) | (u > count - 2)] = 0
    return first - 1, weights.astype(np.float32)


@dataclass(frozen=True)
class Field:
    """Coefficients (z, y, x) of a field, the position of the first (mm) and their spacing (mm)."""

    coefficients: np.ndarray
    origin: tuple[float, float, float]
    spacing: tuple[float, float, float]

    @classmethod
    def random(cls, random: np.random.Generator, spacing, extent) -> "Field":
        """Return a field of mean 0 and standard deviation 1 within `extent` (half-widths z, y, x in mm).

        Its correlation length along each axis is about `spacing` (mm: z, y, x).
        """
        origin, counts = cls.lattice(spacing, extent)
        coefficients = random.standard_normal(counts, np.float32) / np.float32(_POWER**1.5)
        return cls(coefficients, origin, tuple(spacing))

    @staticmethod
    def lattice(spacing, extent) -> tuple[tuple[float, float, float], list[int]]:
        """Return the origin and counts of a lattice whose splines cover `extent`."""
        counts = [int(np.ceil(2 * half / step)) + 5 for half, step in zip(extent, spacing, strict=True)]
        return tuple(-half - 2 * step for half, step in zip(extent, spacing, strict=True)), counts

    def __mul__(self, factor: float) -> "Field":
        return Field(self.coefficients * np.float32(factor), self.origin, self.spacing)

    def at(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return float32 values (sections, rows, columns) at z, y (mm, broadcast to (sections, rows)) and x."""
        z, y = np.broadcast_arrays(z, y)
        (nz, ny, nx), (oz, oy, ox), (sz, sy, sx) = self.coefficients.shape, self.origin, self.spacing
        first_z, weights_z = _taps(z.ravel(), oz, sz, nz)
        first_y, weights_y = _taps(y.ravel(), oy, sy, ny)
        lines = self.coefficients.reshape(-1, nx)
        rows = np.zeros((z.size, nx), np.float32)
        for a in range(4):
            for b in range(4):
                line = lines.take((first_z + a) * ny + first_y + b, axis=0)
                line *= (weights_z[a] * weights_y[b])[:, None]
                rows += line
        first_x, weights_x = _taps(np.asarray(x), ox, sx, nx)
        columns = np.zeros((nx, len(x)), np.float32)
        np.put_along_axis(columns, first_x + np.arange(4)[:, None], weights_x, axis=0)
        return (rows @ columns).reshape(*z.shape, len(x))
