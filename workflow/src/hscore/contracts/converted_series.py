"""What a patient's folder of images contained: ``series.json`` of the convert stage. Standard library only."""

from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts import batch_record
from hscore.contracts.json_file import object_of, read_json
from hscore.files import write_json

FILE_NAME = "series.json"


class ConvertedSeries(TypedDict):
    """Content of the file.

    Attributes:
        series: every series, in the order of series numbers: ``number``, ``chosen_as`` (sequence or None), ``why_not``
            (reason by sequence), ``images``, ``matrix``, ``spacing_mm``, ``b_values`` (s/mm2), ``echo_time_ms`` and
            further facts of its headers.
        roi: every region of interest: ``name``, ``used``, then ``kind`` and ``volume_mm3``, or ``why_not``.
        private_tags: number of files by keyword of a tag that identifies the patient, never the value.
        same_study: salted hashes of the examinations.
        same_images: salted hash of the converted voxels by sequence.
    """

    series: list[dict[str, Any]]
    roi: list[dict[str, Any]]
    private_tags: dict[str, int]
    same_study: list[str]
    same_images: dict[str, str]


def write(folder: Path, content: ConvertedSeries) -> None:
    """Write ``series.json``."""
    write_json(folder / FILE_NAME, content)


def read(folder: Path) -> ConvertedSeries:
    """Return the content of ``series.json`` of a patient's folder of the convert stage.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(folder / FILE_NAME, object_of(ConvertedSeries), lambda: batch_record.record_of(folder))
