"""The volume on which the atlas is painted with polygons, lines and balls."""

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import distance_transform_edt

from hscore.simulation.codes import LEVELS, NUMBER, PIXEL, STEP, X, Y, Z
from hscore.simulation.fields import Field
from hscore.simulation.textures import Textures


class Canvas:
    """A volume of tissue codes. Each painted organ covers earlier ones.

    Args:
        random: random generator.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.codes = np.zeros((len(Z), len(Y), len(X)), np.uint8)
        self.textures = Textures(random, self.codes.shape, (STEP, PIXEL, PIXEL))

    def paint(self, block: tuple[slice, slice, slice], depth: np.ndarray, layers: dict, texture: dict | None = None):
        """Fill the voxels with positive `depth` in a block, by layers.

        Args:
            block: sections, rows and columns.
            depth: depth below the surface [mm], of the block's shape.
            layers: tissue of each depth from which a layer begins.
            texture: texture of a tissue, if it is not the usual one.
        """
        part = self.codes[block]
        for below, tissue in layers.items():
            inside = depth > below
            levels = self.textures.levels_of((texture or {}).get(tissue, tissue))
            code = np.uint8(NUMBER[tissue] * LEVELS)
            part[inside] = code if levels is None else code + levels[block][inside]

    def polygon(self, section: int, points: np.ndarray, layers: dict, texture: dict | None = None) -> None:
        """Fill the polygon of `points` (n, 2: x, y in mm) on one section."""
        rows, columns = span(points[:, 1], Y), span(points[:, 0], X)
        picture = Image.new("L", (columns.stop - columns.start, rows.stop - rows.start))
        if not all(picture.size):
            return
        corner = X[columns.start], Y[rows.start]
        ImageDraw.Draw(picture).polygon([tuple(point) for point in (points - corner) / PIXEL], fill=1)
        mask = np.asarray(picture)
        depth = distance_transform_edt(mask) * PIXEL - 0.5 * PIXEL if len(layers) > 1 else mask
        self.paint((slice(section, section + 1), rows, columns), depth[None], layers, texture)

    def line(self, section: int, points: np.ndarray, width: float, layers: dict) -> None:
        """Draw an open line through `points` (n, 2: x, y in mm), `width` mm thick, on one section."""
        finer = 3
        rows, columns = span(points[:, 1], Y, width), span(points[:, 0], X, width)
        picture = Image.new("L", (finer * (columns.stop - columns.start), finer * (rows.stop - rows.start)))
        if not all(picture.size):
            return
        corner = X[columns.start], Y[rows.start]
        path = [tuple(point) for point in (points - corner) / PIXEL * finer]
        ImageDraw.Draw(picture).line(path, fill=1, width=max(1, round(width / PIXEL * finer)), joint="curve")
        covered = np.asarray(picture).reshape(picture.height // finer, finer, -1, finer).mean(axis=(1, 3)) - 0.5
        self.paint((slice(section, section + 1), rows, columns), covered[None], layers)

    def balls(self, balls: np.ndarray, layers: dict, texture: dict | None = None, uneven: Field | None = None):
        """Fill the union of balls (n, 4: x, y, z, radius in mm), with the surface moved in and out by a field (mm).

        Returns:
            The block that contains them and the depth in it; None if they are outside of the volume.
        """
        reach = balls[:, 3] + (0 if uneven is None else 3)
        block = tuple(
            span(np.r_[balls[:, i] - reach, balls[:, i] + reach], axis) for i, axis in ((2, Z), (1, Y), (0, X))
        )
        if any(part.start >= part.stop for part in block):
            return None
        z, y, x = (axis[part] for axis, part in zip((Z, Y, X), block, strict=True))
        depth = np.full((len(z), len(y), len(x)), -9.0, np.float32)
        for (cx, cy, cz, r), far in zip(balls, reach, strict=True):
            near = tuple(slice(*np.searchsorted(axis, (c - far, c + far))) for axis, c in ((z, cz), (y, cy), (x, cx)))
            dz, dy, dx = ((axis[part] - c) ** 2 for axis, part, c in zip((z, y, x), near, (cz, cy, cx), strict=True))
            part = depth[near]
            np.maximum(part, r - np.sqrt(dz[:, None, None] + dy[:, None] + dx), out=part)
        if uneven is not None:
            depth += uneven.at(z[:, None], y[None], x)
        self.paint(block, depth, layers, texture)
        return block, depth


def span(values: np.ndarray, axis: np.ndarray, margin: float = 0.0) -> slice:
    """Return the part of an axis that contains `values` and a margin (mm)."""
    step = axis[1] - axis[0]
    low, high = values.min() - margin - step, values.max() + margin + step
    return slice(*(int(place) for place in np.searchsorted(axis, (low, high))))
