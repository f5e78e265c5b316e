"""Building the atlas: what tissue lies where in a woman's pelvis, from the outlines in resources/pelvis.yaml.

An atlas is nobody in particular: `anatomy.py` deforms it into a patient and adds what depends on disease. Several
variants differ in everything that is grown at random: uterus, bladder, bowel, vessels, textures. `codes.py` says what
the volume is.
"""

from math import cos, radians, sin
from pathlib import Path

import numpy as np
import yaml
from PIL import Image, ImageDraw
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import distance_transform_edt

from hscore.simulation.codes import LEVELS, NUMBER, PIXEL, STEP, X, Y, Z
from hscore.simulation.fields import Field
from hscore.simulation.parameters import stream
from hscore.simulation.textures import Textures

FIELD_EXTENT = (112.0, 132.0, 158.0)  # half-widths of the random fields (mm: z, y, x)


class Canvas:
    """A volume of tissue codes that organs are painted on, each over those before."""

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random
        self.codes = np.zeros((len(Z), len(Y), len(X)), np.uint8)
        self.textures = Textures(random, self.codes.shape, (STEP, PIXEL, PIXEL))

    def paint(self, block: tuple[slice, slice, slice], depth: np.ndarray, layers: dict, texture: str | None = None):
        """Fill where `depth` (mm below the surface, shape of the block) is positive, by layers {depth: tissue}."""
        part = self.codes[block]
        for below, tissue in layers.items():
            inside = depth > below
            levels = self.textures.of(texture if texture and tissue in texture or texture == "gluteal" else tissue)
            code = np.uint8(NUMBER[tissue] * LEVELS)
            part[inside] = code if levels is None else code + levels[block][inside]

    def polygon(self, section: int, points: np.ndarray, layers: dict, texture: str | None = None) -> None:
        """Fill the polygon of `points` (n, 2: x, y in mm) on one section."""
        rows, columns = _span(points[:, 1], Y), _span(points[:, 0], X)
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
        rows, columns = _span(points[:, 1], Y, width), _span(points[:, 0], X, width)
        picture = Image.new("L", (finer * (columns.stop - columns.start), finer * (rows.stop - rows.start)))
        if not all(picture.size):
            return
        corner = X[columns.start], Y[rows.start]
        path = [tuple(point) for point in (points - corner) / PIXEL * finer]
        ImageDraw.Draw(picture).line(path, fill=1, width=max(1, round(width / PIXEL * finer)), joint="curve")
        covered = np.asarray(picture).reshape(picture.height // finer, finer, -1, finer).mean(axis=(1, 3)) - 0.5
        self.paint((slice(section, section + 1), rows, columns), covered[None], layers)

    def balls(self, balls: np.ndarray, layers: dict, texture: str | None = None, uneven: Field | None = None):
        """Fill the union of balls (n, 4: x, y, z, radius in mm), their surface moved in and out by a field (mm).

        Returns the block that holds them and the depth in it; None outside of the volume.
        """
        reach = balls[:, 3] + (0 if uneven is None else 3)
        block = tuple(
            _span(np.r_[balls[:, i] - reach, balls[:, i] + reach], axis) for i, axis in ((2, Z), (1, Y), (0, X))
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


def _span(values: np.ndarray, axis: np.ndarray, margin: float = 0.0) -> slice:
    """The part of an axis that holds `values` and a margin (mm)."""
    step = axis[1] - axis[0]
    low, high = values.min() - margin - step, values.max() + margin + step
    return slice(*(int(place) for place in np.searchsorted(axis, (low, high))))


def build(outlines: dict, seed: int, variant: int) -> np.ndarray:
    """One variant of the atlas: tissue codes, shape (len(Z), len(Y), len(X)), uint8."""
    canvas = Canvas(stream(seed, "atlas", str(variant)))
    for organ in outlines["organs"].values():
        _organ(canvas, organ)
    for grow in (_connective_tissue, _vessels, _small_nodes, _colon, _bowel, _bladder, _uterus, _ovaries):
        grow(canvas)
    return canvas.codes


def load_outlines(path: str | Path) -> dict:
    """The outlines of resources/pelvis.yaml."""
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


# --- organs that are drawn


def _organ(canvas: Canvas, organ: dict) -> None:
    kind = next(kind for kind in ("half", "outline", "ellipse", "band", "tubes") if kind in organ)
    sides = (1, -1) if organ.get("both") else (1,)
    layers, texture = organ["layers"], organ.get("texture")
    if kind == "tubes":
        balls = np.vstack([_balls_along(_points(tube)) for tube in organ["tubes"]])
        for side in sides:
            canvas.balls(balls * (side, 1, 1, 1), layers, texture)
        return
    heights, drawn = sorted(organ[kind]), organ[kind]
    curves = np.array([drawn[height] if kind == "ellipse" else _points(drawn[height]) for height in heights], float)
    sections = np.flatnonzero((heights[0] <= Z) & (heights[-1] >= Z))
    curves = PchipInterpolator(heights, curves, axis=0)(Z[sections])
    for side in sides:
        unrest = _unrest(canvas.random)
        for section, curve in zip(sections, curves, strict=True):
            points = _curve(kind, curve, unrest(Z[section]))
            if kind == "band":
                widths = sorted(organ["width"].items())
                width = np.interp(Z[section], *zip(*widths, strict=True))
                canvas.line(section, points * (side, 1), width, layers)
            else:
                canvas.polygon(section, points * (side, 1), layers, texture)


def _points(text: str) -> np.ndarray:
    """Points of an outline or tube: "x,y x,y ..." as an array (n, 2), or with more numbers a point."""
    return np.array([[float(number) for number in point.split(",")] for point in text.split()])


def _curve(kind: str, curve: np.ndarray, unrest) -> np.ndarray:
    """Points (n, 2) of a drawn curve on one section, with a little unrest: no outline is perfectly smooth."""
    if kind == "ellipse":
        x, y, rx, ry, degrees = curve
        turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        c, s = cos(radians(degrees)), sin(radians(degrees))
        outline = np.stack([rx * np.cos(turn), ry * np.sin(turn)], axis=1)
        points = outline @ np.array([[c, s], [-s, c]]) + (x, y)
    elif kind == "band":
        line = _through(curve)
        return line + 0.5 * unrest(0.05 * (line[:, 0] + line[:, 1]))[:, None]
    elif kind == "half":
        return _through(np.vstack([curve, curve[-2:0:-1] * (-1, 1)]), closed=True)
    else:
        points = _through(curve, closed=True)
    middle = points.mean(axis=0)
    away = points - middle
    size = np.hypot(*away.T)
    return middle + away * (1 + unrest(np.arctan2(away[:, 1], away[:, 0])) / np.maximum(size, 3.0))[:, None]


def _unrest(random: np.random.Generator):
    """Random waves along an outline, in mm by angle, that change slowly with height."""
    waves = np.arange(2, 9)
    size = 0.45 * random.standard_normal(len(waves)) / (waves / 2)
    phase, twist = random.uniform(0, 2 * np.pi, len(waves)), random.normal(0, 0.12, len(waves))

    def at(height: float):
        return lambda angle: np.sin(np.outer(angle, waves) + phase + twist * height) @ size

    return at


def _through(points: np.ndarray, closed: bool = False, between: int = 8) -> np.ndarray:
    """A smooth curve through points (n, any): Catmull-Rom splines with `between` steps from point to point."""
    if closed:
        before, here, after, beyond = (np.roll(points, shift, axis=0) for shift in (1, 0, -1, -2))
    else:
        ends = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
        before, here, after, beyond = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    t = np.linspace(0, 1, between, endpoint=False)[None, :, None]
    before, here, after, beyond = (part[:, None, :] for part in (before, here, after, beyond))
    curve = here + 0.5 * t * (
        after - before + t * (2 * before - 5 * here + 4 * after - beyond + t * (3 * (here - after) + beyond - before))
    )
    curve = curve.reshape(-1, points.shape[1])
    return curve if closed else np.vstack([curve, points[-1]])


def _balls_along(points: np.ndarray, every: float = 0.4) -> np.ndarray:
    """Balls (x, y, z, radius) along the smooth curve through some of them, `every` radius one."""
    curve = _through(points)
    apart = every * np.maximum(curve[:-1, 3], 0.7)
    place = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve[:, :3], axis=0), axis=1) / apart)])
    wanted = np.append(np.arange(0, place[-1]), place[-1])
    return np.stack([np.interp(wanted, place, column) for column in curve.T], axis=1)


