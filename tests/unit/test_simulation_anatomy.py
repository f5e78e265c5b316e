"""The atlas, its deformation into a patient, and how the planted signs show in the rendered images."""

import copy
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import label

from hscore.simulation import anatomy, atlas, curves, scanners
from hscore.simulation.codes import LEVELS, PIXEL, STEP, TISSUES, X, Y, Z
from hscore.simulation.parameters import load
from hscore.simulation.patients import simulate_center
from hscore.simulation.rendering import SectionStack, peritumoral_weight, render, tumor_mask
from hscore.simulation.textures import Textures

ROOT = Path(__file__).parents[2]
PATIENT = "a-0001"
SEED = 3


@pytest.fixture(scope="module")
def parameters():
    return load(ROOT / "resources/simulation.yaml")


@pytest.fixture(scope="module")
def volume():
    """One variant of the atlas: codes."""
    return atlas.build(atlas.load_outlines(ROOT / "resources/pelvis.yaml"), SEED, 0)


@pytest.fixture(scope="module")
def record(parameters):
    return simulate_center(parameters, "a", "siemens", 4, 1, SEED)[1]["patients"][PATIENT]


@pytest.fixture(scope="module")
def pelvis(parameters, record):
    return anatomy.build(parameters, PATIENT, record, SEED)


def around_tumor(pelvis, pixel=1.0, step=5.0):
    """A straight stack that holds the tumour and 15 mm beyond."""
    (x0, x1), (y0, y1), (z0, z1) = pelvis.tumor.reach
    z, y = np.arange(z0 - 10, z1 + 10, step), np.arange(y0 - 15, y1 + 15, pixel)
    return SectionStack(*np.broadcast_arrays(z[:, None], y), np.arange(x0 - 15, x1 + 15, pixel), (1.0, 0.0), step)


# --- the atlas


