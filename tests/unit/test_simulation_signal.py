"""Signal equations against closed forms, and fields against a spline library."""

import numpy as np
import pytest
from scipy.interpolate import BSpline

from hscore.simulation import artifacts
from hscore.simulation.fields import Field
from hscore.simulation.signal import (
    add_rician_noise,
    contrast_shortened_t1,
    diffusion_weighting,
    spin_echo,
    spoiled_gradient_echo,
    tissue_signal,
)

TISSUE = {"pd": 0.8, "t1": {3.0: 1200}, "t2": {3.0: 80}, "t2_fse": 100, "adc": 1000, "gd": 0.5, "fat": 0.5}
PARAMETERS = {"relaxivity_l_mmol_s": {3.0: 4.0}, "fat_suppression_residual": {"CET1WI": 0.1, "ADC": 0.1, "T2WI": 0.1}}


def test_contrast_agent_shortens_t1_by_its_relaxivity():
    # R1 = 1/1.2 s + 4.0 l/mmol/s x 0.5 mmol/l = 2.8333 1/s
    assert contrast_shortened_t1(1200, 4.0, 0.5) == pytest.approx(1000 / (1 / 1.2 + 2.0))
    assert contrast_shortened_t1(1200, 4.0, 0.0) == pytest.approx(1200)


def test_spoiled_gradient_echo_limits():
    # At 90 degrees: PD (1 - E1); with TR >> T1: PD sin(flip); the maximum lies at the Ernst angle acos(E1).
    assert spoiled_gradient_echo(0.9, 1000, 1e9, 500, 0, 90) == pytest.approx(0.9 * (1 - np.exp(-0.5)))
    assert spoiled_gradient_echo(1.0, 100, 1e9, 1e5, 0, 30) == pytest.approx(0.5)
    flips = np.linspace(1, 90, 8901)
    signal = [spoiled_gradient_echo(1, 1000, 1e9, 100, 0, flip) for flip in flips]
    assert flips[int(np.argmax(signal))] == pytest.approx(np.degrees(np.arccos(np.exp(-0.1))), abs=0.02)


def test_spin_echo_and_diffusion_are_exponential():
    assert spin_echo(0.8, 1000, 80, 3000, 80) == pytest.approx(0.8 * (1 - np.exp(-3)) * np.exp(-1))
    assert diffusion_weighting(1000, 1000) == pytest.approx(np.exp(-1))


def test_two_b_values_give_the_tissue_its_diffusion_coefficient_back():
    protocol = {"tr": 5000, "te": 70, "fat_suppressed": True, "b_values": [50, 1000]}
    low, high = tissue_signal(TISSUE, "ADC", protocol, 3.0, PARAMETERS, scale=np.array([1.0, 0.7]))
    assert np.log(low / high) / 950e-6 == pytest.approx([1000, 700], rel=1e-4)


def test_fat_suppression_removes_the_fat_share():
    protocol = {"tr": 4000, "te": 90, "fat_suppressed": False}
    plain = tissue_signal(TISSUE, "T2WI", protocol, 3.0, PARAMETERS)
    suppressed = tissue_signal(TISSUE, "T2WI", protocol | {"fat_suppressed": True}, 3.0, PARAMETERS)
    assert suppressed / plain == pytest.approx([1 - 0.5 * 0.9])


def test_scale_acts_on_contrast_uptake_only_where_there_is_contrast():
    protocol = {"tr": 5, "te": 2, "flip": 12, "fat_suppressed": False}
    scout = tissue_signal(TISSUE, "localizer", protocol, 3.0, PARAMETERS, 3.0)
    assert scout == pytest.approx(tissue_signal(TISSUE, "localizer", protocol, 3.0, PARAMETERS, 1.0))
    assert tissue_signal(TISSUE, "CET1WI", protocol, 3.0, PARAMETERS, 1.0) > 1.5 * scout


@pytest.mark.parametrize("magnitude", [0.0, 2.0, 30.0])
def test_rician_noise_has_its_second_moment_and_its_floor(magnitude):
    sigma = 3.0
    noisy = add_rician_noise(np.full((2, 400, 400), magnitude, np.float32), sigma, np.random.default_rng(0))
    assert np.mean(noisy.astype(float) ** 2) == pytest.approx(magnitude**2 + 2 * sigma**2, rel=0.02)
    if magnitude == 0:  # a Rayleigh distribution
        assert noisy.mean() == pytest.approx(sigma * np.sqrt(np.pi / 2), rel=0.01)
        assert noisy.std() == pytest.approx(sigma * np.sqrt(2 - np.pi / 2), rel=0.01)
        assert np.quantile(noisy, 0.999) == pytest.approx(sigma * np.sqrt(-2 * np.log(0.001)), rel=0.02)


