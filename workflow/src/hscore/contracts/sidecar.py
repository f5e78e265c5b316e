"""The JSON sidecar next to an image (NIfTI): facts about its acquisition, or about its normalisation.

Standard library only. The keys of the acquisition are those of BIDS (seconds, tesla, mm).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts import batch_record
from hscore.contracts.json_file import object_of, read_json
from hscore.files import write_json


class Acquisition(TypedDict):
    """Sidecar of a converted image; only known facts are present besides ``Sequence``.

    Others are ``Manufacturer``, ``MagneticFieldStrength`` (T), ``EchoTime`` (s), ``RepetitionTime`` (s),
    ``SliceThickness`` (mm), and of an ADC map ``BValues`` (s/mm2) and ``Units``.
    """

    Sequence: str


class Normalization(TypedDict):
    """Sidecar of a normalised image.

    Attributes:
        sequence: name of the sequence.
        bias_field: None, or ``log_standard_deviation``, ``factor_p5`` and ``factor_p95`` of the field in the body, and
            its ``method`` and ``implementation``.
        intensity: the settings, and the intensities used.
    """

    sequence: str
    bias_field: dict[str, Any] | None
    intensity: dict[str, Any]


def write(image: Path, content: Mapping[str, Any]) -> None:
    """Write the sidecar of an image."""
    write_json(path_of(image), content)


def path_of(image: Path) -> Path:
    """Return ``sub-1_T2WI.json`` for ``sub-1_T2WI.nii.gz`` or ``sub-1_T2WI.nii``."""
    return image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + ".json")


def read_acquisition(image: Path) -> Acquisition:
    """Return the sidecar of a converted image.

    Raises:
        UserError: it is missing or damaged.
    """
    return read_json(path_of(image), object_of(Acquisition), lambda: batch_record.record_of(image.parent))


def read_normalization(image: Path) -> Normalization | None:
    """Return the sidecar of a normalised image; None if the sequence was not normalised.

    Raises:
        UserError: it is damaged.
    """
    path = path_of(image)
    if not path.exists():
        return None
    return read_json(path, object_of(Normalization), lambda: batch_record.record_of(image.parent))
