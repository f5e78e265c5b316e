"""Compare one simulated study with its truth: masks, boxes, diffusion coefficients, AUCs, readings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hscore.contracts import image_truth, sample_folder
from hscore.contracts.status import Status
from hscore.imaging import nifti
from hscore.imaging.grid import Grid
from hscore.imaging.sample import boxes
from hscore.recovery.observers import at, observer
from hscore.simulation import ideal
from hscore.simulation.parameters import SEQUENCES
from hscore.simulation.patients import observed_auc

EVALUATIONS = {"out_of_fold": "development", "external": "external"}
ROLES = ("development", "external")


@dataclass(frozen=True)
class SimulatedCenter:
    """One centre of a simulated study: name, role, planted truth, and the names of its included patients."""

    name: str
    role: str
    truth: dict
    patients: list[str]


def compare(
    centers: Sequence[SimulatedCenter],
    images: list[dict],
    performance: list[dict],
    specification: dict,
    parameters: dict,
) -> dict:
    """Return how well the study recovered masks, boxes, diffusion coefficients, AUCs and readings.

    Args:
        centers: all centres of the study.
        images: rows of ``images_of_centers``.
        performance: section ``performance`` of the validation.
        specification: config section ``models``.
        parameters: planted parameters.
    """
    included = {
        role: [(center.name, patient) for center in centers if center.role == role for patient in center.patients]
        for role in ROLES
    }
    truths = {center.name: center.truth for center in centers}
    return {
        "patients": {role: len(pairs) for role, pairs in included.items()},
        "planted": {name: planted(truth) for name, truth in truths.items()},
        "images": summarize_images(images),
        "models": models(specification, performance, truths, included),
        "reading": reading(performance, specification, parameters),
        "patients_images": images,
    }


def planted(truth: dict) -> dict:
    """Return the summary of a centre's truth: scanner, control, shift, patients, prevalence, ideal AUC."""
    return {
        "scanner": truth["scanner"],
        "control": truth["control"],
        "center_shift": truth["center_shift"]["level"],
        "patients": len(truth["patients"]),
        "prevalence": truth["prevalence"],
        "ideal_auc": truth["ideal_auc"],
    }


def images_of_centers(
    centers: Sequence[SimulatedCenter],
    converted: Mapping[str, Path],
    sampled: Mapping[str, Path],
    true_images: Mapping[str, Path],
) -> list[dict]:
    """Return the rows of ``images`` of all included patients, with their ``center``.

    Args:
        centers: all centres of the study.
        converted: folder of the convert step by patient.
        sampled: folder of the sample step by patient.
        true_images: file with the truth about the images by patient.
    """
    return [
        {"center": center.name, **row}
        for center in centers
        for patient in center.patients
        for row in images(patient, converted[patient], sampled[patient], true_images[patient])
    ]


def images(patient: str, nifti_folder: Path, samples_folder: Path, true_images: Path) -> list[dict]:
    """Return how well the image stages recovered one patient, one row per usable sequence.

    Returns:
        Rows with ``dice`` of the mask on the sequence's grid, ``volume_error`` (relative), and ``box_error``, the
        largest error of a side of any sample's tumour box in pixels. ADC only: ``adc`` and ``true_adc``, means over
        the true tumour, 1e-6 mm2/s.
    """
    arrays, places = image_truth.read(true_images), sample_folder.read_boxes(samples_folder)
    rows = []
    for sequence in Status.read(nifti_folder).usable:
        volume = nifti.read(nifti_folder / f"sub-{patient}_{sequence}_mask.nii.gz")
        segmented, true = volume.stored.astype(bool), true_mask(arrays, sequence, volume.grid)
        intersection, total = (segmented & true).sum(), segmented.sum() + true.sum()
        row = {
            "patient": patient,
            "sequence": sequence,
            "dice": float(2 * intersection / total) if total else None,
            "volume_error": float(segmented.sum() / true.sum() - 1) if true.any() else None,
            "box_error": box_error(places.get(f"{sequence}_tumour", []), true),
        }
        if sequence == "ADC":
            values = nifti.read(nifti_folder / f"sub-{patient}_ADC.nii.gz").values()[true]
            row |= {"adc": float(values.mean()), "true_adc": float(arrays[image_truth.TUMOR_ADC])}
        rows.append(row)
    return rows


