"""Read the characteristics of an evaluation's patients, and who of the centres' patients it lacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hscore.contracts import manifest, tables
from hscore.statistics.common import scored_cohorts
from hscore.statistics.diagnosis import added_value, subgroups

COLUMNS = tuple(dict.fromkeys((*subgroups.COLUMNS, *added_value.OF_NODES, manifest.READING)))


@dataclass(frozen=True)
class EvaluatedPatients:
    """The patients behind the scores of one evaluation.

    Attributes:
        characteristics: those of ``COLUMNS`` that the manifests have, as text [n, columns], for patients with known
            node status; None without manifests.
        without_reference: number of included patients whose node status is not known.
        excluded: patients without a score (``scored_cohorts.read_excluded``); None where no table lists them.
    """

    characteristics: pd.DataFrame | None
    without_reference: int
    excluded: pd.DataFrame | None


def read(
    nodes: pd.Series,
    manifests: Sequence[str | Path],
    excluded: Sequence[str | Path],
    excluded_lnm: Sequence[str | Path],
) -> EvaluatedPatients:
    """Return the patients of one evaluation.

    Args:
        nodes: node status by patient, NaN where it is not known.
        manifests: tables of the included patients, one per centre, or none.
        excluded: tables of the excluded patients, one per centre, or none.
        excluded_lnm: their node status.

    Raises:
        UserError: a table is unusable, or lacks a patient with known node status.
    """
    missing = scored_cohorts.read_excluded(excluded, excluded_lnm) if excluded else None
    if not manifests:
        return EvaluatedPatients(None, 0, missing)
    table = manifest.read_cells(manifests)
    known = scored_cohorts.with_known_nodes(nodes).index
    tables.some_patients(table.index, tables.source(manifests), known)
    characteristics = table.loc[known, [name for name in COLUMNS if name in table]]
    return EvaluatedPatients(characteristics, len(table) - len(known), missing)
