"""The page's rows on images: the protocol of every centre as the headers tell it, and image quality by centre."""

from collections.abc import Mapping, Sequence
from typing import Any

from hscore.report import formatting

Results = Mapping[str, Any]

HEADS = ("Patients", "Scanner", "Field, T", "TR, ms", "TE, ms", "Section, mm", "Pixel, mm", "Matrix", "Sections")
FURTHER = ("Plane", "b, s/mm\u00b2", "Contrast agent")


def view(results: Results) -> dict[str, Any]:
    """What the template shows of it."""
    imaging = results.get("imaging")
    if not imaging:
        return {"protocol": None, "quality": None}
    return {"protocol": protocol(results), "quality": quality(results)}


def protocol(results: Results) -> dict[str, Any]:
    """The protocol table: heads over rows; ``first`` marks a centre's first row, ``span`` how many it has."""
    rows = results["imaging"]["protocol"]
    names = _names(results)
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
    """Counts a centre, and quartiles of every number of image quality a centre and sequence."""
    content, names = results["imaging"]["quality"], _names(results)
    metrics = list(results["imaging"]["metrics"])
    numbers = []
    for center, found in content.items():
        for place, (sequence, values) in enumerate(found["numbers"].items()):
            cells = [_quartiles(values.get(metric)) for metric in metrics]
            start = {"center": names.get(center, center), "first": place == 0, "span": len(found["numbers"])}
            numbers.append({**start, "sequence": sequence, "cells": cells})
    counts = [{"center": center, "name": names.get(center, center), **found} for center, found in content.items()]
    return {"counts": counts, "metrics": metrics, "meanings": results["imaging"]["metrics"], "numbers": numbers}


def _names(results: Results) -> dict[str, str]:
    return {center["center"]: center["name"] for center in results["study"]["centers"]}


def _words(found: Sequence[Sequence[Any]]) -> str:
    """'A', or 'A (30), B (5)' where series differ; the rest beyond three is counted."""
    if not found:
        return "\u2013"
    if len(found) == 1:
        return _times(found[0][0])
    parts = [f"{_times(value)} ({n})" for value, n in found[:3]]
    return ", ".join(parts) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def _times(value: str) -> str:
    """'0.9 x 0.9' as one unbroken word."""
    return value.replace(" x ", f"{formatting.NBSP}\u00d7{formatting.NBSP}")


def _range(entry: Mapping[str, Any]) -> str:
    """The median, with the range where there is one."""
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
    """Three significant digits, no power of ten."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return formatting.decimal(value, digits)
