"""Compare the `ordinary` and the `weighted` ADC fit where the truth is known; `docs/adc-fit.md` discusses the result.

    PYTHONPATH=workflow/src python tests/benchmarks/bench_adc_fit.py

Simulated voxels have a known tissue diffusion coefficient D, a perfusion fraction and the noise, noise floor and offset
measured in a real Siemens series. If ../shared/data exists, these are measured again, and both fits are compared on the
phantom of known ADC and with the scanner's own map. All values are in 1e-6 mm2/s unless a unit is given.
"""

import itertools
import json
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from hscore.imaging.convert.diffusion import fit_adc

SHARED = Path(__file__).parents[3] / "shared" / "data"
FITS = ("ordinary", "weighted")
LIMITS = (0, 4000)
PROTOCOLS = ((0, 800), (50, 1000), (50, 400, 800), (0, 400, 800), (0, 50, 400, 1000))  # s/mm2
TISSUES = {"tumour": (700, 900, 1100), "cervix, muscle": (1200, 1400, 1600), "fluid": (2500, 3000)}
SOLID = TISSUES["tumour"] + TISSUES["cervix, muscle"]
FRACTIONS = (0.0, 0.05, 0.10)  # of the signal at b = 0 that is perfusion
D_STAR = 15_000.0  # its pseudo-diffusion coefficient
# Grey levels at b = 0 where the scanner has 600 to 1700: 5th, 50th and 95th percentile.
BRIGHTNESS = {"dim": 31, "typical": 50, "bright": 100}
VOXELS = 3000
DIRECTIONS = 3


@dataclass(frozen=True)
class Noise:
    """Describe how a trace image is formed, in grey levels; the defaults are the values that `measure` prints.

    Attributes:
        sigma: standard deviation of real and imaginary part in one excitation; sets the noise floor.
        averages: magnitude images averaged per direction; 0: Gaussian noise of the same size without a floor.
        coils: coils combined as the root of the sum of squares (noncentral chi); 1: Rician.
        extra: further noise of the trace image that does not depend on the signal.
        proportional: further noise as a fraction of the signal (motion, pulsation).
        offset: added to the trace image before it is stored as an integer.
        trace: geometric or arithmetic mean of the three directions.
    """

    sigma: float = 5.75
    averages: int = 8
    coils: int = 1
    extra: float = 0.94
    proportional: float = 0.025
    offset: float = -1.5
    trace: str = "geometric"


MEASURED = Noise()
SCENARIOS = {
    "measured": MEASURED,
    "no offset": replace(MEASURED, offset=0.0),
    "no noise floor": replace(MEASURED, averages=0),
    "neither": replace(MEASURED, averages=0, offset=0.0),
    "all tissue noise Rician, higher floor": replace(MEASURED, sigma=7.35, extra=0.0),
    "4 coils, same floor in air": replace(MEASURED, coils=4, sigma=5.75 * 1.2533 / 2.7416, extra=1.33),
    "arithmetic trace": replace(MEASURED, trace="arithmetic"),
    "half the noise": replace(MEASURED, sigma=2.87, extra=0.47, offset=-0.75),
    "twice the noise": replace(MEASURED, sigma=11.5, extra=1.88),
}


def decay(
    b_values: tuple, d: np.ndarray, fraction: np.ndarray | float, kurtosis: float = 0.0, d_star: float = D_STAR
) -> np.ndarray:
    """Return the relative signal without noise [levels, ...]: tissue of diffusion coefficient ``d`` plus perfusion.

    The bi-exponential model of intravoxel incoherent motion (Le Bihan D et al. Radiology 1988;168:497-505); with
    ``kurtosis``, tissue follows Jensen JH et al. Magn Reson Med 2005;53:1432-40.
    """
    b = 1e-6 * np.reshape(b_values, (-1, *[1] * np.ndim(d)))
    tissue = np.exp(-b * d + kurtosis * (b * d) ** 2 / 6)
    return (1 - fraction) * tissue + fraction * np.exp(-b * d_star)


