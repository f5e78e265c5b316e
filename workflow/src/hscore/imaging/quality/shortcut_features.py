"""Compute features that should be independent of the disease: numbers in headers, and the borders of the images.

A network sees boxes and no headers. But a label that can be predicted from a corner (because it was burned in, or
because positives were scanned differently) shows that the collection itself reveals who is ill. On such shortcuts:
DeGrave et al., Nat Mach Intell 2021;3:610-619.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hscore.imaging.percentiles import median

CORNER = 6  # pixels
HEADER = ("slices", "images", "echo_time_ms", "repetition_time_ms", "slice_thickness_mm")


def header_features(all_series: Sequence[Mapping]) -> dict[str, float]:
    """Return the header features of a patient by name; missing numbers are left out.

    Args:
        all_series: content of ``series.json`` of the convert step.
    """
    features = {
        "number of series": float(len(all_series)),
        "number of images": float(sum(series["images"] for series in all_series)),
    }
    for series in all_series:
        if sequence := series["chosen_as"]:
            features |= {f"{sequence} {name}": float(series[name]) for name in HEADER if series.get(name) is not None}
            features |= {f"{sequence} pixel_mm": float(size) for size in (series["spacing_mm"] or [])[:1]}
    return features


def volume_features(sequence: str, volume: np.ndarray) -> dict[str, float]:
    """Return the brightness of the corners, the border and the brightest voxel of a volume by name.

    Brightness is relative to the median of the body, because scanners scale every series. A volume without a bright
    body has none of these features.

    Args:
        sequence: name of the sequence.
        volume: intensities, float32 [z, y, x], as converted.
    """
    body = volume[volume > volume.mean()]
    scale = median(body) if body.size else 0.0
    if scale <= 0:
        return {}
    features = {}
    for rows, where in ((slice(CORNER), "first"), (slice(-CORNER, None), "last")):
        for columns, side in ((slice(CORNER), "first"), (slice(-CORNER, None), "last")):
            corner = volume[:, rows, columns]
            features[f"{sequence} corner, {where} rows, {side} columns"] = float(corner.mean()) / scale
    inside = volume[:, CORNER:-CORNER, CORNER:-CORNER]
    border = (volume.sum(dtype=float) - inside.sum(dtype=float)) / (volume.size - inside.size)
    features[f"{sequence} border"] = float(border) / scale
    features[f"{sequence} brightest"] = float(np.max(volume)) / scale
    return features
