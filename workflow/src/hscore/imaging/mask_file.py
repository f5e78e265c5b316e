"""A mask in a NIfTI file as a region."""

import re
from pathlib import Path

import numpy as np

from hscore.imaging import nifti
from hscore.imaging.grid import Grid
from hscore.imaging.region import Region, RoiError

# A mask holds few whole numbers; a picture holds many.
MOST_LABELS = 64


def read(path: Path) -> list[Region]:
    """A NIfTI mask: every voxel that is not zero is inside.

    Raises:
        RoiError: ``unreadable_roi``, also for a picture that is no mask.
    """
    try:
        volume = nifti.read(path)
        voxels, grid = volume.stored if volume.slope == 1 and volume.intercept == 0 else volume.values(), volume.grid
    except (ValueError, EOFError, OSError):  # another dialect, or damaged
        voxels, grid = _read_any_nifti(path)
    if voxels.ndim == 4 and voxels.shape[0] == 1:
        voxels = voxels[0]
    if voxels.ndim != 3 or not _few_whole_numbers(voxels):
        raise RoiError("unreadable_roi", f"{path.name} is a picture, not a mask of whole numbers")
    name = re.sub(r"\.nii(\.gz)?$", "", path.name, flags=re.IGNORECASE)
    return [Region(name, "NIfTI", voxels != 0, grid)]


def _read_any_nifti(path: Path) -> tuple[np.ndarray, Grid]:
    """Voxels and grid of any file that SimpleITK, which takes long to import, can read."""
    import SimpleITK as sitk

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:  # SimpleITK's only error; its text holds the full path
        raise RoiError("unreadable_roi", f"{path.name}: NIfTI cannot be read") from None
    dimension = image.GetDimension()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (dimension, dimension))[:3, :3] * image.GetSpacing()[:3]
    affine[:3, 3] = image.GetOrigin()[:3]
    return sitk.GetArrayFromImage(image), Grid(image.GetSize()[:3], affine)


def _few_whole_numbers(voxels: np.ndarray) -> bool:
    """True for the labels of a mask, which are few whole numbers from 0."""
    if voxels.dtype.kind == "f":
        labels = np.unique(voxels)
        return len(labels) <= MOST_LABELS and bool((labels >= 0).all() and (labels == np.round(labels)).all())
    low, high = int(voxels.min()), int(voxels.max())
    return low >= 0 and high < 2**16 and np.count_nonzero(np.bincount(voxels.ravel().astype(np.int64))) <= MOST_LABELS
