"""What the search over training settings found for one outer fold, or for all patients. Standard library only."""

from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts.json_file import object_of, read_json
from hscore.files import write_json


class SearchPart(TypedDict):
    """Content of the file.

    Attributes:
        model: name of the model.
        held_out: the outer fold; None where the settings were chosen on all patients.
        tried: ``values`` (by setting) and inner out-of-fold ``auc`` of every combination.
        chosen: the best values, by setting.
        scores: score of each held-out patient with the chosen settings, 0..1, by name.
    """

    model: str
    held_out: int | None
    tried: list[dict[str, Any]]
    chosen: dict[str, Any]
    scores: dict[str, float]


def write(path: str | Path, part: SearchPart) -> None:
    """Write one part."""
    write_json(path, part)


def read(path: str | Path) -> SearchPart:
    """Return one part.

    Raises:
        UserError: the file is missing, damaged or another one.
    """
    return read_json(path, object_of(SearchPart))
