"""Geometry of the simulated pelvis, and how the planted signs show in the rendered images."""

import copy
from pathlib import Path

import numpy as np
import pytest

from hscore.simulation import anatomy, scanners
from hscore.simulation.parameters import load
from hscore.simulation.patients import simulate_center
from hscore.simulation.rendering import peritumoral_weight, render, tumour_mask

ROOT = Path(__file__).parents[2]
PATIENT = "a-0001"


@pytest.fixture(scope="module")
def parameters():
    return load(ROOT / "resources/simulation.yaml")


@pytest.fixture(scope="module")
def record(parameters):
    return simulate_center(parameters, "a", "siemens", 4, 1, 3)[1]["patients"][PATIENT]


@pytest.fixture(scope="module")
def pelvis(parameters, record):
    return anatomy.build(parameters, PATIENT, record, 3)


def around_tumour(pelvis, pixel=1.0, step=5.0):
    """A grid that holds the tumour and 15 mm beyond."""
    (x0, x1), (y0, y1), (z0, z1) = pelvis.tumour.reach
    return np.arange(z0 - 10, z1 + 10, step), np.arange(y0 - 15, y1 + 15, pixel), np.arange(x0 - 15, x1 + 15, pixel)


def test_depth_in_a_circle_is_the_distance_to_its_edge():
    circle = anatomy.Shape(np.array([(-10, 3, -2, 20, 20), (10, 3, -2, 20, 20)], float), ())
    y, x = np.meshgrid(np.linspace(-30, 30, 13), np.linspace(-30, 30, 13), indexing="ij")
    expected = 20 - np.hypot(x - 3, y + 2)
    assert circle.depth(np.array([0.0]), y[None], x[None])[0] == pytest.approx(expected, abs=1e-4)


def test_turned_and_boxy_shapes():
    rows = np.array([(-10, 0, 0, 30, 10), (10, 0, 0, 30, 10)], float)
    turned = anatomy.Shape(rows, (), angle=90)
    point = turned.depth(np.array([0.0]), np.array([[[25.0, 0.0]]]), np.array([[[0.0, 25.0]]])).ravel()
    assert point[0] > 0 > point[1]
    boxy = anatomy.Shape(rows, (), boxy=1.0)  # (x / 30)^4 + (y / 10)^4 = 1
    corner = 0.5**0.25
    assert boxy.depth(np.array([0.0]), np.array([[[10 * corner]]]), np.array([[[30 * corner]]])) == pytest.approx(
        0, abs=1e-4
    )


def test_tumour_reach_is_the_tight_box_of_the_mask(pelvis):
    z, y, x = around_tumour(pelvis, pixel=0.5, step=1.0)
    mask = tumour_mask(pelvis, z, y, x)
    assert mask.any()
    for (low, high), axis, others in zip(pelvis.tumour.reach, (x, y, z), ((0, 1), (0, 2), (1, 2)), strict=True):
        held = axis[mask.any(axis=others)]
        assert held[0] == pytest.approx(low, abs=1.6) and held[-1] == pytest.approx(high, abs=1.6)


def test_tumour_is_one_piece_and_uneven(pelvis):
    from scipy.ndimage import label

    mask = tumour_mask(pelvis, *around_tumour(pelvis, step=2.0))
    sizes = np.bincount(label(mask)[0].ravel())[1:]
    assert sizes.max() / sizes.sum() > 0.99


def test_peritumoral_sign_lies_outside_the_tight_box_and_inside_the_grown_one(pelvis, parameters):
    z, y, x = around_tumour(pelvis, pixel=0.5)
    weight = peritumoral_weight(pelvis.tumour, parameters["tumour"]["around_mm"], z, y, x)
    (x0, x1), (y0, y1), _ = pelvis.tumour.reach
    tight = ((y >= y0) & (y <= y1))[:, None] & ((x >= x0) & (x <= x1))[None, :]
    grown = ((y >= y0 - 4) & (y <= y1 + 4))[:, None] & ((x >= x0 - 4) & (x <= x1 + 4))[None, :]
    total = weight.sum()
    assert weight[:, tight].sum() < 0.10 * total
    assert weight[:, grown & ~tight].sum() > 0.30 * total


def noise_free(pelvis, parameters, record, kind, **levels):
    """The sequence around the tumour with some sign levels replaced; also the grid."""
    profile = parameters["scanners"]["siemens"]
    changed = copy.deepcopy(record["levels"])
    changed[kind] |= levels
    grid = around_tumour(pelvis)
    return render(pelvis, *grid, kind, profile["series"][kind], profile["field_tesla"], parameters, changed), grid


@pytest.mark.parametrize("kind", ["CET1WI", "T2WI", "ADC"])
def test_each_sign_changes_its_own_region_only(pelvis, parameters, record, kind):
    z, y, x = around_tumour(pelvis)
    mask = tumour_mask(pelvis, z, y, x)
    (x0, x1), (y0, y1), _ = pelvis.tumour.reach
    outside = (x < x0 - 1.5) | (x > x1 + 1.5)
    base = noise_free(pelvis, parameters, record, kind, inside=0.1, around=0.1)[0]
    inside = noise_free(pelvis, parameters, record, kind, inside=0.9, around=0.1)[0]
    around = noise_free(pelvis, parameters, record, kind, inside=0.1, around=0.9)[0]
    last = -1  # the most diffusion-weighted channel

    def change(image, where):
        return np.abs(image[last] - base[last])[where].mean() / base[last][mask].mean()

    beside = np.broadcast_to(outside, mask.shape)
    deep = pelvis.tumour.depth(z, y, x) > 1
    assert change(inside, deep) > 0.05
    assert change(inside, beside) < 1e-6
    assert change(around, beside) > 0.01
    assert change(around, deep) < 1e-6


def test_other_sequences_do_not_show_a_sequences_sign(pelvis, parameters, record):
    image, grid = noise_free(pelvis, parameters, record, "CET1WI")
    profile = parameters["scanners"]["siemens"]
    levels = copy.deepcopy(record["levels"])
    levels["T2WI"] = {"inside": 0.99, "around": 0.99}
    again = render(pelvis, *grid, "CET1WI", profile["series"]["CET1WI"], profile["field_tesla"], parameters, levels)
    assert np.array_equal(image, again)


def test_largest_node_is_drawn_with_its_short_axis(parameters, record):
    def bright_pixels(short_axis):
        changed = record | {"mri_ln_short_axis_mm": short_axis}
        node = next(s for s in anatomy.build(parameters, PATIENT, changed, 3).shapes if s.layers[0][1] == "node")
        return 2 * node.nodes[:, 3].max()

    assert bright_pixels(16.0) / bright_pixels(8.0) == pytest.approx(2)


def test_rendering_in_slabs_changes_nothing(pelvis, parameters, record, monkeypatch):
    whole, grid = noise_free(pelvis, parameters, record, "T2WI")
    monkeypatch.setattr("hscore.simulation.rendering.SLAB_PIXELS", 1)
    assert noise_free(pelvis, parameters, record, "T2WI")[0] == pytest.approx(whole, abs=1e-4)


def test_placement_is_a_rotation_and_small(parameters):
    for number in range(30):
        placement = scanners.place(parameters, f"p-{number}", 1)
        assert placement.rotation @ placement.rotation.T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(placement.rotation) == pytest.approx(1)
        assert placement.rotation[2, 2] > np.cos(np.deg2rad(13))