# --- organs that are grown at random


def _walk(random, start, direction, steps: int, bend: float, radius, step: float = 2.2) -> np.ndarray:
    """A random walk (x, y, z, radius): its direction turns by `bend`, its radius goes from the first to the last."""
    place, direction = np.array(start, float), np.array(direction, float)
    walk = []
    for share in np.linspace(0, 1, steps):
        walk.append([*place, radius[0] + share * (radius[1] - radius[0])])
        direction = direction / np.linalg.norm(direction) + bend * random.standard_normal(3)
        place = place + step * direction / np.linalg.norm(direction)
    return np.array(walk)


def _ellipsoid(center, radii) -> tuple[tuple[slice, slice, slice], np.ndarray]:
    """The block of an ellipsoid (x, y, z in mm), and in it 1 - distance from the centre in radii."""
    block = tuple(_span(np.array([c - r, c + r]), axis) for c, r, axis in zip(center, radii, (X, Y, Z), strict=True))
    x, y, z = (((axis[part] - c) / r) ** 2 for axis, part, c, r in zip((X, Y, Z), block, center, radii, strict=True))
    return block[::-1], (1 - np.sqrt(z[:, None, None] + y[:, None] + x)).astype(np.float32)


def _connective_tissue(canvas: Canvas) -> None:
    """Parametria and paracolpia: beside cervix, vagina and bladder the fat is full of strands and slow veins."""
    fat, strands = NUMBER["fat"] * LEVELS, canvas.textures.of("strands")
    vessels = canvas.textures.of("vessels")
    coarse = Field.random(canvas.random, (16, 11, 13), FIELD_EXTENT)
    for center, radii in (((26, 2, 4), (30, 24, 48)), ((22, -20, -40), (20, 28, 36)), ((0, -46, -6), (54, 34, 48))):
        for side in (1, -1) if center[0] else (1,):
            block, depth = _ellipsoid((side * center[0], *center[1:]), radii)
            dense = np.clip(1.8 * depth, 0, 1)
            uneven = coarse.at(Z[block[0]][:, None], Y[block[1]][None], X[block[2]])
            share = dense * (0.1 + 0.25 * np.clip(uneven, -0.4, 1.5) + 0.11 * strands[block])
            levels = np.clip(np.rint(share * (LEVELS - 1)), 0, LEVELS - 1).astype(np.uint8)
            part = canvas.codes[block]
            loose = (part >= fat) & (part < fat + LEVELS)
            part[loose & (levels > 0)] = NUMBER["connective_tissue"] * LEVELS + levels[loose & (levels > 0)]
            veins = loose & (vessels[block] > 3) & (dense > 0.15)
            part[veins] = NUMBER["plexus"] * LEVELS + vessels[block][veins]


