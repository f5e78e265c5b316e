"""Every patient's H score for the waterfall, and the patients worth a look: typical calls and the worst wrong ones."""

import argparse
import base64
from pathlib import Path
from typing import Any

import pandas as pd

from hscore.errors import UserError
from hscore.files import read_json, write_json
from hscore.statistics import tables
from hscore.statistics.cases import typical_and_worst
from hscore.steps import _program

COLUMNS = {"external": "score", "out_of_fold": "out_of_fold"}
NUMBERS = ("age", "mri_ln_short_axis_mm", "tumour_volume_ml")
WORDS = ("figo_stage", "histology")


def main(argv: list[str] | None = None) -> None:
    """The program."""
    parser = _program.parser("show_cases", __doc__)
    add = parser.add_argument
    add("--model", required=True, help="the model whose score is the H score")
    add("--most", type=int, required=True, help="wrong calls shown of each kind; 0: no single patient is shown")
    add("--development", nargs="*", default=[], metavar="MODEL=CSV", help="development scores of every model")
    add("--external", nargs="*", default=[], metavar="MODEL=CSV", help="external scores of every model")
    add("--manifests", nargs="+", type=Path, required=True, help="manifest.csv of every centre")
    add("--lnm", nargs="+", type=Path, required=True, help="lnm.csv of every centre")
    add("--dfs", nargs="+", type=Path, required=True, help="dfs.csv of every centre")
    add("--thresholds", type=Path, required=True, help="thresholds.json")
    add("--quality", nargs="*", default=[], type=Path, help="folders of the quality step, of every patient; if images")
    add("--output", type=Path, required=True, help="file to write (JSON)")
    _program.run(work, parser.parse_args(argv))


def work(arguments: argparse.Namespace) -> None:
    """Read, choose, write."""
    cuts = read_json(arguments.thresholds)
    cut = tables.threshold_of(arguments.model, cuts, arguments.thresholds)["value"]
    patients = tables.read_tables(arguments.manifests, ["center"])
    positive = tables.read_binary(arguments.lnm, "lnm")
    scores = {
        evaluation: _scores(named, COLUMNS[evaluation])
        for evaluation, named in (("external", arguments.external), ("out_of_fold", arguments.development))
        if named
    }
    content: dict[str, Any] = {"model": arguments.model, "threshold": cut, "waterfall": {}, "evaluation": None}
    for evaluation, frame in scores.items():
        own = frame[arguments.model]
        content["waterfall"][evaluation] = [
            {"score": float(own[name]), "lnm": bool(positive[name]), "center": patients["center"][name]}
            for name in own.sort_values(ascending=False, kind="stable").index
        ]
    content["evaluation"] = evaluation = next(iter(scores))
    frame = scores[evaluation]
    chosen = {}
    if cut is not None and arguments.most:
        own = frame[arguments.model].to_numpy()
        chosen = typical_and_worst(positive[frame.index].to_numpy(), own, cut, arguments.most)
    follow_up = tables.read_tables(arguments.dfs, ["dfs_months", "dfs_event"])
    pictures = {folder.name.removeprefix("sub-"): folder / "montage.webp" for folder in arguments.quality}
    content["shown"] = [
        {
            "kind": kind,
            **_patient(frame.index[place], patients, positive, follow_up),
            "scores": {model: float(frame[model].iloc[place]) for model in frame},
            "called": {
                model: bool(frame[model].iloc[place] >= cuts[model]["value"])
                for model in frame
                if cuts.get(model, {}).get("value") is not None
            },
            "montage": _picture(pictures.get(frame.index[place])),
        }
        for kind, places in chosen.items()
        for place in places
    ]
    write_json(arguments.output, content)


def _scores(named: list[str], column: str) -> pd.DataFrame:
    """Scores of every model, a column each, in the order of the first one's patients."""
    frame: dict[str, Any] = {}
    index = None
    for text in named:
        model, separator, path = text.partition("=")
        if not separator:
            raise UserError(f"'{text}' must be MODEL=CSV")
        index = tables.read_table(path, [column]).index if index is None else index
        frame[model] = tables.read_scores(path, column, index)
    return pd.DataFrame(frame, index=index)


def _patient(name: str, patients: pd.DataFrame, positive: pd.Series, follow_up: pd.DataFrame) -> dict[str, Any]:
    """Who it is: the clinical values that are known, outcome and follow-up."""
    row, dfs = patients.loc[name], follow_up.loc[name]
    clinical = {key: float(row[key]) for key in NUMBERS if key in row and pd.notna(row[key])}
    clinical |= {key: row[key] for key in WORDS if key in row and pd.notna(row[key])}
    months, event = (None if pd.isna(dfs[key]) else float(dfs[key]) for key in ("dfs_months", "dfs_event"))
    outcome = {"lnm": bool(positive[name]), "dfs_months": months, "dfs_event": None if event is None else bool(event)}
    return {"patient": name, "center": row["center"], "clinical": clinical, **outcome}


def _picture(path: Path | None) -> str | None:
    return base64.b64encode(path.read_bytes()).decode() if path is not None and path.exists() else None


if __name__ == "__main__":
    main()
