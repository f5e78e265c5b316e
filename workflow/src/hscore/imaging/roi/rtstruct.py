"""Read the structures of an RTSTRUCT, which are contours, as regions.

Source of the fields: DICOM PS3.3, sections C.8.8.5 (structure sets) and C.8.8.6 (contours).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pydicom

from hscore.imaging.dicom import values
from hscore.imaging.dicom.geometry import BrokenGeometryError, stack
from hscore.imaging.dicom.grouping import Series
from hscore.imaging.grid import Grid
from hscore.imaging.roi.region import STRUCTURE_SET, Region, RoiError, file_in_words, reason

# Pixels. Contours through pixel centres miss them only by rounding, and hand-drawn ones hardly ever come so near.
ON_BORDER = 0.02
# Types whose contours enclose an area. OsiriX and Horos use INTERPOLATED_PLANAR for contours between the drawn ones.
AREAS = {"CLOSED_PLANAR", "CLOSEDPLANAR_XOR", "INTERPOLATED_PLANAR"}
MARKER = "POINT"
OFF_SLICE = 0.25  # slices; how far a point may be from the slice it was drawn on
OVERHANG = 0.1  # pixels; how far a contour may extend beyond the border of the outer pixels
WITHIN = 0.9  # share of a contour's pixels inside another contour from which it is a hole, not an overlapping part
NOWHERE = Grid((1, 1, 1), np.eye(4))
MOST_SERIES_NAMED = 3


@dataclass
class _Structure:
    """One structure as the file describes it: contours by area type, and those that cannot be filled."""

    name: str
    frames: set[str]
    contours: list[np.ndarray] = field(default_factory=list)
    exclusive: list[np.ndarray] = field(default_factory=list)  # CLOSEDPLANAR_XOR
    markers: int = 0
    others: list[str] = field(default_factory=list)
    images: set[str] = field(default_factory=set)
    meaning: str = ""  # description and type besides the name

    @property
    def outlines(self) -> list[np.ndarray]:
        """All contours that enclose an area."""
        return self.contours + self.exclusive


def read(
    path: Path, series: list[Series], strict: bool = True, instances: Mapping[str, str] = MappingProxyType({})
) -> list[Region]:
    """Read the structures of an RTSTRUCT, filled on the slices of the series they were drawn on.

    A structure that cannot be filled completely becomes a region with a ``problem``, because another structure may be
    the tumour.

    Args:
        path: the file.
        series: the patient's series.
        strict: whether a structure must refer to the series; if not, any series that contains the contours is used.
        instances: UID of the series of each of the patient's images, for contours that name their images.

    Raises:
        RoiError: ``unreadable_roi``, or ``foreign_roi`` if the object refers to none of the patient's series.
    """
    try:
        dataset = pydicom.dcmread(path)
        drawn_on, frames = _references(dataset)
        structures = _structures(dataset, frames)
        patient = str(dataset.get("PatientID") or "").strip()
        context = "/".join(values.text(dataset, key) for key in ("SeriesDescription", "StructureSetLabel"))
    except Exception as error:  # pydicom raises many types on incomplete objects; none of them is our bug
        text = f"{file_in_words(path)}: RTSTRUCT cannot be read ({reason(error)})"
        raise RoiError("unreadable_roi", text) from None
    if not structures:
        raise RoiError("unreadable_roi", f"{file_in_words(path)}: the RTSTRUCT contains no structures")
    grids = _grids(series)
    regions = []
    for structure in structures:
        # contours that name their images belong to the series of these, not to all series that the set lists
        named = {instances[uid] for uid in structure.images if uid in instances} if structure.images else drawn_on
        referenced = [
            (item, grid)
            for item, grid in grids
            if not strict or item.uid in named or item.frame_of_reference in structure.frames
        ]
        region = _region(structure, referenced, named)
        region.images, region.patient, region.source = structure.images, patient, path
        region.context, region.meaning = f"{path.stem}/{context}", structure.meaning
        regions.append(region)
    return regions


def _structures(dataset: Any, frames: set[str]) -> list[_Structure]:
    """Return every structure of the set, drawn or not.

    Raises:
        ValueError: two structures have one number.
        KeyError: contours belong to a structure that is not listed.
    """
    structures: dict[int, _Structure] = {}
    for item in dataset.StructureSetROISequence:
        number = int(item.ROINumber)
        if number in structures:
            raise ValueError(number)
        frame = str(item.get("ReferencedFrameOfReferenceUID") or "")
        item_frames = {frame} if frame in frames else (frames | {frame}) - {""}
        name = values.text(item, "ROIName", dataset) or f"structure {number}"
        structures[number] = _Structure(name, item_frames, meaning=values.text(item, "ROIDescription", dataset))
    for item in dataset.get("RTROIObservationsSequence") or []:
        if structure := structures.get(int(item.get("ReferencedROINumber") or -1)):
            label, kind = (values.text(item, key, dataset) for key in ("ROIObservationLabel", "RTROIInterpretedType"))
            structure.meaning = f"{structure.meaning} {label} {kind.lower()}".strip()
    for item in dataset.get("ROIContourSequence") or []:
        for contour in item.get("ContourSequence") or []:
            _add(structures[int(item.ReferencedROINumber)], contour)
    return list(structures.values())


def _add(structure: _Structure, contour: Any) -> None:
    """Add one contour to its structure.

    Raises:
        ValueError: the points of the contour are incomplete.
    """
    kind = str(contour.get("ContourGeometricType") or "").strip().upper()
    for image in contour.get("ContourImageSequence") or []:
        structure.images.add(str(image.get("ReferencedSOPInstanceUID") or ""))
    if kind == MARKER:
        structure.markers += 1
        return
    if kind not in AREAS:
        structure.others.append(kind or "without a type")
        return
    points = np.array(contour.ContourData, float).reshape(-1, 3)
    if not np.isfinite(points).all() or int(contour.get("NumberOfContourPoints") or len(points)) != len(points):
        raise ValueError(len(points))
    (structure.exclusive if kind == "CLOSEDPLANAR_XOR" else structure.contours).append(points)


def _region(structure: _Structure, grids: list[tuple[Series, Grid | str]], drawn_on: set[str]) -> Region:
    """Return a structure on the grid of the series that contains it; a referenced series is tried first."""
    region = Region(structure.name, STRUCTURE_SET, np.zeros((1, 1, 1), bool), NOWHERE, structure.frames, drawn_on)
    if structure.markers:
        region.notes.append(f"{structure.markers} POINT contours of '{structure.name}' are markers and were left out")
    if structure.others:
        kinds = ", ".join(sorted(set(structure.others)))
        region.problem = (
            f"{len(structure.others)} of its contours are {kinds}, which enclose no area, so the region would be "
            "incomplete; export closed contours"
        )
        return region
    if not structure.outlines:
        return region
    why_not = []
    for series, grid in sorted(grids, key=lambda pair: pair[0].uid not in drawn_on):
        problem = grid if isinstance(grid, str) else _not_contained(structure.outlines, grid)
        if not problem:
            region.grid, region.inside = grid, fill(structure.contours, grid, structure.exclusive)
            return region
        why_not.append(f"series {series.number}: {problem}")
    tried = "; ".join(why_not[:MOST_SERIES_NAMED])
    region.problem = f"none of the series it may belong to contains its contours ({tried})" if tried else ""
    return region


def _references(dataset: Any) -> tuple[set[str], set[str]]:
    """Return the UIDs of the series and frames of reference that a structure set names."""
    series, frames = set(), set()
    for frame in dataset.get("ReferencedFrameOfReferenceSequence") or []:
        frames.add(str(frame.get("FrameOfReferenceUID", "")))
        for study in frame.get("RTReferencedStudySequence") or []:
            for referenced in study.get("RTReferencedSeriesSequence") or []:
                series.add(str(referenced.get("SeriesInstanceUID", "")))
    return series - {""}, frames - {""}


def _grids(series: list[Series]) -> list[tuple[Series, Grid | str]]:
    """Return each series with its grid, or with the problem of its geometry."""
    grids: list[tuple[Series, Grid | str]] = []
    for item in series:
        try:
            grids.append((item, stack(item.frames, item.slice_distance or item.thickness)[0]))
        except BrokenGeometryError as error:
            grids.append((item, str(error)))
    return grids


def _not_contained(contours: list[np.ndarray], grid: Grid) -> str:
    """Return why contours are not on the slices of a grid and inside it; "" if they are."""
    columns, rows, slices = grid.size
    for points in contours:
        index = grid.index(points)
        nearest = round(float(np.median(index[:, 2])))
        off = np.abs(index[:, 2] - nearest).max()
        if off > OFF_SLICE:
            return f"a contour is {off * grid.spacing[2]:.1f} mm away from the next slice"
        if not 0 <= nearest < slices:
            return f"a contour is {max(-nearest, nearest - slices + 1) * grid.spacing[2]:.1f} mm beyond its slices"
        beyond = max(-0.5 - index[:, :2].min(), (index[:, :2] - [columns - 0.5, rows - 0.5]).max())
        if beyond > OVERHANG:
            return f"a contour extends {beyond * max(grid.spacing[:2]):.1f} mm beyond the border of its images"
    return ""


def fill(contours: list[np.ndarray], grid: Grid, exclusive: list[np.ndarray] = ()) -> np.ndarray:
    """Fill contours (each [points, 3] in mm): booleans [slice, row, column] for pixel centres inside.

    A contour inside another is a hole, and one inside the hole an island. Contours that overlap are parts of one
    region, and a repeated contour counts once. Contours in ``exclusive`` follow the even-odd rule. Pixel centres on a
    contour are inside: several programs draw contours through the outermost pixel centres of a mask, and holes through
    the innermost ones around them.
    """
    filled = np.zeros(grid.size[::-1], bool)
    border = np.zeros_like(filled)
    for number, box, inside, near in sorted(_distinct(contours, grid), key=lambda drawn: -drawn[2].sum()):
        border[number][box] |= near
        part = filled[number][box]
        is_hole = inside.any() and part[inside].mean() >= WITHIN
        filled[number][box] = part & ~inside if is_hole else part | inside
    for number, box, inside, near in _distinct(exclusive, grid):
        border[number][box] |= near
        filled[number][box] ^= inside
    return filled | border


def _distinct(contours: list[np.ndarray], grid: Grid) -> list[tuple]:
    """Return the contours as pixels (see ``_drawn``), each once."""
    distinct = {}
    for points in contours:
        if drawn := _drawn(points, grid):
            number, (rows, columns), inside, near = drawn
            covered = np.argwhere(inside | near) + [rows.start, columns.start]
            distinct.setdefault((number, covered.tobytes()), drawn)
    return list(distinct.values())


def _drawn(points: np.ndarray, grid: Grid) -> tuple[int, tuple[slice, slice], np.ndarray, np.ndarray] | None:
    """Return a contour's slice, the box around it, and the pixels in it that are inside and on its border."""
    index = grid.index(points)
    number = round(float(np.median(index[:, 2])))
    low = np.clip(np.floor(index[:, :2].min(axis=0)).astype(int), 0, None)
    high = np.clip(np.ceil(index[:, :2].max(axis=0)).astype(int) + 1, None, grid.size[:2])
    if not 0 <= number < grid.size[2] or (high <= low).any():
        return None
    inside, near = _polygon(index[:, :2], low, high)
    return number, (slice(low[1], high[1]), slice(low[0], high[0])), inside, near


