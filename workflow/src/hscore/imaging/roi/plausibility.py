"""Check that a region is plausible: its position in the patient's images, its size and its shape."""

import numpy as np

from hscore.imaging.body import air_limit
from hscore.imaging.dicom.geometry import BrokenGeometryError, stack
from hscore.imaging.dicom.grouping import Series
from hscore.imaging.grid import Grid
from hscore.imaging.roi.region import Region
from hscore.imaging.roi.resampling import carry, outside_fraction

# Share of a series' field of view above which a region is not a tumour. A sphere of 10 cm, larger than nearly all
# cervical tumours, is 13 % of a small field of view (20 x 20 x 10 cm). A mask of the body or an inverted one is 40 %
# and more. Of the slices that it reaches, such a sphere covers 20 %.
MOST_OF_VIEW, MOST_OF_SECTION = 0.3, 0.5
# The same for the bright voxels of a volume, which are the body.
MOST_OF_BODY, MOST_OF_BODY_SECTION = 0.5, 0.7
# Number of empty slices in the middle of a region that count as forgotten; more are a distance between two lesions.
MOST_SLICES_FORGOTTEN = 2
# The same in mm, for a mask that was resampled to thinner slices: two slices of the pelvis are up to this thick.
MOST_MM_FORGOTTEN = 12.0
SAME_SPACING = 0.01  # relative
# Number of voxels that two slices must have in common, and the share of them that a slice in between must contain.
FEWEST_COMMON, LEAST_KEPT = 10, 0.25
# Share of a region outside the body. A tumour contains no air, its outline may contain a little.
MOST_IN_AIR = 0.5
LEAST_BODY = 0.05  # share of the volume; a picture of uniform brightness has no body

INVERTED = "it may be inverted, or an outline of the body"


def series_grids(series: list[Series]) -> list[tuple[Series, Grid]]:
    """Return the series that are regular volumes, with their grids."""
    regular = []
    for item in series:
        try:
            regular.append((item, stack(item.frames, item.slice_distance or item.thickness)[0]))
        except BrokenGeometryError:
            continue
    return regular


def position_problem(region: Region, grids: list[tuple[Series, Grid]]) -> str:
    """Return why a mask file's position cannot be that of the patient's images; "" if it can.

    Programs that lose the position write zeros, or keep only a part of it. A mask with the matrix of a series but
    another position is therefore regarded as wrongly placed.
    """
    grid = region.grid
    if not grids or any(grid.same_as(series_grid) for _, series_grid in grids):
        return ""
    how = "export it with the position of the images it was drawn on, or as DICOM-SEG"
    if not grid.affine[:3, 3].any():
        return f"it has no position (its first voxel is at 0, 0, 0, and no series of the patient begins there); {how}"
    for series, series_grid in grids:
        same_spacing = np.allclose(sorted(grid.spacing), sorted(series_grid.spacing), rtol=SAME_SPACING)
        if sorted(grid.size) == sorted(series_grid.size) and same_spacing:
            return (
                f"it has the matrix of series {series.number} but another position or direction, so that its position "
                f"was lost or changed when it was exported; {how}"
            )
    return ""


def view_problem(regions: list[Region], grids: list[tuple[Series, Grid]]) -> str:
    """Return why a region is too large for a tumour; "" if it is not.

    Its volume is compared with the field of view of each series of several slices, once for all slices and once for
    those that it reaches.
    """
    for series, grid in grids:
        if grid.size[2] < 2:
            continue
        volume, slices = _inside(regions, grid)
        section = grid.volume_mm3 / grid.size[2]
        for share, limit, where in (
            (volume / grid.volume_mm3, MOST_OF_VIEW, "field of view"),
            (volume / (section * max(1, slices)), MOST_OF_SECTION, "slices that it reaches"),
        ):
            if share > limit:
                return (
                    f"it covers {100 * share:.0f} % of the {where} of series {series.number}, and a tumour at most "
                    f"{100 * limit:.0f} %: {INVERTED}"
                )
    return ""