def extreme_adc(protocol: tuple, d: float, fraction: float, **tissue: float) -> float:
    """Return the ADC between the lowest and the highest b-value of the signal without noise."""
    low, high = decay((protocol[0], protocol[-1]), np.array(float(d)), fraction, **tissue)
    return float(1e6 * np.log(low / high) / (protocol[-1] - protocol[0]))


@cache
def draws(levels: int, noise: Noise, voxels: int, seed: int) -> tuple:
    """Return the random numbers behind ``store``; all tissues of a protocol share them, which saves time."""
    rng = np.random.default_rng(seed)
    shape = (levels, DIRECTIONS, noise.averages, voxels)
    along = noise.sigma * rng.standard_normal(shape, np.float32)
    across = np.float32(noise.sigma**2) * rng.chisquare(2 * noise.coils - 1, shape).astype(np.float32)
    return along, across, rng.standard_normal((levels, voxels)), rng.standard_normal((levels, voxels))


def store(truth: np.ndarray, noise: Noise, seed: int = 0) -> np.ndarray:
    """Return the stored integers of trace images [levels, voxels] whose signal without noise is ``truth``."""
    along, across, thermal, other = draws(len(truth), noise, truth.shape[1], seed)
    if noise.averages:
        directions = np.sqrt((truth[:, None, None].astype(np.float32) + along) ** 2 + across).mean(axis=2)
        image = np.exp(np.log(directions).mean(axis=1)) if noise.trace == "geometric" else directions.mean(axis=1)
    else:
        image = truth + noise.sigma / math.sqrt(DIRECTIONS * MEASURED.averages) * thermal
    image = image + np.hypot(noise.extra, noise.proportional * truth) * other
    return np.maximum(np.rint(image + noise.offset), 0)


def fitted(truth: np.ndarray, protocol: tuple, fit: str, noise: Noise, seed: int = 0) -> np.ndarray:
    """Return the ADC of voxels with the signal ``truth`` after noise and storage."""
    return fit_adc(store(truth, noise, seed), list(protocol), 5, LIMITS, fit).astype(float)


def uniform(d: float, fraction: float, s0: float, protocol: tuple, **tissue: float) -> np.ndarray:
    """Return the signal of equal voxels, without noise."""
    return s0 * decay(protocol, np.full(VOXELS, float(d)), fraction, **tissue)


def rms(values: object) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(values, dtype=float))))


def both(values: dict) -> str:
    """Return one cell: the value of `ordinary`, then that of `weighted`."""
    return " / ".join(f"{values[fit]:.0f}" for fit in FITS)


