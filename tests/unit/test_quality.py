"""Quality numbers on volumes of known noise, ghosts and motion; the order in which a radiologist sees patients."""

import json
import re

import numpy as np
import pytest

from hscore.imaging.quality import indicators
from hscore.report.page import quality_page


def body(shape=(9, 80, 100), signal=400.0, noise=8.0, seed=0) -> np.ndarray:
    """An elliptic body in air, magnitude of complex noise (Rician)."""
    random = np.random.default_rng(seed)
    z, y, x = np.mgrid[: shape[0], -1 : 1 : shape[1] * 1j, -1 : 1 : shape[2] * 1j]
    clean = np.where((x / 0.7) ** 2 + (y / 0.7) ** 2 < 1, signal, 0.0)
    return np.hypot(clean + random.normal(0, noise, shape), random.normal(0, noise, shape))


def tumor(shape=(9, 80, 100)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[3:6, 35:45, 45:60] = True
    return mask


def measured(volume, mask=None, **more) -> dict:
    around = None
    if mask is not None:
        around = np.zeros(mask.shape, bool)
        around[3:6, 30:50, 40:65] = True
        around &= ~mask
    return indicators.measure("T2WI", volume, mask, around, (1.0, 1.0, 5.0), more.get("normalized"))


@pytest.mark.parametrize("noise", [4.0, 8.0, 16.0])
def test_signal_to_noise_is_that_of_the_simulation(noise):
    volume, mask = body(noise=noise), tumor()
    volume[mask] *= 1.5
    found = measured(volume, mask)
    assert found["snr"] == pytest.approx(600 / noise, rel=0.1)
    assert found["contrast"] == pytest.approx(1.5, rel=0.02)
    assert found["cnr"] == pytest.approx(200 / noise, rel=0.15)
    assert found["tumour_ml"] == mask.sum() * 5 / 1000


def test_noise_is_blind_to_slopes_and_edges():
    y, x = np.mgrid[:60, :80]
    section = 3.0 * x + 2 * y + 100 * (x > 40)
    assert indicators.noise(section, np.ones(section.shape, bool)) == 0


def test_a_ghost_is_measured_and_noise_is_none():
    clean = body()
    assert measured(clean)["ghost"] < 0.005
    ghosted = clean + 0.08 * np.roll(clean, 40, axis=1)  # along one axis, half the field of view away
    assert measured(ghosted)["ghost"] > 0.02


def test_no_air_no_ghost():
    full = np.random.default_rng(0).normal(400, 8, (5, 60, 60))
    assert measured(full)["ghost"] is None


def test_stripes_between_sections_and_blur_stand_out():
    clean = body()
    striped = clean * np.where(np.arange(9) % 2, 1.2, 1.0)[:, None, None]
    assert measured(clean)["steps"] < 0.01 and measured(striped)["steps"] == pytest.approx(0.18, abs=0.03)
    clean[:, 20:60:4] *= 1.4  # something to be blurred
    blurred = sum(np.roll(clean, shift, axis=1) for shift in range(-3, 4)) / 7
    assert measured(blurred)["sharpness"] < 0.8 * measured(clean)["sharpness"]


def test_the_bias_field_is_that_of_the_correction():
    facts = {"bias_field": {"factor_p5": 0.8, "factor_p95": 1.2}}
    assert measured(body(), normalized=facts)["bias"] == 1.5
    assert measured(body(), normalized={"bias_field": None})["bias"] is None


def test_a_map_has_no_noise_of_its_own():
    mask = tumor()
    adc = np.where(mask, 900.0, 1500.0)
    adc[4, 40, 50] = 0
    found = indicators.measure("ADC", adc, mask, None, (1, 1, 5), None)
    assert found["adc_median"] == 900 and found["missing_adc"] == pytest.approx(1 / mask.sum(), rel=1e-3)
    assert found["snr"] is found["ghost"] is None


def test_an_empty_picture_breaks_nothing():
    found = measured(np.zeros((3, 20, 20)), np.zeros((3, 20, 20), bool))
    assert all(value is None or np.isfinite(value) for value in found.values())


def test_no_description_repeats_the_name_of_its_metric():
    for name, meaning in indicators.METRICS.items():
        assert ":" not in meaning and not meaning.startswith(name)


# --- the order on the page


def test_robust_scores_are_those_of_the_definition():
    values = [10.0, 11.0, 9.0, 10.5, 9.5, 30.0, None]
    scores = quality_page.robust_z(values)
    assert scores[5] == pytest.approx((30 - 10.25) / (1.4826 * 0.75)) and scores[6] is None
    assert quality_page.robust_z([1.0, 2.0, 99.0]) == [None] * 3  # too few to know what is usual
    assert quality_page.robust_z([5.0] * 5 + [5.05])[5] == pytest.approx(0.5)  # all alike: a rounding is nothing
    assert quality_page.robust_z([0.0] * 5 + [1.0]) == [0.0] * 5 + [99.0]


def one(name: str, snr: float, *findings: tuple[str, bool]) -> dict:
    found = [{"code": code, "text": f"about {code} </script>", "excludes": excludes} for code, excludes in findings]
    return {"patient": name, "findings": found, "sequences": {"T2WI": {"snr": snr, "ghost": None}}}


PATIENTS = [one(f"P{k}", 40.0 + k) for k in range(6)] + [one("FAR", 5.0), one("OUT", 41.0, ("no_roi", True))]


def test_excluded_patients_come_first_then_the_outliers():
    ordered = [patient["patient"] for patient in quality_page.with_z_scores(PATIENTS)]
    assert ordered[:2] == ["OUT", "FAR"] and set(ordered[2:]) == {f"P{k}" for k in range(6)}


def test_the_page_stands_alone_and_holds_every_patient():
    groups = [
        {"same": ["examination"], "patients": [{"center": "A", "patient": "P3"}, {"center": "B", "patient": "Q"}]}
    ]
    twice = quality_page.sharing_in_words("A", groups)
    assert twice == {"P3": "same examination as Q (B)"}
    page = quality_page.render("North", True, PATIENTS, {"P1": b"picture"}, twice, indicators.METRICS)
    assert "SIMULATED DATA" in page and "default-src 'none'" in page and not re.search(r'(src|href)="', page)
    text = re.search(r'<script type="application/json" id="content">(.*?)</script>', page, re.S)[1]
    content = json.loads(text)
    assert [row["patient"] for row in content["patients"]][:3] == ["OUT", "P3", "FAR"]
    assert content["patients"][2]["outliers"] == ["T2WI snr"]
    assert content["metrics"]["missing_adc"] == "missing ADC: share of tumour voxels without a usable ADC"
    assert "SIMULATED" not in quality_page.render("North", False, PATIENTS, {}, {}, indicators.METRICS)
