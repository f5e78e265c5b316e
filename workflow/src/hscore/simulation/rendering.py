"""From anatomy to noise-free signal on the grid of any sequence."""

from dataclasses import dataclass

import numpy as np

from hscore.simulation.anatomy import Pelvis, Shape, Tumour
from hscore.simulation.signal import tissue_signal

SLAB_PIXELS = 600_000  # a volume is rendered in slabs of about this size, which stay in the processor's cache


def render(pelvis: Pelvis, z, y, x, kind: str, protocol: dict, field_tesla: float, parameters: dict, levels: dict):
    """Noise-free signal on the grid z x y x x (slab coordinates, mm), shape (channels, z, y, x), float32.

    `levels` are the patient's sign levels by sequence; a localizer shows none.
    """

    def signal(tissue: str, scale=1.0) -> np.ndarray:
        values = tissue_signal(parameters["tissues"][tissue], kind, protocol, field_tesla, parameters, scale)
        return values * np.float32(pelvis.tissue_factor[tissue])

    contrast = {tissue: signal(tissue) for tissue in parameters["tissues"]}
    channels = len(protocol["b_values"]) if kind == "ADC" else 1
    image = np.zeros((channels, len(z), len(y), len(x)), np.float32)
    sections = max(1, SLAB_PIXELS // (len(y) * len(x)))
    for first in range(0, len(z), sections):
        slab = slice(first, first + sections)
        grid = Grid.of(pelvis, z[slab], y, x, protocol.get("distortion_mm", 0.0))
        for shape in pelvis.shapes:
            _paint_shape(image[:, slab], grid, shape, contrast)
        _paint_tumour(image[:, slab], grid, pelvis.tumour, signal, parameters, kind, levels)
    return image


def tumour_mask(pelvis: Pelvis, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Pixels whose centre lies in the tumour, on the grid z x y x x (mm): what a careful reader would outline."""
    return pelvis.tumour.depth(z, y, x) >= 0


@dataclass(frozen=True)
class Grid:
    """A sequence's grid with its displaced coordinates and texture fields."""

    z: np.ndarray
    y: np.ndarray
    x: np.ndarray
    moved_y: np.ndarray
    moved_x: np.ndarray
    fine: np.ndarray
    coarse: np.ndarray
    threads: np.ndarray  # 1 on thin surfaces (which a slice cuts as lines), falling to 0 beside them

    @classmethod
    def of(cls, pelvis: Pelvis, z, y, x, distortion_mm: float) -> "Grid":
        """Evaluate a patient's fields on a grid; `distortion_mm` displaces along y, as echo-planar imaging does."""
        axes = [np.asarray(axis, np.float32) for axis in (z, y, x)]
        wide_y, wide_x, small_y, small_x = (warp.at(*axes) for warp in pelvis.warp)
        displaced = []
        for axis, wide, small in ((axes[1][None, :, None], wide_y, small_y), (axes[2][None, None, :], wide_x, small_x)):
            small *= np.float32(0.3)
            wide += small
            wide *= np.float32(pelvis.warp_mm)
            wide += axis
            displaced.append(wide)
        if distortion_mm:
            displaced[0] += np.float32(distortion_mm) * pelvis.distortion.at(*axes)
        threads = pelvis.threads.at(*axes)
        threads *= threads
        threads *= np.float32(150.0)
        threads += 1
        np.reciprocal(threads, out=threads)
        coarse = pelvis.coarse.at(*axes)
        threads *= np.clip(np.float32(0.5) + coarse, 0, 1)  # they come and go
        return cls(*axes, *displaced, pelvis.fine.at(*axes), coarse, threads)

    def block(self, low, high) -> tuple[slice, slice, slice] | None:
        """Index ranges of the box low..high (z, y, x in mm); None when it misses the grid."""
        ranges = []
        for axis, a, b in zip((self.z, self.y, self.x), low, high, strict=True):
            start, stop = np.searchsorted(axis, [a, b])
            if start >= stop:
                return None
            ranges.append(slice(int(start), int(stop)))
        return tuple(ranges)

    def block_of(self, shape: Shape, stride: int = 8) -> tuple[slice, slice, slice] | None:
        """Index ranges that hold a shape, found on every `stride`-th pixel; None when it misses the grid."""
        start, stop = np.searchsorted(self.z, shape.nodes[[0, -1], 0])
        if start >= stop:
            return None
        every_y, every_x = (stride if len(axis) > 3 * stride else 1 for axis in (self.y, self.x))
        thin = (slice(int(start), int(stop)), slice(None, None, every_y), slice(None, None, every_x))
        steps = [every * (axis[1] - axis[0]) for every, axis in ((every_y, self.y), (every_x, self.x)) if every > 1]
        step = max(steps, default=0.0)
        near = shape.depth(self.z[thin[0]], self.moved_y[thin], self.moved_x[thin]) > -(2.0 + step)
        if not near.any():
            return None
        ranges = [thin[0]]
        for others, size, every in (((0, 2), len(self.y), every_y), ((0, 1), len(self.x), every_x)):
            held = np.flatnonzero(near.any(axis=others))
            ranges.append(slice(max(0, int(held[0] - 1) * every), min(size, int(held[-1] + 1) * every + 1)))
        return tuple(ranges)


def _edge(depth: np.ndarray, width: float) -> np.ndarray:
    """Soft edge: 0 at half a width outside, 1 at half a width inside."""
    weight = depth * np.float32(1 / width)
    weight += np.float32(0.5)
    return np.clip(weight, 0, 1, out=weight)


def _paint(part: np.ndarray, weight: np.ndarray, value: np.ndarray) -> None:
    """Replace the share `weight` of what is in `part` by `value`, in place."""
    change = value - part
    change *= weight
    part += change


def _paint_shape(image: np.ndarray, grid: Grid, shape: Shape, contrast: dict[str, np.ndarray]) -> None:
    block = grid.block_of(shape)
    if block is None:
        return
    depth = shape.depth(grid.z[block[0]], grid.moved_y[block], grid.moved_x[block])
    for below, tissue, texture in shape.layers:
        weight = _edge(depth - np.float32(below), shape.edge)
        mottle = np.float32(texture.fine) * grid.fine[block]
        mottle += np.float32(texture.coarse) * grid.coarse[block]
        mottle += 1
        for channel, value, thread in zip(image, contrast[tissue], contrast[texture.threads or tissue], strict=True):
            values = mottle * value
            if texture.threads:
                values += (texture.share * (thread - value)) * grid.threads[block]
            _paint(channel[block], weight, values)


def _paint_tumour(image: np.ndarray, grid: Grid, tumour: Tumour, signal, parameters: dict, kind: str, levels: dict):
    """The peritumoral tissue and the tumour, as strongly marked as the patient's levels say."""
    reach = parameters["tumour"]["around_mm"]
    margin = reach + 8.0
    block = grid.block(tumour.reach[::-1, 0] - margin, tumour.reach[::-1, 1] + margin)
    if block is None:
        return
    z, y, x = (axis[part] for axis, part in zip((grid.z, grid.y, grid.x), block, strict=True))
    inside, around = _sign_values(parameters["signs"], kind, levels)

    depth = tumour.depth(z, y, x)
    halo = np.clip(1 + depth / np.float32(5.0), 0, 1)  # tissue next to the tumour that no sign changes
    for channel, value in zip(image, signal("peritumoral"), strict=True):
        _paint(channel[block], halo, value)

    scale = np.maximum(around["mean"] * (1 + around["strands"] * tumour.strands.at(z, y, x)), 0.05)
    weight = peritumoral_weight(tumour, reach, z, y, x)
    for channel, value in zip(image, signal("peritumoral", scale), strict=True):
        _paint(channel[block], weight, value)

    rim = np.exp(-0.5 * (depth / np.float32(parameters["tumour"]["rim_mm"])) ** 2)
    scale = inside["mean"] * (1 + inside["texture"] * tumour.texture.at(z, y, x)) + inside["rim"] * rim
    weight = _edge(depth, 1.5)
    for channel, value in zip(image, signal("tumour", np.maximum(scale, 0.05)), strict=True):
        _paint(channel[block], weight, value)


def peritumoral_weight(tumour: Tumour, reach: float, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Where the tissue just beyond the tumour lies, 0..1: lobes in the parametria, smaller ones in front and behind.

    They begin at the tumour's outermost point in each direction, so a box drawn tightly around the tumour hardly
    holds any of them, and the box grown by some pixels does.
    """
    (x0, x1), (y0, y1), (z0, z1) = tumour.reach
    uneven = np.float32(0.22) * tumour.noise.at(z, y, x)

    def lobes(out: np.ndarray, along: np.ndarray, far: float) -> np.ndarray:
        """Half ellipses on both sides: `out` mm beyond the extent, `along` from -1 to 1 beside it."""
        r = np.sqrt(np.maximum(out, 0) ** 2 / np.float32(far**2) + along**2) + uneven
        return np.clip((1.05 - r) / np.float32(0.35), 0, 1) * _edge(out, 2.0)

    out_x = np.maximum(x0 - x, x - x1).astype(np.float32)[None, None, :]
    out_y = np.maximum(y0 - y, y - y1).astype(np.float32)[None, :, None]
    along_x = ((x - (x0 + x1) / 2) / (0.45 * (x1 - x0))).astype(np.float32)[None, None, :]
    along_y = ((y - (y0 + y1) / 2) / (0.45 * (y1 - y0))).astype(np.float32)[None, :, None]
    height = _edge(np.minimum(z - z0, z1 - z).astype(np.float32), 6.0)[:, None, None]
    return np.maximum(lobes(out_x, along_y, 1.3 * reach), np.float32(0.8) * lobes(out_y, along_x, reach)) * height


def _sign_values(signs: dict, kind: str, levels: dict) -> tuple[dict, dict]:
    """The rendering amplitudes of a sequence at the patient's sign levels; neutral on a localizer."""
    if kind not in levels:
        return {"mean": 1.0, "rim": 0.0, "texture": 0.0}, {"mean": 1.0, "strands": 0.0}
    return tuple(
        {name: low + levels[kind][place] * (high - low) for name, (low, high) in signs[kind][place].items()}
        for place in ("inside", "around")
    )
