"""The ADC fit against a general least-squares solver, the phantom's truth and the scanner's own map."""

import json

import numpy as np
import pytest
import SimpleITK as sitk

from hscore.imaging.diffusion import BadDiffusionError, distinct, fit_adc, fit_weights

RANGE = (0, 4000)


def test_weights_are_the_slope_of_a_line_through_the_means_of_the_logs():
    b_values = [0.001, 50, 400, 400, 400, 800, 800]
    logs = np.random.default_rng(0).normal(5, 1, 7)
    levels = [0, 50, 400, 800]
    means = [logs[0], logs[1], logs[2:5].mean(), logs[5:].mean()]
    slope = np.polyfit(levels, means, 1)[0]
    assert fit_weights(b_values, 5) @ logs == pytest.approx(-slope)


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
