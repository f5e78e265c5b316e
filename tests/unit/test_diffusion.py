"""The ADC fit against a general least-squares solver, the phantom's truth and the scanner's own map."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from hscore.imaging.diffusion import BadDiffusionError, distinct, fit_adc

RANGE = (0, 4000)


def slow_fit(signal, b_values, weighted):
    """One voxel: the line through the mean logs by numpy's polyfit, weighted anew twice by the signal it predicts."""
    levels = np.unique(b_values)
    means = [np.mean([np.log(s) for s, b in zip(signal, b_values, strict=True) if b == level]) for level in levels]
    counts = np.array([list(b_values).count(level) for level in levels])
    slope, start = np.polyfit(levels, means, 1)
    for _ in range(2 * weighted):
        # polyfit squares its weights
        slope, start = np.polyfit(levels, means, 1, w=np.sqrt(counts) * np.exp(start + slope * levels))
    return -1e6 * slope


@pytest.mark.parametrize("fit", ["ordinary", "weighted"])
def test_the_fit_is_that_of_a_general_solver(fit):
    b_values = [0.001, 50, 400, 400, 400, 800, 800]
    rng = np.random.default_rng(0)
    adc = rng.uniform(600, 2000, 50)
    signal = np.stack([900 * np.exp(-b * adc * 1e-6) + rng.normal(0, 20, 50) for b in b_values])
    expected = [slow_fit(signal[:, i], [0, *b_values[1:]], fit == "weighted") for i in range(50)]
    assert np.abs(fit_adc(signal, b_values, 5, RANGE, fit) - expected).max() <= 0.6  # whole 1e-6 mm2/s


def test_weights_follow_noise_of_the_signal_with_less_error_and_without_bias():
    """Rician noise on a pelvic protocol: the truth of 1100 in the mean, and a smaller spread than the ordinary fit."""
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 1 / 20, (2, 3, 20_000))
    signal = np.hypot(np.exp(-np.array([50, 400, 800])[:, None] * 1.1e-3) + noise[0], noise[1])
    ordinary, weighted = (fit_adc(1e3 * signal, [50, 400, 800], 5, RANGE, fit) for fit in ("ordinary", "weighted"))
    assert weighted.mean() == pytest.approx(1100, abs=4)
    assert weighted.std() < 0.93 * ordinary.std()


def test_two_b_values_leave_nothing_to_weigh():
    signal = np.random.default_rng(2).uniform(100, 900, (2, 40))
    assert (fit_adc(signal, [0, 800], 5, RANGE, "ordinary") == fit_adc(signal, [0, 800], 5, RANGE, "weighted")).all()


def test_exact_decay_gives_its_adc_back():
    adc = np.linspace(100, 3500, 60).reshape(3, 4, 5)
    signal = np.stack([5000 * np.exp(-b * adc * 1e-6) for b in (0, 400, 800)])
    assert np.abs(fit_adc(signal, [0, 400, 800], 5, RANGE) - adc).max() <= 0.51  # rounded to whole 1e-6 mm2/s


def test_range_and_voxels_without_signal():
    signal = np.array([[1000.0, 1000, 1000, 0, 50], [1, 1001, 450, 500, 0]])
    assert fit_adc(signal, [0, 800], 5, (0, 3000)).tolist() == [3000, 0, 998, 0, 0]


def test_b_values_that_belong_to_other_volumes_are_noticed():
    signal = np.stack([np.full((2, 3), 400.0), np.full((2, 3), 900.0)])
    signal[:, 0] *= 0.01
    with pytest.raises(BadDiffusionError, match="does not fall"):
        fit_adc(signal, [0, 800], 5, RANGE)
    with pytest.raises(BadDiffusionError, match="no signal"):
        fit_adc(np.zeros((2, 3, 3)), [0, 800], 5, RANGE)


def test_distinct_b_values():
    assert distinct([1000, 0, 0.001, 1.25, 1000.0, 999.7], 5) == [0, 1000]


def test_phantom(shared_data):
    """Six vials of known ADC: without noise to 0.5 %, in noise to 3 % in the median."""
    folder = shared_data / "phantom"
    vials = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "vials.nii.gz")))
    truth = {vial["label"]: vial["adc_truth"] for vial in json.loads((folder / "truth.json").read_text())["vials"]}
    for name, tolerance in (("dwi_noisefree_x10", 0.005), ("dwi_rician", 0.03)):
        signal = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{name}.nii.gz")))
        adc = fit_adc(signal, [0, 800], 5, RANGE)
        for label, expected in truth.items():
            assert np.median(adc[vials == label]) == pytest.approx(expected, rel=tolerance)
