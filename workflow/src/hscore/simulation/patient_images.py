"""Write all images of one simulated patient, series and region of interest, and return the truth about them."""

from pathlib import Path

import numpy as np

from hscore.contracts import image_truth
from hscore.errors import UserError
from hscore.simulation import anatomy, codes, dicom_series, planted_regions, scanners
from hscore.simulation.parameters import SEQUENCES, scanner, stream
from hscore.simulation.planted_faults import spoil
from hscore.simulation.rendering import true_adc, tumor_mask

SERIES_NUMBERS = {"localizer": 1, "T2WI": 3, "ADC": 5, "CET1WI": 8}


def write_patient(
    folder: Path, parameters: dict, truth: dict, atlas_folder: Path, patient: str, scanner_name: str, seed: int
) -> dict[str, np.ndarray]:
    """Write the DICOM series and the region of interest of a patient.

    Args:
        folder: an empty folder.
        parameters: the planted parameters.
        truth: planted truth of the centre.
        atlas_folder: folder with the variants of the atlas.
        patient: name of the patient.
        scanner_name: name of the scanner.
        seed: seed of the simulation.

    Returns:
        The truth about her images: the tumour's mask on each sequence (see `_true_mask`) and its mean diffusion
        coefficient, `tumour_adc` (1e-6 mm2/s).

    Raises:
        UserError: the truth does not contain the patient.
    """
    if patient not in truth["patients"]:
        raise UserError(f"the simulated truth of centre '{truth['center']}' does not contain this patient")
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
        grid = scanners.stack(parameters, series.protocol, patient, kind, seed)
        mask = tumor_mask(pelvis, grid)
        true |= {f"{name}_{kind}": value for name, value in _true_mask(mask, series).items()}
        if kind == "ADC":
            true[image_truth.TUMOR_ADC] = true_adc(pelvis, grid, parameters, record["levels"]).mean()
        if kind == parameters["roi"]["sequence"] and not record["missing"]["roi"]:
            _write_roi(folder, profile["roi_format"], parameters["roi"], mask, images, series, study)
    return true


def _true_mask(mask: np.ndarray, series: scanners.Series) -> dict[str, np.ndarray]:
    """Return the tumour on a series: the block that contains it, its first index, the mask's shape, and the affine."""
    used = [np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    first = np.array([places[0] if len(places) else 0 for places in used])
    last = np.array([places[-1] + 1 if len(places) else 0 for places in used])
    block = mask[tuple(slice(a, b) for a, b in zip(first, last, strict=True))]
    return {"mask": block, "first": first, "shape": np.array(mask.shape), "affine": series.affine}


def _write_roi(folder: Path, form: str, settings: dict, mask: np.ndarray, images, series, study) -> None:
    """Write the region of interest in the format of the centre."""
    if form == "dicom_seg":
        planted_regions.write_dicom_seg(folder / "segmentation.dcm", mask, images, study, settings["segment"])
    elif form == "rtstruct":
        structures = {"Bladder": _bladder(mask), settings["segment"]: mask}
        planted_regions.write_rtstruct(folder / "RTSTRUCT.dcm", structures, images, series, study)
    else:
        planted_regions.write_nifti_mask(folder / "tumour_mask.nii.gz", mask, series)


def _bladder(mask: np.ndarray) -> np.ndarray:
    """Return a rough second structure in front of the tumour, as in treatment plans, to be excluded by its name."""
    sections, rows, columns = (np.flatnonzero(mask.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    middle, top, size = int(columns.mean()), int(rows[0]) - 12, len(columns) // 2
    r, c = np.ogrid[: mask.shape[1], : mask.shape[2]]
    disc = (r - (top - size)) ** 2 + (c - middle) ** 2 <= size**2
    bladder = np.zeros_like(mask)
    bladder[sections] = disc
    return bladder
