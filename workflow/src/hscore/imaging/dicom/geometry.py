"""The checks that a stack of images is one regular volume, and the grid that it forms."""

from collections.abc import Sequence

import numpy as np

from hscore.imaging.dicom.frames import Frame
from hscore.imaging.grid import SAME_POSITION, Grid

UNIT = 0.01  # how far direction cosines may be from length 1 and from perpendicular: headers are rounded


class BrokenGeometryError(Exception):
    """The images do not form one regular volume; the text says where."""


def perpendicular(orientation: Sequence[float]) -> bool:
    """Return True where an ImageOrientationPatient is two perpendicular unit vectors, within rounding."""
    row, column = np.reshape(orientation, (2, 3))
    return bool(max(abs(row @ row - 1), abs(column @ column - 1), abs(row @ column)) <= 2 * UNIT)


def plane(orientation: tuple[float, ...]) -> str:
    """Return the body plane nearest to an ImageOrientationPatient: transverse, sagittal or coronal."""
    normal = np.abs(np.cross(orientation[:3], orientation[3:]))
    return ("sagittal", "coronal", "transverse")[int(np.argmax(normal))]


def stack(frames: list[Frame], slice_distance: float | None = None) -> tuple[Grid, list[list[Frame]]]:
    """Return the grid of images of equal orientation and matrix, and the images at each of its slices.

    Args:
        frames: the images of one series.
        slice_distance: mm; needed for a single slice only.

    Raises:
        BrokenGeometryError: positions unknown, orientations mixed, slices missing, uneven or shifted.
    """
    first = frames[0]
    if any(None in (frame.position, frame.orientation, frame.spacing) for frame in frames):
        raise BrokenGeometryError("its images carry no position")
    orientations = np.array([frame.orientation for frame in frames])
    if len({frame.size for frame in frames}) > 1:
        raise BrokenGeometryError("its images differ in matrix")
    row, column = orientations.mean(axis=0).reshape(2, 3)
    _check_orientation(orientations, np.concatenate([row, column]), first)
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    positions = np.array([frame.position for frame in frames])
    height = positions @ normal
    order = np.argsort(height, kind="stable")
    starts = np.flatnonzero(np.diff(height[order], prepend=-np.inf) > SAME_POSITION)
    slices = [[frames[i] for i in sorted(group)] for group in np.split(order, starts[1:])]
    heights = np.array([group.mean() for group in np.split(height[order], starts[1:])])
    _check_even(heights)
    distance = float(np.mean(np.diff(heights))) if len(slices) > 1 else slice_distance or 1.0
    origin = positions[order[0]]
    sideways = positions - origin - np.outer(height - height[order[0]], normal)
    if np.linalg.norm(sideways, axis=1).max() > max(SAME_POSITION, 0.05 * min(first.spacing)):
        raise BrokenGeometryError("its slices are shifted sideways against each other")
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([row * first.spacing[0], column * first.spacing[1], normal * distance])
    affine[:3, 3] = origin
    return Grid((*first.size, len(slices)), affine), slices


def _check_orientation(orientations: np.ndarray, mean: np.ndarray, frame: Frame) -> None:
    """Rows and columns must be perpendicular, and no pixel half a pixel away from where its own image places it.

    Raises:
        BrokenGeometryError: they are not, or one is.
    """
    if not all(perpendicular(orientation) for orientation in orientations):
        raise BrokenGeometryError("the directions of its rows and columns are no perpendicular unit vectors")
    if min(frame.spacing) <= 0 or min(frame.size) < 1:
        raise BrokenGeometryError("its headers give no size of the pixels or of the matrix")
    off = np.abs(orientations - mean)
    width, height = (n * size for n, size in zip(frame.size, frame.spacing, strict=True))
    shift = np.linalg.norm(off[:, :3], axis=1) * width + np.linalg.norm(off[:, 3:], axis=1) * height
    if shift.max() > 0.5 * min(frame.spacing):
        raise BrokenGeometryError(f"its images differ in orientation: by {shift.max():.1f} mm at the far corner")


def check_counts(slices: list[list[Frame]]) -> None:
    """Every slice must be there equally often.

    Raises:
        BrokenGeometryError: one is not; the text says which.
    """
    counts = [len(frames) for frames in slices]
    if len(set(counts)) == 1:
        return
    usual = max(set(counts), key=counts.count)
    odd = next(i for i, count in enumerate(counts) if count != usual)
    raise BrokenGeometryError(
        f"slice {odd + 1} of {len(slices)} is there {counts[odd]} times, most others {usual} times"
    )


def _check_even(heights: np.ndarray) -> None:
    """All slices at one distance; ``heights`` in mm along the slice normal, ascending."""
    gaps = np.diff(heights)
    if len(gaps) == 0:
        return
    usual = float(np.median(gaps))
    tolerance = max(SAME_POSITION, 0.02 * usual)
    uneven = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if len(uneven) == 0:
        return
    at = int(uneven[0])
    between = (
        f"between slices {at + 1} and {at + 2} of {len(heights)} (at {heights[at]:.1f} and {heights[at + 1]:.1f} mm)"
    )
    missing = round(float(gaps[at] / usual)) - 1
    if missing >= 1 and abs(gaps[at] - (missing + 1) * usual) <= tolerance * (missing + 1):
        raise BrokenGeometryError(f"{missing} missing {between}")
    raise BrokenGeometryError(f"uneven distance {between}: {gaps[at]:.2f} mm, elsewhere {usual:.2f} mm")
