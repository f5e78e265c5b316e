"""Make the textures of the atlas: the amount of a tissue's admixture at each voxel, as levels 0..7.

Each texture comes from periodic random noise whose power falls with frequency, because tissue has detail on all scales.
It is one tile that repeats through the volume.
"""

from math import ceil, cos, radians, sin

import numpy as np

from hscore.simulation.codes import LEVELS, TISSUES

TILE = (32, 128, 128)  # voxels
GLUTEAL_DEGREES = -24.0  # direction of the fibres of gluteus maximus on the left, from x towards y
PLAIN = {"air", "skin", "fascia", "cortical_bone", "cartilage", "csf", "artery", "vein", "urine", "gas", "follicle"}


class Textures:
    """The textures of an atlas.

    Args:
        random: random generator.
        shape: number of sections, rows and columns.
        spacing: distance of sections, rows and columns [mm].
    """

    def __init__(self, random: np.random.Generator, shape, spacing) -> None:
        self.random, self.shape, self.spacing = random, shape, spacing
        noise = self._noise
        organ, patchy = noise(4, 2.2, 2.2, slope=2.6), np.clip(0.4 + 0.4 * noise(22, 20, 20), 0, 1)
        septa = np.maximum(_surfaces(noise(16, 11, 15), 0.06), 0.6 * _surfaces(noise(10, 6, 8), 0.05)) * patchy
        fasciae = np.maximum(_surfaces(noise(12, 8, 34), 0.05), 0.6 * _surfaces(noise(9, 6, 16), 0.05)) * patchy
        streaks = _surfaces(noise(9, 3.6, 44, turned=GLUTEAL_DEGREES), 0.16) * np.clip(0.3 + patchy, 0, 1)
        trabeculae = 0.18 * noise(14, 11, 11, slope=2.5) + 0.15 * noise(2.5, 1.3, 1.3, slope=2.0)
        vessels = _tubes(noise(14, 9, 9), noise(14, 9, 9), 0.26)
        other_vessels = _tubes(noise(12, 7, 7), noise(10, 5, 5), 0.24)
        lumps = noise(7, 6, 6, slope=3.0)
        self._levels = {
            "subcutaneous_fat": self._tiled(fasciae + 0.09 + 0.05 * noise(14, 12, 12, slope=3.0)),
            "fat": self._tiled(np.maximum(septa, other_vessels) + 0.10 + 0.08 * noise(14, 12, 12, slope=3.0)),
            "strands": self._tiled(_surfaces(noise(9, 4, 9, slope=3.5), 0.3)),
            "vessels": self._tiled(vessels),
            "muscle": self._tiled(_surfaces(noise(26, 5, 5), 0.10) * patchy + 0.06 * (1 + organ)),
            "gluteal": _mirrored(self._tiled(streaks + 0.06 * (1 + organ))),
            "marrow": self._tiled(0.50 + trabeculae),
            "fatty_marrow": self._tiled(0.25 + 0.8 * trabeculae),
            "bowel_content": self._tiled(0.3 + 0.3 * lumps),
            "stool": self._tiled(0.4 + 0.25 * lumps + 0.1 * organ),
        }
        mottled = self._tiled(0.4 + 0.17 * organ)
        self._levels |= {tissue: mottled for tissue in TISSUES if tissue not in PLAIN | set(self._levels)}

    def levels_of(self, name: str) -> np.ndarray | None:
        """Return the levels of a tissue (or of the texture of this name) in every voxel, uint8; None if it has none."""
        return self._levels.get(name)

    def _noise(self, *lengths: float, slope: float = 4.0, turned: float = 0.0) -> np.ndarray:
        """Return periodic noise, mean 0 and standard deviation 1, correlated over `lengths` (mm: z, y, x).

        Its power is that of white noise below the frequency 1 / length and falls with the power `slope` above.
        `turned` turns the x axis towards y, in degrees.
        """
        z, y, x = (np.fft.fftfreq(count, step) for count, step in zip(TILE, self.spacing, strict=True))
        z, y, x = z[:, None, None], y[:, None], x[: TILE[2] // 2 + 1]
        c, s = cos(radians(turned)), sin(radians(turned))
        along, across = c * x + s * y, c * y - s * x
        squares = (z * lengths[0]) ** 2 + (across * lengths[1]) ** 2 + (along * lengths[2]) ** 2
        spectrum = np.fft.rfftn(self.random.standard_normal(TILE, np.float32)) * (1 + squares) ** (-slope / 2)
        noise = np.fft.irfftn(spectrum, TILE, axes=(0, 1, 2)).astype(np.float32)
        return (noise - noise.mean()) / noise.std()

    def _tiled(self, share: np.ndarray) -> np.ndarray:
        """Return the levels of a share (0..1) of one tile, repeated through the volume."""
        levels = np.clip(np.rint(share * (LEVELS - 1)), 0, LEVELS - 1).astype(np.uint8)
        repeats = [ceil(size / tile) for size, tile in zip(self.shape, TILE, strict=True)]
        return np.tile(levels, repeats)[tuple(slice(size) for size in self.shape)]


def _surfaces(noise: np.ndarray, width: float) -> np.ndarray:
    """Return 1 on the thin surfaces where the noise is zero (threads on a section), and near 0 elsewhere."""
    return np.exp(-((noise / np.float32(width)) ** 2))


def _tubes(first: np.ndarray, second: np.ndarray, width: float) -> np.ndarray:
    """Return 1 on the lines where both noises are zero, which wind through the volume like vessels, else near 0."""
    return np.exp(-((first**2 + second**2) / np.float32(width**2)))


def _mirrored(levels: np.ndarray) -> np.ndarray:
    """Return the levels with the right half (low columns) replaced by the mirror image of the left."""
    half = levels.shape[2] // 2
    levels[:, :, :half] = levels[:, :, ::-1][:, :, :half]
    return levels
