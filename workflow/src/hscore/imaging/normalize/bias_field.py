"""The coil's bias field: which voxels are body, and the smooth multiplicative field over them (N4)."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from hscore.imaging.body import air_limit
from hscore.imaging.normalize import n4, n4_simpleitk

# every job is promised one core
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

# mm; resolution at which body and air are told apart
BODY_GRID_MM = 4.0
# mm; voxels are averaged in plane to about this size before N4 sees some of them: less noise, which matters where fat
# is suppressed, and still too small to mix organs into intensities that no tissue has
NOISE_GRID_MM = 2.5
# N4 stops a level when the field changes by less than this (coefficient of variation). On simulated pelves 0.002 stops
# too early where the field is strong, and 0.001 begins to fit anatomy where it is weak.
CONVERGENCE = 0.0015


def body_mask(volume: np.ndarray, spacing: Sequence[float]) -> np.ndarray:
    """Voxels of the body, booleans [z, y, x], of a magnitude volume; none when there is no signal.

    The largest bright object on a grid of about 4 mm, with the holes of each section filled (gas, bladder on T1).
    ``spacing``: mm along x, y and z.
    """
    coarse, (rows, columns) = _averaged(volume, spacing, BODY_GRID_MM)
    largest = sitk.RelabelComponent(_components(coarse > air_limit(coarse))) == 1
    filled = _holes_filled(sitk.GetArrayViewFromImage(largest) == 1)
    at = [_coarse_index(n, factor) for n, factor in zip(volume.shape[1:], (rows, columns), strict=True)]
    return filled[:, at[0][:, None], at[1]]


def _components(mask: np.ndarray) -> sitk.Image:
    """The objects of a mask (voxels that share a face), numbered from 1."""
    return sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)))


def _holes_filled(mask: np.ndarray) -> np.ndarray:
    """A mask [z, y, x] whose sections have no holes: what does not reach a section's edge belongs to the body.

    All sections are laid under each other, parted by lines, so that one pass numbers what is outside.
    """
    z, y, x = mask.shape
    outside = np.zeros((z, y + 1, x), bool)
    outside[:, :y] = ~mask
    numbers = sitk.GetArrayFromImage(_components(outside.reshape(z * (y + 1), x))).reshape(z, y + 1, x)[:, :y]
    edges = numbers[:, [0, -1]].ravel(), numbers[:, :, [0, -1]].ravel()
    return ~np.isin(numbers, np.setdiff1d(np.concatenate(edges), 0))


def _coarse_index(n: int, factor: int) -> np.ndarray:
    """Index on the shrunken grid of each of ``n`` voxels; the remainder at the far edge belongs to the last."""
    return np.minimum(np.arange(n) // factor, n // factor - 1)


def log_bias_field(
    volume: np.ndarray,
    spacing: Sequence[float],
    body: np.ndarray,
    grid_mm: float,
    iterations: Sequence[int],
    method: str = "n4",
) -> np.ndarray:
    """Natural logarithm of the bias field at every voxel, float32 [z, y, x], with mean 0 inside the body.

    The true intensity is ``volume / exp(field)``, up to one scale.

    Args:
        volume: float32 [z, y, x]; ``spacing``: mm along x, y and z; ``body``: booleans [z, y, x].
        grid_mm: in-plane distance of the (averaged) voxels that N4 sees. Sections are thick already: all are used.
        iterations: the most at each resolution level.
        method: ``n4`` (our own) or ``simpleitk`` (ITK's filter on the same voxels).
    """
    averaged, (rows, columns) = _averaged(volume, spacing, NOISE_GRID_MM)
    signal = _blocks(body, rows, columns).all(axis=(2, 4)) & (averaged > max(air_limit(averaged), 0.0))
    down, across = (max(1, round(grid_mm / (n * mm))) for n, mm in ((rows, spacing[1]), (columns, spacing[0])))
    seen = np.s_[:, down // 2 :: down, across // 2 :: across]
    if not signal[seen].any():
        return np.zeros(volume.shape, np.float32)
    z, y, x = (_centres(n, factor) for n, factor in zip(volume.shape, (1, rows, columns), strict=True))
    axes = z, y[seen[1]], x[seen[2]]
    known = averaged[seen], signal[seen], axes, iterations, CONVERGENCE
    everywhere = [_centres(n, 1) for n in volume.shape]
    by_itk = method == "simpleitk"
    field = n4_simpleitk.log_field(*known, everywhere) if by_itk else n4.estimate(*known).at(everywhere)
    return field - field[body].mean()


def _averaged(volume: np.ndarray, spacing: Sequence[float], grid_mm: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Blocks of about ``grid_mm`` in plane averaged, and how many rows and columns make one."""
    columns, rows = (max(1, round(grid_mm / mm)) for mm in spacing[:2])
    return _blocks(volume, rows, columns).mean(axis=(2, 4), dtype=np.float32), (rows, columns)


def _blocks(volume: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """A view [z, y, rows, x, columns] of blocks in plane; the remainder at the far edges is left out."""
    z, y, x = volume.shape[0], volume.shape[1] // rows, volume.shape[2] // columns
    return volume[:, : y * rows, : x * columns].reshape(z, y, rows, x, columns)


def _centres(n: int, factor: int) -> np.ndarray:
    """Centres of blocks of ``factor`` voxels on an axis of ``n`` voxels that runs from 0 to 1."""
    return (np.arange(n // factor) + 0.5) * factor / n