def _inside(regions: list[Region], grid: Grid) -> tuple[float, int]:
    """Return the volume of a region inside a grid [mm3], and the number of slices that it reaches."""
    volume, slices = 0.0, set()
    for region in regions:
        index = grid.index(region.points)
        index = index[((index >= -0.5) & (index <= np.array(grid.size) - 0.5)).all(axis=1)]
        volume += len(index) * region.grid.voxel_mm3
        slices |= set(np.unique(np.rint(index[:, 2])).tolist())
    return volume, len(slices)


def body_problem(mask: np.ndarray, values: np.ndarray) -> str:
    """Return why a mask [z, y, x] covers too much of the body, or too much air, in a volume on its grid; "" if not."""
    body = values > air_limit(values)
    mask = mask.astype(bool)
    covered = mask & body
    in_air = 1 - np.count_nonzero(covered) / max(1, np.count_nonzero(mask))
    if in_air > MOST_IN_AIR and body.mean() > LEAST_BODY:
        return f"{100 * in_air:.0f} % of the ROI is in air: its rows, columns or slices may be flipped"
    used = mask.any(axis=(1, 2))
    for limit, slices, where in (
        (MOST_OF_BODY, slice(None), "the body"),
        (MOST_OF_BODY_SECTION, used, "the body on the slices that it reaches"),
    ):
        share = np.count_nonzero(covered[slices]) / max(1, np.count_nonzero(body[slices]))
        if share > limit:
            return (
                f"the ROI covers {100 * share:.0f} % of {where}, and a tumour at most {100 * limit:.0f} %: {INVERTED}"
            )
    return ""


def gap(regions: list[Region]) -> tuple[str, bool]:
    """Return what is wrong with empty slices inside a region ("" if nothing), and whether slices were forgotten.

    Slices are along the thickest direction of the region's grid. An empty slice counts if the outlines before and
    behind it overlap, because the tumour then passes through it. One or two empty slices, or repeated gaps, are slices
    that were not drawn. A single larger gap may separate two lesions.
    """
    grid = regions[0].grid
    inside = regions[0].inside
    for region in regions[1:]:
        inside = inside | carry([region], grid).astype(bool)
    spacing = np.array(grid.spacing[::-1])
    axis = 0 if spacing[0] > 0.99 * spacing.max() else int(np.argmax(spacing))
    slices = np.moveaxis(inside, axis, 0)
    used = np.flatnonzero(slices.any(axis=(1, 2)))
    gaps = [int(b - a - 1) for a, b in zip(used, used[1:], strict=False) if b - a > 1 and (slices[a] & slices[b]).any()]
    thickness = float(np.linalg.norm(grid.affine[:3, 2 - axis]))
    if not gaps:
        return ("part of it is missing on slices between outlined ones", True) if _torn(slices) else ("", False)
    forgotten = min(gaps) <= MOST_SLICES_FORGOTTEN or min(gaps) * thickness <= MOST_MM_FORGOTTEN or len(gaps) > 1
    empty = f"{sum(gaps)} slices inside the region are empty though it is drawn on both sides of them"
    return empty, forgotten


def _torn(slices: np.ndarray) -> bool:
    """Return whether a slice lacks most of what the slices on both its sides have in common.

    The slice need not be empty, because another part of the region (a satellite) may be drawn on it.
    """
    for width in range(1, MOST_SLICES_FORGOTTEN + 1):
        both = slices[: -width - 1] & slices[width + 1 :]
        between = np.logical_or.reduce([slices[1 + k : len(slices) - width + k] for k in range(width)])
        common = both.sum(axis=(1, 2))
        kept = (both & between).sum(axis=(1, 2))
        if ((common >= FEWEST_COMMON) & (kept < LEAST_KEPT * common)).any():
            return True
    return False


def combined_dice(first: list[Region], second: list[Region]) -> float:
    """Return the Dice coefficient of two ROIs on the grid of the first, extended by the part of the second outside."""
    grid = first[0].grid
    a, b = carry(first, grid) > 0, carry(second, grid) > 0
    outside = outside_fraction(second, grid)
    # voxels of the second ROI inside its own grid but outside that of the first
    beyond = np.count_nonzero(b) * outside / (1 - outside) if outside < 1 else 1.0
    total = np.count_nonzero(a) + np.count_nonzero(b) + beyond
    return 2 * float(np.count_nonzero(a & b)) / float(total) if total else 0.0
