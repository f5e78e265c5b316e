"""What of a patient's files should know nothing of the disease: numbers in headers, and the borders of the images.

A network sees boxes and no headers, but a label that stands in a corner (burned in, or by the way positives were
scanned) says that the collection itself tells who is ill. DeGrave et al., Nat Mach Intell 2021;3:610-619, on such
shortcuts.
"""

from pathlib import Path

import numpy as np

from hscore.files import read_json
from hscore.imaging import nifti
from hscore.status import Status

CORNER = 6  # pixels
HEADER = ("slices", "images", "echo_time_ms", "repetition_time_ms", "slice_thickness_mm")


def features(folder: Path) -> dict[str, float]:
    """Numbers of one patient's folder of the convert step by name; a number that is not there is left out.

    Brightness is relative to the median of the body, because scanners scale every series.
    """
    status, series = Status.read(folder), read_json(folder / "series.json")["series"]
    found = {"number of series": float(len(series)), "number of images": float(sum(one["images"] for one in series))}
    for one in series:
        if one["chosen_as"]:
            found |= {f"{one['chosen_as']} {name}": float(one[name]) for name in HEADER if one.get(name) is not None}
            found |= {f"{one['chosen_as']} pixel_mm": float(size) for size in (one["spacing_mm"] or [])[:1]}
    for sequence in status.usable:
        volume = nifti.read(folder / f"sub-{status.patient}_{sequence}.nii.gz").values()
        scale = float(np.median(volume[volume > volume.mean()])) if np.ptp(volume) else 1.0
        for rows, where in ((slice(CORNER), "first"), (slice(-CORNER, None), "last")):
            for columns, side in ((slice(CORNER), "first"), (slice(-CORNER, None), "last")):
                corner = volume[:, rows, columns]
                found[f"{sequence} corner, {where} rows, {side} columns"] = float(corner.mean()) / scale
        inside = volume[:, CORNER:-CORNER, CORNER:-CORNER]
        border = (volume.sum(dtype=float) - inside.sum(dtype=float)) / (volume.size - inside.size)
        found[f"{sequence} border"] = float(border) / scale
        found[f"{sequence} brightest"] = float(np.max(volume)) / scale
    return found
