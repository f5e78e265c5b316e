"""Find every interval, band and test in the statistics' results by their structure.

A dictionary with `low` and `high` next to a number is an interval, next to a list a band; one with `p` is a test. A
place is named by its keys and, in lists, by the identity of the row: "performance[hybrid, external].auc".
"""

from collections.abc import Iterator

IDENTITY = ("evaluation", "scores", "model", "model_a", "model_b", "new", "old", "measure", "variable", "level", "term")
VALUES = ("estimate", "difference", "survival", "observed", "net_benefit", "hazard_ratio")
GRIDS = ("time", "predicted", "threshold", "score")


def places(content, name: str = "") -> Iterator[tuple[str, dict]]:
    """Yield every dictionary in a tree of results with the name of its place, outermost first."""
    if isinstance(content, dict):
        yield name, content
        for key, value in content.items():
            yield from places(value, f"{name}.{key}" if name else str(key))
    elif isinstance(content, list):
        for number, value in enumerate(content):
            if isinstance(value, dict):
                parts = [str(value[key]) for key in IDENTITY if isinstance(value.get(key), str)]
                if isinstance(value.get("time"), int | float):
                    parts.append(f"at {value['time']:g}")
                yield from places(value, f"{name}[{', '.join(parts) or number}]")


def intervals(content) -> dict[str, tuple[float, float, float]]:
    """Return (estimate, low, high) by place; estimates without an interval are left out.

    An open end is infinite. A median time has an interval under its own name; a median that is not reached is infinite.
    """
    by_place = {}
    for name, node in places(content):
        key = next((key for key in VALUES if isinstance(node.get(key), int | float)), None)
        if key and isinstance(node.get("low"), int | float) and isinstance(node.get("high"), int | float):
            by_place[name] = node[key], node["low"], node["high"]
        if isinstance(node.get("median_low"), int | float):
            middle, high = (node[key] if node[key] is not None else float("inf") for key in ("median", "median_high"))
            by_place[f"{name}.median"] = middle, node["median_low"], high
    return by_place


def bands(content) -> dict[str, dict[str, list]]:
    """Return the curves with a pointwise band by place: `grid`, `value`, `low`, `high`.

    These are lists of equal length (None where unknown). The grid of a decision curve is found one level above.
    """
    by_place, grids = {}, {}
    for name, node in places(content):
        grid = next((node[key] for key in GRIDS if isinstance(node.get(key), list)), None)
        if grid is not None:
            grids[name] = grid
        key = next((key for key in VALUES if isinstance(node.get(key), list)), None)
        if key is None or not isinstance(node.get("low"), list) or not node["low"]:
            continue
        if grid is None:
            grid = next((grids[place] for place in _parents(name) if place in grids), None)
        if grid is not None and len(grid) == len(node["low"]):
            by_place[name] = {"grid": grid, "value": node[key], "low": node["low"], "high": node["high"]}
    return by_place


def tests(content) -> dict[str, float]:
    """Return the p-values by place."""
    return {name: node["p"] for name, node in places(content) if isinstance(node.get("p"), int | float)}


def _parents(name: str) -> Iterator[str]:
    """Yield the enclosing places of a place, innermost first."""
    while "." in name:
        name = name.rpartition(".")[0]
        yield name
