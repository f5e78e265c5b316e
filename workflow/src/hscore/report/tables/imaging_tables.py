"""Return the report's tables of images, scores and cases as rows of plain values; see ``csv_tables``."""

from collections.abc import Mapping
from typing import Any

from hscore.report.tables.cells import Rows, blank_if_none

Results = Mapping[str, Any]


def protocol(results: Results) -> Rows:
    """Return the imaging protocol, one row per centre and sequence; differing values have their numbers of series."""
    rows = []
    for row in (results.get("imaging") or {}).get("protocol", []):
        cells: dict[str, Any] = {}
        for key, value in row.items():
            if isinstance(value, Mapping):
                cells |= {f"{key}_{part}": blank_if_none(number) for part, number in value.items()}
            elif isinstance(value, list):
                cells[key] = "; ".join(word if len(value) == 1 else f"{word} ({n})" for word, n in value)
            else:
                cells[key] = value
        rows.append(cells)
    return rows


def image_quality(results: Results) -> Rows:
    """Return quartiles of every image-quality metric, one row per centre, sequence and metric."""
    return [
        {"center": center, "sequence": sequence, "measure": metric, **numbers}
        for center, content in (results.get("imaging") or {}).get("quality", {}).items()
        for sequence, metrics in content["numbers"].items()
        for metric, numbers in metrics.items()
    ]


def scores(results: Results) -> Rows:
    """Return H score, node status and centre of every patient, without names, highest first."""
    return [
        {"evaluation": evaluation, "model": results["cases"]["model"], **row, "lnm": int(row["lnm"])}
        for evaluation, rows in (results.get("cases") or {}).get("waterfall", {}).items()
        for row in rows
    ]


def cases(results: Results) -> Rows:
    """Return the patients shown, one row per patient and model."""
    content = results.get("cases") or {"shown": []}
    return [
        {
            "evaluation": content["evaluation"],
            "kind": patient["kind"],
            "patient": patient["patient"],
            "center": patient["center"],
            **{key: blank_if_none(None if patient[key] is None else int(patient[key])) for key in ("lnm", "dfs_event")},
            "dfs_months": blank_if_none(patient["dfs_months"]),
            "model": model,
            "score": score,
            "called": {True: "positive", False: "negative", None: ""}[patient["called"].get(model)],
        }
        for patient in content["shown"]
        for model, score in patient["scores"].items()
    ]
