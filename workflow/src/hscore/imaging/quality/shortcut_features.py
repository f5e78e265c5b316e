"""Compute features that should be unrelated to the disease: numbers in headers, and the borders of the images.

A network sees boxes and no headers. But if a label can be predicted from a corner (burned in, or because of the way
positives were scanned), the collection itself reveals who is ill. On such shortcuts: DeGrave et al., Nat Mach Intell
2021;3:610-619.
"""

from pathlib import Path

import numpy as np

from hscore.files import read_json
from hscore.imaging import nifti
from hscore.status import Status

CORNER = 6  # pixels
HEADER = ("slices", "images", "echo_time_ms", "repetition_time_ms", "slice_thickness_mm")


def features(folder: Path) -> dict[str, float]:
    """Return the features of one patient's folder of the convert step by name; missing numbers are left out.

    Brightness is relative to the median of the body, because scanners scale every series.
    """
    status, all_series = Status.read(folder), read_json(folder / "series.json")["series"]
    numbers = {
        "number of series": float(len(all_series)),
        "number of images": float(sum(series["images"] for series in all_series)),
    }
    for series in all_series:
        if sequence := series["chosen_as"]:
            numbers |= {f"{sequence} {name}": float(series[name]) for name in HEADER if series.get(name) is not None}
            numbers |= {f"{sequence} pixel_mm": float(size) for size in (series["spacing_mm"] or [])[:1]}
    for sequence in status.usable:
        volume = nifti.read(folder / f"sub-{status.patient}_{sequence}.nii.gz").values()
        scale = float(np.median(volume[volume > volume.mean()])) if np.ptp(volume) else 1.0
        for rows, where in ((slice(CORNER), "first"), (slice(-CORNER, None), "last")):
            for columns, side in ((slice(CORNER), "first"), (slice(-CORNER, None), "last")):
                corner = volume[:, rows, columns]
                numbers[f"{sequence} corner, {where} rows, {side} columns"] = float(corner.mean()) / scale
        inside = volume[:, CORNER:-CORNER, CORNER:-CORNER]
        border = (volume.sum(dtype=float) - inside.sum(dtype=float)) / (volume.size - inside.size)
        numbers[f"{sequence} border"] = float(border) / scale
        numbers[f"{sequence} brightest"] = float(np.max(volume)) / scale
    return numbers