def _vessels(canvas: Canvas) -> None:
    """Vessels too small for a name, by where they start and run."""
    random = canvas.random
    both_kinds, fine, beside_cervix = ("vein", "vein", "artery"), ("artery", "fascia"), ("plexus", "plexus", "artery")
    groups = (  # number a side; x, y, z of the start; direction; radius; kinds
        (14, (18, 32), (-12, 14), (-22, 30), (0.7, 0.1, 0.5), (0.9, 2.2), beside_cervix),
        (8, (16, 30), (-34, -8), (-60, -24), (0.3, 0.3, 0.8), (0.8, 1.8), beside_cervix),
        (10, (8, 26), (38, 68), (-10, 34), (0.0, 0.2, 1.0), (0.5, 1.0), both_kinds),
        (10, (34, 46), (-64, 16), (-24, 44), (0.0, 0.6, 0.6), (0.6, 1.3), both_kinds),
        (8, (28, 52), (56, 96), (-88, -32), (0.3, 0.5, 0.6), (0.5, 0.8), fine),
        (14, (30, 125), (-104, -86), (-70, 90), (0.7, 0.0, 0.5), (0.5, 0.9), ("vein", "fascia", "artery")),
        (10, (60, 130), (96, 116), (-70, 90), (0.8, 0.1, 0.5), (0.5, 0.8), ("fascia",)),
        (24, (2, 56), (-74, 20), (44, 100), (0.2, 0.4, 0.6), (0.5, 1.3), both_kinds),
    )
    for number, xs, ys, zs, direction, radius, kinds in groups:
        for side in (1, -1):
            for _ in range(number):
                start = side * random.uniform(*xs), random.uniform(*ys), random.uniform(*zs)
                toward = np.array([side * direction[0], *direction[1:]]) + 0.5 * random.standard_normal(3)
                wide = random.uniform(*radius)
                walk = _walk(random, start, toward, 16, 0.45, (wide, 0.6 * wide))
                canvas.balls(_balls_along(walk, 0.7), {0: str(random.choice(kinds))})


