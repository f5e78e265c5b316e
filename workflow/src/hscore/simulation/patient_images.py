"""All images of one simulated patient: series and region of interest in one folder, and the truth about them."""

from pathlib import Path

import numpy as np

from hscore.errors import UserError
from hscore.simulation import anatomy, codes, dicom_series, planted_regions, scanners
from hscore.simulation.parameters import SEQUENCES, scanner, stream
from hscore.simulation.planted_faults import spoil
from hscore.simulation.rendering import true_adc, tumour_mask

SERIES_NUMBERS = {"localizer": 1, "T2WI": 3, "ADC": 5, "CET1WI": 8}


def write_patient(
    folder: Path, parameters: dict, truth: dict, atlas_folder: Path, patient: str, scanner_name: str, seed: int
) -> dict[str, np.ndarray]:
    """Write the DICOM series and the region of interest of `patient` into the empty `folder`.

    `truth` is the centre's planted truth; a patient it does not know is a UserError. Returns the truth about her
    images: the tumour's mask on each sequence (see `_true_mask`) and its mean diffusion coefficient, `tumour_adc`
    (1e-6 mm2/s).
    """
    if patient not in truth["patients"]:
        raise UserError(f"the simulated truth of centre '{truth['center']}' does not know this patient")
    record = truth["patients"][patient]
    profile = scanner(parameters, scanner_name)
    pelvis = anatomy.build(parameters, patient, record, seed)
    subject = scanners.Subject(
        patient=patient,
        record=record,
        pelvis=pelvis,
        codes=codes.load(atlas_folder, pelvis.variant),
        placement=scanners.place(parameters, patient, seed),
        protocol_factors=truth["center_shift"]["protocol"],
    )
    study = dicom_series.study(patient, record["clinical"]["age"], scanner_name, profile["field_tesla"], seed)
    scouts = scanners.localizers(parameters, scanner_name, subject, seed)
    dicom_series.write_series(folder, study, scouts, SERIES_NUMBERS["localizer"])
    true: dict[str, np.ndarray] = {}
    for kind in SEQUENCES:
        if kind == record["missing"]["sequence"]:
            continue
        series = scanners.acquire(parameters, scanner_name, kind, subject, seed)
        spoil(series.stored, truth["control"], record["lnm"], stream(seed, patient, kind, "control"))
        images = dicom_series.write_series(folder, study, series, SERIES_NUMBERS[kind])
        where = scanners.stack(parameters, series.protocol, patient, kind, seed)
        mask = tumour_mask(pelvis, where)
        true |= {f"{name}_{kind}": value for name, value in _true_mask(mask, series).items()}
        if kind == "ADC":
            true["tumour_adc"] = true_adc(pelvis, where, parameters, record["levels"]).mean()
        if kind == parameters["roi"]["sequence"] and not record["missing"]["roi"]:
            _write_roi(folder, profile["roi_format"], parameters["roi"], mask, images, series, study)
    return true


def _true_mask(mask: np.ndarray, series: scanners.Series) -> dict[str, np.ndarray]:
    """The tumour on a series: the block that holds it, its first index, the whole mask's shape, and the affine."""
    held = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    first = np.array([places[0] if len(places) else 0 for places in held])
    last = np.array([places[-1] + 1 if len(places) else 0 for places in held])
    block = mask[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
    return {"mask": block, "first": first, "shape": np.array(mask.shape), "affine": series.affine}


def _write_roi(folder: Path, form: str, settings: dict, mask: np.ndarray, images, series, study) -> None:
    if form == "dicom_seg":
        planted_regions.write_dicom_seg(folder / "segmentation.dcm", mask, images, series, study, settings["segment"])
    elif form == "rtstruct":
        structures = {"Bladder": _bladder(mask), settings["segment"]: mask}
        planted_regions.write_rtstruct(folder / "RTSTRUCT.dcm", structures, images, series, study)
    else:
        planted_regions.write_nifti_mask(folder / "tumour_mask.nii.gz", mask, series)


def _bladder(mask: np.ndarray) -> np.ndarray:
    """A second, rough structure in front of the tumour, as planning systems have many: to be told apart by name."""
    sections, rows, columns = (np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    middle, top, size = int(columns.mean()), int(rows[0]) - 12, len(columns) // 2
    r, c = np.ogrid[: mask.shape[1], : mask.shape[2]]
    disc = (r - (top - size)) ** 2 + (c - middle) ** 2 <= size**2
    bladder = np.zeros_like(mask)
    bladder[sections] = disc
    return bladder
