"""Build one patient's pelvis: the deformed atlas, with her tumour and largest node.

Coordinates are those of the imaging slab, in mm: x to the patient's left, y backwards, z upwards; origin in the cervix.
Size, fat, bladder and uterus deform the atlas within the transverse plane by a smooth displacement. Along z, the atlas
is stretched. The tumour and the largest node are not in the atlas: they are shapes whose extent is known exactly.
"""

from dataclasses import dataclass, field

import numpy as np

from hscore.simulation.fields import Field
from hscore.simulation.parameters import stream

EXTENT_MM = (125.0, 150.0, 160.0)  # half-widths (z, y, x) within which the random fields are defined
LATTICE_MM = (12.0, 10.0, 10.0)  # spacing of the displacement's lattice
CERVIX_MM = 15.5  # radius of the atlas's cervix
BLADDER = (0.0, -46.0, 0.0)
RECTUM = (0.0, 52.0, 5.0)
UTERUS = (0.0, -14.0, 38.0)


@dataclass(frozen=True)
class Tumor:
    """Ellipsoid (centre, radii: x, y, z in mm) with an uneven surface of amplitude `boundary` (share of the radius)."""

    center: np.ndarray
    radius: np.ndarray
    boundary: float
    noise: Field
    texture: Field
    strands: Field
    reach: np.ndarray = field(
        default_factory=lambda: np.zeros((3, 2))
    )  # outermost tumour (mm): rows x, y, z; low, high

    def depth(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the approximate depth [mm] below the surface (negative outside) at z, y (sections, rows) and x."""
        u, v, w = ((p - c) / r for p, c, r in zip((x, y, z), self.center, self.radius, strict=True))
        # A fourth power along z gives a barrel, not a ball, like a cervix full of tumour.
        q = (v**2 + w**4)[..., None] + u**2
        r = np.sqrt(q).astype(np.float32)
        return (1.0 - r + np.float32(self.boundary) * self.noise.at(z, y, x)) * np.float32(min(self.radius[:2]))


@dataclass(frozen=True)
class Node:
    """The largest lymph node: an ellipsoid (centre, radii: x, y, z in mm); its x axis is the short one."""

    center: np.ndarray
    radius: np.ndarray

    def depth(self, z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the approximate depth [mm] below the surface (negative outside) at z, y (sections, rows) and x."""
        u, v, w = ((p - c) / r for p, c, r in zip((x, y, z), self.center, self.radius, strict=True))
        return ((1 - np.sqrt((v**2 + w**2)[..., None] + u**2)) * self.radius[0]).astype(np.float32)


@dataclass(frozen=True)
class Pelvis:
    """One patient's anatomy."""

    variant: int  # of the atlas
    stretch: float  # along z: mm of the patient per mm of the atlas
    displacement: tuple[Field, Field]  # y and x, mm: from a point of the patient to that of the atlas
    distortion: Field
    tumor: Tumor
    node: Node
    tissue_factor: dict[str, float]


def build(parameters: dict, patient: str, record: dict, seed: int) -> Pelvis:
    """Build the pelvis of one patient from her planted values, `record` of the truth."""
    random = stream(seed, patient, "anatomy")
    nuisance = parameters["nuisance"]
    tumor = _tumor(parameters["tumour"], record["tumour"], stream(seed, patient, "tumour"))
    scale = float(np.exp(nuisance["body_scale_log_sd"] * random.standard_normal()))
    return Pelvis(
        variant=int(random.integers(parameters["atlas"]["variants"])),
        stretch=float(np.exp(0.5 * nuisance["body_scale_log_sd"] * random.standard_normal())),
        displacement=_displacement(random, nuisance, scale, record["clinical"]["age"], tumor),
        distortion=Field.random(random, (60, 45, 45), EXTENT_MM),
        tumor=tumor,
        node=_node(random, record),
        tissue_factor={
            name: float(np.exp(nuisance["tissue_log_sd"] * random.standard_normal())) for name in parameters["tissues"]
        },
    )


def _tumor(parameters: dict, planted: dict, random: np.random.Generator) -> Tumor:
    """Build the tumour from its planted centre and radii, and measure its extent."""
    center, radius = np.array(planted["center_mm"]), np.array(planted["radius_mm"])
    half = (60.0, 60.0, 60.0)
    tumor = Tumor(
        center,
        radius,
        parameters["boundary"],
        noise=Field.random(random, (16, 11, 11), half),
        texture=Field.random(random, (8, 5, 5), half),
        strands=Field.random(random, (8, 2.5, 7), half),
    )
    x, y, z = (np.arange(c - 1.6 * r, c + 1.6 * r, 1.0) for c, r in zip(center, radius, strict=True))
    filled = tumor.depth(z[:, None], y[None, :], x) >= 0
    for row, (axis, others) in enumerate(zip((x, y, z), ((0, 1), (0, 2), (1, 2)), strict=True)):
        extent = axis[filled.any(axis=others)]
        tumor.reach[row] = extent[0] - 0.5, extent[-1] + 0.5
    return tumor


def _node(random: np.random.Generator, record: dict) -> Node:
    """Build the largest node from its planted side and short axis."""
    side = 1 if record["node_side"] == "left" else -1
    short = record["mri_ln_short_axis_mm"] / 2
    center = (side * (51 - 0.4 * short), random.uniform(-26, -6), random.uniform(8, 30))
    return Node(np.array(center), short * np.array([1.0, random.uniform(1.1, 1.7), random.uniform(1.1, 1.6)]))


def _displacement(random: np.random.Generator, nuisance: dict, scale: float, age: int, tumor: Tumor):
    """Return the displacement from a point of this patient to that of the atlas: fields of y and x in mm."""
    origin, counts = Field.lattice(LATTICE_MM, EXTENT_MM)
    z, y, x = (start + step * np.arange(n) for start, step, n in zip(origin, LATTICE_MM, counts, strict=True))
    wide = [Field.random(random, (70, 60, 60), EXTENT_MM) for _ in range(2)]
    small = [Field.random(random, (30, 22, 22), EXTENT_MM) for _ in range(2)]
    warp = nuisance["warp_mm"]
    dy, dx = (
        warp * (a.at(z[:, None], y[None], x) + 0.25 * b.at(z[:, None], y[None], x))
        for a, b in zip(wide, small, strict=True)
    )
    z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]

    def move(shift_y, shift_x) -> None:
        """Add to the displacement."""
        nonlocal dy, dx
        dy, dx = dy + shift_y, dx + shift_x

    def swell(center, factor: float, reach: float) -> None:
        """Enlarge the surroundings of a point of the atlas by a factor that fades over `reach` mm."""
        cx, cy, cz = center
        fade = (1 / factor - 1) * np.exp(-(((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / reach**2))
        move(fade * (y - cy), fade * (x - cx))

    fat = np.clip(nuisance["fat_log_sd"] * random.standard_normal(), -0.3, 0.3)  # below the skin, thinner or thicker
    outside = np.clip(np.sqrt((x / 148) ** 2 + (y / 96) ** 2) - 0.8, 0, 0.5)
    move((1 / scale - 1 - fat * outside) * y, (1 / scale - 1 - fat * outside) * x)
    swell(BLADDER, np.exp(nuisance["organ_log_sd"] * random.standard_normal()), 44)
    swell(RECTUM, np.exp(nuisance["organ_log_sd"] * random.standard_normal()), 30)
    womb = -0.012 * max(0, age - 50) + nuisance["organ_log_sd"] * random.standard_normal()  # smaller after menopause
    swell(UTERUS, np.exp(np.clip(womb, -0.35, 0.3)), 36)

    # The cervix is moved to the tumour. A tumour larger than the cervix pushes everything around it away.
    cx, cy, cz = tumor.center
    far = np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (0.8 * (z - cz)) ** 2)
    near = np.exp(-((far / 45) ** 2))
    move(-cy * near, -cx * near)
    for axis, shift in ((0, x - cx), (1, y - cy)):
        grown = max(0.0, tumor.radius[axis] + 1.0 - CERVIX_MM)
        push = -grown * np.where(far < CERVIX_MM + grown, 1 / (CERVIX_MM + grown), 1 / np.maximum(far, 1))
        push = push * np.exp(-np.maximum(far - CERVIX_MM - grown, 0) / 22) * shift
        move(*((0, push) if axis == 0 else (push, 0)))
    return tuple(Field(values.astype(np.float32), origin, LATTICE_MM) for values in (dy, dx))
