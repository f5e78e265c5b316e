"""The structures of an RTSTRUCT, which are contours, as regions."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from hscore.imaging.geometry import BrokenGeometryError, stack
from hscore.imaging.grid import Grid
from hscore.imaging.grouping import Series
from hscore.imaging.region import Region, RoiError

# Pixels; contours drawn through pixel centres miss them by rounding, and hand-drawn ones hardly ever come so near.
ON_BORDER = 0.02


def read(path: Path, series: list[Series], strict: bool = True) -> list[Region]:
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
    except Exception as error:  # pydicom raises many types on incomplete objects; none of them is our bug
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
