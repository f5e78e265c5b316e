"""Normalize the sequences of one patient: bias field first, then intensity."""

from pathlib import Path

import numpy as np

from hscore.contracts import sidecar
from hscore.contracts.status import Status
from hscore.errors import UserError
from hscore.imaging import nifti
from hscore.imaging.normalize import bias_field, intensity
from hscore.imaging.percentiles import percentiles


def normalize_patient(status: Status, converted: Path, output: Path, settings: dict) -> None:
    """Write ``sub-<patient>_<SEQ>.nii`` and its ``.json`` into ``output`` for each usable sequence.

    Args:
        status: status of the patient; a volume without signal is added as a finding.
        converted: the patient's folder of the convert stage.
        output: an existing folder.
        settings: section ``normalize`` of the config.

    Raises:
        UserError: the settings do not say how to normalise a sequence.
    """
    for sequence in list(status.usable):
        if sequence not in settings["intensity"]:
            raise UserError(f"normalize.intensity: sequence '{sequence}' is missing; say how to normalise it")
        name = f"sub-{status.patient}_{sequence}"
        volume = nifti.read(converted / f"{name}.nii.gz")
        values = volume.values()
        body = bias_field.body_mask(values, volume.grid.spacing)
        if not body.any():
            status.add("unreadable_sequence", f"{sequence} shows no body: one value everywhere, or too small", sequence)
            continue
        facts = {"sequence": sequence, "bias_field": None}
        correction = settings["bias_correction"]
        if sequence in correction["sequences"]:
            how = {key: correction[key] for key in ("grid_mm", "iterations", "method")}
            field = bias_field.log_bias_field(values, volume.grid.spacing, body, **how)
            values = values / np.exp(field)
            facts["bias_field"] = correction_facts(field, body) | {"method": "N4", "implementation": how["method"]}
        values, used = intensity.normalize(values, body, **settings["intensity"][sequence])
        facts["intensity"] = {**settings["intensity"][sequence], **used}
        nifti.write_scaled(values, volume, output / f"{name}.nii")
        sidecar.write(output / f"{name}.nii", facts)


def correction_facts(field: np.ndarray, body: np.ndarray) -> dict[str, float]:
    """Return the strength of a log bias field [z, y, x] inside the body: SD, and factors at percentiles 5 and 95."""
    inside = field[body]
    low, high = percentiles(inside, [5, 95])
    return {
        "log_standard_deviation": float(inside.std()),
        "factor_p5": float(np.exp(low)),
        "factor_p95": float(np.exp(high)),
    }
