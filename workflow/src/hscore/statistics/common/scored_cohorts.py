"""Join scores, outcomes and characteristics for the statistics, in one patient order.

The tables are joined by ``patient``, which must therefore be unique over the centres of one evaluation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from hscore import numerals
from hscore.contracts import manifest, outcomes, predictions, tables
from hscore.contracts.manifest import READING
from hscore.errors import UserError

PARTS = {"members": predictions.EXTERNAL_MEMBER, "seeds": predictions.EXTERNAL_SEED}


@dataclass(frozen=True)
class ScoredCohort:
    """Outcome, bool [n], and every model's scores, float [n], of the same patients in the same order.

    Attributes:
        y_true: outcome, bool [n].
        scores: scores by model, float [n].
        members: scores whose mean is a model's external score, float [members, n]; a reading has none.
        seeds: external scores of each seed alone, float [seeds, n], for models with several seeds.
        folds: number of folds where the scores are out-of-fold ones.
        untrained: models whose scores do not depend on the fold: readings, and models that order patients by one binary
            variable.
    """

    y_true: np.ndarray
    scores: dict[str, np.ndarray]
    members: dict[str, np.ndarray] = field(default_factory=dict)
    seeds: dict[str, np.ndarray] = field(default_factory=dict)
    folds: int | None = None
    untrained: frozenset[str] = frozenset()

    def overlap(self, *models: str) -> int | None:
        """Return the number of folds whose overlapping training sets correlate the scores of at least one model."""
        return self.folds if set(models) - self.untrained else None


def nodes_of(split: pd.DataFrame) -> pd.Series:
    """Return the node status, 0 or 1, of the development patients with a fold, by patient (``folds.read``)."""
    return split.set_index("patient")["lnm"]


def with_known_nodes(nodes: pd.Series) -> pd.Series:
    """Return node status as bool for patients with known status; the others are analysed for survival only."""
    return nodes.dropna() == 1


def read_evaluation(paths: Sequence[str | Path], evaluation: str, nodes: pd.Series) -> ScoredCohort:
    """Return every model's scores of one evaluation, with the outcome of the same patients.

    External scores come with those of the members and seeds.

    Args:
        paths: prediction tables, one per model.
        evaluation: as in the tables (``predictions.EVALUATIONS``).
        nodes: node status by patient (``outcomes.read_lnm``). The tables must list exactly these patients, and
            development patients without a fold. The evaluation contains those with known node status.
    """
    known = nodes.notna().to_numpy()
    found = predictions.read(paths).in_folds()
    scores = _arrays(found.scores(evaluation, nodes.index)[known])
    parts = {
        part: {model: values[:, known] for model, values in found.parts(name, nodes.index).items()}
        for part, name in PARTS.items()
    }
    return ScoredCohort(with_known_nodes(nodes).to_numpy(), scores, **parts)


def read_development(paths: Sequence[str | Path], split: pd.DataFrame) -> tuple[ScoredCohort, ScoredCohort]:
    """Return every model's out-of-fold and apparent scores, with the outcome from the ``split`` (``folds.read``).

    The cohort of the out-of-fold scores has the number of folds. If a model's apparent scores equal its out-of-fold
    scores, all its members give the same scores: it has no training.
    """
    found, patients = predictions.read(paths).in_folds(), pd.Index(split["patient"])
    names = (predictions.OUT_OF_FOLD, predictions.APPARENT)
    scores, apparent = (_arrays(found.scores(name, patients)) for name in names)
    untrained = frozenset(model for model in scores if np.allclose(scores[model], apparent[model], atol=1e-9))
    y_true = split["lnm"].to_numpy() == 1
    out_of_fold = ScoredCohort(y_true, scores, folds=split["fold"].nunique(), untrained=untrained)
    return out_of_fold, ScoredCohort(y_true, apparent)


def _arrays(scores: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the columns of a frame as arrays."""
    return {model: column.to_numpy() for model, column in scores.items()}


def read_survival(
    dfs: Sequence[str | Path],
    lnm: Sequence[str | Path],
    manifests: Sequence[str | Path],
    adjust_for: Sequence[str],
    characteristics: Iterable[str],
) -> pd.DataFrame:
    """Return outcomes, adjustment columns and characteristics of every patient of all centres; missing values are NaN.

    The columns are ``dfs_months``, ``dfs_event``, ``lnm`` (NaN where the node status is not known), and
    ``competing_event`` (NaN where no table has it). An adjustment column with only numbers becomes float, any other
    stays text. Further ``characteristics`` that the manifests have follow as text.
    """
    patients = outcomes.read_dfs(dfs)
    nodes = outcomes.read_lnm(lnm)
    tables.same_patients(nodes.index, tables.source(lnm), patients.index)
    adjust_for = [name for name in adjust_for if name != outcomes.LNM]
    covariates = manifest.read_cells(manifests, adjust_for)
    tables.same_patients(covariates.index, tables.source(manifests), patients.index)
    columns = {outcomes.LNM: nodes}
    for name in adjust_for:
        as_number = numerals.numbers(covariates[name])
        columns[name] = covariates[name] if (as_number.isna() & covariates[name].notna()).any() else as_number
    further = [name for name in characteristics if name in covariates and name not in {*patients, *columns}]
    return patients.assign(**columns, **{name: covariates[name] for name in further})


def read_cases(manifests: Sequence[str | Path], lnm: Sequence[str | Path], dfs: Sequence[str | Path]) -> pd.DataFrame:
    """Return manifest, ``lnm`` (bool) and disease-free survival of the included patients with known node status.

    The columns of the manifests are text. An unknown follow-up is NaN.
    """
    patients, nodes = manifest.read_cells(manifests, [tables.CENTER]), outcomes.read_lnm(lnm)
    tables.same_patients(nodes.index, tables.source(lnm), patients.index)
    return patients.join(with_known_nodes(nodes), how="inner").join(outcomes.read_dfs(dfs))


def join_scores(path: str | Path, evaluation: str, patients: pd.DataFrame) -> pd.DataFrame:
    """Return the ``patients`` who are in a prediction table, with their ``score`` of one evaluation."""
    scores = predictions.read([path]).scores(evaluation).squeeze("columns")
    if len(unknown := scores.index.difference(patients.index)):
        raise UserError(f"{path} has patient '{unknown[0]}', who has no survival row ({len(unknown)} such patients)")
    return patients.loc[scores.index].assign(score=scores)


def read_excluded(excluded: Sequence[str | Path], lnm: Sequence[str | Path]) -> pd.DataFrame:
    """Return the excluded patients of all centres: columns as text, and ``lnm`` as float, NaN where not known."""
    table, nodes = manifest.read_cells(excluded, [READING]), outcomes.read_lnm(lnm)
    tables.same_patients(table.index, tables.source(excluded), nodes.index)
    return table.assign(lnm=nodes)


def node_reading(characteristics: pd.DataFrame | None) -> np.ndarray | None:
    """Return the radiologist's node call ``mri_ln_positive``, bool [patients]; None unless known for all."""
    if characteristics is None or READING not in characteristics or characteristics[READING].isna().any():
        return None
    return tables.yes_no(characteristics, READING, "the manifests").to_numpy() == 1
