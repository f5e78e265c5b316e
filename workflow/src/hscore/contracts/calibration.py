"""The calibration of one model: the maps from the scores of its members to a risk. Standard library only."""

from pathlib import Path
from typing import Any, NotRequired, TypedDict

from hscore.contracts.json_file import object_of, read_json
from hscore.files import write_json


class Calibration(TypedDict):
    """Content of the file; ``learning.calibration`` explains the maps.

    Attributes:
        model: name of the model.
        alignment: mean (``location``) and deviation (``scale``) of each member's logits, and those they get (``to``).
        recalibration: ``method``, then ``intercept`` and ``slope``, or ``predicted`` and ``risk``, or ``why`` there is
            none.
        seeds: the alignment of each seed's networks alone, by seed, for models with several seeds.
    """

    model: str
    alignment: dict[str, Any]
    recalibration: dict[str, Any]
    seeds: NotRequired[dict[str, dict[str, Any]]]


def write(path: str | Path, calibration: Calibration) -> None:
    """Write the calibration of a model."""
    write_json(path, calibration)


def read(path: str | Path) -> Calibration:
    """Return the calibration of a model.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(path, object_of(Calibration))