def true_mask(true: dict[str, np.ndarray], sequence: str, grid: Grid) -> np.ndarray:
    """Return the true tumour on a sequence, in the order of rows and sections of a converted volume."""
    block, first = true[f"mask_{sequence}"], true[f"first_{sequence}"]
    mask = np.zeros(tuple(true[f"shape_{sequence}"]), bool)
    mask[tuple(slice(a, a + n) for a, n in zip(first, block.shape, strict=True))] = block
    for axis in range(3):  # x, y, z of both volumes, which differ by the direction of an axis at most
        if true[f"affine_{sequence}"][:3, axis] @ grid.affine[:3, axis] < 0:
            mask = np.flip(mask, 2 - axis)
    return mask


def box_error(samples: list[dict], mask: np.ndarray) -> int | None:
    """Return the largest difference in pixels between sides of a sample's box and the tight box of the true tumour."""
    errors = []
    for sample in samples:
        on_sections = mask[sample["sections"]]
        if on_sections.any():
            true = boxes.tight(on_sections)
            errors += [abs(actual - expected) for actual, expected in zip(sample["first"], true.first, strict=True)]
            errors += [abs(actual - expected) for actual, expected in zip(sample["last"], true.last, strict=True)]
    return max(errors) if errors else None


def summarize_images(rows: list[dict]) -> list[dict]:
    """Return the rows of ``images`` by sequence: counts, mean and worst Dice, exact boxes, and the ADC's error."""
    summaries = []
    for sequence in SEQUENCES:
        table = pd.DataFrame([row for row in rows if row["sequence"] == sequence])
        if table.empty:
            continue
        row = {
            "sequence": sequence,
            "patients": len(table),
            "dice_mean": float(table["dice"].mean()),
            "dice_least": float(table["dice"].min()),
            "volume_error_mean": float(table["volume_error"].mean()),
            "box_exact": float((table["box_error"].dropna() == 0).mean()),
            "box_error_largest": _largest(table["box_error"]),
        }
        if sequence == "ADC":
            error = table["adc"] / table["true_adc"] - 1
            varied = len(table) > 2 and table["true_adc"].nunique() > 1 and table["adc"].nunique() > 1
            row |= {
                "adc_error_mean": float(error.mean()),
                "adc_error_sd": float(error.std()) if len(table) > 1 else None,
                "adc_correlation": float(table["adc"].corr(table["true_adc"])) if varied else None,
            }
        summaries.append(row)
    return summaries


def _largest(values: pd.Series) -> int | None:
    known = values.dropna()
    return int(known.max()) if len(known) else None


def models(
    specification: dict, performance: list[dict], truths: dict[str, dict], included: dict[str, list]
) -> list[dict]:
    """Return every model's AUC next to the ideal observer's, in the population and in the cohort's own patients.

    A model without an ideal observer (of another clinical variable, for example) is left out.

    Args:
        specification: config section ``models``.
        performance: section ``performance`` of the validation.
        truths: planted truth by centre.
        included: role -> (centre, patient) pairs.
    """
    planted = next(iter(truths.values()))["ideal_auc"]
    observed = {}
    for role, pairs in included.items():
        records = {patient: truths[center]["patients"][patient] for center, patient in pairs}
        labels = {patient: truths[center]["lnm"][patient] for center, patient in pairs}
        observed[role] = observed_auc(next(iter(truths.values()))["parameters"], records, labels)
    rows = []
    for row in performance:
        role, name = EVALUATIONS.get(row["evaluation"]), observer(specification, row["model"])
        if role is None or name is None:
            continue
        auc = row["auc"]
        rows.append(
            {
                "model": row["model"],
                "evaluation": row["evaluation"],
                "auc": auc["estimate"],
                "low": auc["low"],
                "high": auc["high"],
                "ideal": at(planted, name),
                "ideal_of_these_patients": at(observed[role], name),
                "holds_ideal": None if auc["low"] is None else auc["low"] <= at(planted, name) <= auc["high"],
            }
        )
    return rows


def reading(performance: list[dict], specification: dict, parameters: dict) -> list[dict]:
    """Return the accuracy of the models that are the reading of nodes itself, whose truth is known exactly."""
    sensitivity, specificity = ideal.reading(parameters)
    rows = []
    for row in performance:
        if row["evaluation"] not in EVALUATIONS or observer(specification, row["model"]) != ("mri_ln",):
            continue
        for measure, true in (("sensitivity", sensitivity), ("specificity", specificity)):
            rows.append(_beside_truth(f"{row['model']}, {row['evaluation']}, {measure}", row[measure], true))
    return rows


def _beside_truth(name: str, measured: dict, true: float) -> dict:
    low, high = measured["low"], measured["high"]
    return {
        "name": name,
        "estimate": measured["estimate"],
        "low": low,
        "high": high,
        "truth": true,
        "holds_truth": None if low is None or high is None else low <= true <= high,
    }
