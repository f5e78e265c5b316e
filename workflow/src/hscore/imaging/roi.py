"""The region of interest (ROI): read from DICOM-SEG, RTSTRUCT or NIfTI, and carried to each sequence's grid.

Every region is a mask on the grid it was drawn on; all positions are patient coordinates (LPS, mm).
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from hscore.imaging import nifti
from hscore.imaging.dicom import Contents, Series
from hscore.imaging.geometry import BrokenGeometryError, stack
from hscore.imaging.grid import Grid

# Pixels; contours drawn through pixel centres miss them by rounding, and hand-drawn ones hardly ever come so near.
ON_BORDER = 0.02
# A mask holds few whole numbers; a picture holds many.
MOST_LABELS = 64
# Share of the ROI's volume below which what lies outside a sequence is rounding at its edge.
NEGLIGIBLE = 0.01


class RoiError(Exception):
    """The ROI cannot be used: a finding's code and a text for people."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


@dataclass
class Region:
    """One segment, structure or mask file. ``inside``: booleans [slice, row, column] on ``grid``."""

    name: str
    kind: str  # DICOM-SEG, RTSTRUCT or NIfTI
    inside: np.ndarray
    grid: Grid
    frames_of_reference: set[str] = field(default_factory=set)
    series: set[str] = field(default_factory=set)  # UIDs of the series it was drawn on

    @property
    def volume_mm3(self) -> float:
        """Volume of the voxels inside."""
        return float(self.inside.sum() * np.prod(self.grid.spacing))


@dataclass
class Found:
    """The regions that make up the patient's ROI, those passed over (name -> why), and files that could not be read."""

    regions: list[Region]
    passed_over: dict[str, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)


def find(contents: Contents, pattern: str, strict: bool = True) -> Found:
    """The patient's ROI: of DICOM-SEG, RTSTRUCT and NIfTI files the first kind that holds regions of this patient.

    ``strict``: its frame of reference or series must be one of the patient's; else positions are trusted as they are.
    A single region is taken whatever its name; of several, those whose name matches ``pattern``, joined.

    Raises:
        RoiError: ``no_roi``, ``unreadable_roi``, ``foreign_roi`` or ``empty_roi``.
    """
    readers = [
        (contents.segmentations, read_segmentation),
        (contents.structure_sets, lambda path: read_structure_set(path, contents.series, strict)),
        (contents.niftis, read_nifti),
    ]
    if not any(paths for paths, _ in readers):
        raise RoiError("no_roi", "no DICOM-SEG, RTSTRUCT or NIfTI mask in the patient's folder")
    problems: list[RoiError] = []
    for paths, read in readers:
        regions: list[Region] = []
        for path in paths:
            try:
                regions.extend(_own(read(path), path, contents.series) if strict else read(path))
            except RoiError as error:
                problems.append(error)
        if regions:
            found = select(regions, pattern)
            found.unreadable = [problem.text for problem in problems if problem.code == "unreadable_roi"]
            return found
    raise problems[0]


def select(regions: list[Region], pattern: str) -> Found:
    """The regions that are the tumour: the only one, or those with a matching name."""
    if len(regions) > 1:
        matching = [region for region in regions if re.search(pattern, region.name, re.IGNORECASE)]
        if not matching:
            names = ", ".join(f"'{region.name}'" for region in regions)
            raise RoiError("unreadable_roi", f"none of the {len(regions)} regions {names} has a name like '{pattern}'")
    else:
        matching = regions
    if not any(region.inside.any() for region in matching):
        raise RoiError("empty_roi", f"the {matching[0].kind} region '{matching[0].name}' holds no voxel")
    others = [region for region in regions if not any(region is one for one in matching)]
    return Found(matching, {region.name: f"its name is not like '{pattern}'" for region in others})


def _own(regions: list[Region], path: Path, series: list[Series]) -> list[Region]:
    """The regions, if they were drawn on images of this patient; NIfTI masks do not say on which.

    Raises:
        RoiError: ``foreign_roi``.
    """
    frames = {one.frame_of_reference for one in series} - {""}
    uids = {one.uid for one in series}
    for region in regions:
        if region.kind != "NIfTI" and not (region.frames_of_reference & frames or region.series & uids):
            text = f"{path.name} refers to other images: neither its frame of reference nor its series is the patient's"
            raise RoiError("foreign_roi", text)
    return regions


def same_frame(region: Region, series: Series, all_series: list[Series]) -> bool:
    """True when a region's positions hold for a series: one frame of reference, or one of them does not say."""
    drawn_on = {one.frame_of_reference for one in all_series if one.uid in region.series} | region.frames_of_reference
    drawn_on.discard("")
    if region.kind == "NIfTI" or not drawn_on or not series.frame_of_reference:
        return True
    return series.frame_of_reference in drawn_on or series.uid in region.series


