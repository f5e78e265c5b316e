"""Check the quality of one patient: numbers and a picture of every converted sequence."""

from pathlib import Path

import numpy as np

from hscore.contracts import converted_series, quality, sample_folder, sidecar
from hscore.contracts.status import Status
from hscore.imaging import nifti
from hscore.imaging.quality import indicators, montage, shortcut_features


def check_patient(
    status: Status, sequences: list[str], nifti_folder: Path, normalized: Path, samples: Path, output: Path
) -> None:
    """Write ``quality.json``, ``shortcuts.json`` and, if there is an image, ``montage.webp`` into ``output``.

    ``shortcuts.json`` has the numbers that should not predict the node status. Those of images are computed for
    sequences that were usable after conversion.

    Args:
        status: status of the patient after the sample step.
        sequences: all sequences of the study, in display order.
        nifti_folder: the patient's folder of the convert step.
        normalized: the patient's folder of the normalize step.
        samples: the patient's folder of the sample step.
        output: an existing, empty folder.
    """
    boxes = sample_folder.read_boxes(samples)
    converted = Status.read(nifti_folder).usable
    features = shortcut_features.header_features(converted_series.read(nifti_folder)["series"])
    numbers, views, missing = {}, [], []
    for sequence in sequences:
        name = f"sub-{status.patient}_{sequence}"
        if not (nifti_folder / f"{name}.nii.gz").exists():
            missing.append(sequence)
            continue
        image = nifti.read(nifti_folder / f"{name}.nii.gz")
        mask_path = nifti_folder / f"{name}_mask.nii.gz"
        mask = nifti.read(mask_path).stored != 0 if mask_path.exists() else None
        places = section_boxes(boxes.get(f"{sequence}_tumour", []), boxes.get(f"{sequence}_peritumoral", []))
        volume = image.values()
        if sequence in converted:
            features |= shortcut_features.volume_features(sequence, volume)
        numbers[sequence] = indicators.measure(
            sequence,
            volume,
            mask,
            None if mask is None else surroundings(places, mask),
            image.grid.spacing,
            sidecar.read_normalization(normalized / f"{name}.nii"),
        )
        views.append(montage.View(sequence, image, mask, places))
    if views:
        montage.draw(views, missing, output / quality.MONTAGE_FILE)
    content = quality.Quality(
        patient=status.patient,
        center=status.center,
        usable=status.usable,
        findings=[{"code": f.code, "text": f.text, "excludes": f.excludes} for f in status.findings],
        sequences=numbers,
    )
    quality.write(output, content, features)


def section_boxes(tight: list[dict], grown: list[dict]) -> dict[int, list[tuple[int, int, int, int]]]:
    """Return the tight and grown box (x0, y0, x1, y1) per section, of its own sample or else of any that contains it.

    A section's own sample is the one whose middle section it is.
    """
    places: dict[int, list[tuple[int, int, int, int]]] = {}
    for middle_only in (False, True):
        for pair in zip(tight, grown, strict=True):
            sections = pair[0]["sections"]
            for section in [sections[len(sections) // 2]] if middle_only else sections:
                places[section] = [(*box["first"], *box["last"]) for box in pair]
    return places


def surroundings(places: dict[int, list[tuple[int, int, int, int]]], mask: np.ndarray) -> np.ndarray:
    """Return the grown boxes without the tumour, booleans [z, y, x]."""
    around = np.zeros(mask.shape, bool)
    for section, (_, (x0, y0, x1, y1)) in places.items():
        around[section, y0 : y1 + 1, x0 : x1 + 1] = True
    return around & ~mask