def _polygon(corners: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels of a box are inside a polygon [corners, 2], and which on its border (crossing number).

    Each edge is evaluated only in the rows that it crosses and the pixels next to it.

    Args:
        corners: corners of the polygon (column, row).
        low: first pixel of the box (column, row).
        high: pixel after the last one of the box.
    """
    inside = np.zeros((high[1] - low[1], high[0] - low[0]), bool)
    near = np.zeros_like(inside)
    columns, rows = np.arange(low[0], high[0]), np.arange(low[1], high[1])[:, None]
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        dx, dy = x1 - x0, y1 - y0
        down, across = _span(y0, y1, low[1]), _span(x0, x1, low[0])
        y = rows[down]
        if dy != 0:
            inside[down] ^= ((y0 > y) != (y1 > y)) & (columns < x0 + (y - y0) * dx / dy)
        x = columns[across]
        length = dx * dx + dy * dy
        along = np.clip(((x - x0) * dx + (y - y0) * dy) / length, 0, 1) if length else 0.0
        near[down, across] |= (x - x0 - along * dx) ** 2 + (y - y0 - along * dy) ** 2 < ON_BORDER**2
    return inside, near


def _span(start: float, end: float, first: int) -> slice:
    """Return the pixels from one below to one above two coordinates, counted from the box's first."""
    low, high = int(np.floor(min(start, end))) - 1, int(np.ceil(max(start, end))) + 2
    return slice(max(0, low - first), max(0, high - first))
