"""Prepare the page's rows on images: imaging protocol from the DICOM headers, and image quality per centre."""

from collections.abc import Mapping, Sequence
from typing import Any

from hscore.report import formatting
from hscore.report.figures.centers_figure import center_names

Results = Mapping[str, Any]

HEADS = ("Patients", "Scanner", "Field, T", "TR, ms", "TE, ms", "Section, mm", "Pixel, mm", "Matrix", "Sections")
FURTHER = ("Plane", "b, s/mm\u00b2", "Contrast agent")


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    imaging = results.get("imaging")
    if not imaging:
        return {"protocol": None, "quality": None}
    return {"protocol": protocol(results), "quality": quality(results)}


def protocol(results: Results) -> dict[str, Any]:
    """Return heads and rows of the protocol table; ``first`` marks a centre's first row, ``span`` counts its rows."""
    rows = results["imaging"]["protocol"]
    names = center_names(results)
    per_center = [row["center"] for row in rows]
    shown = []
    for number, row in enumerate(rows):
        cells = [
            f"{row['patients']:,}",
            _words(row["scanner"]),
            _words(row["field_strength_t"]),
            _range(row["repetition_time_ms"]),
            _range(row["echo_time_ms"]),
            _range(row["slice_thickness_mm"]),
            _words(row["spacing_mm"]),
            _words(row["matrix"]),
            _range(row["slices"]),
            _words(row["orientation"]),
            _words(row["b_values"]),
            _words(row["contrast_agent"]),
        ]
        first = number == 0 or per_center[number - 1] != row["center"]
        start = {"center": names.get(row["center"], row["center"]), "first": first}
        shown.append({**start, "span": per_center.count(row["center"]), "sequence": row["sequence"], "cells": cells})
    return {"heads": [*HEADS, *FURTHER], "rows": shown}


def quality(results: Results) -> dict[str, Any]:
    """Return counts per centre, and quartiles of every image-quality metric per centre and sequence."""
    content, names = results["imaging"]["quality"], center_names(results)
    metrics = list(results["imaging"]["metrics"])
    numbers = []
    for center, overview in content.items():
        for index, (sequence, values) in enumerate(overview["numbers"].items()):
            cells = [_quartiles(values.get(metric)) for metric in metrics]
            start = {"center": names.get(center, center), "first": index == 0, "span": len(overview["numbers"])}
            numbers.append({**start, "sequence": sequence, "cells": cells})
    counts = [{"center": center, "name": names.get(center, center), **overview} for center, overview in content.items()]
    meanings = {formatting.metric_name(name): meaning for name, meaning in results["imaging"]["metrics"].items()}
    return {"counts": counts, "meanings": meanings, "numbers": numbers}


def _words(counts: Sequence[Sequence[Any]]) -> str:
    """Return 'A', or 'A (30), B (5)' where series differ; beyond three values, only their number is given."""
    if not counts:
        return "\u2013"
    if len(counts) == 1:
        return _times(counts[0][0])
    parts = [f"{_times(value)} ({n})" for value, n in counts[:3]]
    return ", ".join(parts) + (f" and {len(counts) - 3} more" if len(counts) > 3 else "")


def _times(value: str) -> str:
    """Return '0.9 x 0.9' with a multiplication sign and without line breaks."""
    return value.replace(" x ", f"{formatting.NBSP}\u00d7{formatting.NBSP}")


def _range(entry: Mapping[str, Any]) -> str:
    """Return the median, with the range where values differ."""
    if entry["median"] is None:
        return "\u2013"
    if entry["low"] == entry["high"]:
        return f"{entry['median']:g}"
    return f"{entry['median']:g} ({entry['low']:g} to {entry['high']:g})"


def _quartiles(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "\u2013"
    return f"{_short(entry['median'])} ({_short(entry['q1'])} to {_short(entry['q3'])})"


def _short(value: float) -> str:
    """Return three significant digits without an exponent."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return formatting.decimal(value, digits)
