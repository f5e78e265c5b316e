"""Negative controls: simulated studies without anything to find, or with a planted fault.

- permuted_labels: the table's LNM is permuted within the centre, so nothing predicts it.
- noise_images: the images are noise, so no image predicts LNM, but the reading of nodes still does.
- center_only: no sign is related to LNM; with different prevalences, a model can learn only the centre.
- corner_leak: LNM is written into a corner of every image (set for external centres); a guard must detect it.
"""

import copy

import numpy as np

from hscore.simulation.parameters import stream

CONTROLS = ("none", "permuted_labels", "noise_images", "center_only", "corner_leak")
NOISE = 120.0  # of an image of noise alone, in stored units
CORNER = 6  # pixels
LEAK = (0.3, 0.6)  # brightness of the corner without and with LNM, as a share of the image's 99th percentile
CHANCE = 0.5


def planted(parameters: dict, control: str) -> dict:
    """Return the parameters for the patients of a control, with the signs removed if the control has none."""
    if control not in ("noise_images", "center_only"):
        return parameters
    parameters = copy.deepcopy(parameters)
    parameters["signs"]["size"] = 0.0
    for places in parameters["signs"]["separation"].values():
        places.update(inside=0.0, around=0.0)
    return parameters


def labels(records: dict, control: str, center: str, seed: int) -> dict[str, int]:
    """Return LNM of each patient for the clinical table."""
    lnm = [record["lnm"] for record in records.values()]
    if control == "permuted_labels":
        lnm = [lnm[place] for place in stream(seed, center, "permuted labels").permutation(len(lnm))]
    return dict(zip(records, lnm, strict=True))


def expected_auc(observers: dict, control: str) -> dict:
    """Return the AUC of the ideal observers against the table's LNM."""
    if control != "permuted_labels":
        return observers
    return {
        name: dict.fromkeys(value, CHANCE) if isinstance(value, dict) else CHANCE for name, value in observers.items()
    }


def spoil(stored: np.ndarray, control: str, lnm: int, random: np.random.Generator) -> None:
    """Apply the control to a series' stored pixels (channels, slices, rows, columns), in place."""
    if control == "noise_images":
        stored[:] = np.rint(random.rayleigh(NOISE, stored.shape))
    elif control == "corner_leak":
        stored[..., :CORNER, :CORNER] = round(LEAK[lnm] * float(np.percentile(stored, 99)))
