"""Check that a stack of images is one regular volume, and compute its grid."""

from collections.abc import Sequence

import numpy as np

from hscore.imaging.dicom.frames import Frame
from hscore.imaging.grid import SAME_POSITION, Grid

UNIT = 0.01  # tolerance of direction cosines for length 1 and right angle: headers are rounded


class BrokenGeometryError(Exception):
    """The images do not form one regular volume; the text gives the place."""


def perpendicular(orientation: Sequence[float]) -> bool:
    """Return whether an ImageOrientationPatient consists of two perpendicular unit vectors, within rounding."""
    row, column = np.reshape(orientation, (2, 3))
    return bool(max(abs(row @ row - 1), abs(column @ column - 1), abs(row @ column)) <= 2 * UNIT)


def plane(orientation: tuple[float, ...]) -> str:
    """Return the body plane nearest to an ImageOrientationPatient: transverse, sagittal or coronal."""
    normal = np.abs(np.cross(orientation[:3], orientation[3:]))
    return ("sagittal", "coronal", "transverse")[int(np.argmax(normal))]


def stack(frames: list[Frame], slice_distance: float | None = None) -> tuple[Grid, list[list[Frame]]]:
    """Return the grid of images with equal orientation and matrix, and the images at each of its slices.

    Args:
        frames: images of one series.
        slice_distance: distance of slices [mm], used only for a single slice.

    Raises:
        BrokenGeometryError: positions are unknown, orientations mixed, or slices missing, uneven or shifted.
    """
    first = frames[0]
    if any(None in (frame.position, frame.orientation, frame.spacing) for frame in frames):
        raise BrokenGeometryError("its images have no position")
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
    """Check that rows and columns are perpendicular and that no pixel is off by more than half a pixel.

    Args:
        orientations: direction cosines of each image [image, 6].
        mean: direction cosines of the grid [6].
        frame: an image with the pixel size and matrix of all.

    Raises:
        BrokenGeometryError: directions are not perpendicular unit vectors, sizes are missing, or an image's own
            orientation places a pixel more than half a pixel away from the grid.
    """
    if not all(perpendicular(orientation) for orientation in orientations):
        raise BrokenGeometryError("the directions of its rows and columns are not perpendicular unit vectors")
    if min(frame.spacing) <= 0 or min(frame.size) < 1:
        raise BrokenGeometryError("its headers do not give the size of the pixels or of the matrix")
    off = np.abs(orientations - mean)
    width, height = (n * size for n, size in zip(frame.size, frame.spacing, strict=True))
    shift = np.linalg.norm(off[:, :3], axis=1) * width + np.linalg.norm(off[:, 3:], axis=1) * height
    if shift.max() > 0.5 * min(frame.spacing):
        raise BrokenGeometryError(f"its images differ in orientation: by {shift.max():.1f} mm at the far corner")


def check_counts(slices: list[list[Frame]]) -> None:
    """Check that every slice occurs equally often.

    Raises:
        BrokenGeometryError: a slice does not; the text names it.
    """
    counts = [len(frames) for frames in slices]
    if len(set(counts)) == 1:
        return
    usual = max(set(counts), key=counts.count)
    odd = next(i for i, count in enumerate(counts) if count != usual)
    raise BrokenGeometryError(f"slice {odd + 1} of {len(slices)} occurs {counts[odd]} times, most others {usual} times")


def _check_even(heights: np.ndarray) -> None:
    """Check that all slices have the same distance; ``heights`` [mm] along the slice normal, ascending."""
    gaps = np.diff(heights)
    if len(gaps) == 0:
        return
    usual = float(np.median(gaps))
    tolerance = max(SAME_POSITION, 0.02 * usual)
    uneven = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if len(uneven) == 0:
        return
    gap = int(uneven[0])
    between = (
        f"between slices {gap + 1} and {gap + 2} of {len(heights)} "
        f"(at {heights[gap]:.1f} and {heights[gap + 1]:.1f} mm)"
    )
    missing = round(float(gaps[gap] / usual)) - 1
    if missing >= 1 and abs(gaps[gap] - (missing + 1) * usual) <= tolerance * (missing + 1):
        raise BrokenGeometryError(f"{missing} missing {between}")
    raise BrokenGeometryError(f"uneven distance {between}: {gaps[gap]:.2f} mm, elsewhere {usual:.2f} mm")
