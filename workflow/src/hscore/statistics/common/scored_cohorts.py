"""Reading scores and outcomes for the statistics, checked once, in one patient order.

Prediction tables come from the predict step, outcome tables from the outcomes and split steps; they are joined by
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

    ``members``, float [members, n], are the scores of which a model's external score is the mean; a reading has none.
    ``seeds``, float [seeds, n], are the external scores that each seed alone would give, of models with several.
    ``folds`` is the number of folds where the scores are out-of-fold ones. The models ``untrained`` are those whose
    scores do not depend on the fold: readings, and models that order patients by one binary variable.
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
    """A CSV table as text, indexed by ``patient``; empty cells are NaN. UserError for missing columns or repeats."""
    try:
        table = pd.read_csv(path, dtype=str)
    except (FileNotFoundError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise UserError(f"{path} cannot be read as a CSV table: {error}") from None
    for column in ("patient", *columns):
        if column not in table.columns:
            raise UserError(f"{path} has no column '{column}'; its columns are {', '.join(table.columns)}")
    repeated = table["patient"][table["patient"].duplicated()]
    if len(repeated):
        raise UserError(f"{path} lists patient '{repeated.iloc[0]}' more than once; each patient needs one row")
    return table.set_index("patient")


def read_tables(paths: Sequence[str | Path], columns: Sequence[str]) -> pd.DataFrame:
    """Several tables below each other; a patient that stands in two of them is a UserError."""
    tables = [read_table(path, columns) for path in paths]
    table = pd.concat(tables)
    repeated = table.index[table.index.duplicated()]
    if len(repeated):
        places = [str(path) for path, part in zip(paths, tables, strict=True) if repeated[0] in part.index]
        raise UserError(
            f"patient '{repeated[0]}' stands in {' and in '.join(places)}; patient names must differ between centres"
        )
    return table


def numbers(table: pd.DataFrame, column: str, source: str, low: float, high: float = np.inf) -> pd.Series:
    """A column as float64; missing stays NaN. UserError naming the patient for text or values outside low..high."""
    values = numerals.numbers(table[column])
    wrong = (values.isna() & table[column].notna()) | (values < low) | (values > high)
    if wrong.any():
        patient = table.index[wrong][0]
        span = f"from {low:g} to {high:g}" if np.isfinite(high) else f"of at least {low:g}"
        raise UserError(f"{source}, patient '{patient}', {column}: '{table[column][patient]}' is not a number {span}")
    return values


def complete(values: pd.Series, source: str) -> pd.Series:
    """The column, or a UserError naming the first patient without a value."""
    if values.isna().any():
        raise UserError(f"{source}, patient '{values.index[values.isna()][0]}', {values.name}: the value is missing")
    return values


def yes_no(table: pd.DataFrame, column: str, source: str) -> pd.Series:
    """A 0/1 column as float; missing stays NaN. UserError naming the patient for anything else."""
    values = numbers(table, column, source, 0, 1)
    between = values[values.notna() & ~values.isin([0, 1])]
    if len(between):
        raise UserError(f"{source}, patient '{between.index[0]}', {column}: {between.iloc[0]:g} is neither 0 nor 1")
    return values


def read_nodes(paths: Sequence[str | Path]) -> pd.Series:
    """Node status ``lnm`` by patient, float: 0, 1 or NaN, of all included patients of the centres of ``paths``."""
    return yes_no(read_tables(paths, ["lnm"]), "lnm", " + ".join(str(path) for path in paths))


def read_nodes_of_folds(path: str | Path) -> pd.Series:
    """Node status of the development patients that have a fold; UserError where one is missing."""
    return complete(read_nodes([path]), str(path))


def with_known_nodes(nodes: pd.Series) -> pd.Series:
    """Node status as bool of the patients in whom it is known: the others are analysed for survival only."""
    return nodes.dropna() == 1


def read_scores(path: str | Path, column: str, patients: pd.Index) -> np.ndarray:
    """One model's scores (0..1) in the order of ``patients``, float64 [patients]; the table must list just these."""
    return _scores(read_table(path, [column]), column, str(path), patients)


def _scores(table: pd.DataFrame, column: str, source: str, patients: pd.Index) -> np.ndarray:
    same_patients(table.index, source, patients)
    return complete(numbers(table, column, source, 0, 1), source)[patients].to_numpy()


