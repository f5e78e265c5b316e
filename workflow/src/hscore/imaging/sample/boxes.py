"""Cut the network's input: a box around the tumour on three adjacent sections, scaled to 64 x 64.

The publication describes a box tightly around the tumour, the same box grown by 5 pixels, and every 3 adjacent sections
combined and scaled to 64 x 64. The following details are our decisions:

- The box is two-dimensional and tight around the tumour on the sections of the sample (``box_over: sample``), or on
  all tumour sections of the patient (``box_over: tumour``).
- Pixels are those of the sequence's own grid, so the size of 5 pixels in mm depends on that grid.
- The box is stretched to the square: its longer and shorter side both become 64 pixels. Nothing outside the box
  enters the sample, not even by interpolation.
- A sample never contains a section without tumour. The first and last samples begin and end with the outermost tumour
  sections; nothing is padded or repeated. With a stride over 1, sections left over at the top are not used.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

REGIONS = ("tumour", "peritumoral")


@dataclass(frozen=True)
class Box:
    """Pixels ``first`` to ``last``, both included, as (column, row) of a section."""

    first: tuple[int, int]
    last: tuple[int, int]

    def cut(self, sections: np.ndarray) -> np.ndarray:
        """Return the part of ``sections`` [..., row, column] inside the box."""
        return sections[..., self.first[1] : self.last[1] + 1, self.first[0] : self.last[0] + 1]


def tumor_sections(mask: np.ndarray, pixel_area_mm2: float, minimum_area_mm2: float) -> list[int]:
    """Return the indices of the sections of ``mask`` (bool [z, y, x]) with enough tumour, ascending."""
    areas = mask.sum(axis=(1, 2)) * pixel_area_mm2
    return [int(z) for z in np.flatnonzero((areas > 0) & (areas >= minimum_area_mm2))]


def adjacent(sections: Sequence[int], length: int, stride: int) -> list[list[int]]:
    """Return every ``stride``-th group of ``length`` adjacent sections out of the ascending ``sections``.

    Sections separated by one that is missing from the list are not adjacent. Each run has its own groups.
    """
    groups = []
    runs = np.split(np.array(sections, int), np.flatnonzero(np.diff(sections) != 1) + 1)
    for run in runs:
        groups += [run[start : start + length].tolist() for start in range(0, len(run) - length + 1, stride)]
    return groups


def tight(mask: np.ndarray) -> Box:
    """Return the smallest box around the tumour on all sections of ``mask`` (bool [z, y, x], not empty) together."""
    rows, columns = np.nonzero(mask.any(axis=0))
    return Box((int(columns.min()), int(rows.min())), (int(columns.max()), int(rows.max())))


def grown(box: Box, pixels: int, per: str, size: tuple[int, int]) -> Box:
    """Return ``box`` grown in plane and clipped at the edge of the section.

    Args:
        box: the box.
        pixels: number of pixels to add.
        per: "side" adds them on each side; "total" adds them in width and in height, an odd pixel at the far side.
        size: columns and rows of the section.
    """
    before, after = (pixels, pixels) if per == "side" else (pixels // 2, pixels - pixels // 2)
    first = tuple(max(0, value - before) for value in box.first)
    last = tuple(min(n - 1, value + after) for value, n in zip(box.last, size, strict=True))
    return Box(first, last)


def resize(sections: np.ndarray, size: int, interpolation: str) -> np.ndarray:
    """Scale ``sections`` [..., rows, columns] to float32 [..., size, size].

    If a side is longer than ``size``, the kernel is widened by their ratio, so that every pixel counts (antialiasing).

    Args:
        sections: the values to scale.
        size: rows and columns of the result.
        interpolation: "linear" or "cubic".
    """
    down = _weights(sections.shape[-2], size, interpolation)
    across = _weights(sections.shape[-1], size, interpolation)
    return down @ sections.astype(np.float32, copy=False) @ across.T


def _linear(distance: np.ndarray) -> np.ndarray:
    """Return the kernel of linear interpolation."""
    return np.maximum(0, 1 - distance)


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Return the kernel of cubic convolution with a = -0.5 (Keys RG. IEEE Trans Acoust 1981;29:1153-60)."""
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0))


KERNELS = {"linear": _linear, "cubic": _cubic}


def _weights(length: int, size: int, interpolation: str) -> np.ndarray:
    """Return the weights of ``length`` pixels in ``size`` new ones, float32 [size, length]; rows sum to 1."""
    ratio = length / size
    centers = (np.arange(size) + 0.5) * ratio - 0.5
    distance = np.abs(centers[:, None] - np.arange(length)) / max(1.0, ratio)
    weights = KERNELS[interpolation](distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@dataclass(frozen=True)
class Sample:
    """Source of one sample: its sections, and its box for each of ``REGIONS``."""

    sections: list[int]
    boxes: dict[str, Box]


def plan(mask: np.ndarray, groups: Iterable[list[int]], settings: dict) -> list[Sample]:
    """Return the sample of every group of adjacent sections.

    Args:
        mask: tumour, booleans [z, y, x].
        groups: groups of adjacent sections.
        settings: section ``sample`` of the config.
    """
    size = mask.shape[2], mask.shape[1]
    samples = []
    for group in groups:
        box = tight(mask if settings["box_over"] == "tumour" else mask[group])
        wide = grown(box, settings["peritumoral_pixels"], settings["peritumoral_pixels_per"], size)
        samples.append(Sample(group, dict(zip(REGIONS, (box, wide), strict=True))))
    return samples


def cut(volume: np.ndarray, samples: Sequence[Sample], region: str, size: int, interpolation: str) -> np.ndarray:
    """Return the samples of one region out of ``volume`` [z, y, x]: float32 [samples, sections, size, size]."""
    return np.stack([resize(s.boxes[region].cut(volume[s.sections]), size, interpolation) for s in samples])
