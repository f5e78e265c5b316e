"""N4 by ITK's own filter, through SimpleITK: an alternative to ``n4``, some fifty times as slow."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk


def log_field(
    image: np.ndarray,
    inside: np.ndarray,
    axes: Sequence[np.ndarray],
    iterations: Sequence[int],
    convergence: float,
    finer: Sequence[np.ndarray],
) -> np.ndarray:
    """Return the log bias field of ``image`` on the grid of the axes ``finer``, float32 [z, y, x].

    The other arguments are those of ``n4.estimate``. ITK's field ends at the outermost voxels of ``image``. Beyond
    them it is constant.
    """
    axes = list(axes)
    for place, axis in enumerate(axes):
        if len(axis) == 1:  # ITK needs two voxels along every axis: the same one twice
            image, inside = (np.repeat(values, 2, axis=place) for values in (image, inside))
            axes[place] = np.array([0.0, 1.0])
    seen, mask = _placed(image, axes), _placed(inside.astype(np.uint8), axes)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations([int(most) for most in iterations])
    n4.SetConvergenceThreshold(convergence)
    n4.Execute(seen, mask)
    field = n4.GetLogBiasFieldAsImage(seen)
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(_placed(np.zeros([len(axis) for axis in finer], np.float32), finer))
    resampler.SetUseNearestNeighborExtrapolator(True)
    return sitk.GetArrayFromImage(resampler.Execute(field))


def _placed(values: np.ndarray, axes: Sequence[np.ndarray]) -> sitk.Image:
    """Return an image of ``values`` [z, y, x] whose voxels are at the regular positions ``axes`` along z, y and x."""
    image = sitk.GetImageFromArray(values)
    image.SetOrigin([float(axis[0]) for axis in reversed(axes)])
    image.SetSpacing([float(axis[1] - axis[0]) if len(axis) > 1 else 1.0 for axis in reversed(axes)])
    return image
