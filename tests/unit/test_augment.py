"""Augmentation: each part against a slow obvious version, and repeatable from its generator."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from hscore.learning.augment import Augment

ALL = {"flip": True, "rotation_degrees": 15, "scale": 0.1, "shift": 0.06,
       "intensity_scale": 0.1, "intensity_shift": 0.1, "noise": 0.05}  # fmt: skip


def augment(images, settings, seed=0):
    return Augment(settings, *images.shape[2:], torch.Generator().manual_seed(seed))(images)


def blob(rows=48, columns=32):
    """One smooth, asymmetric sample [1, 1, rows, columns]."""
    image = np.zeros((rows, columns))
    image[rows // 3, columns // 4] = image[rows // 2, columns // 2] = 100
    return torch.from_numpy(ndimage.gaussian_filter(image, 3)).float()[None, None]


def test_nothing_set_changes_nothing():
    images = torch.randn(4, 3, 16, 12)
    torch.testing.assert_close(augment(images, {}), images, rtol=1e-4, atol=1e-5)


def test_same_generator_state_gives_the_same_batch():
    images = torch.randn(4, 3, 16, 16)
    assert torch.equal(augment(images, ALL, seed=3), augment(images, ALL, seed=3))
    assert not torch.equal(augment(images, ALL, seed=3), augment(images, ALL, seed=4))


def test_samples_of_a_batch_differ_and_input_is_untouched():
    images = torch.randn(1, 3, 16, 16).repeat(4, 1, 1, 1)
    before = images.clone()
    changed = augment(images, ALL)
    assert torch.equal(images, before)
    assert len({tuple(sample.flatten().tolist()) for sample in changed}) == 4


def test_flips_are_exact_and_of_every_kind():
    image = torch.randn(1, 2, 8, 6)
    flipped = augment(image.repeat(200, 1, 1, 1), {"flip": True})
    kinds = [image[0], image[0].flip(1), image[0].flip(2), image[0].flip(1, 2)]
    found = [next(k for k, kind in enumerate(kinds) if torch.allclose(kind, f, atol=1e-4)) for f in flipped]
    counts = np.bincount(found, minlength=4)
    assert counts.min() > 25  # 50 expected of each


def matrix(settings, n=1, seed=0):
    """The affine part of the sampling grid, recovered from its corners: input = A output + b, in pixels."""
    rows, columns = 48, 32
    maker = Augment(settings, rows, columns, torch.Generator().manual_seed(seed))
    grid = maker.grid(n).numpy().astype(float)
    pixels = np.stack([((grid[..., 1] + 1) * rows - 1) / 2, ((grid[..., 0] + 1) * columns - 1) / 2], axis=-1)
    offset = pixels[:, 0, 0]
    return np.stack([pixels[:, 1, 0] - offset, pixels[:, 0, 1] - offset], axis=-1), offset


@pytest.mark.parametrize("settings", [{"rotation_degrees": 30}, {"scale": 0.3}, {"shift": 0.2}, ALL])
def test_geometry_equals_scipy_resampling(settings):
    settings = {key: value for key, value in settings.items() if not key.startswith(("intensity", "noise"))}
    image = blob()
    (linear,), (offset,) = matrix(settings, seed=5)
    expected = ndimage.affine_transform(image[0, 0].numpy(), linear, offset, order=1, mode="nearest")
    np.testing.assert_allclose(augment(image, settings, seed=5)[0, 0].numpy(), expected, atol=2e-3)


def test_limits_of_geometry():
    rotation, _ = matrix({"rotation_degrees": 15}, n=500)
    np.testing.assert_allclose(rotation @ rotation.transpose(0, 2, 1), np.tile(np.eye(2), (500, 1, 1)), atol=1e-3)
    angle = np.degrees(np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0]))
    assert -15.1 < angle.min() < -14 and 14 < angle.max() < 15.1
    scale, _ = matrix({"scale": 0.1}, n=500)
    size = 1 / scale[:, 0, 0]
    assert 0.9 - 1e-4 < size.min() < 0.92 and 1.08 < size.max() < 1.1 + 1e-4
    _, shift = matrix({"shift": 0.06}, n=500)
    assert 0.05 * 48 < np.abs(shift[:, 0]).max() <= 0.06 * 48 + 1e-3
    assert 0.05 * 32 < np.abs(shift[:, 1]).max() <= 0.06 * 32 + 1e-3


def test_intensity_is_a_straight_line_within_its_limits():
    images = torch.randn(300, 1, 8, 8)
    changed = augment(images, {"intensity_scale": 0.1, "intensity_shift": 0.2})
    x, y = images.flatten(1).numpy(), changed.flatten(1).numpy()
    slopes, intercepts = np.array([np.polyfit(a, b, 1) for a, b in zip(x, y, strict=True)]).T
    np.testing.assert_allclose(slopes[:, None] * x + intercepts[:, None], y, atol=1e-4)
    assert 0.9 <= slopes.min() < 0.92 and 1.08 < slopes.max() <= 1.1
    assert -0.2 <= intercepts.min() < -0.17 and 0.17 < intercepts.max() <= 0.2


def test_noise_is_normal_and_uncorrelated_between_samples():
    noise = augment(torch.zeros(200, 3, 16, 16), {"noise": 0.05}).flatten(1).numpy()
    assert noise.std() == pytest.approx(0.05, rel=0.02)
    assert abs(noise.mean()) < 0.001
    assert abs(float((noise**4).mean() / (noise**2).mean() ** 2) - 3) < 0.1
    correlation = np.corrcoef(noise)[np.triu_indices(200, 1)]
    assert np.abs(correlation).max() < 6 / np.sqrt(noise.shape[1])
