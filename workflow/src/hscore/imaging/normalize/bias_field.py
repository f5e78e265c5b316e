"""Find the body in a volume, and estimate the coil's smooth multiplicative bias field in it (N4)."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from hscore.imaging.body import air_limit
from hscore.imaging.normalize import n4, n4_simpleitk

# each job has one core
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

# mm; resolution at which body and air are separated
BODY_GRID_MM = 4.0
# mm; voxels are averaged in plane to about this size before N4 samples them. This reduces noise, which matters where
# fat is suppressed, and is small enough not to mix organs into intensities that no tissue has.
NOISE_GRID_MM = 2.5
# N4 stops a level when the field changes by less than this (coefficient of variation). On simulated pelves 0.002 stops
# too early where the field is strong, and 0.001 begins to fit anatomy where it is weak.
CONVERGENCE = 0.0015


def body_mask(volume: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Return the voxels of the body in a magnitude volume.

    The body is the largest bright object on a grid of about 4 mm, with the holes of each section filled (gas, or the
    bladder on T1).

    Args:
        volume: intensities [z, y, x].
        spacing: voxel size [mm] along x, y and z.

    Returns:
        Booleans [z, y, x], all False if there is no signal, or not one block of the grid.
    """
    coarse, (rows, columns) = _averaged(volume, spacing, BODY_GRID_MM)
    if not coarse.size:
        return np.zeros(volume.shape, bool)
    largest = sitk.RelabelComponent(_components(coarse > air_limit(coarse))) == 1
    filled = _holes_filled(sitk.GetArrayViewFromImage(largest) == 1)
    index = [_coarse_index(n, factor) for n, factor in zip(volume.shape[1:], (rows, columns), strict=True)]
    return filled[:, index[0][:, None], index[1]]


def _components(mask: np.ndarray) -> sitk.Image:
    """Return the objects of a mask (voxels that share a face), numbered from 1."""
    return sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)))


def _holes_filled(mask: np.ndarray) -> np.ndarray:
    """Fill the holes in each section of a mask [z, y, x]; a hole is background that does not reach the section's edge.

    All sections are stacked below each other with a separating line, so that one pass labels the background.
    """
    z, y, x = mask.shape
    outside = np.zeros((z, y + 1, x), bool)
    outside[:, :y] = ~mask
    numbers = sitk.GetArrayFromImage(_components(outside.reshape(z * (y + 1), x))).reshape(z, y + 1, x)[:, :y]
    edges = numbers[:, [0, -1]].ravel(), numbers[:, :, [0, -1]].ravel()
    return ~np.isin(numbers, np.setdiff1d(np.concatenate(edges), 0))


def _coarse_index(n: int, factor: int) -> np.ndarray:
    """Return the index on the coarse grid of each of ``n`` voxels; the remainder at the far edge joins the last."""
    return np.minimum(np.arange(n) // factor, n // factor - 1)


def log_bias_field(
    volume: np.ndarray,
    spacing: Sequence[float],
    body: np.ndarray,
    grid_mm: float,
    iterations: Sequence[int],
    method: str = "n4",
) -> np.ndarray:
    """Return the natural logarithm of the bias field, float32 [z, y, x], with mean 0 inside the body.

    The true intensity is ``volume / exp(field)``, up to one scale.

    Args:
        volume: intensities, float32 [z, y, x].
        spacing: voxel size [mm] along x, y and z.
        body: voxels of the body, booleans [z, y, x].
        grid_mm: in-plane distance [mm] of the (averaged) voxels that N4 uses. Sections are thick, so all are used.
        iterations: largest number of iterations at each resolution level.
        method: ``n4`` (our own) or ``simpleitk`` (ITK's filter on the same voxels).
    """
    averaged, (rows, columns) = _averaged(volume, spacing, NOISE_GRID_MM)
    signal = _blocks(body, rows, columns).all(axis=(2, 4)) & (averaged > max(air_limit(averaged), 0.0))
    down, across = (max(1, round(grid_mm / (n * mm))) for n, mm in ((rows, spacing[1]), (columns, spacing[0])))
    sampled = np.s_[:, down // 2 :: down, across // 2 :: across]
    if not signal[sampled].any():
        return np.zeros(volume.shape, np.float32)
    z, y, x = (_centers(n, factor) for n, factor in zip(volume.shape, (1, rows, columns), strict=True))
    axes = z, y[sampled[1]], x[sampled[2]]
    known = averaged[sampled], signal[sampled], axes, iterations, CONVERGENCE
    everywhere = [_centers(n, 1) for n in volume.shape]
    by_itk = method == "simpleitk"
    field = n4_simpleitk.log_field(*known, everywhere) if by_itk else n4.estimate(*known).at(everywhere)
    return field - field[body].mean()


def _averaged(volume: np.ndarray, spacing: Sequence[float], grid_mm: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Return averages over blocks of about ``grid_mm`` in plane, and the numbers of rows and columns in a block."""
    columns, rows = (max(1, round(grid_mm / mm)) for mm in spacing[:2])
    return _blocks(volume, rows, columns).mean(axis=(2, 4), dtype=np.float32), (rows, columns)


def _blocks(volume: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return a view [z, y, rows, x, columns] of in-plane blocks, without the remainder at the far edges."""
    z, y, x = volume.shape[0], volume.shape[1] // rows, volume.shape[2] // columns
    return volume[:, : y * rows, : x * columns].reshape(z, y, rows, x, columns)


def _centers(n: int, factor: int) -> np.ndarray:
    """Return the centres of blocks of ``factor`` voxels on an axis of ``n`` voxels that runs from 0 to 1."""
    return (np.arange(n // factor) + 0.5) * factor / n
