"""Signal equations: the signal of a tissue on each of the study's sequences.

Signals are relative to the proton density of urine (1.0) at unit receive gain. Times are in ms, b in s/mm2, diffusion
coefficients in 1e-6 mm2/s, contrast agent in mmol/l. `scale` multiplies the one property that the sequence weights
(contrast uptake, T2, diffusion coefficient) and may be an array. In this way image signs enter.
"""

from functools import cache
from statistics import NormalDist

import numpy as np


def contrast_shortened_t1(t1: float, relaxivity: float, gd) -> np.ndarray:
    """Return T1 (ms) with contrast agent: 1/T1' = 1/T1 + r1 C (Bloembergen; r1 in l/mmol/s, C in mmol/l)."""
    return 1.0 / (1.0 / t1 + relaxivity * 1e-3 * np.asarray(gd))


def spoiled_gradient_echo(pd: float, t1, t2: float, tr: float, te: float, flip_degrees: float) -> np.ndarray:
    """Return Ernst's steady state of the spoiled gradient echo.

    Source: Haacke et al., Magnetic Resonance Imaging, 1999, ch. 18.
    """
    e1 = np.exp(-tr / np.asarray(t1))
    flip = np.deg2rad(flip_degrees)
    return pd * np.sin(flip) * (1 - e1) / (1 - np.cos(flip) * e1) * np.exp(-te / t2)


def spin_echo(pd: float, t1: float, t2, tr: float, te: float) -> np.ndarray:
    """Return the spin echo with full excitation, PD (1 - exp(-TR/T1)) exp(-TE/T2).

    In a fast spin echo, TE is the effective echo time.
    """
    return pd * (1 - np.exp(-tr / t1)) * np.exp(-te / np.asarray(t2))


def diffusion_weighting(b: float, adc) -> np.ndarray:
    """Return the Stejskal-Tanner attenuation exp(-b D) of a mono-exponential tissue."""
    return np.exp(-b * np.asarray(adc) * 1e-6)


def tissue_signal(tissue: dict, kind: str, protocol: dict, field: float, parameters: dict, scale=1.0) -> np.ndarray:
    """Return the signal of a tissue on a sequence.

    Args:
        tissue: an item of the parameters' tissues.
        kind: CET1WI, T2WI, ADC (diffusion images) or localizer.
        protocol: protocol of the series.
        field: field strength [T].
        parameters: the planted parameters.
        scale: factor of the weighted property, a number or an array.

    Returns:
        Float32 (channels, *scale.shape): one channel, or one per b-value of ADC.
    """
    t1, t2 = tissue["t1"][field], tissue["t2"][field]
    scale = np.asarray(scale, np.float32)
    if kind in ("CET1WI", "localizer"):
        gd = tissue["gd"] * scale if kind == "CET1WI" else 0.0 * scale
        t1 = contrast_shortened_t1(t1, parameters["relaxivity_l_mmol_s"][field], gd)
        channels = [spoiled_gradient_echo(tissue["pd"], t1, t2, protocol["tr"], protocol["te"], protocol["flip"])]
    elif kind == "T2WI":
        t2 = tissue.get("t2_fse", t2) * scale
        channels = [spin_echo(tissue["pd"], t1, t2, protocol["tr"], protocol["te"])]
        channels[0] = channels[0] * tissue.get("flow_void", 1.0)
    else:
        unweighted = spin_echo(tissue["pd"], t1, t2, protocol["tr"], protocol["te"]) * tissue.get("flow_void", 1.0)
        channels = [unweighted * diffusion_weighting(b, tissue["adc"] * scale) for b in protocol["b_values"]]
    if protocol["fat_suppressed"]:
        residual = 1 - tissue["fat"] * (1 - parameters["fat_suppression_residual"][kind])
        channels = [channel * residual for channel in channels]
    return np.stack([np.asarray(channel, np.float32) for channel in channels])


def add_rician_noise(magnitude: np.ndarray, sigma: float, random: np.random.Generator) -> np.ndarray:
    """Return the magnitude of a complex signal with Gaussian noise of `sigma` in both parts.

    `magnitude` (float32) is overwritten. Source: Gudbjartsson and Patz, MRM 1995.
    """
    noise = _normal_quantiles() * np.float32(sigma)
    # one image at a time stays in the cache
    for part in magnitude.reshape(-1, magnitude.shape[-1] * magnitude.shape[-2]):
        words = random.bit_generator.random_raw((part.size + 1) // 2).view(np.uint16)
        part += noise.take(words[: part.size])
        part *= part
        imaginary = noise.take(words[part.size : 2 * part.size])
        imaginary *= imaginary
        part += imaginary
        np.sqrt(part, out=part)
    return magnitude


@cache
def _normal_quantiles() -> np.ndarray:
    """Return the normal distribution in 65,536 equal shares; indexing with 16-bit numbers is faster than drawing."""
    quantile = NormalDist().inv_cdf
    upper = np.array([quantile(0.5 + (place + 0.5) / 65536) for place in range(32768)], np.float32)
    return np.concatenate([-upper[::-1], upper])
