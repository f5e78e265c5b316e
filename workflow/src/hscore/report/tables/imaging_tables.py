"""The report's tables of images, scores and cases as rows of plain values; see tables."""

from collections.abc import Mapping
from typing import Any

from hscore.report.tables.cells import Rows, bare

Results = Mapping[str, Any]


def protocol(results: Results) -> Rows:
    """The imaging protocol, a row a centre and sequence; words that differ stand with their numbers of series."""
    rows = []
    for row in (results.get("imaging") or {}).get("protocol", []):
        cells: dict[str, Any] = {}
        for key, value in row.items():
            if isinstance(value, Mapping):
                cells |= {f"{key}_{part}": bare(number) for part, number in value.items()}
            elif isinstance(value, list):
                cells[key] = "; ".join(word if len(value) == 1 else f"{word} ({n})" for word, n in value)
            else:
                cells[key] = value
        rows.append(cells)
    return rows


def image_quality(results: Results) -> Rows:
    """Quartiles of every number of image quality, a row a centre, sequence and number."""
    return [
        {"center": center, "sequence": sequence, "measure": metric, **numbers}
        for center, content in (results.get("imaging") or {}).get("quality", {}).items()
        for sequence, metrics in content["numbers"].items()
        for metric, numbers in metrics.items()
    ]


def scores(results: Results) -> Rows:
    """H score, node status and centre of every patient, without names, highest first."""
    return [
        {"evaluation": evaluation, "model": results["cases"]["model"], **row, "lnm": int(row["lnm"])}
        for evaluation, rows in (results.get("cases") or {}).get("waterfall", {}).items()
        for row in rows
    ]


def cases(results: Results) -> Rows:
    """The patients shown, a row a patient and model."""
    content = results.get("cases") or {"shown": []}
    return [
        {
            "evaluation": content["evaluation"],
            "kind": one["kind"],
            "patient": one["patient"],
            "center": one["center"],
            **{key: bare(None if one[key] is None else int(one[key])) for key in ("lnm", "dfs_event")},
            "dfs_months": bare(one["dfs_months"]),
            "model": model,
            "score": score,
            "called": {True: "positive", False: "negative", None: ""}[one["called"].get(model)],
        }
        for one in content["shown"]
        for model, score in one["scores"].items()
    ]
