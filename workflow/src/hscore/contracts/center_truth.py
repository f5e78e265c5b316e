"""The planted truth of one simulated centre. Standard library only."""

from pathlib import Path
from typing import Any, TypedDict

from hscore.contracts.json_file import object_of, read_json
from hscore.files import write_json


class CenterTruth(TypedDict):
    """Content of the file.

    Attributes:
        simulated: True.
        center: name of the centre.
        scanner: scanner profile of the parameters.
        seed: seed of the simulation.
        control: planted fault of a negative control, or ``none``.
        center_shift: ``level``, and the effects by which the centre differs from the others.
        prevalence: share of patients with metastasis, 0..1.
        lnm: node status in the table, 0 or 1, by patient.
        ideal_auc: AUC of the ideal observers in the population, nested by what they see.
        ideal_auc_of_these_patients: the same in the patients drawn.
        parameters: the planted parameters that recovery needs.
        patients: what was drawn for each patient, by name.
    """

    simulated: bool
    center: str
    scanner: str
    seed: int
    control: str
    center_shift: dict[str, Any]
    prevalence: float
    lnm: dict[str, int]
    ideal_auc: dict[str, Any]
    ideal_auc_of_these_patients: dict[str, Any]
    parameters: dict[str, Any]
    patients: dict[str, dict[str, Any]]


def write(path: str | Path, truth: CenterTruth) -> None:
    """Write the truth of a centre."""
    write_json(path, truth)


def read(path: str | Path) -> CenterTruth:
    """Return the truth of a centre.

    Raises:
        UserError: the file is missing, damaged or another one.
    """
    return read_json(path, object_of(CenterTruth))
