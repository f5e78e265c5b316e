"""The folder of a patient in the quality stage: metrics, numbers that should not predict the node status, montage.

Standard library only.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts import batch_record
from hscore.contracts.json_file import by_name, object_of, read_json
from hscore.files import write_json

QUALITY_FILE = "quality.json"
FEATURES_FILE = "shortcuts.json"
MONTAGE_FILE = "montage.webp"


class Quality(TypedDict):
    """Content of ``quality.json``.

    Attributes:
        patient: name of the patient.
        center: name of the centre.
        usable: sequences that were usable after the sample stage.
        findings: ``code``, ``text`` and ``excludes`` (bool) of each.
        sequences: by converted sequence, the metrics by name (float, or None where not measurable).
    """

    patient: str
    center: str
    usable: list[str]
    findings: list[dict[str, Any]]
    sequences: dict[str, dict[str, Any]]


def write(folder: Path, content: Quality, features: Mapping[str, float]) -> None:
    """Write ``quality.json`` and ``shortcuts.json``.

    Args:
        folder: the patient's folder.
        content: content of ``quality.json``.
        features: numbers of headers and image borders, by name.
    """
    write_json(folder / QUALITY_FILE, content)
    write_json(folder / FEATURES_FILE, features)


def read(folder: Path) -> Quality:
    """Return the content of ``quality.json``.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(folder / QUALITY_FILE, object_of(Quality), lambda: batch_record.record_of(folder))


def read_features(folder: Path) -> dict[str, float]:
    """Return the numbers of headers and image borders by name.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(folder / FEATURES_FILE, by_name(float), lambda: batch_record.record_of(folder))


def read_montage(folder: Path) -> bytes | None:
    """Return the picture of a patient's sequences (WebP); None where none was drawn."""
    path = folder / MONTAGE_FILE
    return path.read_bytes() if path.exists() else None