def table(title: str, head: tuple, rows: list[tuple]) -> None:
    """Print a Markdown table."""
    print(f"\n{title}\n")
    for row in (head, ("---",) * len(head), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |")


def name(protocol: tuple) -> str:
    """Return a protocol as text."""
    return ", ".join(map(str, protocol))


# --- simulated voxels


def per_tissue(fraction: float) -> None:
    """Print bias, SD and RMSE against D for each tissue and protocol at typical brightness."""
    rows = []
    for (tissue, values), protocol in itertools.product(TISSUES.items(), PROTOCOLS):
        cells = []
        for statistic in (np.mean, np.std, rms):
            found = {}
            for fit in FITS:
                errors = [
                    fitted(uniform(d, 0 if tissue == "fluid" else fraction, 50, protocol), protocol, fit, MEASURED) - d
                    for d in values
                ]
                found[fit] = rms([statistic(one) for one in errors]) if statistic is not np.mean else np.mean(errors)
            cells.append(both(found))
        rows.append((tissue, name(protocol), *cells))
    table(
        f"Single voxels, S0 = 50 grey levels, perfusion {fraction:.0%} (fluid: no perfusion)",
        ("tissue", "b (s/mm2)", "bias", "SD", "RMSE"),
        rows,
    )


def solid_errors(protocol: tuple, fraction: float, noise: Noise, fit: str, **tissue: float) -> tuple:
    """Return four RMS errors over tumour, cervix and muscle at three brightnesses.

    Returns:
        The error of the median against D, of single voxels against D, and of the median against ``extreme_adc`` of
        tissue alone and of tissue with perfusion.
    """
    medians, voxels, alone, perfused = [], [], [], []
    for d, s0 in itertools.product(SOLID, BRIGHTNESS.values()):
        error = fitted(uniform(d, fraction, s0, protocol, **tissue), protocol, fit, noise) - d
        medians.append(np.median(error))
        voxels.append(rms(error))
        alone.append(medians[-1] + d - extreme_adc(protocol, d, 0.0, **tissue))
        perfused.append(medians[-1] + d - extreme_adc(protocol, d, fraction, **tissue))
    return rms(medians), rms(voxels), rms(alone), rms(perfused)


def over_fractions(protocol: tuple, noise: Noise, **tissue: float) -> dict:
    """Return the errors of ``solid_errors`` per fit [fractions + 1, 4]; the last row is the RMS over the fractions."""
    found = {}
    for fit in FITS:
        rows = np.array([solid_errors(protocol, fraction, noise, fit, **tissue) for fraction in FRACTIONS])
        found[fit] = np.vstack([rows, np.sqrt((rows**2).mean(axis=0))])
    return found


def column(found: dict, row: int, error: int) -> str:
    """Return one cell of the result of ``over_fractions``."""
    return both({fit: found[fit][row, error] for fit in FITS})


def decision() -> None:
    """Print the errors under the measured noise and offset, by perfusion."""
    rows = []
    for protocol in PROTOCOLS:
        found = over_fractions(protocol, MEASURED)
        medians = [column(found, row, 0) for row in range(len(FRACTIONS) + 1)]
        rows.append((name(protocol), *medians, column(found, -1, 1)))
    table(
        "Measured noise and offset, RMS error against D over D 700 to 1600 and three brightnesses",
        ("b (s/mm2)", *(f"median, {f:.0%}" for f in FRACTIONS), "median, all", "voxel, all"),
        rows,
    )


def other_noise() -> None:
    """Print the same errors, over all perfusion fractions, for other noise and offsets."""
    rows = []
    for scenario, noise in SCENARIOS.items():
        found = [over_fractions(protocol, noise) for protocol in PROTOCOLS[2:]]
        rows.append((scenario, *(column(one, -1, error) for error in (0, 1) for one in found)))
        draws.cache_clear()
    heads = [f"{error}: {name(protocol)}" for error in ("median", "voxel") for protocol in PROTOCOLS[2:]]
    table("Other noise and offsets, RMS error against D, perfusion 0 to 10 %", ("noise", *heads), rows)


def other_tissue() -> None:
    """Print the error of the median against three definitions of the truth for other models of tissue."""
    models = {f"D* {d_star / 1000:.0f}e-3 mm2/s": {"d_star": d_star} for d_star in (10e3, D_STAR, 20e3, 45e3)}
    models |= {f"kurtosis {kurtosis}": {"kurtosis": kurtosis} for kurtosis in (0.5, 0.8)}
    rows = []
    for model, tissue in models.items():
        found = [over_fractions(protocol, MEASURED, **tissue) for protocol in PROTOCOLS[2:]]
        rows.append((model, *(column(one, -1, 0) for one in found)))
        for error in (2, 3):
            rows[-1] += (both({fit: rms([one[fit][-1, error] for one in found]) for fit in FITS}),)
    heads = [f"D: {name(protocol)}" for protocol in PROTOCOLS[2:]]
    table(
        "Other tissue, measured noise, RMS error of the median, perfusion 0 to 10 %",
        ("tissue", *heads, "ADC of tissue alone, all", "ADC with perfusion, all"),
        rows,
    )


def protocols_apart() -> None:
    """Print the range of the medians of one tissue over the five protocols."""
    rows = []
    for kurtosis, fraction in itertools.product((0.0, 0.5), FRACTIONS):
        cells = []
        for d in (900, 1400):
            ranges = {}
            for fit in FITS:
                signals = {p: uniform(d, fraction, 50, p, kurtosis=kurtosis) for p in PROTOCOLS}
                ranges[fit] = np.ptp([np.median(fitted(signals[p], p, fit, MEASURED)) for p in PROTOCOLS])
            cells.append(both(ranges))
        rows.append((kurtosis, f"{fraction:.0%}", *cells))
    table(
        "One tissue on five protocols: largest minus smallest median",
        ("kurtosis", "perfusion", "tumour, D 900", "cervix, D 1400"),
        rows,
    )


def by_brightness(protocol: tuple) -> None:
    """Print bias and RMSE of tumour for each brightness and perfusion fraction, where weighting can matter."""
    rows = []
    for (word, s0), fraction in itertools.product((BRIGHTNESS | {"very dim": 20}).items(), FRACTIONS):
        errors = {
            fit: np.concatenate(
                [fitted(uniform(d, fraction, s0, protocol), protocol, fit, MEASURED) - d for d in TISSUES["tumour"]]
            )
            for fit in FITS
        }
        statistics = [{fit: statistic(errors[fit]) for fit in FITS} for statistic in (np.mean, np.std, rms)]
        rows.append((f"{word} ({s0})", f"{fraction:.0%}", *map(both, statistics)))
    table(
        f"Tumour by brightness, b = {name(protocol)}",
        ("S0", "perfusion", "bias", "SD", "RMSE"),
        rows,
    )


def tumor_regions(regions: int = 10, voxels: int = 300) -> None:
    """Print the error of mean and median over tumours whose voxels differ: D, brightness and perfusion vary."""
    rng = np.random.default_rng(1)
    size = regions * voxels
    rows = []
    d = np.exp(rng.normal(math.log(900), 0.15, size))
    s0 = np.exp(rng.normal(math.log(50), 0.25, size))
    spread = rng.uniform(0.5, 1.5, size)
    for fraction, protocol in itertools.product(FRACTIONS, PROTOCOLS):
        truth = s0 * decay(protocol, d, fraction * spread)
        cells = []
        for statistic in (np.median, np.mean):
            found = {}
            for fit in FITS:
                adc = fitted(truth, protocol, fit, MEASURED).reshape(regions, voxels)
                expected = statistic(d.reshape(regions, voxels), axis=1)
                found[fit] = np.mean(statistic(adc, axis=1) - expected)
            cells.append(both(found))
        rows.append((f"{fraction:.0%}", name(protocol), *cells))
    table(
        f"Tumours of {voxels} voxels (D 900 +- 15 %, S0 50 +- 25 %); mean error",
        ("perfusion", "b (s/mm2)", "median", "mean"),
        rows,
    )


def departure(signal: np.ndarray) -> np.ndarray:
    """Return ln S(400) minus its value on the line through b = 50 and 800; 0 on an exponential, below 0 if convex."""
    logs, share = np.log(np.maximum(signal, 0.5)), 350 / 750
    return logs[1] - (1 - share) * logs[0] - share * logs[2]


def departures() -> None:
    """Print the departure from an exponential that perfusion, kurtosis, noise and offset together produce."""
    rows = []
    for kurtosis, fraction in itertools.product((0.0, 0.5, 0.8), FRACTIONS):
        signals = [store(uniform(d, fraction, 50, (50, 400, 800), kurtosis=kurtosis), MEASURED) for d in SOLID]
        rows.append((kurtosis, f"{fraction:.0%}", f"{np.median(departure(np.hstack(signals))):.3f}"))
    table("Median departure of ln S(400) from an exponential, simulated", ("kurtosis", "perfusion", "departure"), rows)


# --- real images


def read(path: Path) -> np.ndarray:
    """Return the voxels of an image file [z, y, x]."""
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def patient() -> tuple[np.ndarray, np.ndarray]:
    """Return the diffusion images of ProstateX-0000 [b = 50, 400, 800; z, y, x] and the scanner's map."""
    from pydicom import dcmread

    folder = SHARED / "dicom" / "prostatex_0000"
    volumes = [
        sorted(map(dcmread, (folder / series).iterdir()), key=lambda frame: frame.ImagePositionPatient[2])
        for series in ("S06_dwi_b50_400_800", "S07_adc_scanner")
    ]
    frames = sorted(volumes[0], key=lambda frame: int(frame.SequenceName[5:-1]))  # *ep_b50t
    signal = np.stack([frame.pixel_array for frame in frames]).astype(float)
    return signal.reshape(3, -1, *signal.shape[1:]), np.stack([frame.pixel_array for frame in volumes[1]]).astype(float)


def measure(signal: np.ndarray, scanner: np.ndarray) -> None:
    """Print the noise, the noise floor and the offset of the real series."""
    air = signal[:, :, 1:12, 4:80]  # in front of the patient
    between = np.median([np.std(air[i] - air[j]) / math.sqrt(2) for i, j in ((0, 1), (0, 2), (1, 2))])
    print(f"\nstored signal of air {air.mean():.1f} at all b-values; SD between b-values {between:.2f}")
    tissue = (signal.min(axis=0) > 8) & (scanner > 200) & (scanner < 3500)
    residual, share = departure(signal), 350 / 750
    squares = np.array([(1 - share) ** 2, 1, share**2])
    gap = 3  # voxels: beyond the correlation that interpolation leaves
    pair = tissue[:, gap:] & tissue[:, :-gap]
    difference = (residual[:, gap:] - residual[:, :-gap])[pair]
    inverse = np.tensordot(squares, 1 / np.maximum(signal, 1) ** 2, 1)
    inverse = (inverse[:, gap:] + inverse[:, :-gap])[pair]
    edges = np.quantile(inverse, np.linspace(0, 1, 9))
    bins = np.clip(np.digitize(inverse, edges) - 1, 0, 7)
    variance = [
        (np.median(np.abs(difference[bins == i] - np.median(difference[bins == i]))) / 0.6745) ** 2 for i in range(8)
    ]
    terms = np.column_stack([[inverse[bins == i].mean() for i in range(8)], np.full(8, 2 * squares.sum())])
    constant, proportional = np.sqrt(np.linalg.lstsq(terms / np.array(variance)[:, None], np.ones(8), rcond=None)[0])
    print(f"noise of tissue: SD {constant:.2f} grey levels and {proportional:.1%} of the signal")
    inside = (signal.min(axis=0) > 5) & (scanner > 50) & (scanner < 3500)
    offsets = np.arange(0, 3.01, 0.25)
    distance = [
        rms(fit_adc(signal[:, inside] + offset, [50, 400, 800], 5, LIMITS, "ordinary") - scanner[inside])
        for offset in offsets
    ]
    print(f"offset that brings the fit to the scanner's map: {offsets[int(np.argmin(distance))]:.2f} grey levels")
    solid = tissue & (scanner > 600) & (scanner < 1700)
    s0 = signal[0][solid] * np.exp(50e-6 * scanner[solid])
    print(
        "signal at b = 0 where the scanner has 600 to 1700: 5th, 50th, 95th percentile",
        *np.percentile(s0, (5, 50, 95)).round(),
    )
    bright = tissue & (signal[2] > 12)
    print(f"median departure of ln S(400) from an exponential: {np.median(residual[bright]):.3f}")
    for offset in (-8, -4, 1.5):
        print(f"  with {offset:+} grey levels: {np.median(departure(signal[:, bright] + offset)):.3f}")


def agreement(signal: np.ndarray, scanner: np.ndarray) -> None:
    """Print how both fits agree with the scanner's map, by brightness and by ADC."""
    inside = (signal.min(axis=0) > 10) & (scanner > 200) & (scanner < 3500)
    stored, theirs = signal[:, inside], scanner[inside]
    maps = {
        (fit, offset): fit_adc(stored + offset, [50, 400, 800], 5, LIMITS, fit).astype(float)
        for fit, offset in itertools.product(FITS, (0, 1.5))
    }
    high = stored.min(axis=0)
    groups = {"signal > 20": high > 20}
    groups |= {
        f"signal {lo} to {hi}": (high > lo) & (high <= hi) for lo, hi in ((10, 20), (20, 40), (40, 80), (80, 4096))
    }
    groups |= {
        f"ADC {lo} to {hi}": (high > 20) & (theirs >= lo) & (theirs < hi)
        for lo, hi in ((200, 700), (700, 1100), (1100, 1600), (1600, 2500), (2500, 3500))
    }
    rows = []
    for group, chosen in groups.items():
        ratios = [
            " / ".join(f"{np.median(maps[fit, offset][chosen] / theirs[chosen]):.3f}" for fit in FITS)
            for offset in (0, 1.5)
        ]
        r = " / ".join(f"{np.corrcoef(maps[fit, 0][chosen], theirs[chosen])[0, 1]:.4f}" for fit in FITS)
        rows.append((group, int(chosen.sum()), r, *ratios))
    table(
        "Agreement with the scanner's map, by the least stored signal and by the scanner's ADC",
        ("voxels", "n", "r", "median ratio", "the same, 1.5 grey levels added back"),
        rows,
    )


def phantom() -> None:
    """Print the error in the phantom's vials: as stored, and with three b-values simulated from its truth."""
    folder = SHARED / "phantom"
    vials, truth = read(folder / "vials.nii.gz"), json.loads((folder / "truth.json").read_text())
    stored = read(folder / "dwi_rician.nii.gz")
    clean = read(folder / "dwi_noisefree_x10.nii.gz")[0] / 10
    rng, sigma = np.random.default_rng(3), truth["noise"]["sigma"]
    rows = []
    for vial in sorted(truth["vials"], key=lambda one: one["adc_truth"]):
        inside, adc = vials == vial["label"], vial["adc_truth"]
        three = clean[inside] * np.exp(-1e-6 * np.reshape((50, 400, 800), (-1, 1)) * adc)
        three = np.rint(np.hypot(three + rng.normal(0, sigma, three.shape), rng.normal(0, sigma, three.shape)))
        cells = []
        for signal, b_values in ((stored[:, inside], [0, 800]), (three, [50, 400, 800])):
            errors = {fit: fit_adc(signal, b_values, 5, LIMITS, fit) - adc for fit in FITS}
            cells += [both({fit: statistic(errors[fit]) for fit in FITS}) for statistic in (np.median, rms)]
        rows.append((f"{adc:.0f}", *cells))
    table(
        "Phantom without perfusion, error against its truth",
        ("ADC", "0, 800: median", "RMSE", "50, 400, 800: median", "RMSE"),
        rows,
    )


def main() -> None:
    """Simulate, measure, print."""
    print("Each cell: `ordinary` / `weighted`, 1e-6 mm2/s")
    decision()
    other_noise()
    other_tissue()
    protocols_apart()
    tumor_regions()
    per_tissue(0.05)
    by_brightness((50, 400, 800))
    departures()
    if not SHARED.is_dir():
        print("\n../shared/data is not there: no phantom, no patient")
        return
    phantom()
    images = patient()
    measure(*images)
    agreement(*images)


if __name__ == "__main__":
    main()