def _small_nodes(canvas: Canvas) -> None:
    """Normal lymph nodes along the pelvic vessels, with a short axis of 2 to 5 mm."""
    random = canvas.random
    for _ in range(16):
        side, r = random.choice([-1, 1]), random.uniform(1.0, 2.5)
        start = side * random.uniform(50, 62), random.uniform(-52, 30), random.uniform(-15, 75)
        canvas.balls(_balls_along(_walk(random, start, (0, 0.4, 1), 3, 0.5, (r, r))), {0: "fascia", 0.4: "node"})


def _colon(canvas: Canvas) -> None:
    """Rectum and sigmoid colon: empty, or with stool, or with stool and gas in front of it."""
    random = canvas.random
    path = _points(
        "-1,46,-38,11 1,52,-18,14 3,57,4,15 -3,59,24,15 10,54,42,14 30,42,54,13 46,18,62,12 40,-4,74,12 24,-18,84,12 "
        "40,-14,98,12 58,0,108,12"
    )
    full = random.choice([0.72, 1.0, 1.15])
    path[:, :3] += random.normal(0, 2.5, (len(path), 3))
    path[:, 3] *= full * np.exp(0.16 * random.standard_normal(len(path)))
    content = "mucosa" if full < 1 else "stool"
    uneven = Field.random(random, (14, 9, 9), FIELD_EXTENT) * 1.8
    block, depth = canvas.balls(_balls_along(path, 0.3), {0: "rectal_wall", 3.4: content}, uneven=uneven)
    if full > 1:
        lumps = canvas.textures.of("stool")[block]
        height = (Y[block[1]] - 50)[:, None] / 9
        canvas.paint(block, np.where((depth > 3.4) & (lumps > 3.5 + height), 1.0, -1.0), {0: "gas"})


def _bowel(canvas: Canvas) -> None:
    """Loops of small bowel above bladder and uterus; gas lies in front of fluid."""
    random = canvas.random
    uneven = Field.random(random, (12, 8, 8), FIELD_EXTENT) * 1.3
    for _ in range(26):
        start = random.uniform(-62, 62), random.uniform(-78, 34), random.uniform(44, 112)
        radius = random.uniform(7.5, 12)
        toward = random.standard_normal(3) * (1, 1, 0.6)
        walk = _walk(random, start, toward, 18, 0.3, (radius, random.uniform(0.75, 1.1) * radius), 5.0)
        walk[:, 0] = 70 * np.tanh(walk[:, 0] / 70)
        walk[:, 1] = -28 + 54 * np.tanh((walk[:, 1] + 28) / 54)
        lowest = np.where(walk[:, 1] > 8, 30, 46)  # behind the uterus they reach lower
        walk[:, 2] = np.maximum(walk[:, 2], lowest + walk[:, 3] - 8)
        found = canvas.balls(
            _balls_along(walk, 0.3), {0: "fascia", 0.4: "rectal_wall", 2.2: "bowel_content"}, uneven=uneven
        )
        if found and random.random() < 0.45:
            block, depth = found
            level = walk[:, 1].mean() + random.uniform(-8, 4)
            canvas.paint(block, np.where(Y[block[1]][:, None] < level, depth - 2.4, -1), {0: "gas"})


