"""The counts of one centre's flow diagram, ``flow.json``. Standard library only."""

from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts.json_file import object_of, read_json
from hscore.files import write_json


class Flow(TypedDict):
    """Content of the file.

    Attributes:
        center: name of the centre.
        role: ``development`` or ``external``.
        in_table: number of patients of the clinical table.
        included: number of included patients.
        survival_only: ``label``, ``n`` and ``patients`` of the included without node status.
        excluded: ``code``, ``label``, ``n`` and ``patients`` per reason.
        notes: ``code``, ``label`` and ``n`` per finding that excludes nobody.
        not_in_table: names of image folders without a row in the table.
    """

    center: str
    role: str
    in_table: int
    included: int
    survival_only: dict[str, Any]
    excluded: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    not_in_table: list[str]


def write(path: str | Path, flow: Flow) -> None:
    """Write the counts of a centre."""
    write_json(path, flow)


def read(path: str | Path) -> Flow:
    """Return the counts of a centre.

    Raises:
        UserError: the file is missing, damaged or another one.
    """
    return read_json(path, object_of(Flow))