def tissue_at(volume, x, y, z) -> str:
    code = volume[round((z - Z[0]) / STEP), round((y - Y[0]) / PIXEL), round((x - X[0]) / PIXEL)]
    return TISSUES[code // LEVELS]


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(
    ("x", "y", "z", "tissue"),
    [
        (80, 90, -20, "muscle"),  # gluteus maximus
        (92, -8, -18, "marrow"),  # head of the femur
        (92, 17, -18, "cortical_bone"),  # its edge
        (44, 0, -35, "muscle"),  # obturator internus
        (66, -70, -30, "artery"),  # external iliac
        (16, -68, -50, "marrow"),  # pubis
        (80, -110, 130, None),
        (30, 55, 85, "marrow"),  # sacrum
    ],
)
def test_organs_lie_where_they_belong(volume, side, x, y, z, tissue):
    if tissue is None:  # the volume ends above
        assert z > Z[-1]
    else:
        assert tissue_at(volume, side * x, y, z) == tissue


def test_organs_in_the_middle_lie_in_their_order(volume):
    """On the way from the front backwards: bladder, cervix, rectum, and the air behind."""
    column = [TISSUES[code // LEVELS] for code in volume[round((0 - Z[0]) / STEP), :, round((0 - X[0]) / PIXEL)]]
    order = ["skin", "urine", "cervix", "rectal_wall", "air"]
    places = [column.index(tissue) for tissue in order[:-1]]
    assert places == sorted(places) and column[0] == column[-1] == "air"
    assert 15 < PIXEL * column.count("urine") < 60


def test_every_tissue_of_the_atlas_has_values(volume, parameters):
    painted = {TISSUES[number] for number in np.unique(volume // LEVELS)}
    assert len(painted) == len(TISSUES)
    assert set(TISSUES) <= set(parameters["tissues"])
    assert {tissue["with"] for tissue in parameters["tissues"].values() if "with" in tissue} <= set(TISSUES)


def test_same_seed_same_atlas_another_variant_another(volume):
    outlines = atlas.load_outlines(ROOT / "resources/pelvis.yaml")
    assert np.array_equal(atlas.build(outlines, SEED, 0), volume)
    other = atlas.build(outlines, SEED, 1)
    differ = (other // LEVELS != volume // LEVELS).mean()
    assert 0.01 < differ < 0.3  # other bowel, vessels, uterus; the same bones and muscles


def test_textures_are_levels_and_repeat():
    textures = Textures(np.random.default_rng(0), (64, 200, 330), (STEP, PIXEL, PIXEL))
    levels = textures.levels_of("marrow")
    assert levels.shape == (64, 200, 330) and levels.max() < LEVELS and len(np.unique(levels)) == LEVELS
    assert np.array_equal(levels[:32], levels[32:]) and textures.levels_of("artery") is None
    streaks = textures.levels_of("gluteal")
    assert np.array_equal(streaks[:, :, :165], streaks[:, :, 165:][:, :, ::-1])


def test_closed_curve_passes_through_its_points():
    corners = np.array([(10, 0), (0, 8), (-9, 0), (0, -11)], float)
    curve = curves.through(corners, closed=True)
    assert np.abs(curve[None] - corners[:, None]).sum(axis=2).min(axis=1) == pytest.approx(0)
    assert len(curve) == 32 and np.hypot(*np.diff(curve, axis=0).T).max() < 3


# --- the patient


def test_the_deformation_never_folds(parameters):
    """The displaced coordinates grow along their axes everywhere in the body, so every organ stays in one piece."""
    y, x = np.arange(-110.0, 111.0, 4.0), np.arange(-140.0, 141.0, 4.0)
    z = np.arange(-60.0, 85.0, 12.0)
    _, truth = simulate_center(parameters, "a", "siemens", 40, 10, 5)
    for name, record in truth["patients"].items():
        made = anatomy.build(parameters, name, record, 5)
        dy, dx = (field.at(z[:, None], y[None], x) for field in made.displacement)
        assert (1 + np.diff(dy, axis=1) / 4).min() > 0.1 and (1 + np.diff(dx, axis=2) / 4).min() > 0.1


def test_tumour_reach_is_the_tight_box_of_the_mask(pelvis):
    fine = around_tumor(pelvis, pixel=0.5, step=1.0)
    mask = tumor_mask(pelvis, fine)
    assert mask.any()
    axes = fine.x, fine.y[0], fine.z[:, 0]
    for (low, high), axis, others in zip(pelvis.tumor.reach, axes, ((0, 1), (0, 2), (1, 2)), strict=True):
        held = axis[mask.any(axis=others)]
        assert held[0] == pytest.approx(low, abs=1.6) and held[-1] == pytest.approx(high, abs=1.6)


def test_tumour_is_one_piece_and_uneven(pelvis):
    mask = tumor_mask(pelvis, around_tumor(pelvis, step=2.0))
    sizes = np.bincount(label(mask)[0].ravel())[1:]
    assert sizes.max() / sizes.sum() > 0.99


def test_large_tumour_pushes_the_bladder_away(parameters, record, volume):
    """The same patient with a larger tumour has as much bladder on an image, somewhat further forwards."""

    def bladder(radius):
        changed = copy.deepcopy(record)
        changed["tumour"] = {"center_mm": [0, 0, 0], "radius_mm": [radius, radius, radius]}
        made = anatomy.build(parameters, PATIENT, changed, SEED)
        y = np.arange(-90.0, 0.0, 1.0)
        stack = SectionStack(np.full((1, len(y)), 2.0), y[None], np.arange(-50.0, 51.0), (1.0, 0.0), 2.0)
        protocol = parameters["scanners"]["siemens"]["series"]["T2WI"]
        image = render(made, volume, stack, "T2WI", protocol, 3.0, parameters, record["levels"])[0, 0]
        bright = image > 0.6 * image.max()
        return bright.sum(), (bright * y[:, None]).sum() / bright.sum()

    small, large = bladder(12.0), bladder(25.0)
    assert large[0] == pytest.approx(small[0], rel=0.25)
    assert large[1] < small[1] - 1.0


def test_peritumoral_sign_lies_outside_the_tight_box_and_inside_the_grown_one(pelvis, parameters):
    fine = around_tumor(pelvis, pixel=0.5)
    weight = peritumoral_weight(pelvis.tumor, parameters["tumour"]["around_mm"], fine.z, fine.y, fine.x)
    (x0, x1), (y0, y1), _ = pelvis.tumor.reach
    x, y = fine.x, fine.y[0]
    tight = ((y >= y0) & (y <= y1))[:, None] & ((x >= x0) & (x <= x1))[None, :]
    grown = ((y >= y0 - 4) & (y <= y1 + 4))[:, None] & ((x >= x0 - 4) & (x <= x1 + 4))[None, :]
    total = weight.sum()
    assert weight[:, tight].sum() < 0.10 * total
    assert weight[:, grown & ~tight].sum() > 0.25 * total


# --- what the sequences show of it


def noise_free(pelvis, parameters, record, volume, kind, **levels):
    """The sequence around the tumour with some sign levels replaced; also the stack."""
    profile = parameters["scanners"]["siemens"]
    changed = copy.deepcopy(record["levels"])
    changed[kind] |= levels
    stack = around_tumor(pelvis)
    protocol, field = profile["series"][kind], profile["field_tesla"]
    return render(pelvis, volume, stack, kind, protocol, field, parameters, changed), stack


@pytest.mark.parametrize("kind", ["CET1WI", "T2WI", "ADC"])
def test_each_sign_changes_its_own_region_only(pelvis, parameters, record, volume, kind):
    base, stack = noise_free(pelvis, parameters, record, volume, kind, inside=0.1, around=0.1)
    inside = noise_free(pelvis, parameters, record, volume, kind, inside=0.9, around=0.1)[0]
    around = noise_free(pelvis, parameters, record, volume, kind, inside=0.1, around=0.9)[0]
    (x0, x1), _, _ = pelvis.tumor.reach
    beside = np.broadcast_to((stack.x < x0 - 5.5) | (stack.x > x1 + 5.5), base.shape[1:])  # beyond the stroma
    depth = pelvis.tumor.depth(stack.z, stack.y, stack.x)
    last = -1  # the most diffusion-weighted channel

    def change(image, where):
        return np.abs(image[last] - base[last])[where].mean() / base[last][depth > 1].mean()

    deep = np.min([pelvis.tumor.depth(*stack.plane(share)) for share in stack.shares], axis=0) > 1
    assert change(inside, deep) > 0.05
    assert change(inside, beside) < 1e-6
    assert change(around, beside) > 0.01
    assert change(around, deep) < 1e-6


def test_other_sequences_do_not_show_a_sequences_sign(pelvis, parameters, record, volume):
    image, stack = noise_free(pelvis, parameters, record, volume, "CET1WI")
    profile = parameters["scanners"]["siemens"]
    levels = copy.deepcopy(record["levels"])
    levels["T2WI"] = {"inside": 0.99, "around": 0.99}
    protocol, field = profile["series"]["CET1WI"], profile["field_tesla"]
    assert np.array_equal(image, render(pelvis, volume, stack, "CET1WI", protocol, field, parameters, levels))


def test_largest_node_has_its_short_axis(parameters, record):
    for short_axis in (8.0, 16.0):
        node = anatomy.build(parameters, PATIENT, record | {"mri_ln_short_axis_mm": short_axis}, SEED).node
        assert 2 * node.radius.min() == pytest.approx(short_axis)
        middle = node.depth(*(np.array([[c]]) for c in node.center[:0:-1]), node.center[:1])
        assert middle.item() == pytest.approx(short_axis / 2)


def test_bilinear_look_up_against_a_slow_one(pelvis, parameters, record, volume):
    """One pixel of a section, from the atlas's codes by hand."""
    protocol, field = parameters["scanners"]["siemens"]["series"]["T2WI"], 3.0
    stack = SectionStack(np.full((1, 2), 40.0), np.array([[60.0, 61.0]]), np.array([70.0, 71.0]), (1.0, 0.0), 2.0)
    image = render(pelvis, volume, stack, "T2WI", protocol, field, parameters, record["levels"])[0, 0]
    from hscore.simulation.signal import tissue_signal

    def signal(name):
        return (
            tissue_signal(parameters["tissues"][name], "T2WI", protocol, field, parameters)[0]
            * (pelvis.tissue_factor[name])
        )

    def of(code):
        tissue, level = TISSUES[code // LEVELS], (code % LEVELS) / (LEVELS - 1)
        values = parameters["tissues"][tissue]
        if "with" in values:
            return signal(tissue) + values["share"] * level * (signal(values["with"]) - signal(tissue))
        return signal(tissue) * (1 + values.get("mottled", 0) * (2 * level - 0.8))

    for row, column in ((0, 0), (1, 1)):
        place = [np.array([[stack.z[0, row]]]), np.array([[stack.y[0, row]]]), stack.x[[column]]]
        dy, dx = (shift.at(*place).item() for shift in pelvis.displacement)
        j, i = (stack.y[0, row] + dy - Y[0]) / PIXEL, (stack.x[column] + dx - X[0]) / PIXEL
        k = round((40.0 / pelvis.stretch - Z[0]) / STEP)
        weights = {(int(j) + b, int(i) + a): abs(1 - b - j % 1) * abs(1 - a - i % 1) for a in (0, 1) for b in (0, 1)}
        expected = sum(weight * of(int(volume[k, y, x])) for (y, x), weight in weights.items())
        assert image[row, column] == pytest.approx(expected, rel=1e-3)


def test_partial_volume_thick_sections_are_means_of_thin_ones(pelvis, parameters, record, volume):
    protocol = parameters["scanners"]["siemens"]["series"]["T2WI"]
    y, x = np.arange(-60.0, 60.0), np.arange(-60.0, 60.0)

    def section(z, thickness):
        stack = SectionStack(np.full((1, len(y)), z), y[None], x, (1.0, 0.0), thickness)
        return render(pelvis, volume, stack, "T2WI", protocol, 3.0, parameters, record["levels"])[0, 0]

    thick, low, high = section(40.0, 2 * STEP), section(40.0 - STEP / 2, STEP), section(40.0 + STEP / 2, STEP)
    # The displacement within a section is that of its middle, so the thin ones lie a little elsewhere.
    assert np.abs(thick - (low + high) / 2).mean() < 0.1 * np.abs(high - low).mean()


# --- where the slices lie


def test_placement_is_a_rotation_and_small(parameters):
    for number in range(30):
        placement = scanners.place(parameters, f"p-{number}", 1)
        assert placement.rotation @ placement.rotation.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(placement.rotation) == pytest.approx(1)
        assert placement.rotation[2, 2] > np.cos(np.deg2rad(13))


def test_oblique_series_show_the_same_anatomy_at_the_same_place(parameters, pelvis, record, volume):
    """A pixel of an oblique stack has the signal of the same point in a straight one (thin sections)."""
    protocol = parameters["scanners"]["siemens"]["series"]["T2WI"]
    angle = np.deg2rad(9)
    up, along, x = np.array([20.0, 26.0]), np.arange(-40.0, 41.0, 2.0), np.arange(-40.0, 41.0, 2.0)
    z = np.cos(angle) * up[:, None] + np.sin(angle) * along
    y = -np.sin(angle) * up[:, None] + np.cos(angle) * along
    oblique = SectionStack(z, y, x, (np.cos(angle), -np.sin(angle)), 1.0)
    image = render(pelvis, volume, oblique, "T2WI", protocol, 3.0, parameters, record["levels"])[0]
    same = np.empty_like(image)
    for section, row in np.ndindex(z.shape):
        straight = SectionStack(z[section, row].reshape(1, 1), y[section, row].reshape(1, 1), x, (1.0, 0.0), 1.0)
        same[section, row] = render(pelvis, volume, straight, "T2WI", protocol, 3.0, parameters, record["levels"])[0, 0]
    assert (
        np.corrcoef(image.ravel(), same.ravel())[0, 1] > 0.95
    )  # the atlas's sections are chosen by row: nearly the same