# --- DICOM-SEG ---------------------------------------------------------------------------------------------------


def read_segmentation(path: Path) -> list[Region]:
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


# --- RTSTRUCT ----------------------------------------------------------------------------------------------------


def read_structure_set(path: Path, series: list[Series], strict: bool = True) -> list[Region]:
    """The structures of an RTSTRUCT, filled in on the slices of the series they were drawn on.

    Unless ``strict``, any series that has slices where the contours lie will do.

    Raises:
        RoiError: ``unreadable_roi``; ``foreign_roi`` when none of the patient's series holds its contours.
    """
    try:
        dataset = pydicom.dcmread(path)
        names = {int(item.ROINumber): item for item in dataset.StructureSetROISequence}
        drawn_on, frames = _references(dataset)
        structures = []
        for item in dataset.get("ROIContourSequence") or []:
            structure = names[int(item.ReferencedROINumber)]
            contours = [
                np.array(contour.ContourData, float).reshape(-1, 3)
                for contour in item.get("ContourSequence") or []
                if contour.get("ContourGeometricType", "CLOSED_PLANAR") in {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"}
            ]
            frame = str(structure.get("ReferencedFrameOfReferenceUID", ""))
            name = str(structure.get("ROIName") or f"structure {structure.ROINumber}")
            structures.append((name, contours, (frames | {frame}) - {""}))
    except Exception as error:  # as above
        raise RoiError("unreadable_roi", f"{path.name}: RTSTRUCT cannot be read ({error})") from None
    if not structures:
        raise RoiError("unreadable_roi", f"{path.name}: the RTSTRUCT holds no contours")
    all_frames = set().union(*(frames for _, _, frames in structures))
    mine = [one for one in series if one.uid in drawn_on or one.frame_of_reference in all_frames]
    if not strict:
        mine = series
    if not mine:
        text = f"{path.name} refers to other images: neither its frame of reference nor its series is the patient's"
        raise RoiError("foreign_roi", text)
    grid = _drawn_grid(path, [points for _, contours, _ in structures for points in contours], mine, drawn_on)
    return [
        Region(name, "RTSTRUCT", fill(contours, grid), grid, frames, drawn_on) for name, contours, frames in structures
    ]


def _references(dataset: Any) -> tuple[set[str], set[str]]:
    """UIDs of the series and frames of reference that a structure set names."""
    series, frames = set(), set()
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or []:
        frames.add(str(frame.get("FrameOfReferenceUID", "")))
        for study in frame.get("RTReferencedStudySequence") or []:
            for one in study.get("RTReferencedSeriesSequence") or []:
                series.add(str(one.get("SeriesInstanceUID", "")))
    return series - {""}, frames - {""}


def _drawn_grid(path: Path, contours: list[np.ndarray], series: list[Series], drawn_on: set[str]) -> Grid:
    """The grid of the series on whose slices all contours lie: a referenced series first."""
    for one in sorted(series, key=lambda one: one.uid not in drawn_on):
        try:
            grid, _ = stack(one.frames, one.slice_distance or one.thickness)
        except BrokenGeometryError:
            continue
        depth = [grid.index(points)[:, 2] for points in contours]
        if all(np.abs(values - np.round(values[0])).max() < 0.25 for values in depth):
            return grid
    raise RoiError(
        "unreadable_roi", f"{path.name}: its contours do not lie on the slices of any of the patient's series"
    )


def fill(contours: list[np.ndarray], grid: Grid) -> np.ndarray:
    """Booleans [slice, row, column]: pixel centres inside the contours (each [points, 3] in mm), by the even-odd rule.

    A contour inside another is therefore a hole. Pixel centres on a contour are inside: several programs draw
    contours through the outermost pixel centres of a mask, holes through the innermost ones around them.
    """
    odd = np.zeros(grid.size[::-1], bool)
    border = np.zeros_like(odd)
    for points in contours:
        index = grid.index(points)
        at = round(float(np.median(index[:, 2])))
        if not 0 <= at < grid.size[2]:
            continue
        low = np.clip(np.floor(index[:, :2].min(axis=0)).astype(int), 0, None)
        high = np.clip(np.ceil(index[:, :2].max(axis=0)).astype(int) + 1, None, grid.size[:2])
        if (high <= low).any():
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0]), np.arange(low[1], high[1]))
        inside, near = _polygon(index[:, :2], x, y)
        box = (at, slice(low[1], high[1]), slice(low[0], high[0]))
        odd[box] ^= inside
        border[box] |= near
    return odd | border