def test_rician_noise_of_neighbours_and_of_sections_is_independent():
    noisy = add_rician_noise(np.full((2, 300, 301), 50.0, np.float32), 1.0, np.random.default_rng(0)) - 50
    for one, other in ((noisy[0], noisy[1]), (noisy[0, 1:], noisy[0, :-1]), (noisy[0, :, 1:], noisy[0, :, :-1])):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] == pytest.approx(0, abs=0.02)


def test_field_is_the_tensor_product_cubic_spline():
    field = Field.random(np.random.default_rng(3), (9.0, 6.0, 7.0), (30, 30, 30))
    z, y, x = np.linspace(-20, 20, 4), np.linspace(-29, 28, 5), np.linspace(-11, 23, 6)

    def basis(points, origin, spacing, count):
        knots = [
            BSpline.basis_element(origin + spacing * (k + np.arange(-2, 3)), extrapolate=False) for k in range(count)
        ]
        return np.nan_to_num(np.stack([knot(points) for knot in knots], axis=1))

    bases = [
        basis(p, o, s, n)
        for p, o, s, n in zip((z, y, x), field.origin, field.spacing, field.coefficients.shape, strict=True)
    ]
    slow = np.einsum("ai,bj,ck,ijk->abc", *bases, field.coefficients.astype(float))
    assert field.at(z[:, None], y[None], x) == pytest.approx(slow, abs=1e-5)


def test_field_on_oblique_rows_is_that_of_each_row_alone():
    field = Field.random(np.random.default_rng(3), (9.0, 6.0, 7.0), (30, 30, 30))
    z, y, x = np.array([[0.0, 4.0, 9.0]]), np.array([[-9.0, 1.0, 12.0]]), np.linspace(-11, 23, 6)
    rows = [field.at(z[:, [i]], y[:, [i]], x)[0, 0] for i in range(3)]
    assert field.at(z, y, x)[0] == pytest.approx(np.array(rows), abs=1e-6)


def test_field_has_unit_standard_deviation_and_is_zero_beyond_its_extent():
    field = Field.random(np.random.default_rng(4), (5, 4, 4), (100, 100, 100))
    axis = np.linspace(-99, 99, 80)
    values = field.at(axis[:, None], axis[None], axis)
    assert values.mean() == pytest.approx(0, abs=0.03)
    assert values.std() == pytest.approx(1, abs=0.03)
    assert not field.at(np.array([[0.0]]), np.array([[0.0]]), np.array([-300.0, 300.0])).any()


# --- artefacts


def body(size=96):
    """A bright disc, and its rows in mm (front negative)."""
    y = np.linspace(-100, 100, size)
    disc = ((y[:, None] / 70) ** 2 + (y[None] / 80) ** 2 < 1).astype(np.float32)
    return disc[None, None].copy(), np.broadcast_to(y, (1, size)), 200 / size


def test_odd_even_ghost_lies_half_a_field_of_view_away():
    image, _, _ = body()
    before = image.copy()
    artifacts.odd_even(image, 0.2)
    ghost = image - np.cos(0.1) * before
    assert ghost == pytest.approx(np.sin(0.1) * np.roll(before, 48, axis=-2), abs=1e-6)


def test_breathing_makes_ghosts_beside_the_moving_front_and_spares_the_back():
    image, y, pixel = body()
    before = image.copy()
    artifacts.breathing(image, y, pixel, 6.0, np.random.default_rng(0))
    change = np.abs(image - before)[0, 0]
    front, back = change[y[0] < -40], change[y[0] > 40]
    assert front.mean() > 20 * back.mean()
    outside = before[0, 0] == 0
    assert change[outside & (y[0] < -30)[:, None]].max() > 0.02  # ghosts in the air


def test_a_step_smears_and_keeps_the_energy():
    """Phases of lines change nothing of the energy (Parseval)."""
    image, _, pixel = body()
    before = image.copy()
    artifacts.step(image, pixel, 4.0, np.random.default_rng(1))
    assert np.abs(image - before).mean() > 0.005
    assert (image.astype(float) ** 2).sum() == pytest.approx((before.astype(float) ** 2).sum(), rel=1e-4)


def test_no_movement_changes_nothing():
    image, y, pixel = body()
    before = image.copy()
    artifacts.breathing(image, y, pixel, 0.0, np.random.default_rng(0))
    artifacts.step(image, pixel, 0.0, np.random.default_rng(0))
    artifacts.odd_even(image, 0.0)
    assert image == pytest.approx(before, abs=1e-5)