def in_folds(table: pd.DataFrame) -> pd.DataFrame:
    """Return a prediction table without the development patients of no fold, whose node status is not known."""
    return table[table["fold"].notna()] if "fold" in table else table


def some_patients(found: pd.Index, source: str, expected: pd.Index) -> None:
    """UserError naming the first of the ``expected`` patients who is missing."""
    if len(missing := expected.difference(found)):
        raise UserError(f"{source} has no row for patient '{missing[0]}' ({len(missing)} such patients)")


def same_patients(found: pd.Index, source: str, expected: pd.Index) -> None:
    """UserError naming the first patient who stands on one side only."""
    some_patients(found, source, expected)
    if len(unknown := found.difference(expected)):
        raise UserError(
            f"{source} has a row for patient '{unknown[0]}', who has no outcome ({len(unknown)} such patients)"
        )


def read_evaluation(models: Sequence[tuple[str, str | Path]], column: str, nodes: pd.Series) -> ScoredCohort:
    """Every model's scores from one column of its prediction table, with the outcome of the same patients.

    With the external column ``score``, the members' and seeds' scores too.

    Args:
        models: name and prediction table of each.
        column: of the prediction tables.
        nodes: node status by patient (``read_nodes``). The tables must list just these patients, and development
            patients of no fold. The evaluation holds those whose node status is known.
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

    A model whose apparent scores are the same has members that all say the same: nothing that was trained.
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
    """A model's entry in the frozen thresholds; UserError when there is none."""
    if model not in thresholds:
        raise UserError(f"{source} holds no threshold for model '{model}'; it holds {', '.join(thresholds) or 'none'}")
    return thresholds[model]


def read_survival(
    dfs: Sequence[str | Path], lnm: Sequence[str | Path], manifests: Sequence[str | Path], adjust_for: Sequence[str]
) -> pd.DataFrame:
    """Outcomes and the columns to adjust for of every patient of all centres; missing is NaN.

    ``dfs_months``, ``dfs_event``, ``lnm`` (NaN where the node status is not known), and ``competing_event`` (NaN where
    no table has it). A column to adjust for all of whose values are numbers becomes float, any other stays text.
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
    """The rows of ``patients`` who stand in a prediction table, with their ``score`` from one of its columns."""
    found = read_table(path, [column]).index
    if len(unknown := found.difference(patients.index)):
        raise UserError(f"{path} has patient '{unknown[0]}', who has no survival row ({len(unknown)} such patients)")
    return patients.loc[found].assign(score=read_scores(path, column, found))


def read_characteristics(
    manifests: Sequence[str | Path], columns: Sequence[str], patients: pd.Index
) -> pd.DataFrame | None:
    """Those of ``columns`` that the manifests have, as text, in the order of ``patients``; None without manifests.

    The manifests may list further patients: those who are analysed for survival only.
    """
    if not manifests:
        return None
    table = read_tables(manifests, [])
    some_patients(table.index, " + ".join(str(path) for path in manifests), patients)
    return table.loc[patients, [name for name in columns if name in table.columns]]


def read_excluded(excluded: Sequence[str | Path], lnm: Sequence[str | Path]) -> pd.DataFrame:
    """Excluded patients of all centres: their columns as text, and ``lnm`` as float, NaN where it is not known."""
    table, nodes = read_tables(excluded, [READING]), read_nodes(lnm)
    same_patients(table.index, " + ".join(str(path) for path in excluded), nodes.index)
    return table.assign(lnm=nodes)


def with_characteristics(
    patients: pd.DataFrame, manifests: Sequence[str | Path], columns: Sequence[str]
) -> pd.DataFrame:
    """``patients`` with those of ``columns`` that they lack and the manifests have, as text."""
    found = read_characteristics(manifests, [name for name in columns if name not in patients], patients.index)
    return patients if found is None else patients.join(found)


def node_reading(characteristics: pd.DataFrame | None) -> np.ndarray | None:
    """The radiologist's node call ``mri_ln_positive``, bool [patients]; None unless it is known of everybody."""
    if characteristics is None or READING not in characteristics or characteristics[READING].isna().any():
        return None
    return yes_no(characteristics, READING, "the manifests").to_numpy() == 1
