"""The imaging protocol of every centre as its headers tell it: of the series that were used, a row a sequence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

# columns of inventory.tsv whose values are numbers, and whose values are words
NUMBERS = ("repetition_time_ms", "echo_time_ms", "slice_thickness_mm", "slices")
WORDS = ("scanner", "field_strength_t", "orientation", "matrix", "spacing_mm", "b_values", "contrast_agent")


def protocol(inventories: Mapping[str, Sequence[Mapping[str, str]]], sequences: Sequence[str]) -> list[dict[str, Any]]:
    """A row a centre and sequence.

    Args:
        inventories: centre -> rows of its inventory.tsv, all values text, an empty one unknown.
        sequences: those of the study, in the order they are shown.

    Returns:
        Rows of ``center``, ``sequence``, ``patients``, ``series``; for each number ``median``, ``low``, ``high`` and
        ``n`` (None and 0 where no header has it); for each word a list of (value, number of series), most frequent
        first.
    """
    rows = []
    for center, series in inventories.items():
        for sequence in sequences:
            used = [{**one, "scanner": _scanner(one)} for one in series if one["chosen_as"] == sequence]
            if used:
                rows.append(
                    {
                        "center": center,
                        "sequence": sequence,
                        "patients": len({one["patient"] for one in used}),
                        "series": len(used),
                        **{key: _numbers([one[key] for one in used]) for key in NUMBERS},
                        **{key: _words([one[key] for one in used]) for key in WORDS},
                    }
                )
    return rows


def _scanner(series: Mapping[str, str]) -> str:
    return " ".join(series[key] for key in ("vendor", "model") if series[key])


def _numbers(texts: Sequence[str]) -> dict[str, Any]:
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
    return [[text, n] for text, n in Counter(text for text in texts if text).most_common()]
