"""All images of one simulated patient: series and region of interest in one folder."""

from pathlib import Path

import numpy as np

from hscore.errors import UserError
from hscore.simulation import anatomy, dicom, roi, scanners
from hscore.simulation.parameters import SEQUENCES, scanner
from hscore.simulation.rendering import tumour_mask

SERIES_NUMBERS = {"localizer": 1, "T2WI": 3, "ADC": 5, "CET1WI": 8}


def write_patient(folder: Path, parameters: dict, truth: dict, patient: str, scanner_name: str, seed: int) -> None:
    """Write the DICOM series and the region of interest of `patient` into the empty `folder`.

    `truth` is the centre's planted truth; a patient it does not know is a UserError.
    """
    if patient not in truth["patients"]:
        raise UserError(f"patient '{patient}' is not in the simulated truth of centre '{truth['center']}'")
    record = truth["patients"][patient]
    profile = scanner(parameters, scanner_name)
    pelvis = anatomy.build(parameters, patient, record, seed)
    placement = scanners.place(parameters, patient, seed)
    study = dicom.study(patient, record["clinical"]["age"], scanner_name, profile["field_tesla"], seed)

    scouts = scanners.localizers(parameters, scanner_name, patient, pelvis, placement, seed)
    dicom.write_series(folder, study, scouts, SERIES_NUMBERS["localizer"])
    for kind in SEQUENCES:
        if kind == record["missing"]["sequence"]:
            continue
        series = scanners.acquire(parameters, scanner_name, kind, patient, pelvis, placement, record["levels"], seed)
        images = dicom.write_series(folder, study, series, SERIES_NUMBERS[kind])
        if kind == parameters["roi"]["sequence"] and not record["missing"]["roi"]:
            axes = scanners.grid(series.protocol, patient, kind, seed)
            _write_roi(folder, profile["roi_format"], parameters["roi"], pelvis, axes, images, series, study)


def _write_roi(folder, form: str, settings: dict, pelvis, axes, images, series, study) -> None:
    mask = tumour_mask(pelvis, *axes)
    if form == "dicom_seg":
        roi.write_dicom_seg(folder / "segmentation.dcm", mask, images, series, study, settings["segment"])
    elif form == "rtstruct":
        structures = {"Bladder": _bladder(mask), settings["segment"]: mask}
        roi.write_rtstruct(folder / "RTSTRUCT.dcm", structures, images, series, study)
    else:
        roi.write_nifti_mask(folder / "tumour_mask.nii.gz", mask, series)


def _bladder(mask: np.ndarray) -> np.ndarray:
    """A second, rough structure in front of the tumour, as planning systems have many: to be told apart by name."""
    sections, rows, columns = (np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    middle, top, size = int(columns.mean()), int(rows[0]) - 12, len(columns) // 2
    r, c = np.ogrid[: mask.shape[1], : mask.shape[2]]
    disc = (r - (top - size)) ** 2 + (c - middle) ** 2 <= size**2
    bladder = np.zeros_like(mask)
    bladder[sections] = disc
    return bladder
