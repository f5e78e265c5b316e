"""Prediction tables as the tests read and edit them: one row per patient, one column per score.

The columns are ``patient``, ``center``, then ``fold``, ``out_of_fold`` and ``apparent`` of development patients, or
``score``, ``fold_0`` and so on, and ``seed_1`` and so on of external ones. Independent of ``contracts.predictions``.
"""

from pathlib import Path

import pandas as pd

COLUMNS = ["patient", "center", "model", "evaluation", "fold", "seed", "score"]
PARTS = {"external_member": "fold", "external_seed": "seed"}


def wide(rows: pd.DataFrame) -> pd.DataFrame:
    """Return one row per patient and one column per score."""
    names = [_name(*row) for row in zip(rows["evaluation"], rows["fold"], rows["seed"], strict=True)]
    by_name = rows.groupby(pd.Series(names, rows.index), sort=False)  # a list could be taken for names of columns
    groups = {name: part.set_index("patient") for name, part in by_name}
    first = next(iter(groups.values()))
    table = first[["center", "fold"] if "out_of_fold" in groups else ["center"]]
    return table.assign(**{name: part["score"] for name, part in groups.items()}).reset_index()


def _name(evaluation: str, fold: object, seed: object) -> str:
    if evaluation not in PARTS:
        return "score" if evaluation == "external" else evaluation
    return f"fold_{int(fold)}" if evaluation == "external_member" else f"seed_{int(seed)}"


def read(path: Path, **options) -> pd.DataFrame:
    """Return a prediction table, ``wide``; ``options`` are those of ``pandas.read_csv``."""
    return wide(pd.read_csv(path, **options))


def write(path: Path, model: str, table: pd.DataFrame) -> None:
    """Write a ``wide`` table as the prediction table of a model; only ``patient`` and scores are needed."""
    parts = []
    for name in table.columns.drop(["patient", "center", "fold"], errors="ignore"):
        kind, _, number = name.partition("_")
        part = table[["patient"]].assign(
            center=table.get("center", ""), model=model, fold="", seed="", score=table[name]
        )
        if kind in ("fold", "seed"):
            part = part.assign(evaluation="external_member" if kind == "fold" else "external_seed", **{kind: number})
        else:
            part = part.assign(evaluation="external" if name == "score" else name, fold=table.get("fold", ""))
        if name == "apparent" and "fold" in table:
            part = part[table["fold"].notna()]
        parts.append(part)
    pd.concat(parts)[COLUMNS].to_csv(path, index=False)
