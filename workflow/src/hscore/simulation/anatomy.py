"""The female pelvis of one simulated patient: organs as shapes in painting order, and the tumour.

Coordinates are those of the imaging slab, in mm: x to the patient's left, y backwards (posterior), z upwards; the
origin lies in the cervix. Shapes are painted over one another with soft edges (rendering.py), in coordinates that a
smooth random field displaces, so that no outline is a perfect ellipse. The tumour is not displaced: its boundary is
uneven by itself, and its extent is known exactly.
"""

from dataclasses import dataclass, field
from math import cos, radians, sin

import numpy as np

from hscore.simulation.fields import Field
from hscore.simulation.parameters import stream

EXTENT_MM = (195.0, 195.0, 195.0)  # half-widths (z, y, x) within which the random fields are defined


@dataclass(frozen=True)
class Texture:
    """Amplitudes of fine and coarse mottling, and of the threads of another tissue that run through (None: none)."""

    fine: float = 0.04
    coarse: float = 0.04
    threads: str | None = None
    share: float = 0.0


PLAIN = Texture()
SMOOTH = Texture(0.01, 0.01)
UNDER_SKIN = Texture(0.03, 0.05, "muscle", 0.35)  # septa
PELVIC_FAT = Texture(0.05, 0.06, "blood", 0.45)  # small vessels
MUSCLE = Texture(0.09, 0.07, "fat", 0.28)  # fat between the bundles
MARROW = Texture(0.10, 0.10, "cortical_bone", 0.15)
WALL = Texture(0.09, 0.07)
STOOL = Texture(0.35, 0.30)


