"""The coil's bias field: which voxels are body, and the smooth multiplicative field over them (N4).

N4: Tustison NJ et al. N4ITK: improved N3 bias correction. IEEE Trans Med Imaging 2010;29:1310-20.
"""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from hscore.imaging.grid import Grid

# Every job is promised one core; N4 fields differ between thread counts.
sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)

# mm; resolution at which body and air are told apart
BODY_GRID_MM = 4.0
# Air ends at this fraction of the way from the 2nd to the 98th percentile of intensity. The rule is that of Smith SM.
# Fast robust automated brain extraction. Hum Brain Mapp 2002;17:143-55, with 0.05 for 0.1, because muscle far from the
# coil is darker than any part of a brain. Unlike Otsu's threshold it also holds for a field of view without air, where
# Otsu would part fat from muscle.
AIR_FRACTION = 0.05
# mm; N4 sees voxels averaged to about this size. Less noise, which matters where fat is suppressed, and still small
# enough not to mix organs.
NOISE_GRID_MM = 2.5
# At least this many grid points across a field of view: on a coarser grid N4 loses the field of a small one.
LEAST_POINTS = 18
# N4 stops a level when the field changes by less than this (coefficient of variation). With 0.001 it takes half as
# long again for a field that is hardly nearer to the truth.
CONVERGENCE = 0.002


def image(voxels: np.ndarray, grid: Grid) -> sitk.Image:
    """A SimpleITK image of voxels [z, y, x] on ``grid``."""
    result = sitk.GetImageFromArray(voxels)
    result.SetSpacing(grid.spacing)
    result.SetOrigin(grid.affine[:3, 3].tolist())
    result.SetDirection((grid.affine[:3, :3] / grid.spacing).ravel().tolist())
    return result


def shrink_factors(image: sitk.Image, grid_mm: float) -> list[int]:
    """Voxels per grid point (x, y, z) for a grid of about ``grid_mm`` in plane.

    Sections are never merged: they are thick already, and a field estimated on every fourth was three times as wrong.
    """
    return [max(1, round(grid_mm / spacing)) for spacing in image.GetSpacing()[:2]] + [1]


def air_limit(image: sitk.Image) -> float:
    """The intensity up to which a voxel of a magnitude volume may be air."""
    low, high = np.percentile(sitk.GetArrayViewFromImage(image), [2, 98])
    return float(low + AIR_FRACTION * (high - low))


def body_mask(image: sitk.Image) -> np.ndarray:
    """Voxels of the body, bool [z, y, x], of a magnitude volume; none when there is no signal.

    The largest bright object on a grid of about 4 mm, with the holes of each section filled (gas, bladder on T1).
    """
    factors = shrink_factors(image, BODY_GRID_MM)
    coarse = sitk.BinShrink(image, factors)
    bright = coarse > air_limit(coarse)
    largest = sitk.RelabelComponent(sitk.ConnectedComponent(bright)) == 1
    sections = [sitk.GetArrayFromImage(sitk.BinaryFillhole(largest[:, :, z])) for z in range(largest.GetDepth())]
    columns, rows = (_coarse_index(n, factor) for n, factor in zip(image.GetSize()[:2], factors[:2], strict=True))
    return np.stack(sections).astype(bool)[:, rows[:, None], columns]


def _coarse_index(n: int, factor: int) -> np.ndarray:
    """Index on the shrunken grid of each of ``n`` voxels; the remainder at the far edge belongs to the last."""
    return np.minimum(np.arange(n) // factor, n // factor - 1)


def log_bias_field(image: sitk.Image, body: np.ndarray, grid_mm: float, iterations: Sequence[int]) -> np.ndarray:
    """Natural logarithm of the bias field at every voxel, float32 [z, y, x], with mean 0 inside the body.

    ``image`` float32; ``body`` bool [z, y, x]; ``iterations`` the most per resolution level.
    The true intensity is ``image / exp(field)``, up to one scale.

    The field is estimated on voxels of the body that give signal, averaged to about 2.5 mm and then picked every
    ``grid_mm`` in plane (more often where the field of view is small). Averaging over all of ``grid_mm`` would give
    intensities across organs that no tissue has, and N4 sharpens exactly this histogram. It runs on one thread: the
    field differs in the last digits between thread counts. A volume of a single section, on which N4 is not defined
    and which cannot be sampled anyway, gets no field.
    """
    if image.GetDepth() == 1:
        return np.zeros(body.shape, np.float32)
    inside = sitk.GetImageFromArray(body.astype(np.uint8))
    inside.CopyInformation(image)
    fine = shrink_factors(image, NOISE_GRID_MM)
    averaged, inside = sitk.BinShrink(image, fine), sitk.BinShrink(inside, fine)
    wanted = shrink_factors(averaged, grid_mm)
    most = [max(1, n // LEAST_POINTS) for n in averaged.GetSize()]
    factors = [min(pair) for pair in zip(wanted, most, strict=True)]
    picked = sitk.Shrink(averaged, factors)
    signal = sitk.Shrink(inside, factors) & (picked > air_limit(picked))
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetNumberOfThreads(1)
    n4.SetMaximumNumberOfIterations([int(n) for n in iterations])
    n4.SetConvergenceThreshold(CONVERGENCE)
    n4.Execute(picked, signal)
    field = sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image))
    return field - field[body].mean()
