"""Grow organs at random, so that no two variants of the atlas are alike."""

import numpy as np

from hscore.simulation.codes import LEVELS, NUMBER, X, Y, Z
from hscore.simulation.curves import balls_along, points_of, random_walk
from hscore.simulation.fields import Field
from hscore.simulation.voxel_canvas import Canvas, span

FIELD_EXTENT = (112.0, 132.0, 158.0)  # half-widths of the random fields (mm: z, y, x)


def _ellipsoid(center, radii) -> tuple[tuple[slice, slice, slice], np.ndarray]:
    """Return the block of an ellipsoid (x, y, z in mm), and in it 1 - distance from the centre in radii."""
    block = tuple(span(np.array([c - r, c + r]), axis) for c, r, axis in zip(center, radii, (X, Y, Z), strict=True))
    x, y, z = (((axis[part] - c) / r) ** 2 for axis, part, c, r in zip((X, Y, Z), block, center, radii, strict=True))
    return block[::-1], (1 - np.sqrt(z[:, None, None] + y[:, None] + x)).astype(np.float32)


def connective_tissue(canvas: Canvas) -> None:
    """Fill the fat next to cervix, vagina and bladder (parametria, paracolpia) with strands and slow veins."""
    fat, strands = NUMBER["fat"] * LEVELS, canvas.textures.levels_of("strands")
    courses = canvas.textures.levels_of("vessels")
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
            veins = loose & (courses[block] > 3) & (dense > 0.15)
            part[veins] = NUMBER["plexus"] * LEVELS + courses[block][veins]


def vessels(canvas: Canvas) -> None:
    """Add vessels too small for a name, by where they start and run."""
    random = canvas.random
    both_kinds, fine, near_cervix = ("vein", "vein", "artery"), ("artery", "fascia"), ("plexus", "plexus", "artery")
    groups = (  # number per side; x, y, z of the start; direction; radius; kinds
        (14, (18, 32), (-12, 14), (-22, 30), (0.7, 0.1, 0.5), (0.9, 2.2), near_cervix),
        (8, (16, 30), (-34, -8), (-60, -24), (0.3, 0.3, 0.8), (0.8, 1.8), near_cervix),
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
                walk = random_walk(random, start, toward, 16, 0.45, (wide, 0.6 * wide))
                canvas.balls(balls_along(walk, 0.7), {0: str(random.choice(kinds))})


def small_nodes(canvas: Canvas) -> None:
    """Add normal lymph nodes along the pelvic vessels, with a short axis of 2 to 5 mm."""
    random = canvas.random
    for _ in range(16):
        side, r = random.choice([-1, 1]), random.uniform(1.0, 2.5)
        start = side * random.uniform(50, 62), random.uniform(-52, 30), random.uniform(-15, 75)
        canvas.balls(balls_along(random_walk(random, start, (0, 0.4, 1), 3, 0.5, (r, r))), {0: "fascia", 0.4: "node"})


def colon(canvas: Canvas) -> None:
    """Add rectum and sigmoid colon: empty, or with stool, or with stool and gas in front of it."""
    random = canvas.random
    path = points_of(
        "-1,46,-38,11 1,52,-18,14 3,57,4,15 -3,59,24,15 10,54,42,14 30,42,54,13 46,18,62,12 40,-4,74,12 24,-18,84,12 "
        "40,-14,98,12 58,0,108,12"
    )
    full = random.choice([0.72, 1.0, 1.15])
    path[:, :3] += random.normal(0, 2.5, (len(path), 3))
    path[:, 3] *= full * np.exp(0.16 * random.standard_normal(len(path)))
    content = "mucosa" if full < 1 else "stool"
    uneven = Field.random(random, (14, 9, 9), FIELD_EXTENT) * 1.8
    block, depth = canvas.balls(balls_along(path, 0.3), {0: "rectal_wall", 3.4: content}, uneven=uneven)
    if full > 1:
        lumps = canvas.textures.levels_of("stool")[block]
        height = (Y[block[1]] - 50)[:, None] / 9
        canvas.paint(block, np.where((depth > 3.4) & (lumps > 3.5 + height), 1.0, -1.0), {0: "gas"})


def bowel(canvas: Canvas) -> None:
    """Add loops of small bowel above bladder and uterus, with gas in front of fluid."""
    random = canvas.random
    uneven = Field.random(random, (12, 8, 8), FIELD_EXTENT) * 1.3
    for _ in range(26):
        start = random.uniform(-62, 62), random.uniform(-78, 34), random.uniform(44, 112)
        radius = random.uniform(7.5, 12)
        toward = random.standard_normal(3) * (1, 1, 0.6)
        walk = random_walk(random, start, toward, 18, 0.3, (radius, random.uniform(0.75, 1.1) * radius), 5.0)
        walk[:, 0] = 70 * np.tanh(walk[:, 0] / 70)
        walk[:, 1] = -28 + 54 * np.tanh((walk[:, 1] + 28) / 54)
        lowest = np.where(walk[:, 1] > 8, 30, 46)  # they extend further down behind the uterus
        walk[:, 2] = np.maximum(walk[:, 2], lowest + walk[:, 3] - 8)
        painted = canvas.balls(
            balls_along(walk, 0.3), {0: "fascia", 0.4: "rectal_wall", 2.2: "bowel_content"}, uneven=uneven
        )
        if painted and random.random() < 0.45:
            block, depth = painted
            level = walk[:, 1].mean() + random.uniform(-8, 4)
            canvas.paint(block, np.where(Y[block[1]][:, None] < level, depth - 2.4, -1), {0: "gas"})


def bladder(canvas: Canvas) -> None:
    """Add a bladder, broad and flat below, with a dome; the wall is thicker if it is empty."""
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


def uterus(canvas: Canvas) -> None:
    """Add cervix and uterus around a bent line, from the vagina upwards and (mostly) forwards over the bladder."""
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
        balls = balls_along(part, 0.15)
        block = tuple(
            span(np.r_[balls[:, i] - 1.3 * balls[:, 3], balls[:, i] + 1.3 * balls[:, 3]], axis)
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
    """Return the distance [mm] to the nearest ball's surface, negative inside.

    `squeeze` makes balls wider (x) and flatter (y).
    """
    wide, flat = squeeze
    least = np.full((len(z), len(y), len(x)), np.inf, np.float32)
    for cx, cy, cz, r in balls:
        square = ((z - cz) ** 2)[:, None, None] + (((y - cy) / flat) ** 2)[:, None] + ((x - cx) / wide) ** 2
        np.minimum(least, np.sqrt(square) - r, out=least)
    return least


def ovaries(canvas: Canvas) -> None:
    """Add an ovary with follicles on each side of the uterus."""
    random = canvas.random
    for side in (-1, 1):
        center = np.array([side * random.uniform(40, 54), random.normal(-4, 7), random.normal(38, 7)])
        walk = random_walk(random, center, random.standard_normal(3), 4, 0.3, (8, 8.5), 3.0)
        canvas.balls(balls_along(walk), {0: "fascia", 0.5: "ovary"})
        for _ in range(int(random.integers(2, 8))):
            follicle = [*(walk[:, :3].mean(axis=0) + random.normal(0, 4.2, 3)), random.uniform(1.6, 4.2)]
            canvas.balls(np.array([follicle]), {0: "follicle"})