def _polygon(corners: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the points (x, y) lie inside a polygon [corners, 2], and which on its border (crossing number)."""
    inside = np.zeros(x.shape, bool)
    near = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        dx, dy = x1 - x0, y1 - y0
        if dy != 0:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * dx / dy)
        length = dx * dx + dy * dy
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length else 0.0
        near |= (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2 < ON_BORDER**2
    return inside, near


# --- NIfTI -------------------------------------------------------------------------------------------------------


def read_nifti(path: Path) -> list[Region]:
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


# --- to the sequences' grids ---------------------------------------------------------------------------------------


def outside_fraction(regions: list[Region], grid: Grid) -> float:
    """Share of the ROI's volume (0..1) whose voxel centres lie outside the voxels of ``grid``."""
    inside = total = 0.0
    for region in regions:
        voxels = np.argwhere(region.inside)[:, ::-1]
        points = voxels @ region.grid.affine[:3, :3].T + region.grid.affine[:3, 3]
        index = grid.index(points)
        voxel = float(np.prod(region.grid.spacing))
        total += voxel * len(voxels)
        inside += voxel * float(((index >= -0.5) & (index <= np.array(grid.size) - 0.5)).all(axis=1).sum())
    return 1 - inside / total


def carry(regions: list[Region], grid: Grid) -> np.ndarray:
    """The ROI on another grid: uint8 [slice, row, column], 1 inside.

    Linear interpolation of the mask, cut at one half: on the ROI's own grid it changes nothing, between slices the
    surface lies half way. Measured on 40 ellipsoids carried between oblique grids of 3 to 7 mm slices, the mean Dice
    with the true shape is 0.918, that of the nearest voxel 0.908. Only the box around the ROI is computed.
    """
    result = np.zeros(grid.size[::-1], np.uint8)
    for region in regions:
        if not region.inside.any():
            continue
        # one empty voxel on every side, so that the surface of a region that fills its grid is interpolated, too
        low, high = _box(region.inside)
        part = np.pad(region.inside[tuple(slice(a, b) for a, b in zip(low, high, strict=True))], 1)
        source_affine = region.grid.affine.copy()
        source_affine[:3, 3] += source_affine[:3, :3] @ (np.array(low[::-1]) - 1)
        drawn = Grid(part.shape[::-1], source_affine)
        index = grid.index(drawn.corners)
        first = np.clip(np.floor(index.min(axis=0)).astype(int), 0, None)
        last = np.clip(np.ceil(index.max(axis=0)).astype(int) + 1, None, grid.size)
        if (last <= first).any():
            continue
        values = interpolate(part.astype(np.float32), np.linalg.inv(source_affine) @ grid.affine, first, last)
        box = tuple(slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))
        # a hair below one half: rounding must not shift a surface that lies exactly between two voxels
        result[box] |= (values >= 0.5 - 1e-4).astype(np.uint8)
    return result


def interpolate(source: np.ndarray, to_source: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Trilinear interpolation of ``source`` [z, y, x] at a box of another grid's voxels; 0 beyond the outer centres.

    ``to_source`` (4 x 4) leads from the other grid's voxel indices (x, y, z) to those of ``source``; the box holds
    the indices ``first`` to ``last``, the latter excluded. SimpleITK resamples to the same values and takes longer
    to import than all of this to run.
    """
    x, y, z = (np.arange(a, b, dtype=float) for a, b in zip(first, last, strict=True))
    x, y, z = x, y[:, None], z[:, None, None]
    at = [row[0] * x + row[1] * y + row[2] * z + row[3] for row in to_source[:3]]
    size = source.shape[::-1]
    inside = np.logical_and.reduce([(a >= 0) & (a <= n - 1) for a, n in zip(at, size, strict=True)])
    low = [np.minimum(a[inside].astype(int), n - 2) for a, n in zip(at, size, strict=True)]
    x, y, z = (a[inside] - b for a, b in zip(at, low, strict=True))
    i, j, k = low
    planes = []
    for dz in (0, 1):
        near, far = (source[k + dz, j + dy, i] * (1 - x) + source[k + dz, j + dy, i + 1] * x for dy in (0, 1))
        planes.append(near * (1 - y) + far * y)
    values = np.zeros(inside.shape, np.float32)
    values[inside] = planes[0] * (1 - z) + planes[1] * z
    return values


def _box(inside: np.ndarray) -> tuple[list[int], list[int]]:
    """First and one-behind-last index of the true voxels along each axis."""
    low, high = [], []
    for axis in range(3):
        used = np.flatnonzero(inside.any(axis=tuple(other for other in range(3) if other != axis)))
        low.append(int(used[0]))
        high.append(int(used[-1]) + 1)
    return low, high
