"""Summarize the imaging protocol of every centre from the headers of the series used, one row per sequence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

# columns of inventory.tsv with numbers, and with words
NUMBERS = ("repetition_time_ms", "echo_time_ms", "slice_thickness_mm", "slices")
WORDS = ("scanner", "field_strength_t", "orientation", "matrix", "spacing_mm", "b_values", "contrast_agent")


def protocol(inventories: Mapping[str, Sequence[Mapping[str, str]]], sequences: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per centre and sequence.

    Args:
        inventories: rows of each centre's inventory.tsv, by centre; all values are text, an empty one is unknown.
        sequences: the study's sequences, in display order.

    Returns:
        Rows of ``center``, ``sequence``, ``patients``, ``series``. Each column of numbers has ``median``, ``low``,
        ``high`` and ``n`` (None and 0 if no header has it). Each column of words has a list of (value, number of
        series), most frequent first.
    """
    rows = []
    for center, series in inventories.items():
        for sequence in sequences:
            used = [{**row, "scanner": _scanner(row)} for row in series if row["chosen_as"] == sequence]
            if used:
                rows.append(
                    {
                        "center": center,
                        "sequence": sequence,
                        "patients": len({row["patient"] for row in used}),
                        "series": len(used),
                        **{key: _numbers([row[key] for row in used]) for key in NUMBERS},
                        **{key: _words([row[key] for row in used]) for key in WORDS},
                    }
                )
    return rows


def _scanner(series: Mapping[str, str]) -> str:
    """Return vendor and model of a series."""
    return " ".join(series[key] for key in ("vendor", "model") if series[key])


def _numbers(texts: Sequence[str]) -> dict[str, Any]:
    """Return median, range and number of the values that are numbers."""
    values = []
    for text in texts:
        try:
            values.append(float(text))
        except ValueError:
            continue
    if not values:
        return {"median": None, "low": None, "high": None, "n": 0}
    return {"median": median(values), "low": min(values), "high": max(values), "n": len(values)}


def _words(texts: Sequence[str]) -> list[list[Any]]:
    """Return each value with its frequency, most frequent first, without empty ones."""
    return [[text, n] for text, n in Counter(text for text in texts if text).most_common()]
