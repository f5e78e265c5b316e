"""Draw one picture per patient: each sequence whole and enlarged, with the ROI's outline and both boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hscore.imaging.nifti import Volume
from hscore.imaging.percentiles import percentiles

CELL = 176  # pixels
GAP = 2
LABEL = 15
QUALITY = 60  # of the WebP, which is a third smaller than a JPEG that looks the same
ROI, BOX, GROWN = (255, 214, 0), (0, 214, 255), (255, 110, 220)  # yellow, cyan, pink
INK, PAPER = (235, 235, 235), (0, 0, 0)
FIXED_WINDOWS = {"ADC": (0.0, 3000.0)}  # 1e-6 mm2/s


@dataclass
class View:
    """One sequence in the montage. ``boxes``: (tight box, grown box), each (x0, y0, x1, y1), of each section."""

    sequence: str
    image: Volume
    mask: np.ndarray | None
    boxes: Mapping[int, Sequence[tuple[int, int, int, int]]]

    @cached_property
    def sections(self) -> tuple[int, int, int]:
        """A low, the largest and a high section of the tumour; without a tumour, quarters of the volume."""
        depth = len(self.image.stored)
        if self.mask is None or not self.mask.any():
            return depth // 4, depth // 2, (3 * depth) // 4
        areas = self.mask.sum(axis=(1, 2))
        sections = np.flatnonzero(areas)
        low, high = sections[len(sections) // 4], sections[(3 * len(sections)) // 4]
        return int(low), int(np.argmax(areas)), int(high)

    @cached_property
    def window(self) -> tuple[float, float]:
        """Values displayed as black and as white."""
        if self.sequence in FIXED_WINDOWS:
            return FIXED_WINDOWS[self.sequence]
        low, high = percentiles(self.image.values(self.sections[1]), [1, 99.5])
        return float(low), float(max(high, low + 1e-6))

    @cached_property
    def close(self) -> tuple[int, int, int, int]:
        """The enlarged part around the tumour (x0, y0, x1, y1): a square in mm, 1.5 times the extent of all boxes."""
        height, width = self.image.stored.shape[1:]
        if self.boxes:
            grown = np.array([pair[1] for pair in self.boxes.values()])
            low, high = grown[:, :2].min(axis=0), grown[:, 2:].max(axis=0)
        elif self.mask is not None and self.mask.any():
            rows, columns = np.nonzero(self.mask.any(axis=0))
            low, high = np.array([columns.min(), rows.min()]) - 5, np.array([columns.max(), rows.max()]) + 5
        else:
            return 0, 0, width - 1, height - 1
        mm = np.array(self.image.grid.spacing[:2])
        half = max((high - low + 1) * mm) * 0.75 / mm  # a square in mm
        low, high = np.maximum((low + high) / 2 - half, 0), np.minimum((low + high) / 2 + half, [width - 1, height - 1])
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def draw(views: Sequence[View], missing: Sequence[str], path: Path) -> None:
    """Write the montage as WebP, one row per sequence.

    A row has the whole section, three enlarged views, and the middle one again without lines.

    Args:
        views: the sequences with an image.
        missing: sequences without a picture.
        path: the file.
    """
    rows = len(views) + len(missing)
    width = 5 * CELL + 4 * GAP
    picture = Image.new("RGB", (width, max(rows, 1) * (CELL + LABEL + GAP)), PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(11)
    for row, view in enumerate(views):
        top = row * (CELL + LABEL + GAP)
        low, largest, high = view.sections
        whole = (0, 0, view.image.stored.shape[2] - 1, view.image.stored.shape[1] - 1)
        close = view.close
        cells = [(largest, whole, True), (low, close, True), (largest, close, True), (high, close, True)]
        for column, (section, part, lines) in enumerate([*cells, (largest, close, False)]):
            left = column * (CELL + GAP)
            picture.paste(_cell(view, section, part, lines), (left, top + LABEL))
            name = f"{view.sequence}  " if column == 0 else ""
            pen.text((left + 3, top + 1), f"{name}section {section + 1}/{len(view.image.stored)}", INK, font)
    for row, sequence in enumerate(missing, len(views)):
        pen.text((3, row * (CELL + LABEL + GAP) + 1), f"{sequence}  no picture", INK, font)
    picture.save(path, "WEBP", quality=QUALITY, method=2)


def _cell(view: View, section: int, part: tuple[int, int, int, int], lines: bool) -> Image.Image:
    """Return one square picture of a part of a section, in true proportions, upright."""
    x0, y0, x1, y1 = part
    cut = (section, slice(y0, y1 + 1), slice(x0, x1 + 1))
    low, high = view.window
    gray = np.clip((view.image.values(*cut) - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    upright = view.image.upright
    across, down = (n * mm for n, mm in zip(gray.shape[::-1], view.image.grid.spacing[:2], strict=True))
    scale = CELL / max(across, down)
    size = max(1, round(across * scale)), max(1, round(down * scale))
    shown = np.asarray(Image.fromarray(np.ascontiguousarray(upright(gray))).resize(size, Image.Resampling.BILINEAR))
    color = np.repeat(shown[:, :, None], 3, axis=2)
    if lines:
        for pair, ink in zip(view.boxes.get(section, ()), (BOX, GROWN), strict=False):
            inside = np.zeros(gray.shape, np.uint8)
            inside[max(pair[1] - y0, 0) : pair[3] - y0 + 1, max(pair[0] - x0, 0) : pair[2] - x0 + 1] = 1
            color[_outline(upright(inside), size)] = ink
        if view.mask is not None:
            color[_outline(upright(view.mask[cut].astype(np.uint8)), size)] = ROI
    cell = Image.new("RGB", (CELL, CELL), PAPER)
    cell.paste(Image.fromarray(color), ((CELL - size[0]) // 2, (CELL - size[1]) // 2))
    return cell


def _outline(inside: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return the border, one pixel wide, of a mask [y, x] drawn at ``size`` (width, height); booleans."""
    large = np.asarray(Image.fromarray(np.ascontiguousarray(inside)).resize(size, Image.Resampling.NEAREST)) > 0
    padded = np.pad(large, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return large & ~core
