"""Sample one patient: sections, boxes and samples of each usable sequence."""

from pathlib import Path

import numpy as np

from hscore.contracts import sample_folder, sidecar
from hscore.contracts.status import Status
from hscore.imaging import nifti
from hscore.imaging.sample import boxes


def sample_patient(status: Status, converted: Path, normalized: Path, output: Path, settings: dict) -> None:
    """Write ``samples.npz``, ``boxes.json`` and ``patient.json`` into ``output``.

    ``samples.npz`` contains float32 [samples, sections, size, size] under ``<SEQ>_<region>``, ascending in section. It
    is uncompressed, because it is read many times and compresses badly. ``boxes.json`` contains, under the same keys,
    one entry per sample: its sections and the first and last voxel (column, row) of its box. ``patient.json`` contains
    values for subgroups from the first sequence sampled: ``tumour_volume_ml`` (of its mask) and ``scanner``
    (manufacturer and field strength).

    Args:
        status: status of the patient. A tumour on fewer adjacent sections than a sample needs is added as a finding.
        converted: the patient's folder of the convert stage.
        normalized: the patient's folder of the normalize stage.
        output: an existing folder.
        settings: section ``sample`` of the config.
    """
    arrays, places, about = {}, {}, {}
    for sequence in list(status.usable):
        name = f"sub-{status.patient}_{sequence}"
        mask = nifti.read(converted / f"{name}_mask.nii.gz").stored != 0
        image = nifti.read(normalized / f"{name}.nii")
        columns_mm, rows_mm, _ = image.grid.spacing
        sections = boxes.tumor_sections(mask, columns_mm * rows_mm, settings["minimum_section_area_mm2"])
        groups = boxes.adjacent(sections, settings["sections"], settings["stride"])
        if not groups:
            status.add("too_few_sections", _too_few(sequence, sections, settings), sequence)
            continue
        if not about:
            volume_ml = float(mask.sum() * np.prod(image.grid.spacing) / 1000)
            about = {"tumour_volume_ml": round(volume_ml, 3), "scanner": _scanner(converted / f"{name}.nii.gz")}
        samples, voxels = boxes.plan(mask, groups, settings), image.values()
        for region in boxes.REGIONS:
            key = f"{sequence}_{region}"
            arrays[key] = boxes.cut(voxels, samples, region, settings["size"], settings["interpolation"])
            places[key] = [
                {"sections": s.sections, "first": s.boxes[region].first, "last": s.boxes[region].last} for s in samples
            ]
    np.savez(output / sample_folder.SAMPLES_FILE, **arrays)
    sample_folder.write(output, places, about)


def _scanner(image: Path) -> str | None:
    """Return manufacturer and field strength, such as "SIEMENS 3 T"; None if the image's headers give neither."""
    content = sidecar.read_acquisition(image)
    strength = content.get("MagneticFieldStrength")
    parts = [content.get("Manufacturer"), f"{strength:g} T" if strength else None]
    return " ".join(part for part in parts if part) or None


def _too_few(sequence: str, sections: list[int], settings: dict) -> str:
    """Return the text of the finding for too few adjacent sections."""
    area = settings["minimum_section_area_mm2"]
    return (
        f"{sequence}: {len(sections)} section{'s' * (len(sections) != 1)} with at least {area:g} mm2 of tumour, "
        f"{settings['sections']} adjacent ones are needed"
    )
