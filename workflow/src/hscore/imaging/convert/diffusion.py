"""Fit the apparent diffusion coefficient (ADC) to diffusion-weighted volumes."""

import numpy as np

# Number of updates of the weights. On simulated pelvic protocols (three to five b-values, signal-to-noise ratio 10 to
# 40 at b = 0) the second update halves the bias that remains after the first.
REWEIGHTINGS = 2


class BadDiffusionError(Exception):
    """The b-values or the signal allow no fit; the text gives the reason."""


def distinct(b_values: list[float], zero_below: float) -> list[float]:
    """Return the distinct b-values [s/mm2], ascending.

    Scanners write 0.001 or 1.25 for an image without diffusion weighting, so values below ``zero_below`` count as zero.
    Values are rounded to 1 s/mm2.
    """
    return levels_of(b_values, zero_below)[0].tolist()


def levels_of(b_values: list[float], zero_below: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the b-values as ``distinct`` does [s/mm2, ascending], and for each volume the index of its b-value."""
    values = np.array([0.0 if b < zero_below else float(round(b)) for b in b_values])
    return np.unique(values, return_inverse=True)


def mean_logs(signal: np.ndarray, inverse: np.ndarray) -> np.ndarray:
    """Return the mean of ln(signal) over the volumes of each b-value, float32 [levels, ...].

    This is the log of the geometric mean, which combines directions and averages into one trace-weighted signal.
    ``signal`` must be positive.
    """
    logs = np.log(signal.astype(np.float32))
    if len(signal) == inverse.max() + 1:
        return logs[np.argsort(inverse)]
    return np.stack([logs[inverse == level].mean(axis=0) for level in range(inverse.max() + 1)])


def slope(levels: np.ndarray, logs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the least-squares ADC [mm2/s]: minus the slope of ``logs`` [levels, ...] over ``levels`` [s/mm2].

    ``weights`` [levels, ...] may be common to all voxels or specific to each voxel.
    """
    b = levels.astype(np.float32).reshape(-1, *[1] * (logs.ndim - 1))
    total = weights.sum(axis=0)
    centered = b - (weights * b).sum(axis=0) / total
    return -(weights * centered * logs).sum(axis=0) / (weights * centered**2).sum(axis=0)


def fit_residual(signal: np.ndarray, b_values: list[float], zero_below: float) -> float | None:
    """Return the deviation of the tissue signal from one exponential: median relative residual over voxels (0 = none).

    Per voxel it is the root mean square residual of ln(S) from the line fitted over the distinct b-values, with two
    degrees of freedom subtracted for the line. Two b-values always fit, so the result is then None. About 20 000 voxels
    at most are used.

    Args:
        signal: as in ``fit_adc``.
        b_values: as in ``fit_adc``.
        zero_below: as in ``fit_adc``.
    """
    levels, inverse = levels_of(b_values, zero_below)
    if len(levels) < 3:
        return None
    flat = np.asarray(signal).reshape(len(signal), -1)
    lowest = flat[int(np.argmin(inverse))]
    tissue = np.flatnonzero((flat > 0).all(axis=0) & (lowest >= lowest.mean()))
    tissue = tissue[:: max(1, len(tissue) // 20_000)]
    if len(tissue) == 0:
        return None
    means = mean_logs(flat[:, tissue], inverse)
    line = np.column_stack([np.ones(len(levels)), levels])
    residual = means - line @ (np.linalg.pinv(line) @ means)
    return float(np.median(np.sqrt((residual**2).sum(axis=0) / (len(levels) - 2))))


def scanner_adc(values: np.ndarray, limits: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Return a scanner's ADC map as int16 in 1e-6 mm2/s, clipped to ``limits``, and the factor applied.

    Siemens and GE store 1e-6 mm2/s, Philips with its rescale slope 1e-3 mm2/s or mm2/s. The unit is the one in which
    the 75th percentile of the positive voxels is an ADC of tissue, 200 to 4000.

    Raises:
        BadDiffusionError: no unit gives such values.
    """
    positive = values[values > 0]
    typical = float(np.percentile(positive, 75)) if positive.size else 0.0
    for factor in (1.0, 1e3, 1e6):
        if 200 <= typical * factor <= 4000:
            return np.rint(np.clip(values.astype(np.float64) * factor, *limits)).astype(np.int16), factor
    raise BadDiffusionError(f"the scanner's ADC map has no values of tissue in any known unit (typical: {typical:g})")


def fit_adc(
    signal: np.ndarray, b_values: list[float], zero_below: float, limits: tuple[float, float], fit: str = "ordinary"
) -> np.ndarray:
    """Fit the ADC of every voxel.

    The model is ``S(b) = S0 exp(-b ADC)`` (Stejskal and Tanner. J Chem Phys 1965;42:288), a line in ln(S) over the
    distinct b-values. Volumes of equal b enter as their geometric mean.

    Args:
        signal: volumes [volume, ...], non-negative.
        b_values: b-value of each volume [s/mm2], at least two distinct ones.
        zero_below: b-values below this count as zero [s/mm2].
        limits: lowest and highest ADC [1e-6 mm2/s].
        fit: "ordinary" least squares, the default (`docs/adc-fit.md` has the reasons), or "weighted": noise of variance
            s2 in S has variance s2 / S^2 in ln(S), so a level of n volumes has the weight n S^2. S is the prediction of
            the fit itself, because weights from the measured S bias the ADC (Veraart J et al. NeuroImage
            2013;81:335-46). It starts from the ordinary fit and updates the weights twice. With two b-values both fits
            are the same.

    Returns:
        The ADC as int16 in 1e-6 mm2/s, clipped to ``limits``. A voxel without signal in any volume has no defined ADC
        and gets 0.

    Raises:
        BadDiffusionError: the signal does not fall with b, so b-values and volumes do not belong together.
    """
    levels, inverse = levels_of(b_values, zero_below)
    counts = np.bincount(inverse).astype(np.float32)
    positive = (signal > 0).all(axis=0)
    lowest = np.asarray(signal[int(np.argmin(inverse))], np.float32)
    bright = (lowest >= lowest.mean())[positive]  # tissue only: noise in air carries no information
    if not bright.any():
        raise BadDiffusionError("the diffusion images have no signal")
    logs = mean_logs(signal[:, positive], inverse)
    estimate = slope(levels, logs, np.ones((len(levels), 1), np.float32))
    if np.median(estimate[bright]) <= 0:
        raise BadDiffusionError("the signal does not fall with the b-value: b-values and images do not fit together")
    low, high = (1e-6 * limit for limit in limits)
    distance = (levels - levels[0]).astype(np.float32)[:, None]
    for _ in range(REWEIGHTINGS if fit == "weighted" and len(levels) > 2 else 0):
        # S^2 relative to that at the lowest b; an ADC outside the limits is noise, whose weights would overflow
        weights = counts[:, None] * np.exp(-2 * distance * np.clip(estimate, low, high))
        estimate = slope(levels, logs, weights)
    adc = np.zeros(positive.shape, np.int16)
    adc[positive] = np.rint(np.clip(estimate * 1e6, *limits))
    return adc
