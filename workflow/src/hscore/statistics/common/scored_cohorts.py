"""Read scores and outcomes for the statistics, check them once, and put them in one patient order.

Prediction tables come from the predict step, outcome tables from the outcomes and split steps. They are joined by
``patient``, which must therefore be unique over the centres of one evaluation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from hscore import numerals
from hscore.errors import UserError

READING = "mri_ln_positive"


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


def read_table(path: str | Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return a CSV table as text, indexed by ``patient``; empty cells are NaN.

    Raises:
        UserError: the table cannot be read, lacks a column or repeats a patient.
    """
    try:
        table = pd.read_csv(path, dtype=str)
    except (FileNotFoundError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise UserError(f"{path} cannot be read as a CSV table: {error}") from None
    for column in ("patient", *columns):
        if column not in table.columns:
            raise UserError(f"{path} has no column '{column}'; its columns are {', '.join(table.columns)}")
    repeated = table["patient"][table["patient"].duplicated()]
    if len(repeated):
        raise UserError(f"{path} lists patient '{repeated.iloc[0]}' more than once; each patient needs exactly one row")
    return table.set_index("patient")


def read_tables(paths: Sequence[str | Path], columns: Sequence[str]) -> pd.DataFrame:
    """Return several tables below each other.

    Raises:
        UserError: a patient is in two of them.
    """
    tables = [read_table(path, columns) for path in paths]
    table = pd.concat(tables)
    repeated = table.index[table.index.duplicated()]
    if len(repeated):
        files = [str(path) for path, part in zip(paths, tables, strict=True) if repeated[0] in part.index]
        raise UserError(
            f"patient '{repeated[0]}' is in {' and in '.join(files)}; patient names must differ between centres"
        )
    return table


def numbers(table: pd.DataFrame, column: str, source: str, low: float, high: float = np.inf) -> pd.Series:
    """Return a column as float64; missing values are NaN.

    Raises:
        UserError: a value is text or outside low..high; the message names the patient.
    """
    values = numerals.numbers(table[column])
    wrong = (values.isna() & table[column].notna()) | (values < low) | (values > high)
    if wrong.any():
        patient = table.index[wrong][0]
        span = f"from {low:g} to {high:g}" if np.isfinite(high) else f"of at least {low:g}"
        raise UserError(f"{source}, patient '{patient}', {column}: '{table[column][patient]}' is not a number {span}")
    return values


def complete(values: pd.Series, source: str) -> pd.Series:
    """Return the column.

    Raises:
        UserError: a value is missing; the message names the first such patient.
    """
    if values.isna().any():
        raise UserError(f"{source}, patient '{values.index[values.isna()][0]}', {values.name}: the value is missing")
    return values


def yes_no(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    """Return a 0/1 column as float; missing values are NaN.

    Raises:
        UserError: a value is anything else; the message names the patient.
    """
    values = numbers(table, column, source, 0, 1)
    between = values[values.notna() & ~values.isin([0, 1])]
    if len(between):
        raise UserError(f"{source}, patient '{between.index[0]}', {column}: {between.iloc[0]:g} is neither 0 nor 1")
    return values


def read_nodes(paths: Sequence[str | Path]) -> pd.Series:
    """Return node status ``lnm`` by patient, float: 0, 1 or NaN, for all included patients of these centres."""
    return yes_no(read_tables(paths, ["lnm"]), "lnm", " + ".join(str(path) for path in paths))


def read_nodes_of_folds(path: str | Path) -> pd.Series:
    """Return the node status of the development patients with a fold.

    Raises:
        UserError: a status is missing.
    """
    return complete(read_nodes([path]), str(path))


def with_known_nodes(nodes: pd.Series) -> pd.Series:
    """Return node status as bool for patients with known status; the others are analysed for survival only."""
    return nodes.dropna() == 1


def read_scores(path: str | Path, column: str, patients: pd.Index) -> np.ndarray:
    """Return one model's scores (0..1) in the order of ``patients``, float64 [patients]; the table lists only these."""
    return _scores(read_table(path, [column]), column, str(path), patients)


def _scores(table: pd.DataFrame, column: str, source: str, patients: pd.Index) -> np.ndarray:
    same_patients(table.index, source, patients)
    return complete(numbers(table, column, source, 0, 1), source)[patients].to_numpy()


def in_folds(table: pd.DataFrame) -> pd.DataFrame:
    """Return a prediction table without development patients without a fold, whose node status is not known."""
    return table[table["fold"].notna()] if "fold" in table else table


def some_patients(patients: pd.Index, source: str, expected: pd.Index) -> None:
    """Raise UserError, naming the first of the ``expected`` patients who is missing."""
    if len(missing := expected.difference(patients)):
        raise UserError(f"{source} has no row for patient '{missing[0]}' ({len(missing)} such patients)")


def same_patients(patients: pd.Index, source: str, expected: pd.Index) -> None:
    """Raise UserError, naming the first patient who is in only one of both."""
    some_patients(patients, source, expected)
    if len(unknown := patients.difference(expected)):
        raise UserError(
            f"{source} has a row for patient '{unknown[0]}', who has no outcome ({len(unknown)} such patients)"
        )


def read_evaluation(models: Sequence[tuple[str, str | Path]], column: str, nodes: pd.Series) -> ScoredCohort:
    """Return every model's scores from one column of its prediction table, with the outcome of the same patients.

    The external column ``score`` also gives the members' and seeds' scores.

    Args:
        models: name and prediction table of each.
        column: of the prediction tables.
        nodes: node status by patient (``read_nodes``). The tables must list exactly these patients, and development
            patients without a fold. The evaluation contains those with known node status.
    """
    known = nodes.notna().to_numpy()
    scores, parts = {}, {"members": {}, "seeds": {}}
    for model, path in models:
        table = in_folds(read_table(path, [column]))
        scores[model] = _scores(table, column, str(path), nodes.index)[known]
        for part, prefix in (("members", "fold_"), ("seeds", "seed_")) if column == "score" else ():
            names = [name for name in table.columns if name.startswith(prefix)]
            if names:
                parts[part][model] = np.array([_scores(table, name, str(path), nodes.index)[known] for name in names])
    return ScoredCohort(with_known_nodes(nodes).to_numpy(), scores, **parts)


def read_out_of_fold(models: Sequence[tuple[str, str | Path]], split: str | Path) -> ScoredCohort:
    """Return every model's out-of-fold scores, with outcome and number of folds from the table of the ``split``.

    If a model's apparent scores equal its out-of-fold scores, all its members give the same scores: it has no training.
    """
    nodes, scores, untrained = read_nodes_of_folds(split), {}, set()
    for model, path in models:
        table = in_folds(read_table(path, ["out_of_fold", "apparent"]))
        scores[model], apparent = (_scores(table, name, str(path), nodes.index) for name in ("out_of_fold", "apparent"))
        if np.allclose(scores[model], apparent, atol=1e-9):
            untrained.add(model)
    folds = complete(numbers(read_table(split, ["fold"]), "fold", str(split), 0), str(split)).nunique()
    return ScoredCohort(with_known_nodes(nodes).to_numpy(), scores, folds=folds, untrained=frozenset(untrained))


def threshold_of(model: str, thresholds: dict, source: str | Path) -> dict:
    """Return a model's entry in the frozen thresholds.

    Raises:
        UserError: there is none.
    """
    if model not in thresholds:
        raise UserError(
            f"{source} contains no threshold for model '{model}'; it contains {', '.join(thresholds) or 'none'}"
        )
    return thresholds[model]


def read_survival(
    dfs: Sequence[str | Path], lnm: Sequence[str | Path], manifests: Sequence[str | Path], adjust_for: Sequence[str]
) -> pd.DataFrame:
    """Return outcomes and adjustment columns of every patient of all centres; missing values are NaN.

    The columns are ``dfs_months``, ``dfs_event``, ``lnm`` (NaN where the node status is not known), and
    ``competing_event`` (NaN where no table has it). An adjustment column with only numbers becomes float, any other
    stays text.
    """
    source = " + ".join(str(path) for path in dfs)
    outcomes = read_tables(dfs, ["dfs_months", "dfs_event"])
    columns = {
        "dfs_months": numbers(outcomes, "dfs_months", source, 0),
        "dfs_event": yes_no(outcomes, "dfs_event", source),
        "competing_event": yes_no(outcomes.reindex(columns=["competing_event"]), "competing_event", source),
    }
    columns["lnm"] = read_nodes(lnm)
    same_patients(columns["lnm"].index, " + ".join(str(path) for path in lnm), outcomes.index)
    adjust_for = [name for name in adjust_for if name != "lnm"]
    covariates = read_tables(manifests, adjust_for)
    same_patients(covariates.index, " + ".join(str(path) for path in manifests), outcomes.index)
    for name in adjust_for:
        as_number = numerals.numbers(covariates[name])
        columns[name] = covariates[name] if (as_number.isna() & covariates[name].notna()).any() else as_number
    return pd.DataFrame(columns)


def join_scores(path: str | Path, column: str, patients: pd.DataFrame) -> pd.DataFrame:
    """Return the ``patients`` who are in a prediction table, with their ``score`` from one of its columns."""
    scored = read_table(path, [column]).index
    if len(unknown := scored.difference(patients.index)):
        raise UserError(f"{path} has patient '{unknown[0]}', who has no survival row ({len(unknown)} such patients)")
    return patients.loc[scored].assign(score=read_scores(path, column, scored))


def read_characteristics(
    manifests: Sequence[str | Path], columns: Sequence[str], patients: pd.Index
) -> pd.DataFrame | None:
    """Return those of ``columns`` that the manifests have, as text, in the order of ``patients``.

    The manifests may list further patients, who are analysed for survival only. Without manifests the result is None.
    """
    if not manifests:
        return None
    table = read_tables(manifests, [])
    some_patients(table.index, " + ".join(str(path) for path in manifests), patients)
    return table.loc[patients, [name for name in columns if name in table.columns]]


def read_excluded(excluded: Sequence[str | Path], lnm: Sequence[str | Path]) -> pd.DataFrame:
    """Return the excluded patients of all centres: columns as text, and ``lnm`` as float, NaN where not known."""
    table, nodes = read_tables(excluded, [READING]), read_nodes(lnm)
    same_patients(table.index, " + ".join(str(path) for path in excluded), nodes.index)
    return table.assign(lnm=nodes)


def with_characteristics(
    patients: pd.DataFrame, manifests: Sequence[str | Path], columns: Sequence[str]
) -> pd.DataFrame:
    """Return ``patients`` with those of ``columns`` that they lack and the manifests have, as text."""
    characteristics = read_characteristics(
        manifests, [name for name in columns if name not in patients], patients.index
    )
    return patients if characteristics is None else patients.join(characteristics)


def node_reading(characteristics: pd.DataFrame | None) -> np.ndarray | None:
    """Return the radiologist's node call ``mri_ln_positive``, bool [patients]; None unless known for all."""
    if characteristics is None or READING not in characteristics or characteristics[READING].isna().any():
        return None
    return yes_no(characteristics, READING, "the manifests").to_numpy() == 1
