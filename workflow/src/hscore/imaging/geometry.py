"""The checks that a stack of images is one regular volume, and the grid that it forms."""

import numpy as np

from hscore.imaging.dicom import Frame
from hscore.imaging.grid import SAME_POSITION, Grid


class BrokenGeometryError(Exception):
    """The images do not form one regular volume; the text says where."""


def plane(orientation: tuple[float, ...]) -> str:
    """transverse, sagittal or coronal: the body plane nearest to an ImageOrientationPatient."""
    normal = np.abs(np.cross(orientation[:3], orientation[3:]))
    return ("sagittal", "coronal", "transverse")[int(np.argmax(normal))]


def stack(frames: list[Frame], slice_distance: float | None = None) -> tuple[Grid, list[list[Frame]]]:
    """The grid of images of equal orientation and matrix, and its volumes, each a list of frames by slice.

    Images at one position belong to different volumes, in the order of their instance numbers. ``slice_distance``
    (mm) is needed only for a single slice.

    Raises:
        BrokenGeometryError: positions unknown, orientations mixed, slices missing, repeated, uneven or shifted.
    """
    first = frames[0]
    if any(None in (frame.position, frame.orientation, frame.spacing) for frame in frames):
        raise BrokenGeometryError("its images carry no position")
    orientations = np.array([frame.orientation for frame in frames])
    if np.abs(orientations - orientations[0]).max() > 0.01 or len({frame.size for frame in frames}) > 1:
        raise BrokenGeometryError("its images differ in orientation or matrix")
    row, column = orientations.mean(axis=0).reshape(2, 3)
    normal = np.cross(row, column)
    normal /= np.linalg.norm(normal)
    positions = np.array([frame.position for frame in frames])
    height = positions @ normal
    order = np.argsort(height, kind="stable")
    starts = np.flatnonzero(np.diff(height[order], prepend=-np.inf) > SAME_POSITION)
    slices = [[frames[i] for i in sorted(group)] for group in np.split(order, starts[1:])]
    heights = np.array([group.mean() for group in np.split(height[order], starts[1:])])
    _check_even(heights, [len(group) for group in slices])
    distance = float(np.mean(np.diff(heights))) if len(slices) > 1 else slice_distance or 1.0
    origin = positions[order[0]]
    sideways = positions - origin - np.outer(height - height[order[0]], normal)
    if np.linalg.norm(sideways, axis=1).max() > max(SAME_POSITION, 0.05 * min(first.spacing)):
        raise BrokenGeometryError("its slices are shifted sideways against each other")
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([row * first.spacing[0], column * first.spacing[1], normal * distance])
    affine[:3, 3] = origin
    volumes = [list(volume) for volume in zip(*slices, strict=True)]
    return Grid((*first.size, len(slices)), affine), volumes


def _check_even(heights: np.ndarray, counts: list[int]) -> None:
    """Every slice equally often, and all at one distance; ``heights`` in mm along the slice normal, ascending."""
    if len(set(counts)) > 1:
        usual = max(set(counts), key=counts.count)
        odd = next(i for i, count in enumerate(counts) if count != usual)
        raise BrokenGeometryError(
            f"slice {odd + 1} of {len(heights)} (at {heights[odd]:.1f} mm) is there {counts[odd]} times, "
            f"most others {usual} times"
        )
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
