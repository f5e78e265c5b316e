"""One simulated study beside its truth: masks, boxes, diffusion coefficients, AUCs, readings."""

from pathlib import Path

import numpy as np
import pandas as pd

from hscore.files import read_json
from hscore.imaging import nifti
from hscore.imaging.grid import Grid
from hscore.imaging.sample import boxes
from hscore.recovery.observers import at, observer
from hscore.simulation import ideal
from hscore.simulation.parameters import SEQUENCES
from hscore.simulation.patients import observed_auc
from hscore.status import Status

EVALUATIONS = {"out_of_fold": "development", "external": "external"}


def images(patient: str, nifti_folder: Path, samples_folder: Path, true_images: Path) -> list[dict]:
    """How well the image stages recovered one patient, a row a usable sequence.

    ``dice`` of the mask on the sequence's grid; ``volume_error``, relative; ``box_error``, pixels by which the worst
    side of any sample's tumour box is off; ADC only: ``adc`` and ``true_adc``, means over the true tumour, 1e-6
    mm2/s.
    """
    with np.load(true_images) as truth:
        true = dict(truth)
    rows = []
    places = read_json(samples_folder / "boxes.json") if (samples_folder / "boxes.json").exists() else {}
    for sequence in Status.read(nifti_folder).usable:
        volume = nifti.read(nifti_folder / f"sub-{patient}_{sequence}_mask.nii.gz")
        found, mask = volume.stored.astype(bool), true_mask(true, sequence, volume.grid)
        both, total = (found & mask).sum(), found.sum() + mask.sum()
        row = {
            "patient": patient,
            "sequence": sequence,
            "dice": float(2 * both / total) if total else None,
            "volume_error": float(found.sum() / mask.sum() - 1) if mask.any() else None,
            "box_error": box_error(places.get(f"{sequence}_tumour", []), mask),
        }
        if sequence == "ADC":
            values = nifti.read(nifti_folder / f"sub-{patient}_ADC.nii.gz").values()[mask]
            row |= {"adc": float(values.mean()), "true_adc": float(true["tumour_adc"])}
        rows.append(row)
    return rows


def true_mask(true: dict[str, np.ndarray], sequence: str, grid: Grid) -> np.ndarray:
    """The true tumour on a sequence, in the order of rows and sections of a converted volume."""
    block, first = true[f"mask_{sequence}"], true[f"first_{sequence}"]
    mask = np.zeros(tuple(true[f"shape_{sequence}"]), bool)
    mask[tuple(slice(a, a + n) for a, n in zip(first, block.shape, strict=True))] = block
    for axis in range(3):  # x, y, z of both volumes, which differ by the direction of an axis at most
        if true[f"affine_{sequence}"][:3, axis] @ grid.affine[:3, axis] < 0:
            mask = np.flip(mask, 2 - axis)
    return mask


def box_error(samples: list[dict], mask: np.ndarray) -> int | None:
    """The most pixels by which a side of a sample's box differs from the tight box around the true tumour."""
    errors = []
    for sample in samples:
        on_sections = mask[sample["sections"]]
        if on_sections.any():
            true = boxes.tight(on_sections)
            errors += [abs(a - b) for a, b in zip(sample["first"], true.first, strict=True)]
            errors += [abs(a - b) for a, b in zip(sample["last"], true.last, strict=True)]
    return max(errors) if errors else None


def summarise_images(rows: list[dict]) -> list[dict]:
    """The rows of ``images`` by sequence: counts, mean and worst Dice, exact boxes, and the ADC's error."""
    found = []
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
        found.append(row)
    return found


def _largest(values: pd.Series) -> int | None:
    known = values.dropna()
    return int(known.max()) if len(known) else None


def models(
    specification: dict, performance: list[dict], truths: dict[str, dict], included: dict[str, list]
) -> list[dict]:
    """Every model's AUC beside the ideal observer's: planted (population), and on the very patients of the cohort.

    ``truths`` by centre; ``included`` by role the (centre, patient) pairs. A model without an ideal observer (of
    another clinical variable, say) is left out.
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
    """Accuracy of the models that are the reading of nodes itself, whose truth is known exactly."""
    sensitivity, specificity = ideal.reading(parameters)
    rows = []
    for row in performance:
        if row["evaluation"] not in EVALUATIONS or observer(specification, row["model"]) != ("mri_ln",):
            continue
        for measure, true in (("sensitivity", sensitivity), ("specificity", specificity)):
            rows.append(_beside_truth(f"{row['model']}, {row['evaluation']}, {measure}", row[measure], true))
    return rows


def _beside_truth(name: str, found: dict, true: float) -> dict:
    low, high = found["low"], found["high"]
    return {
        "name": name,
        "estimate": found["estimate"],
        "low": low,
        "high": high,
        "truth": true,
        "holds_truth": None if low is None or high is None else low <= true <= high,
    }
