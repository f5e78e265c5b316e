"""Groups of patients who share an examination or images. Standard library only."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from hscore.contracts.json_file import object_of, read_json
from hscore.contracts.status import NOTES
from hscore.files import write_json

CODE = "patient_twice"


class Group(TypedDict):
    """One group.

    Attributes:
        same: what they share: ``examination`` or names of sequences.
        patients: ``center`` and ``patient`` of each.
    """

    same: list[str]
    patients: list[dict[str, str]]


class SamePatients(TypedDict):
    """Content of the file: code and label of the finding, and the groups."""

    code: str
    label: str
    groups: list[Group]


def write(path: str | Path, groups: Sequence[Group]) -> None:
    """Write the groups."""
    write_json(path, SamePatients(code=CODE, label=NOTES[CODE], groups=list(groups)))


def read(path: str | Path) -> list[Group]:
    """Return the groups.

    Raises:
        UserError: the file is missing or damaged.
    """
    parse, parse_group = object_of(SamePatients), object_of(Group)
    return read_json(path, lambda content: [parse_group(group) for group in parse(content)["groups"]])
