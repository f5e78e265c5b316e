"""The segments of a DICOM Segmentation object (DICOM-SEG) as regions."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from hscore.imaging.grid import Grid
from hscore.imaging.region import Region, RoiError


def read(path: Path) -> list[Region]:
    """The segments of a DICOM Segmentation object (binary, fractional above one half, or label map).

    Frames may be few (only slices with segment) and in any order; their positions place them.

    Raises:
        RoiError: ``unreadable_roi``.
    """
    try:
        dataset = pydicom.dcmread(path)
        pixels = np.atleast_3d(dataset.pixel_array)
        pixels = pixels[None] if dataset.get("NumberOfFrames", 1) == 1 and pixels.shape[-1] == 1 else pixels
        pixels = pixels.reshape(-1, dataset.Rows, dataset.Columns)
        places = [_place(dataset, number) for number in range(len(pixels))]
        grid, slices = _segmentation_grid(dataset, places)
        regions = []
        for segment in dataset.SegmentSequence:
            number = int(segment.SegmentNumber)
            inside = np.zeros(grid.size[::-1], bool)
            for frame, (segments, *_), at in zip(pixels, places, slices, strict=True):
                if number in segments:
                    inside[at] |= _belongs(dataset, frame, number)
            name = str(segment.get("SegmentLabel") or segment.get("SegmentDescription") or f"segment {number}")
            regions.append(
                Region(name, "DICOM-SEG", inside, grid, {str(dataset.get("FrameOfReferenceUID", ""))} - {""})
            )
        drawn_on = {str(item.SeriesInstanceUID) for item in dataset.get("ReferencedSeriesSequence") or []}
    except RoiError:
        raise
    except Exception as error:  # pydicom raises many types on incomplete objects; none of them is our bug
        raise RoiError("unreadable_roi", f"{path.name}: DICOM-SEG cannot be read ({error})") from None
    for region in regions:
        region.series = drawn_on
    return regions


def _belongs(dataset: Any, frame: np.ndarray, number: int) -> np.ndarray:
    """Which pixels of a frame belong to segment ``number``."""
    kind = dataset.SegmentationType
    if kind == "LABELMAP":
        return frame == number
    return frame > 0 if kind == "BINARY" else frame > dataset.MaximumFractionalValue / 2


def _place(dataset: Any, number: int) -> tuple[set[int], np.ndarray, np.ndarray]:
    """Segment numbers, position (3) and orientation (6) of a frame."""
    own, shared = dataset.PerFrameFunctionalGroupsSequence[number], dataset.SharedFunctionalGroupsSequence[0]

    def item(sequence: str) -> Any:
        return (own.get(sequence) or shared.get(sequence))[0]

    if dataset.SegmentationType == "LABELMAP":
        segments = {int(segment.SegmentNumber) for segment in dataset.SegmentSequence}
    else:
        segments = {int(item("SegmentIdentificationSequence").ReferencedSegmentNumber)}
    position = np.array(item("PlanePositionSequence").ImagePositionPatient, float)
    return segments, position, np.array(item("PlaneOrientationSequence").ImageOrientationPatient, float)


def _segmentation_grid(dataset: Any, places: list[tuple]) -> tuple[Grid, list[int]]:
    """The grid that spans all frames, and the slice of each frame."""
    shared, own = dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence[0]
    measures = (shared.get("PixelMeasuresSequence") or own.get("PixelMeasuresSequence"))[0]
    row, column = places[0][2].reshape(2, 3)
    if any(np.abs(place[2] - places[0][2]).max() > 1e-3 for place in places):
        raise RoiError("unreadable_roi", "the frames of the DICOM-SEG differ in orientation")
    normal = np.cross(row, column)
    heights = np.array([place[1] @ normal for place in places])
    gaps = np.diff(np.unique(np.round(heights, 2)))
    # the smallest gap is one slice; a lone frame needs the header
    distance = (
        float(gaps.min()) if len(gaps) else float(measures.get("SpacingBetweenSlices") or measures.SliceThickness)
    )
    if measures.get("SpacingBetweenSlices"):
        declared = float(measures.SpacingBetweenSlices)
        distance = declared if not len(gaps) or abs(gaps.min() / declared % 1) < 0.05 else distance
    steps = (heights - heights.min()) / distance
    if np.abs(steps - np.round(steps)).max() > 0.1:
        raise RoiError("unreadable_roi", "the frames of the DICOM-SEG lie at uneven distances")
    affine = np.eye(4)
    spacing = [float(value) for value in measures.PixelSpacing]
    affine[:3, :3] = np.column_stack([row * spacing[1], column * spacing[0], normal * distance])
    affine[:3, 3] = places[int(np.argmin(heights))][1]
    slices = [int(step) for step in np.round(steps)]
    return Grid((dataset.Columns, dataset.Rows, max(slices) + 1), affine), slices
