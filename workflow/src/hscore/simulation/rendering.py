"""Render an anatomy as noise-free signal on the grid of any sequence."""

from dataclasses import dataclass

import numpy as np

from hscore.simulation.anatomy import Node, Pelvis, Tumor
from hscore.simulation.codes import LEVELS, PIXEL, STEP, TISSUES, X, Y, Z
from hscore.simulation.signal import tissue_signal

PLANES_MM = 2.5  # a section is the mean of planes at about this distance or less


@dataclass(frozen=True)
class SectionStack:
    """Positions of the pixels of parallel sections, in slab coordinates (mm).

    A row has the height `z` and the depth `y`, both (sections, rows); a column has the position `x`, (columns,).
    `normal` is the step (z, y) across the sections, and `thickness` their thickness.
    """

    z: np.ndarray
    y: np.ndarray
    x: np.ndarray
    normal: tuple[float, float]
    thickness: float

    def block(self, low, high) -> tuple[slice, slice, slice] | None:
        """Return the index ranges of the pixels in the box low..high (z, y, x in mm); None if it misses the stack."""
        rows = (self.z >= low[0]) & (self.z <= high[0]) & (self.y >= low[1]) & (self.y <= high[1])
        columns = (self.x >= low[2]) & (self.x <= high[2])
        if not rows.any() or not columns.any():
            return None
        inside = [np.flatnonzero(part) for part in (rows.any(axis=1), rows.any(axis=0), columns)]
        return tuple(slice(int(part[0]), int(part[-1]) + 1) for part in inside)

    def crop(self, block: tuple[slice, slice, slice]) -> "SectionStack":
        """Return the part of the stack in a block of indices."""
        sections, rows, columns = block
        return SectionStack(
            self.z[sections, rows], self.y[sections, rows], self.x[columns], self.normal, self.thickness
        )

    @property
    def shares(self) -> np.ndarray:
        """Offsets from the middle of the planes that are averaged to a section, as shares of its thickness."""
        count = max(1, round(self.thickness / PLANES_MM))
        return (np.arange(count) - (count - 1) / 2) / count

    def plane(self, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return z, y, x of the planes that are `share` of the thickness above the middle ones."""
        rise = share * self.thickness
        return self.z + rise * self.normal[0], self.y + rise * self.normal[1], self.x


def render(
    pelvis: Pelvis, codes, stack: SectionStack, kind: str, protocol: dict, field_tesla: float, parameters, levels
):
    """Return the noise-free signal of a stack, float32 (channels, sections, rows, columns).

    Args:
        pelvis: the patient's anatomy.
        codes: its variant of the atlas.
        stack: positions of the pixels.
        kind: CET1WI, T2WI, ADC (diffusion images) or localizer.
        protocol: protocol of the series.
        field_tesla: field strength [T].
        parameters: the planted parameters.
        levels: the patient's sign levels by sequence; a localizer shows none.
    """

    def signal(tissue: str, scale=1.0) -> np.ndarray:
        """Return the signal of a tissue in this patient."""
        values = tissue_signal(parameters["tissues"][tissue], kind, protocol, field_tesla, parameters, scale)
        return values * np.float32(pelvis.tissue_factor[tissue])

    image = _deformed_atlas(pelvis, codes, stack, _signals_by_code(parameters["tissues"], signal), protocol)
    _paint_node(image, stack, pelvis.node, signal)
    _paint_tumor(image, stack, pelvis.tumor, signal, parameters, kind, levels)
    return image


def tumor_mask(pelvis: Pelvis, stack: SectionStack) -> np.ndarray:
    """Return the pixels with their centre in the tumour (sections, rows, columns), as a careful reader outlines it."""
    return pelvis.tumor.depth(stack.z, stack.y, stack.x) >= 0


def _signals_by_code(tissues: dict, signal) -> np.ndarray:
    """Return the signal of every code of the atlas (channels, codes)."""
    levels = np.linspace(0, 1, LEVELS, dtype=np.float32)
    signals = []
    for name in TISSUES:
        pure, tissue = signal(name)[:, None], tissues[name]
        if "with" in tissue:
            share = np.float32(tissue["share"]) * levels
            signals.append((1 - share) * pure + share * signal(tissue["with"])[:, None])
        else:
            signals.append(pure * (1 + np.float32(tissue.get("mottled", 0.0)) * (2 * levels - 0.8)))
    return np.concatenate(signals, axis=1)


def _deformed_atlas(pelvis: Pelvis, codes, stack: SectionStack, signals: np.ndarray, protocol: dict) -> np.ndarray:
    """Return the atlas as a sequence shows it in this patient (channels, sections, rows, columns).

    A section's signals are computed on the atlas's own pixels, as the mean of some planes. They are then interpolated
    linearly at the positions given by the patient's displacement.
    """
    y, x = (field.at(stack.z, stack.y, stack.x) for field in pelvis.displacement)
    if "distortion_mm" in protocol:  # echo-planar images are displaced along their phase-encoding direction
        y += np.float32(protocol["distortion_mm"]) * pelvis.distortion.at(stack.z, stack.y, stack.x)
    y += stack.y.astype(np.float32)[..., None]
    x += stack.x.astype(np.float32)
    y, x = _pixels(y, Y), _pixels(x, X)
    image = np.empty((len(signals), *y.shape), np.float32)
    for section in range(len(stack.z)):
        rows = np.arange(int(y[section].min()), int(y[section].max()) + 2)
        columns = slice(int(x[section].min()), int(x[section].max()) + 2)
        row_of = y[section].mean(axis=1)
        planes = [
            _nearest_sections(np.interp(rows, row_of, stack.plane(share)[0][section]) / pelvis.stretch)
            for share in stack.shares
        ]
        source = sum(signals.take(codes[sections, rows][:, columns], axis=1) for sections in planes)
        source *= np.float32(1 / len(planes))
        _look_up(source, y[section] - np.float32(rows[0]), x[section] - np.float32(columns.start), image[:, section])
    return image


def _pixels(places: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Convert positions (mm) to pixels of an axis of the atlas, clipped to it; in place."""
    places -= np.float32(axis[0])
    places *= np.float32(1 / PIXEL)
    return np.clip(places, 0, len(axis) - 1.001, out=places)


def _nearest_sections(heights: np.ndarray) -> np.ndarray:
    """Return the atlas's sections nearest to heights in mm."""
    return np.clip(np.rint((heights - Z[0]) / STEP).astype(np.intp), 0, len(Z) - 1)


def _look_up(source: np.ndarray, y: np.ndarray, x: np.ndarray, image: np.ndarray) -> None:
    """Interpolate `source` (channels, any, any) bilinearly at pixels y, x (rows, columns) into `image`."""
    width = source.shape[2]
    whole_y, whole_x = np.floor(y), np.floor(x)
    first = (whole_y * np.float32(width) + whole_x).astype(np.intp)
    y, x = y - whole_y, x - whole_x
    corners = [first + step for step in (0, 1, width, width + 1)]
    for channel, result in zip(source.reshape(len(source), -1), image, strict=True):
        above, above_right, below, below_right = (channel.take(corner) for corner in corners)
        for left, right in ((above, above_right), (below, below_right)):
            right -= left
            right *= x
            left += right
        below -= above
        below *= y
        np.add(above, below, out=result)


def true_adc(pelvis: Pelvis, stack: SectionStack, parameters: dict, levels: dict) -> np.ndarray:
    """Return the planted diffusion coefficient (1e-6 mm2/s) of every pixel of the tumour, in the order of the mask."""
    inside, _ = _sign_values(parameters["signs"], "ADC", levels)
    uneven = pelvis.tumor.texture.at(stack.z, stack.y, stack.x)[tumor_mask(pelvis, stack)]
    return parameters["tissues"]["tumour"]["adc"] * np.maximum(inside["mean"] * (1 + inside["texture"] * uneven), 0.05)


def _edge(depth: np.ndarray, width: float) -> np.ndarray:
    """Return the weight of a soft edge: 0 at half a width outside, 1 at half a width inside."""
    weight = depth * np.float32(1 / width)
    weight += np.float32(0.5)
    return np.clip(weight, 0, 1, out=weight)


def _paint(part: np.ndarray, weight: np.ndarray, value: np.ndarray) -> None:
    """Replace the share `weight` of the values in `part` by `value`, in place."""
    change = value - part
    change *= weight
    part += change


def _paint_node(image: np.ndarray, stack: SectionStack, node: Node, signal) -> None:
    """Paint the largest node, in place."""
    margin = node.radius[::-1] + 2
    block = stack.block(node.center[::-1] - margin, node.center[::-1] + margin)
    if block is None:
        return
    part = stack.crop(block)
    weight = np.mean([_edge(node.depth(*part.plane(share)), 1.0) for share in stack.shares], axis=0, dtype=np.float32)
    for channel, value in zip(image, signal("node"), strict=True):
        _paint(channel[block], weight, value)


def _paint_tumor(
    image: np.ndarray, stack: SectionStack, tumor: Tumor, signal, parameters: dict, kind: str, levels: dict
):
    """Paint the peritumoral tissue and the tumour, with signs as clear as the patient's levels, in place."""
    margin = 2.0 * parameters["tumour"]["around_mm"]
    block = stack.block(tumor.reach[::-1, 0] - margin, tumor.reach[::-1, 1] + margin)
    if block is None:
        return
    part = stack.crop(block)
    inside, around = _sign_values(parameters["signs"], kind, levels)
    painted = []
    for share in stack.shares:
        place, plane = part.plane(share), image[:, *block].copy()
        depth = tumor.depth(*place)
        scale = np.maximum(around["mean"] * (1 + around["strands"] * tumor.strands.at(*place)), 0.05)
        weight = peritumoral_weight(tumor, parameters["tumour"]["around_mm"], *place)
        for channel, value in zip(plane, signal("peritumoral", scale), strict=True):
            _paint(channel, weight, value)
        stroma = np.float32(inside["stroma"]) * _edge(depth + np.float32(parameters["tumour"]["stroma_mm"]), 1.5)
        for channel, value in zip(plane, signal("cervix"), strict=True):
            _paint(channel, stroma, value)
        rim = np.exp(-0.5 * (depth / np.float32(parameters["tumour"]["rim_mm"])) ** 2)
        scale = inside["mean"] * (1 + inside["texture"] * tumor.texture.at(*place)) + inside["rim"] * rim
        for channel, value in zip(plane, signal("tumour", np.maximum(scale, 0.05)), strict=True):
            _paint(channel, _edge(depth, 1.5), value)
        painted.append(plane)
    image[:, *block] = np.mean(painted, axis=0)


def peritumoral_weight(tumor: Tumor, reach: float, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the share of peritumoral tissue next to the tumour, 0..1: wings that taper into the parametria.

    They begin at the tumour's outermost point on each side. A box drawn tightly around the tumour therefore contains
    hardly any of them, and the box grown by some pixels does.
    """
    (x0, x1), (y0, y1), (z0, z1) = tumor.reach
    uneven = tumor.noise.at(z, y, x) + tumor.strands.at(z, y, x)
    out = np.maximum(x0 - x, x - x1).astype(np.float32)
    half_height = 0.26 * (y1 - y0) * np.clip(1.2 - out / (2.6 * reach), 0, 1.2)
    aside = half_height - np.abs(y - (y0 + y1) / 2)[..., None]
    wing = _edge((aside + 2.0 * uneven).astype(np.float32), 5.0)
    far = np.clip(2.2 - out / np.float32(reach) + np.float32(0.4) * uneven, 0, 1)
    near = _edge(out - 0.2 + np.float32(0.6) * uneven, 2.5)
    height = _edge(np.minimum(z - z0, z1 - z).astype(np.float32), 8.0)
    return wing * far * near * height[..., None]


def _sign_values(signs: dict, kind: str, levels: dict) -> tuple[dict, dict]:
    """Return the rendering amplitudes of a sequence at the patient's sign levels; neutral for a localizer."""
    if kind not in levels:
        return {"mean": 1.0, "rim": 0.0, "texture": 0.0, "stroma": 0.5}, {"mean": 1.0, "strands": 0.0}
    return tuple(
        {name: low + levels[kind][place] * (high - low) for name, (low, high) in signs[kind][place].items()}
        for place in ("inside", "around")
    )
