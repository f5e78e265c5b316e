"""What the centres delivered: a table of every series found, and patients who seem to be one person."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from hscore.files import read_json
from hscore.status import Status

COLUMNS = (
    *("patient", "day", "series", "vendor", "model", "field_strength_t", "description", "guess", "chosen_as"),
    *("why_not", "orientation", "matrix", "spacing_mm", "slice_thickness_mm", "slices", "images", "b_values"),
    *("echo_time_ms", "repetition_time_ms", "contrast_agent", "image_type", "private_tags", "findings"),
)


def rows(folder: Path) -> list[dict[str, Any]]:
    """One row a series found in a patient's folder, in the order of the series numbers; without a series one row.

    ``folder`` is the patient's folder of the convert step. Tags that tell who the patient is and findings concern all
    files of the patient and stand in each row. ``private_tags``: keyword and number of files, never the value.
    """
    status, found = Status.read(folder), read_json(folder / "series.json")
    of_patient = {
        "patient": status.patient,
        "private_tags": "; ".join(f"{keyword}: {count}" for keyword, count in found["private_tags"].items()),
        "findings": "; ".join(dict.fromkeys(finding.code for finding in status.findings)),
    }
    return [_row(one) | of_patient for one in found["series"]] or [of_patient]


def _row(series: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that tell of one series of ``series.json``."""
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
    return " x ".join(f"{value:g}" for value in values)


def write(folders: Sequence[Path], file: TextIO) -> None:
    """The table of a centre as tab-separated text, patient by patient in the order of ``folders``."""
    writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n", restval="")
    writer.writeheader()
    for folder in folders:
        for row in rows(folder):
            # a description may hold what is a line or column end here
            clean = {name: " ".join(cell.split()) if isinstance(cell, str) else cell for name, cell in row.items()}
            writer.writerow({name: clean[name] for name in COLUMNS if name in clean})


def same_patients(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """Groups of patients, of one centre or of several, who share an examination or the voxels of a sequence.

    Compared are salted hashes of the StudyInstanceUIDs and of the converted voxels (``series.json`` of the convert
    step). The first are blind when each copy went through another anonymiser, the second then still see. A group:
    ``same`` ("examination" or a sequence's name, sorted) and its ``patients`` (center, patient).
    """
    holders: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for folder in folders:
        status, found = Status.read(folder), read_json(folder / "series.json")
        who = (status.center, status.patient)
        for hashed in found["same_study"]:
            holders.setdefault(("examination", hashed), []).append(who)
        for sequence, hashed in found["same_images"].items():
            holders.setdefault((sequence, hashed), []).append(who)
    groups: dict[tuple, set[str]] = {}
    for (what, _), patients in holders.items():
        if len(set(patients)) > 1:
            groups.setdefault(tuple(sorted(set(patients))), set()).add(what)
    return [
        {"same": sorted(same), "patients": [{"center": center, "patient": patient} for center, patient in patients]}
        for patients, same in sorted(groups.items())
    ]
