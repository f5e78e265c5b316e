"""List the series that the centres delivered, and find patients who seem to be the same person."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hscore.contracts import converted_series
from hscore.contracts.inventory import COLUMNS
from hscore.contracts.status import Status


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return one row per series in a patient's folder, in the order of series numbers; one row if there is no series.

    Private tags and findings concern all files of the patient and are repeated in each row. ``private_tags`` contains
    keyword and number of files, never the value.

    Args:
        folder: the patient's folder of the convert step.
    """
    status, content = Status.read(folder), converted_series.read(folder)
    of_patient = {
        "patient": status.patient,
        "private_tags": "; ".join(f"{keyword}: {count}" for keyword, count in content["private_tags"].items()),
        "findings": "; ".join(dict.fromkeys(finding.code for finding in status.findings)),
    }
    return [_row(series) | of_patient for series in content["series"]] or [of_patient]


def _row(series: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cells that describe one series of ``series.json``."""
    cells = {name: series.get(name) for name in COLUMNS}
    return cells | {
        "series": series["number"],
        "description": series["description"] or series["protocol"],
        "chosen_as": series["chosen_as"] or "",
        "why_not": "" if series["chosen_as"] else "; ".join(f"{k}: {v}" for k, v in series["why_not"].items()),
        "matrix": _joined(series["matrix"]),
        "spacing_mm": _joined(series["spacing_mm"] or []),
        "b_values": ", ".join(f"{b:g}" for b in series["b_values"]),
        "contrast_agent": "yes" if series["contrast_agent"] else "no",
    }


def _joined(values: Sequence[float]) -> str:
    """Return numbers joined by "x", such as "256 x 256"."""
    return " x ".join(f"{value:g}" for value in values)


def same_patients(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Return groups of patients, of one or several centres, who share an examination or the voxels of a sequence.

    Salted hashes of the StudyInstanceUIDs and of the converted voxels are compared (``series.json`` of the convert
    step). If each copy passed through another anonymiser, the UIDs differ, but the voxels still match.

    Args:
        folders: patients' folders of the convert step.

    Returns:
        One dictionary per group: ``same`` ("examination" or names of sequences, sorted) and its ``patients`` (center,
        patient).
    """
    holders: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for folder in folders:
        status, content = Status.read(folder), converted_series.read(folder)
        who = (status.center, status.patient)
        for hashed in content["same_study"]:
            holders.setdefault(("examination", hashed), []).append(who)
        for sequence, hashed in content["same_images"].items():
            holders.setdefault((sequence, hashed), []).append(who)
    groups: dict[tuple, set[str]] = {}
    for (what, _), patients in holders.items():
        if len(set(patients)) > 1:
            groups.setdefault(tuple(sorted(set(patients))), set()).add(what)
    return [
        {"same": sorted(same), "patients": [{"center": center, "patient": patient} for center, patient in patients]}
        for patients, same in sorted(groups.items())
    ]
