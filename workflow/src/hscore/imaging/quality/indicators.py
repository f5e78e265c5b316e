"""Indicators that show a volume as an outlier among those of its centre, comparable within one sequence.

These metrics are informational; they exclude no patient. They only order the patients for review by a radiologist.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from hscore.imaging.percentiles import percentiles

# Meaning of each metric, shown after its name. A patient's value is None if it cannot be computed.
METRICS = {
    "snr": "signal-to-noise ratio, median of the tumour over the noise",
    "contrast": "tumour over its surroundings inside the grown box",
    "cnr": "contrast-to-noise ratio, tumour less surroundings over the noise",
    "ghost": "signal in the air next to the body beyond noise, as a share of the body's signal",
    "steps": "jump of the mean signal from section to section, a sign of motion",
    "sharpness": "mean edge strength over mean signal, low when blurred by motion",
    "bias": "ratio of the 95th to the 5th percentile of the bias field inside the body, estimated by N4",
    "tumour_ml": "volume of the region of interest",
    "adc_median": "in the tumour, 1e-6 mm2/s",
    "missing_adc": "share of tumour voxels without a usable ADC",
}
AIR_FRACTION = 0.1  # of the way from the 2nd to the 98th percentile; below is air
MARGIN = 3  # pixels; smallest width of a border strip
BORDER = 0.04  # width of a border strip, as a share of the section
BODY = 0.05  # a border strip with a larger share of pixels above half the body's mean is not air
MAPS = {"ADC"}  # computed maps, which have no noise floor and no ghosts of their own


def measure(
    sequence: str,
    volume: np.ndarray,
    mask: np.ndarray | None,
    surroundings: np.ndarray | None,
    spacing: Sequence[float],
    normalized: Mapping | None,
) -> dict[str, float | None]:
    """Return the metrics of one sequence, rounded to 4 digits; None if one cannot be computed.

    Args:
        sequence: name of the sequence; a map such as ADC has fewer metrics.
        volume: intensities [z, y, x], as converted, before any correction.
        mask: tumour, booleans [z, y, x]; None without an ROI.
        surroundings: grown boxes without the tumour, booleans [z, y, x].
        spacing: voxel size [mm] along x, y, z.
        normalized: sidecar of the normalize step, with the strength of the bias field.
    """
    metrics: dict[str, float | None] = dict.fromkeys(METRICS)
    thin = volume[:, ::4, ::4]
    low, high = percentiles(thin, [2, 98])
    air = float(low + AIR_FRACTION * (high - low))
    middle = len(volume) // 2
    if mask is not None and mask.any():
        middle = int(np.argmax(mask.sum(axis=(1, 2))))
        metrics["tumour_ml"] = float(mask.sum()) * float(np.prod(spacing)) / 1000
    section = volume[middle]
    if sequence in MAPS:
        if mask is not None and mask.any():
            inside = volume[mask]
            metrics["adc_median"] = float(np.median(inside))
            metrics["missing_adc"] = float(((inside <= 0) | (inside >= volume.max())).mean())
        return _rounded(metrics)
    sigma = noise(section, section > air)
    metrics["ghost"] = ghosting(section, air, sigma)
    metrics["steps"] = section_steps(thin, air)
    metrics["sharpness"] = sharpness(section, air)
    if mask is not None and mask.any():
        tumor = float(np.median(volume[mask]))
        metrics["snr"] = tumor / sigma if sigma else None
        if surroundings is not None and surroundings.any():
            around = float(np.median(volume[surroundings]))
            metrics["contrast"] = tumor / around if around else None
            metrics["cnr"] = (tumor - around) / sigma if sigma else None
    field = (normalized or {}).get("bias_field")
    if field:
        metrics["bias"] = field["factor_p95"] / field["factor_p5"]
    return _rounded(metrics)


def _rounded(numbers: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return the numbers rounded to 4 significant digits."""
    return {name: None if value is None else float(f"{value:.4g}") for name, value in numbers.items()}


def noise(section: np.ndarray, body: np.ndarray) -> float:
    """Return the standard deviation of the noise of a section [y, x] inside ``body``.

    Immerkær's operator (Comput Vis Image Underst 1996;64:300) ignores edges and slopes. The median absolute value of
    its output is used, because organs have texture. Scanners that interpolate smooth the noise, so it is comparable
    only within a protocol.
    """
    if min(section.shape) < 3:
        return 0.0
    line = section[:, :-2] - 2 * section[:, 1:-1] + section[:, 2:]
    curved = line[:-2] - 2 * line[1:-1] + line[2:]
    inside = np.abs(curved[body[1:-1, 1:-1]])
    return float(np.median(inside)) * 1.4826 / 6 if inside.size else 0.0


def ghosting(section: np.ndarray, air: float, sigma: float) -> float | None:
    """Return the signal at the border of the section beyond noise, as a share of the body's mean signal.

    Ghosts of moving fat extend along the phase-encoding axis into the air. Noise of ``sigma`` alone has a median
    magnitude of sigma sqrt(2 ln 2) in air (Gudbjartsson and Patz. Magn Reson Med 1995;34:910). The strip with the most
    signal is used, among the four border strips that the body does not reach. None without a strip of air.
    """
    body = section > air
    if not body.any():
        return None
    mean = float(section[body].mean())
    rows, columns = (max(MARGIN, round(BORDER * n)) for n in section.shape)
    strips = section[:rows], section[-rows:], section[:, :columns], section[:, -columns:]
    levels = [float(np.median(strip)) for strip in strips if (strip > mean / 2).mean() < BODY]
    return max(max(levels) - sigma * math.sqrt(2 * math.log(2)), 0.0) / mean if levels else None


def section_steps(volume: np.ndarray, air: float) -> float | None:
    """Return the median over sections of the jump of the body's mean signal against both neighbours, as a share of it.

    With interleaved acquisition, motion and crosstalk appear as stripes along z.
    """
    means = np.array([float(section[section > air].mean()) if (section > air).any() else 0.0 for section in volume])
    if len(means) < 3 or (means[1:-1] <= 0).any():
        return None
    return float(np.median(np.abs(means[1:-1] - (means[:-2] + means[2:]) / 2) / means[1:-1]))


def sharpness(section: np.ndarray, air: float) -> float | None:
    """Return the mean magnitude of the gradient (per pixel) inside the body over the mean signal there."""
    body = section > air
    if min(section.shape) < 2 or not body[:-1, :-1].any():
        return None
    edge = np.hypot(np.diff(section, axis=0)[:, :-1], np.diff(section, axis=1)[:-1])
    return float(edge[body[:-1, :-1]].mean() / section[body].mean())