@dataclass(frozen=True)
class Shape:
    """An ellipse in every transverse plane, with centre and radii given at some heights and linear in between.

    `nodes` has one row (z, x, y, x-radius, y-radius) a height; above the last and below the first there is nothing.
    `layers` says what fills it, from the surface inwards: (depth in mm, tissue, texture). `angle` turns it (degrees,
    from x towards y). `boxy` 0 is an ellipse, 1 the fourth-power superellipse.
    """

    nodes: np.ndarray
    layers: tuple[tuple[float, str, Texture], ...]
    angle: float = 0.0
    boxy: float = 0.0
    edge: float = 1.2

    def depth(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Approximate depth below the surface in mm (negative outside); z (n,), moved y and x (n, rows, columns)."""
        below = np.clip(np.searchsorted(self.nodes[:, 0], z, side="right") - 1, 0, len(self.nodes) - 2)
        low, high = self.nodes[below], self.nodes[below + 1]
        share = (z - low[:, 0]) / (high[:, 0] - low[:, 0])
        rows = low[:, 1:] + share[:, None] * (high[:, 1:] - low[:, 1:])
        cx, cy, ax, ay = rows.T.astype(np.float32)[:, :, None, None]
        ax, ay = np.maximum(ax, 0.1), np.maximum(ay, 0.1)
        dx, dy = x - cx, y - cy
        if self.angle:
            c, s = np.float32(cos(radians(self.angle))), np.float32(sin(radians(self.angle)))
            dx, dy = c * dx + s * dy, c * dy - s * dx
        dx /= ax
        dy /= ay
        dx *= dx
        dy *= dy
        q = dx + dy
        if self.boxy:  # sqrt((a + b)^2 - 2 k a b) is a + b (an ellipse) for k = 0 and the fourth power for k = 1
            dx *= dy
            q *= q
            q -= np.float32(2 * self.boxy) * dx
            np.sqrt(q, out=q)
        np.sqrt(q, out=q)
        np.subtract(1, q, out=q)
        q *= np.minimum(ax, ay)
        return q


@dataclass(frozen=True)
class Tumour:
    """Ellipsoid (centre, radii: x, y, z in mm) whose boundary moves in and out by `boundary` x its noise field."""

    center: np.ndarray
    radius: np.ndarray
    boundary: float
    noise: Field
    texture: Field
    strands: Field
    reach: np.ndarray = field(default_factory=lambda: np.zeros((3, 2)))  # outermost tumour: rows x, y, z; low, high

    def depth(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Approximate depth below the tumour's surface in mm (negative outside), on a z x y x x grid."""
        u, v, w = ((p - c) / r for p, c, r in zip((x, y, z), self.center, self.radius, strict=True))
        # A fourth power along z: a barrel rather than a ball, as a cervix full of tumour is.
        q = (u**2)[None, None, :] + (v**2)[None, :, None] + (w**4)[:, None, None]
        r = np.sqrt(q).astype(np.float32)
        return (1.0 - r + np.float32(self.boundary) * self.noise.at(z, y, x)) * np.float32(min(self.radius[:2]))


@dataclass(frozen=True)
class Pelvis:
    """One patient's anatomy: shapes in painting order, tumour, and the fields that move and texture them."""

    shapes: list[Shape]
    tumour: Tumour
    warp_mm: float
    warp: tuple[Field, Field, Field, Field]  # wide y, wide x, small y, small x
    distortion: Field
    fine: Field
    coarse: Field
    threads: Field
    tissue_factor: dict[str, float]


def build(parameters: dict, patient: str, record: dict, seed: int) -> Pelvis:
    """The pelvis of one patient from its planted values (`record` of the truth)."""
    random = stream(seed, patient, "anatomy")
    nuisance = parameters["nuisance"]
    tumour = _tumour(parameters["tumour"], record["tumour"], stream(seed, patient, "tumour"))
    scale = float(np.exp(nuisance["body_scale_log_sd"] * random.standard_normal()))
    return Pelvis(
        shapes=_shapes(random, scale, tumour, record),
        tumour=tumour,
        warp_mm=nuisance["warp_mm"],
        warp=tuple(
            Field.random(random, s, EXTENT_MM) for s in ((70, 60, 60), (70, 60, 60), (30, 22, 22), (30, 22, 22))
        ),
        distortion=Field.random(random, (60, 45, 45), EXTENT_MM),
        fine=Field.random(random, (7, 4, 4), EXTENT_MM),
        coarse=Field.random(random, (16, 14, 14), EXTENT_MM),
        threads=Field.random(random, (14, 11, 15), EXTENT_MM),
        tissue_factor={
            name: float(np.exp(nuisance["tissue_log_sd"] * random.standard_normal())) for name in parameters["tissues"]
        },
    )


def _tumour(parameters: dict, planted: dict, random: np.random.Generator) -> Tumour:
    center, radius = np.array(planted["center_mm"]), np.array(planted["radius_mm"])
    half = (60.0, 60.0, 60.0)
    tumour = Tumour(
        center,
        radius,
        parameters["boundary"],
        noise=Field.random(random, (16, 11, 11), half),
        texture=Field.random(random, (8, 5, 5), half),
        strands=Field.random(random, (8, 2.5, 5), half),
    )
    axes = [np.arange(c - 1.6 * r, c + 1.6 * r, 1.0) for c, r in zip(center, radius, strict=True)]  # x, y, z
    filled = tumour.depth(*axes[::-1]) >= 0
    for row, (axis, others) in enumerate(zip(axes, ((0, 1), (0, 2), (1, 2)), strict=True)):
        held = axis[filled.any(axis=others)]
        tumour.reach[row] = held[0] - 0.5, held[-1] + 0.5
    return tumour


def _filled(tissue: str, texture: Texture = PLAIN) -> tuple:
    return ((0.0, tissue, texture),)


def _shapes(random: np.random.Generator, scale: float, tumour: Tumour, record: dict) -> list[Shape]:
    """All organs in painting order; sizes in mm are those of an adult woman's pelvis."""

    def shape(layers, rows, **options) -> Shape:
        nodes = np.array(rows, float)
        nodes[:, 1:] *= scale
        return Shape(nodes, layers, **options)

    def pair(layers, rows, angle=0.0) -> list[Shape]:
        mirrored = [(z, -x, y, a, b) for z, x, y, a, b in rows]
        return [shape(layers, rows, angle=angle), shape(layers, mirrored, angle=-angle)]

    return [
        *_body(random, shape),
        *_muscles(pair),
        *_bones(shape, pair),
        *_vessels(pair),
        *_rectum(random, shape),
        *_bladder(random, shape),
        *_uterus(random, shape),
        *_bowel(random, shape),
        *_nodes(random, shape, record),
        *_cervix(tumour),
    ]


def _body(random: np.random.Generator, shape) -> list[Shape]:
    thick = float(np.clip(22 * np.exp(0.3 * random.standard_normal()), 11, 40))  # of the fat below the skin, mm
    layers = (
        (0.0, "muscle", PLAIN),  # skin
        (2.0, "fat", UNDER_SKIN),
        (thick, "muscle", MUSCLE),
        (thick + 9, "fat", PELVIC_FAT),
    )
    return [
        shape(
            layers,
            [(-200, 0, 4, 160, 104), (-95, 0, 2, 162, 108), (95, 0, 0, 156, 102), (200, 0, 0, 140, 96)],
            boxy=0.55,
        )
    ]


def _muscles(pair) -> list[Shape]:
    muscle = _filled("muscle", MUSCLE)
    return [
        *pair(muscle, [(-95, 62, 66, 58, 24), (0, 70, 60, 60, 24), (95, 78, 40, 48, 18)], 148),  # gluteus maximus
        *pair(muscle, [(-20, 112, 4, 20, 34), (95, 108, -8, 20, 44)], 8),  # gluteus medius and minimus
        *pair(muscle, [(-95, 96, -40, 18, 20), (0, 84, -46, 20, 18), (95, 48, -26, 24, 22)], 20),  # iliopsoas
        *pair(muscle, [(-95, 112, -44, 13, 17), (10, 116, -42, 11, 15)], -25),  # sartorius, rectus femoris
        *pair(muscle, [(-95, 30, -76, 26, 6), (95, 34, -74, 30, 6)], 8),  # rectus abdominis
        *pair(muscle, [(-70, 46, -4, 9, 34), (25, 56, 4, 8, 32), (40, 56, 6, 3, 20)], 10),  # obturator internus
        *pair(muscle, [(8, 44, 52, 26, 7), (48, 40, 48, 26, 9), (55, 40, 48, 10, 4)], 152),  # piriformis
    ]


def _bones(shape, pair) -> list[Shape]:
    bone = ((0.0, "cortical_bone", PLAIN), (1.9, "marrow", MARROW))
    sacrum = [(-22, 0, 66, 7, 5), (5, 0, 70, 20, 9), (40, 0, 64, 44, 17), (95, 0, 46, 54, 26)]
    return [
        shape(bone, sacrum),
        *pair(_filled("fat"), [(20, 14, 64, 3, 4), (95, 20, 50, 4, 5)]),  # sacral foramina
        *pair(
            bone, [(-95, 56, 26, 14, 15), (-30, 62, 26, 16, 15), (8, 66, 22, 15, 17), (30, 70, 22, 12, 18)], 20
        ),  # ischium
        *pair(bone, [(-30, 66, -14, 9, 20), (8, 66, -10, 10, 24), (25, 70, -6, 9, 22)], 5),  # acetabulum
        *pair(
            bone, [(-38, 98, 2, 12, 12), (-22, 92, -2, 23, 23), (0, 91, -2, 24, 24), (16, 90, -2, 14, 14)]
        ),  # femoral head
        *pair(bone, [(-95, 108, 6, 17, 18), (-38, 106, 4, 18, 16), (-30, 104, 2, 12, 10)]),  # femur
        *pair(bone, [(16, 84, 2, 12, 30), (45, 88, 4, 7, 46), (95, 84, 2, 6, 54)], -28),  # ilium
        *pair(bone, [(-70, 34, -48, 30, 8), (-34, 36, -56, 32, 9), (-24, 40, -54, 20, 5)], 158),  # pubis
    ]


def _vessels(pair) -> list[Shape]:
    blood = _filled("blood")
    vessels = []
    for r, dy in ((4.6, 0.0), (5.8, 9.0)):  # external iliac artery and vein
        vessels += pair(blood, [(-40, 76, -58 + dy, r, r), (20, 58, -34 + dy, r, r), (95, 40, dy, r, r)])
    vessels += pair(blood, [(-10, 46, 24, 3.2, 3.2), (45, 42, 34, 4.4, 4.0), (95, 36, 14, 5.0, 5.0)])  # internal iliac
    for x, y in ((27, 8), (31, -4), (36, 2), (33, 12)):  # uterine and vaginal plexus
        vessels += pair(blood, [(-30, x, y, 1.8, 1.4), (30, x + 3, y - 4, 2.3, 1.7)])
    return vessels


def _rectum(random: np.random.Generator, shape) -> list[Shape]:
    size, low, high = float(np.exp(0.18 * random.standard_normal())), *random.normal(0, 6, 2)
    rows = [(-95, 0, 40, 11, 13), (-40, 0, 40, 13, 13), (0, low, 44, 15 * size, 13 * size)]
    rows += [(45, high, 34, 16 * size, 14 * size), (62, high - 14, 20, 14, 12)]
    levator = ((0.0, "muscle", MUSCLE), (4.5, "fat", PELVIC_FAT))
    return [
        shape(levator, [(-95, 0, 34, 20, 24), (-60, 0, 24, 30, 34), (-38, 0, 22, 42, 42)]),
        shape(((0.0, "rectal_wall", WALL), (3.4, "stool", STOOL)), rows),
        shape(_filled("gas"), [(-30, 0, 36, 4, 3), (10, low, 40, 7 * size, 5 * size), (40, high, 30, 4, 3)]),
    ]


def _bladder(random: np.random.Generator, shape) -> list[Shape]:
    full = float(np.exp(0.3 * random.standard_normal()))
    wide = full**0.5
    rows = [(-36, 0, -38, 8, 8), (-18, 0, -42, 32 * wide, 18 * wide), (10, 2, -46, 40 * wide, 20 * wide)]
    rows += [(30, 2, -50, 24, 14), (38, 2, -52, 5, 4)]
    return [
        shape(((0.0, "bladder_wall", WALL), (3.2, "urine", SMOOTH)), rows, boxy=0.3),
        shape(_filled("muscle"), [(-70, 0, -34, 7, 7), (-34, 0, -36, 8, 7)]),  # urethra
        shape(_filled("vagina", WALL), [(-80, 0, 4, 16, 6), (-30, 0, 2, 20, 7), (-18, 0, 2, 18, 8)]),
    ]


def _uterus(random: np.random.Generator, shape) -> list[Shape]:
    lean, top = random.normal(0, 7), 64 * float(np.exp(0.12 * random.standard_normal()))
    rows = [(14, 0, 0, 18, 15), (30, lean * 0.6, -4, 28, 21), (top - 12, lean, -14, 33, 23), (top, lean, -18, 14, 9)]
    layers = ((0.0, "myometrium", WALL), (11.0, "junctional_zone", PLAIN), (15.5, "endometrium", WALL))
    parts = [shape(layers, rows)]
    for side in (-1, 1):  # ovaries with follicles
        x, y, z = side * random.uniform(44, 52), random.normal(6, 6), random.normal(38, 8)
        parts.append(shape(_filled("ovary", WALL), [(z - 11, x, y, 8, 6), (z, x, y, 13, 9), (z + 11, x, y, 8, 6)]))
        for _ in range(3):
            fx, fy, r = x + random.normal(0, 5), y + random.normal(0, 3.5), random.uniform(2, 3.6)
            parts.append(shape(_filled("follicle", SMOOTH), [(z - 6, fx, fy, r, r), (z + 6, fx, fy, r, r)]))
    return parts


def _bowel(random: np.random.Generator, shape) -> list[Shape]:
    loops = []
    for _ in range(7):
        x, y, z = random.uniform(-62, 62), random.uniform(-52, 0), random.uniform(48, 80)
        rows = [(z - 16, x, y, 8, 7), (z, x + random.normal(0, 6), y, random.uniform(11, 18), random.uniform(9, 14))]
        rows.append((z + 30, x + random.normal(0, 10), y, 12, 10))
        content = "bowel_content" if random.random() < 0.7 else "gas"
        layers = ((0.0, "rectal_wall", WALL), (2.4, content, WALL))
        loops.append(shape(layers, rows, angle=random.uniform(1, 90)))
    return loops


def _nodes(random: np.random.Generator, shape, record: dict) -> list[Shape]:
    """Lymph nodes along the pelvic vessels: the largest with its planted short axis, and a few small ones."""
    largest = record["mri_ln_short_axis_mm"] / 2
    places = [(58 if record["node_side"] == "left" else -58, -12.0, 24.0, largest)]
    for _ in range(5):
        side, r = random.choice([-1, 1]), min(largest, random.uniform(1.5, 2.8))
        places.append((side * random.uniform(50, 62), random.uniform(-24, 14), random.uniform(0, 60), r))
    nodes = []
    for x, y, z, r in places:
        half = 1.3 * r + 3
        rows = [(z - half, x, y, 0.5 * r, 0.6 * r), (z, x, y, r, 1.35 * r), (z + half, x, y, 0.5 * r, 0.6 * r)]
        nodes.append(shape(_filled("node"), rows, angle=float(random.uniform(-30, 30))))
    return nodes


def _cervix(tumour: Tumour) -> list[Shape]:
    """Stroma as wide as the tumour needs, with its canal; not scaled with the body, because the tumour is not."""
    (x0, x1), (y0, y1), _ = tumour.reach
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    rx, ry = max(17.0, 0.98 * (x1 - x0) / 2), max(14.0, 0.98 * (y1 - y0) / 2)
    stroma = [(-24, cx, cy, 0.8 * rx, 0.8 * ry), (-8, cx, cy, rx, ry), (12, cx, cy, rx, ry), (24, cx, cy, 16, 13)]
    canal = [(-24, cx, cy, 3.5, 2.0), (24, cx, cy, 4.5, 2.2)]
    return [Shape(np.array(stroma), _filled("cervix", WALL)), Shape(np.array(canal), _filled("endometrium"))]