def _bladder(canvas: Canvas) -> None:
    """Bladder: broad, flat below, with a dome; the wall is thicker when it is empty."""
    random = canvas.random
    wide, deep, high = random.uniform(34, 44), random.uniform(18, 26), random.uniform(26, 36)
    center = (random.normal(0, 2), -47, -30 + high)
    block, _ = _ellipsoid(center, (wide + 6, deep + 8, high + 6))
    z, y, x = (axis[part] - c for axis, part, c in zip((Z, Y, X), block, center[::-1], strict=True))
    bends = Field.random(random, (30, 28, 28), FIELD_EXTENT).at(Z[block[0]][:, None], Y[block[1]][None], X[block[2]])
    z, y, x = z[:, None, None], y[:, None] + 0.15 * z[:, None, None], x
    size = (np.abs(x / wide) ** 2.4 + np.abs(y / deep) ** 2.2 + np.abs(z / high) ** 2.5) ** 0.42
    wall = 2.2 + 40 / wide * random.uniform(0.3, 1.3)
    canvas.paint(block, (1 - size) * deep + 3.2 * bends, {0: "fascia", 0.5: "bladder_wall", wall: "urine"})


def _uterus(canvas: Canvas) -> None:
    """Cervix and uterus around a bent line, from the vagina upwards and (mostly) forwards over the bladder."""
    random = canvas.random
    aside, forward = random.normal(0, 8), random.uniform(-38, -8)
    length, size = random.uniform(48, 66), float(np.exp(random.normal(0, 0.12)))
    line = np.array(
        [
            (0, 3, -15, 13),
            (0, 0, 0, 15.5),
            (0.2 * aside, 0.1 * forward, 14, 15),
            (0.6 * aside, 0.5 * forward, 0.55 * length, 21 * size),
            (aside, 0.9 * forward, 0.9 * length, 23 * size),
            (1.05 * aside, 1.1 * forward, 1.1 * length, 15 * size),
        ]
    )
    bends = Field.random(random, (20, 17, 17), FIELD_EXTENT)
    thick = random.uniform(2.0, 4.5) / 2
    for part, layers in ((line[:3], {0: "fascia", 0.6: "cervix"}), (line[2:], {0: "fascia", 0.6: "myometrium"})):
        balls = _balls_along(part, 0.15)
        block = tuple(
            _span(np.r_[balls[:, i] - 1.3 * balls[:, 3], balls[:, i] + 1.3 * balls[:, 3]], axis)
            for i, axis in ((2, Z), (1, Y), (0, X))
        )
        z, y, x = (axis[span] for axis, span in zip((Z, Y, X), block, strict=True))
        uneven = bends.at(z[:, None], y[None], x)
        outside = _least(balls, (1.15, 0.9), z, y, x) - 1.5 * uneven
        inside = _least(balls * (1, 1, 1, 0), (1.6, 0.6), z, y, x) - 0.8 * uneven  # from the cavity's axis
        canvas.paint(block, -outside, layers)
        deep = -outside > 4
        if layers[0.6] == "cervix":
            canvas.paint(block, np.where(deep, 2.0 - inside, -1), {0: "mucosa"})
        else:
            canvas.paint(
                block, np.where(deep, 3 * thick + 4.5 - inside, -1), {0: "junctional_zone", 4.5: "endometrium"}
            )


def _least(balls: np.ndarray, squeeze: tuple[float, float], z, y, x) -> np.ndarray:
    """Distance (mm) to the nearest ball's surface, negative inside; `squeeze` makes balls wider (x) and flatter (y)."""
    wide, flat = squeeze
    least = np.full((len(z), len(y), len(x)), np.inf, np.float32)
    for cx, cy, cz, r in balls:
        square = ((z - cz) ** 2)[:, None, None] + (((y - cy) / flat) ** 2)[:, None] + ((x - cx) / wide) ** 2
        np.minimum(least, np.sqrt(square) - r, out=least)
    return least


def _ovaries(canvas: Canvas) -> None:
    """An ovary on each side of the uterus, with follicles."""
    random = canvas.random
    for side in (-1, 1):
        center = np.array([side * random.uniform(40, 54), random.normal(-4, 7), random.normal(38, 7)])
        walk = _walk(random, center, random.standard_normal(3), 4, 0.3, (8, 8.5), 3.0)
        canvas.balls(_balls_along(walk), {0: "fascia", 0.5: "ovary"})
        for _ in range(int(random.integers(2, 8))):
            follicle = [*(walk[:, :3].mean(axis=0) + random.normal(0, 4.2, 3)), random.uniform(1.6, 4.2)]
            canvas.balls(np.array([follicle]), {0: "follicle"})
