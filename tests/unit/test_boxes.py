"""Boxes, groups of sections and their scaling, against slow obvious versions and Pillow's resampling."""

import numpy as np
import pytest
from PIL import Image

from hscore.imaging.sample.boxes import Box, adjacent, cut, grown, plan, resize, tight, tumor_sections

SETTINGS = {"peritumoral_pixels": 5, "peritumoral_pixels_per": "side", "box_over": "sample"}


def test_tight_box_touches_the_tumour_on_all_four_sides():
    rng = np.random.default_rng(3)
    for _ in range(20):
        mask = rng.random((3, 30, 40)) < 0.004
        mask[1, 12, 17] = True
        z, y, x = np.argwhere(mask).T
        assert tight(mask) == Box((x.min(), y.min()), (x.max(), y.max()))


def test_box_grows_on_each_side():
    assert grown(Box((20, 30), (40, 35)), 5, "side", (100, 90)) == Box((15, 25), (45, 40))


def test_box_grows_in_total_with_the_odd_pixel_on_the_far_side():
    box = grown(Box((20, 30), (40, 35)), 5, "total", (100, 90))
    assert box == Box((18, 28), (43, 38))
    assert box.last[0] - box.first[0] == 40 - 20 + 5


def test_box_is_cut_at_the_edge_of_the_section():
    assert grown(Box((2, 0), (97, 85)), 5, "side", (100, 90)) == Box((0, 0), (99, 89))


def test_sections_need_tumour_and_the_minimum_area():
    mask = np.zeros((6, 10, 10), bool)
    mask[1, 0, :3], mask[2, 0, :4], mask[4, :5, :5] = True, True, True
    assert tumor_sections(mask, 0.5, 2.0) == [2, 4]
    assert tumor_sections(mask, 0.5, 0) == [1, 2, 4]
    assert tumor_sections(np.zeros((3, 4, 4), bool), 0.5, 0) == []


@pytest.mark.parametrize(
    ("sections", "stride", "groups"),
    [
        ([4, 5, 6, 7, 8], 1, [[4, 5, 6], [5, 6, 7], [6, 7, 8]]),
        ([4, 5, 6, 7, 8], 2, [[4, 5, 6], [6, 7, 8]]),
        ([4, 5, 6, 7, 8], 3, [[4, 5, 6]]),
        ([1, 2, 3, 5, 6, 8, 9, 10], 1, [[1, 2, 3], [8, 9, 10]]),
        ([1, 2, 4, 5], 1, []),
        ([7], 1, []),
        ([], 1, []),
    ],
)
def test_only_adjacent_sections_make_a_sample(sections, stride, groups):
    assert adjacent(sections, 3, stride) == groups


@pytest.mark.parametrize("shape", [(64, 64), (20, 33), (64, 20), (90, 150), (1, 1), (300, 5)])
@pytest.mark.parametrize(("interpolation", "pillow"), [("linear", "BILINEAR"), ("cubic", "BICUBIC")])
def test_scaling_agrees_with_pillow(shape, interpolation, pillow):
    section = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    expected = np.asarray(Image.fromarray(section).resize((64, 64), Image.Resampling[pillow]))
    assert resize(section, 64, interpolation) == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_scaling_keeps_constants_and_leaves_64_pixels_alone(interpolation):
    assert resize(np.full((3, 17, 130), 2.5), 64, interpolation) == pytest.approx(2.5, abs=1e-5)
    section = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    assert resize(section, 64, interpolation) == pytest.approx(section, abs=1e-6)


def test_large_boxes_are_averaged_not_skipped():
    """A checkerboard, which picking every third pixel would keep, becomes grey."""
    board = np.indices((192, 192)).sum(axis=0) % 2
    assert resize(board, 64, "linear")[2:-2, 2:-2] == pytest.approx(0.5, abs=0.01)
    assert resize(board, 64, "linear").dtype == np.float32


def cone():
    """A tumour that widens by one pixel on each side from section to section, 2..6 of 8."""
    mask = np.zeros((8, 40, 50), bool)
    for z in range(2, 7):
        mask[z, 20 - z : 21 + z, 25 - z : 26 + z] = True
    return mask


def test_box_is_tight_on_the_sections_of_the_sample_or_on_the_tumour():
    groups = [[2, 3, 4], [4, 5, 6]]
    own = plan(cone(), groups, SETTINGS)
    assert [s.boxes["tumour"] for s in own] == [Box((21, 16), (29, 24)), Box((19, 14), (31, 26))]
    assert own[0].boxes["peritumoral"] == Box((16, 11), (34, 29))
    whole = plan(cone(), groups, {**SETTINGS, "box_over": "tumour"})
    assert {s.boxes["tumour"] for s in whole} == {Box((19, 14), (31, 26))}


def test_sample_is_the_scaled_content_of_its_box_and_nothing_else():
    mask = cone()
    volume = np.random.default_rng(2).normal(size=mask.shape).astype(np.float32)
    samples = plan(mask, [[2, 3, 4], [3, 4, 5]], SETTINGS)
    images = cut(volume, samples, "tumour", 64, "linear")
    assert images.shape == (2, 3, 64, 64)
    assert images.dtype == np.float32
    expected = Image.fromarray(volume[4, 16:25, 21:30]).resize((64, 64), Image.Resampling.BILINEAR)
    assert images[0, 2] == pytest.approx(np.asarray(expected), abs=1e-5)
    outside = np.where(mask[2:5].any(axis=0), volume, np.float32(1e6))
    assert (cut(outside, samples[:1], "tumour", 64, "linear") == images[:1]).all()
