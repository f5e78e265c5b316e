"""Read the segments of a DICOM Segmentation object (DICOM-SEG) as regions.

Source of the fields: DICOM PS3.3, sections A.51 (Segmentation IOD) and C.8.20 (its modules).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from hscore.imaging.dicom import values
from hscore.imaging.grid import SAME_POSITION, Grid
from hscore.imaging.roi.region import SEGMENTATION, Region, RoiError, file_in_words, reason

# Codes (SNOMED CT and SRT) of segments that are not a primary tumour, whatever their meaning is called.
CODES = {
    **dict.fromkeys(("59441001", "T-C4000", "312501005", "281777001", "54268001"), "lymph node"),
    **dict.fromkeys(("14799000", "M-80006", "128462008"), "secondary neoplasm"),
}
SURFACES = "1.2.840.10008.5.1.4.1.1.66.5"


@dataclass
class _Place:
    """Position of one frame: segments, position [mm], orientation [6 cosines], pixel spacing [mm, rows, columns]."""

    segments: set[int]
    position: np.ndarray
    orientation: np.ndarray
    spacing: np.ndarray


def read(path: Path) -> list[Region]:
    """Read the segments of a DICOM Segmentation object (binary, fractional above one half, or label map).

    There may be frames only for slices with a segment, in any order; their positions place them. The background of a
    label map is not a segment.

    Raises:
        RoiError: ``unreadable_roi``.
    """
    try:
        dataset = pydicom.dcmread(path)
        if dataset.get("SOPClassUID") == SURFACES:
            raise _broken(
                "it contains surfaces (Surface Segmentation), which are not read; export voxels (Segmentation)"
            )
        pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
        if len(pixels) != len(dataset.PerFrameFunctionalGroupsSequence):
            raise _broken(f"{len(pixels)} frames, positions of {len(dataset.PerFrameFunctionalGroupsSequence)}")
        places = [_place(dataset, number) for number in range(len(pixels))]
        grid, slices = _segmentation_grid(dataset, places)
        _check_described(dataset, pixels, places)
        regions = []
        for segment in dataset.SegmentSequence:
            if not _is_background(segment):
                regions.append(_region(dataset, segment, grid, (pixels, places, slices)))
        drawn_on = {str(item.SeriesInstanceUID) for item in dataset.get("ReferencedSeriesSequence") or []}
        images = set(_source_images(dataset))
    except RoiError as error:
        raise RoiError(error.code, f"{file_in_words(path)}: {error.text}") from None
    except Exception as error:  # pydicom raises many types on incomplete objects; none of them is our bug
        text = f"{file_in_words(path)}: DICOM-SEG cannot be read ({reason(error)})"
        raise RoiError("unreadable_roi", text) from None
    context = "/".join(values.text(dataset, key) for key in ("SeriesDescription", "ContentLabel", "ContentDescription"))
    for region in regions:
        region.series, region.images, region.source = drawn_on, images, path
        region.patient, region.context = str(dataset.get("PatientID") or "").strip(), f"{path.stem}/{context}"
    return regions


def _broken(text: str) -> RoiError:
    """Return the error for an object that cannot be used."""
    return RoiError("unreadable_roi", f"DICOM-SEG: {text}")


def _region(dataset: Any, segment: Any, grid: Grid, frames: tuple) -> Region:
    """Return one segment on the grid of all frames.

    Raises:
        RoiError: two different frames of the segment have the same position.
    """
    number = int(segment.SegmentNumber)
    name = _name(dataset, segment)
    inside = np.zeros(grid.size[::-1], bool)
    filled: dict[int, np.ndarray] = {}
    for frame, place, slice_index in zip(*frames, strict=True):
        if number not in place.segments:
            continue
        part = _belongs(dataset, frame, number)
        if slice_index in filled and (filled[slice_index] != part).any():
            raise _broken(f"two different frames of segment '{name}' have the same position")
        filled[slice_index] = inside[slice_index] = part
    frames_of_reference = {str(dataset.get("FrameOfReferenceUID") or "")} - {""}
    return Region(name, SEGMENTATION, inside, grid, frames_of_reference, meaning=_meaning(dataset, segment))


def _meaning(dataset: Any, segment: Any) -> str:
    """Return description, type and anatomic region of a segment; codes mean the same in every language."""
    words = [values.text(segment, "SegmentDescription", dataset)]
    for sequence in ("SegmentedPropertyTypeCodeSequence", "AnatomicRegionSequence"):
        for code in segment.get(sequence) or []:
            words += [values.text(code, "CodeMeaning", dataset), CODES.get(str(code.get("CodeValue") or ""), "")]
    return " ".join(word for word in words if word)


def _name(dataset: Any, segment: Any) -> str:
    """Return label, description or number of a segment, the first that exists."""
    label, description = (values.text(segment, key, dataset) for key in ("SegmentLabel", "SegmentDescription"))
    return label or description or f"segment {segment.SegmentNumber}"


def _is_background(segment: Any) -> bool:
    """Return whether a segment is the background: number 0, or called so by its type or its label."""
    types = segment.get("SegmentedPropertyTypeCodeSequence") or []
    names = [str(code.get("CodeMeaning") or "") for code in types] + [str(segment.get("SegmentLabel") or "")]
    return int(segment.SegmentNumber) == 0 or any(name.strip().lower() == "background" for name in names)


def _check_described(dataset: Any, pixels: np.ndarray, places: list[_Place]) -> None:
    """Check that each segment is described once, and that frames and label maps contain no others.

    Raises:
        RoiError: ``unreadable_roi``.
    """
    numbers = [int(segment.SegmentNumber) for segment in dataset.SegmentSequence]
    if len(set(numbers)) < len(numbers):
        raise _broken("two segments have one number")
    is_map = dataset.SegmentationType == "LABELMAP"
    used = set(np.unique(pixels).tolist()) if is_map else set().union(*(place.segments for place in places))
    if unknown := used - set(numbers) - {0}:
        raise _broken(f"its frames contain segment {min(unknown)}, which it does not describe")


def _belongs(dataset: Any, frame: np.ndarray, number: int) -> np.ndarray:
    """Return which pixels of a frame belong to segment ``number``."""
    kind = dataset.SegmentationType
    if kind == "LABELMAP":
        return frame == number
    return frame > 0 if kind == "BINARY" else frame > dataset.MaximumFractionalValue / 2


def _place(dataset: Any, number: int) -> _Place:
    """Return the position of a frame."""
    per_frame, shared = dataset.PerFrameFunctionalGroupsSequence[number], dataset.SharedFunctionalGroupsSequence[0]

    def item(sequence: str) -> Any:
        items = per_frame.get(sequence) or shared.get(sequence)
        if not items:
            raise _broken(f"frame {number + 1} has no {sequence}")
        return items[0]

    if dataset.SegmentationType == "LABELMAP":
        segments = {int(segment.SegmentNumber) for segment in dataset.SegmentSequence}
    else:
        segments = {int(item("SegmentIdentificationSequence").ReferencedSegmentNumber)}
    return _Place(
        segments,
        np.array(item("PlanePositionSequence").ImagePositionPatient, float),
        np.array(item("PlaneOrientationSequence").ImageOrientationPatient, float),
        np.array(item("PixelMeasuresSequence").PixelSpacing, float),
    )


def _segmentation_grid(dataset: Any, places: list[_Place]) -> tuple[Grid, list[int]]:
    """Return the grid that spans all frames, and the slice of each frame.

    Raises:
        RoiError: the frames differ in orientation or spacing, or are shifted against each other.
    """
    shared, per_frame = dataset.SharedFunctionalGroupsSequence[0], dataset.PerFrameFunctionalGroupsSequence[0]
    measures = (shared.get("PixelMeasuresSequence") or per_frame.get("PixelMeasuresSequence"))[0]
    first = places[0]
    row, column = first.orientation.reshape(2, 3)
    if any(np.abs(place.orientation - first.orientation).max() > 1e-3 for place in places):
        raise _broken("its frames differ in orientation")
    if any(np.abs(place.spacing - first.spacing).max() > 1e-3 for place in places):
        raise _broken("its frames differ in pixel spacing")
    normal = np.cross(row, column)
    heights = np.array([place.position @ normal for place in places])
    moved = np.array([place.position for place in places]) - np.outer(heights, normal)
    if np.linalg.norm(moved - moved[0], axis=1).max() > max(SAME_POSITION, 0.05 * first.spacing.min()):
        raise _broken("its frames are shifted sideways against each other")
    gaps = np.diff(np.unique(np.round(heights, 2)))
    gaps = gaps[gaps > SAME_POSITION]
    # the smallest gap is one slice; a single frame needs the header
    declared = float(measures.get("SpacingBetweenSlices") or 0)
    if declared and (not len(gaps) or abs(gaps.min() / declared - round(gaps.min() / declared)) < 0.05):
        distance = declared
    else:
        distance = float(gaps.min()) if len(gaps) else float(measures.SliceThickness)
    steps = (heights - heights.min()) / distance
    if np.abs(steps - np.round(steps)).max() > 0.1:
        raise _broken("its frames have uneven distances")
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack([row * first.spacing[1], column * first.spacing[0], normal * distance])
    affine[:3, 3] = places[int(np.argmin(heights))].position
    slices = [int(step) for step in np.round(steps)]
    return Grid((dataset.Columns, dataset.Rows, max(slices) + 1), affine), slices


def _source_images(dataset: Any) -> list[str]:
    """Return the UIDs of the images that the frames and the header name as their source."""
    groups = [*dataset.get("SharedFunctionalGroupsSequence", []), *dataset.PerFrameFunctionalGroupsSequence]
    derivations = [item for group in groups for item in group.get("DerivationImageSequence") or []]
    sources = [image for item in derivations for image in item.get("SourceImageSequence") or []]
    for series in dataset.get("ReferencedSeriesSequence") or []:
        sources += series.get("ReferencedInstanceSequence") or []
    return [str(image.ReferencedSOPInstanceUID) for image in sources if image.get("ReferencedSOPInstanceUID")]
