"""The folder of a patient in the sample stage: where the samples were cut, and values for the cohort's tables.

Standard library only. The samples themselves, ``samples.npz``, are written and read as arrays.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts import batch_record
from hscore.contracts.json_file import by_name, object_of, read_json
from hscore.files import write_json

SAMPLES_FILE = "samples.npz"
BOXES_FILE = "boxes.json"
PATIENT_FILE = "patient.json"


class SampleBox(TypedDict):
    """Where one sample was cut.

    Attributes:
        sections: numbers of its sections, ascending.
        first: first voxel of the box [column, row].
        last: last voxel of the box [column, row], inclusive.
    """

    sections: list[int]
    first: list[int]
    last: list[int]


def write(folder: Path, boxes: Mapping[str, list[SampleBox]], about: Mapping[str, Any]) -> None:
    """Write ``boxes.json`` and ``patient.json``.

    Args:
        folder: the patient's folder.
        boxes: by ``<sequence>_<region>``, one entry per sample, as in ``samples.npz``.
        about: ``tumour_volume_ml`` (float) and ``scanner`` (text or None), from the first sequence sampled; empty if
            there is none.
    """
    write_json(folder / BOXES_FILE, boxes)
    write_json(folder / PATIENT_FILE, about)


def read_boxes(folder: Path) -> dict[str, list[SampleBox]]:
    """Return the boxes of the samples, by ``<sequence>_<region>``.

    Raises:
        UserError: the file is missing or damaged.
    """
    parse_box = object_of(SampleBox)
    parse = by_name(lambda samples: [parse_box(sample) for sample in samples])
    return read_json(folder / BOXES_FILE, parse, lambda: batch_record.record_of(folder))


def read_about(folder: Path) -> dict[str, Any]:
    """Return ``tumour_volume_ml`` and ``scanner``; empty for a patient without samples.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(folder / PATIENT_FILE, by_name(lambda value: value), lambda: batch_record.record_of(folder))
