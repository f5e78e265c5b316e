"""Normalise intensities: MR units are arbitrary, so each volume is put on a common scale.

Every method uses one volume alone and no other patient. So nothing is fitted, no list of training patients is needed,
and external and development patients cannot influence each other. A method is a function (volume [z, y, x], body mask
bool [z, y, x], its settings) -> (normalised float32, facts). The facts are the numbers it used, for the sidecar.
"""

import inspect
from collections.abc import Callable

import numpy as np

from hscore.errors import UserError
from hscore.imaging.percentiles import percentiles

Facts = dict[str, float]


def zscore(volume: np.ndarray, body: np.ndarray) -> tuple[np.ndarray, Facts]:
    """Scale to mean 0 and standard deviation 1 inside the body; a body of one value becomes 0."""
    inside = volume[body]
    mean, deviation = float(inside.mean(dtype=np.float64)), float(inside.std(dtype=np.float64))
    normalized = (volume - np.float32(mean)) / np.float32(deviation or 1.0)
    return normalized, {"body_fraction": float(body.mean()), "mean": mean, "standard_deviation": deviation}


def percentile(volume: np.ndarray, body: np.ndarray, low: float, high: float) -> tuple[np.ndarray, Facts]:
    """Scale the ``low`` and ``high`` percentile (0..100) inside the body to 0 and 1, and clip values outside."""
    bottom, top = (float(value) for value in percentiles(volume[body], [low, high]))
    facts = {"body_fraction": float(body.mean()), "low_value": bottom, "high_value": top}
    return _unit_interval(volume, bottom, top), facts


def physical_range(volume: np.ndarray, body: np.ndarray, low: float, high: float) -> tuple[np.ndarray, Facts]:
    """Scale ``low`` and ``high``, in the units of the volume, to 0 and 1, and clip values outside.

    This is for maps with a unit, such as ADC: equal values stay equal between patients. The body mask is not used. On
    an ADC map it would be wrong, because noise in air has ADC values as high as tissue.
    """
    return _unit_interval(volume, low, high), {"low_value": float(low), "high_value": float(high)}


def _unit_interval(volume: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale ``low`` and ``high`` to 0 and 1, and clip values outside."""
    return np.clip((volume - np.float32(low)) / np.float32(high - low or 1.0), 0, 1)


METHODS: dict[str, Callable[..., tuple[np.ndarray, Facts]]] = {
    "zscore": zscore,
    "percentile": percentile,
    "range": physical_range,
}


def normalize(volume: np.ndarray, body: np.ndarray, method: str, **settings: float) -> tuple[np.ndarray, Facts]:
    """Normalise one volume by a method of ``METHODS``.

    Args:
        volume: intensities [z, y, x].
        body: voxels of the body, booleans [z, y, x].
        method: name of the method.
        settings: settings of the method.

    Raises:
        UserError: the method is unknown, or its settings are not those it takes.
    """
    if method not in METHODS:
        raise UserError(f"normalize.intensity: method '{method}' is not known; choose one of {', '.join(METHODS)}")
    takes = list(inspect.signature(METHODS[method]).parameters)[2:]
    if set(takes) != set(settings):
        given = ", ".join(sorted(settings)) or "none"
        raise UserError(
            f"normalize.intensity: method '{method}' takes {' and '.join(takes) or 'no settings'}, given: {given}"
        )
    if takes and settings["low"] >= settings["high"]:
        raise UserError(f"normalize.intensity: low ({settings['low']}) must be less than high ({settings['high']})")
    return METHODS[method](volume, body, **settings)
