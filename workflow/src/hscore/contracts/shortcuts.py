"""Whether headers and image borders reveal the node status, one entry per centre. Standard library only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts.json_file import by_name, object_of, read_json
from hscore.files import write_json


class Shortcuts(TypedDict):
    """Tests of one centre.

    Attributes:
        n: number of patients.
        positives: number of them with metastasis.
        features: ``feature``, ``n``, ``auc``, ``p`` and ``p_holm`` of each, smallest p first.
        flagged: names of the features that reveal the node status.
        method: the test in words.
    """

    n: int
    positives: int
    features: list[dict[str, Any]]
    flagged: list[str]
    method: str


def write(path: str | Path, centers: Mapping[str, Shortcuts]) -> None:
    """Write the tests by centre."""
    write_json(path, centers)


def read(path: str | Path) -> dict[str, Shortcuts]:
    """Return the tests by centre.

    Raises:
        UserError: the file is missing or damaged.
    """
    return read_json(path, by_name(object_of(Shortcuts)))
