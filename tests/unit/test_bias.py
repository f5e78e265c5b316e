"""The bias field against fields that are known: the digital phantom, and no field at all."""

import numpy as np
import pytest
import SimpleITK as sitk

from hscore.imaging.normalize.bias_field import body_mask, log_bias_field

GRID_MM, ITERATIONS = 5.0, [500, 500, 500]
SPACING = (4.0, 4.0, 6.0)


@pytest.fixture(scope="module")
def phantom(reference_data):
    """The volume, its spacing, the body, and the true log field."""
    folder = reference_data / "phantom"
    names = "t2_biased", "body_mask", "bias_truth"
    images = [sitk.ReadImage(str(folder / f"{name}.nii.gz"), sitk.sitkFloat32) for name in names]
    volume, body, field = map(sitk.GetArrayFromImage, images)
    return volume, images[0].GetSpacing(), body != 0, np.log(field)


def pelvis(columns=60, rows=50, sections=6, air=True, seed=0):
    """A bright ring of fat around darker tissue with a dark hole, in air when asked for; body mask and volume."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    radius = np.hypot(x / 0.8, y / 0.7) if air else np.hypot(x, y) / 1.3
    section = np.where(radius < 0.8, 300, 900) * (radius < 1 if air else 1)
    section[np.hypot(x, y) < 0.2] = 0
    volume = np.hypot(np.stack([section] * sections) + rng.normal(0, 10, (sections, rows, columns)), 10)
    return np.stack([radius < 1 if air else radius > -1] * sections), volume.astype(np.float32)


def test_field_of_the_phantom_is_found(phantom):
    volume, spacing, body, truth = phantom
    field = log_bias_field(volume, spacing, body, GRID_MM, ITERATIONS)
    error = (field - truth)[body]
    before = truth[body].std()
    assert field.shape == truth.shape
    assert before > 0.2
    assert error.std() < 0.02
    assert np.corrcoef(field[body], truth[body])[0, 1] > 0.99


def test_field_of_the_phantom_is_found_with_our_own_body_mask(phantom):
    volume, spacing, body, truth = phantom
    field = log_bias_field(volume, spacing, body_mask(volume, spacing), GRID_MM, ITERATIONS)
    assert (field - truth)[body].std() < 0.02


def test_itks_own_filter_finds_the_same_field(phantom):
    volume, spacing, body, truth = phantom
    ours, theirs = (
        log_bias_field(volume, spacing, body, GRID_MM, ITERATIONS, method) for method in ("n4", "simpleitk")
    )
    assert (theirs - truth)[body].std() < 0.02
    assert (ours - theirs)[body].std() < 0.002
    assert np.abs(ours - theirs)[body].max() < 0.01


def test_itks_own_filter_takes_one_section():
    body, volume = pelvis(sections=1)
    field = log_bias_field(volume, SPACING, body, GRID_MM, [5, 5], "simpleitk")
    assert field.shape == volume.shape and np.isfinite(field).all()


def test_vials_become_more_uniform_than_the_reference_correction_needs(phantom, reference_data):
    values, spacing, body, _ = phantom
    vials = sitk.GetArrayFromImage(sitk.ReadImage(str(reference_data / "phantom" / "vials.nii.gz")))
    corrected = values / np.exp(log_bias_field(values, spacing, body, GRID_MM, ITERATIONS))
    for label in range(1, 7):
        before, after = (v[vials == label].std() / v[vials == label].mean() for v in (values, corrected))
        assert after < before / 2


def test_field_is_the_same_every_time_and_does_not_change_the_mean_brightness():
    body, volume = pelvis()
    first, second = (log_bias_field(volume, SPACING, body, 8.0, [5, 5]) for _ in range(2))
    assert (first == second).all()
    assert first[body].mean() == pytest.approx(0, abs=1e-5)


def test_image_without_a_field_stays_as_it_is():
    body, volume = pelvis()
    assert log_bias_field(volume, SPACING, body, GRID_MM, ITERATIONS)[body].std() < 0.01


@pytest.mark.parametrize("sections", [1, 2, 3])
def test_few_sections_are_enough(sections):
    body, volume = pelvis(sections=sections)
    assert np.isfinite(log_bias_field(volume, SPACING, body, 8.0, [5, 5])).all()


@pytest.mark.parametrize(("columns", "rows"), [(60, 50), (61, 47), (83, 90)])
def test_body_is_the_object_in_the_air_with_its_holes(columns, rows):
    body, volume = pelvis(columns, rows)
    found = body_mask(volume, SPACING)
    assert found.shape == body.shape
    dice = 2 * (found & body).sum() / (found.sum() + body.sum())
    assert dice > 0.98
    assert found[:, rows // 2, columns // 2].all()


def test_body_fills_a_field_of_view_without_air():
    _, volume = pelvis(air=False)
    assert body_mask(volume, SPACING).mean() > 0.95


def test_body_of_the_phantom(phantom):
    volume, spacing, body, _ = phantom
    found = body_mask(volume, spacing)
    assert 2 * (found & body).sum() / (found.sum() + body.sum()) > 0.97


def test_no_body_without_signal():
    volume = np.full((4, 32, 32), 7, np.float32)
    assert not body_mask(volume, SPACING).any()
    assert (log_bias_field(volume, SPACING, volume > 9, GRID_MM, ITERATIONS) == 0).all()


@pytest.mark.parametrize("shape", [(3, 3, 3), (2, 1, 40), (1, 1, 1)])
def test_an_image_smaller_than_a_block_has_no_body(shape):
    assert not body_mask(np.ones(shape, np.float32), (1.0, 1.0, 4.0)).any()
