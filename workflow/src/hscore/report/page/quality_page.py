"""A centre's overview for the radiologist: every patient's montage and numbers on one page, the strangest first.

The page is self-contained: pictures are inside it, and a content security policy in its head forbids every request.
"""

import base64
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import jinja2
from markupsafe import Markup

HERE = Path(__file__).parent
STRANGE = 3.5  # robust z-score from which a number is marked (Iglewicz and Hoaglin. How to detect outliers. ASQC 1993)
FEWEST = 5  # patients below which no spread is estimated
SMALLEST_SPREAD = 0.02  # of the median: numbers that agree better than this are not told apart
MOST = 99.0


def robust_z(values: Sequence[float | None]) -> list[float | None]:
    """Distance of every value from the median in units of 1.4826 times the median absolute deviation; None stays None.

    The spread is at least 2 % of the median, so that a number in which all patients agree marks nobody for a rounding;
    scores are cut at 99.
    """
    known = [value for value in values if value is not None]
    if len(known) < FEWEST:
        return [None] * len(values)
    middle = median(known)
    spread = max(1.4826 * median(abs(value - middle) for value in known), SMALLEST_SPREAD * abs(middle))
    if spread == 0:
        return [None if value is None else 0.0 if value == middle else MOST for value in values]
    return [None if value is None else max(-MOST, min(MOST, (value - middle) / spread)) for value in values]


def scored(patients: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The patients with their robust z-scores, ordered for the eye: excluded ones first, then by largest score.

    ``patients`` hold the content of ``quality.json``. Each comes back with ``score`` (largest absolute z, 0 without
    numbers), ``excluded``, and ``numbers``: rows of (sequence, metric, value, z).
    """
    names = sorted({(s, m) for one in patients for s, numbers in one["sequences"].items() for m in numbers})
    scores = {name: robust_z([one["sequences"].get(name[0], {}).get(name[1]) for one in patients]) for name in names}
    result = []
    for place, one in enumerate(patients):
        numbers = [
            (sequence, metric, value, scores[sequence, metric][place])
            for sequence, found in one["sequences"].items()
            for metric, value in found.items()
            if value is not None
        ]
        score = max((abs(z) for *_, z in numbers if z is not None), default=0.0)
        excluded = any(finding["excludes"] for finding in one["findings"])
        result.append({**one, "numbers": numbers, "score": score, "excluded": excluded})
    return sorted(result, key=lambda one: (not one["excluded"], -one["score"], one["patient"]))


def marked(numbers: Sequence[tuple[str, str, float, float | None]]) -> list[str]:
    """Sequence and metric of the numbers of a patient (see ``scored``) that are far from the others'."""
    return sorted({f"{s} {m}" for s, m, _, z in numbers if z is not None and math.fabs(z) >= STRANGE})


def overview(patients: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A centre in numbers: patients, how many have findings, are excluded or marked, and quartiles of every number.

    ``patients`` hold the content of ``quality.json``. ``numbers``: sequence -> metric -> n, median, q1, q3.
    """
    rows = scored(patients)
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        for sequence, metric, value, _ in row["numbers"]:
            values.setdefault(sequence, {}).setdefault(metric, []).append(value)
    return {
        "patients": len(rows),
        "with_findings": sum(bool(row["findings"]) for row in rows),
        "excluded": sum(row["excluded"] for row in rows),
        "marked": sum(bool(marked(row["numbers"])) for row in rows),
        "numbers": {
            sequence: {metric: _quartiles(found) for metric, found in metrics.items()}
            for sequence, metrics in sorted(values.items())
        },
    }


def _quartiles(values: Sequence[float]) -> dict[str, float]:
    q1, middle, q3 = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return {"n": len(values), "median": middle, "q1": q1, "q3": q3}


def shared_with(center: str, groups: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Patient of ``center`` -> with whom it shares what, in words; ``groups`` as compare_patients writes them."""
    words: dict[str, str] = {}
    for group in groups:
        for one in group["patients"]:
            others = ", ".join(f"{o['patient']} ({o['center']})" for o in group["patients"] if o != one)
            if one["center"] == center:
                words[one["patient"]] = f"same {', '.join(group['same'])} as {others}"
    return words


def render(
    center: str,
    simulated: bool,
    patients: Sequence[Mapping[str, Any]],
    pictures: Mapping[str, bytes],
    twice: Mapping[str, str],
    metrics: Mapping[str, str],
) -> str:
    """The page's HTML.

    Args:
        patients: contents of ``quality.json``.
        pictures: patient -> montage (WebP); a patient without an image has none.
        twice: patient -> with whom examination or images are shared, in words.
        metrics: name of a number -> what it tells.
    """
    ordered = sorted(scored(patients), key=lambda one: not (one["excluded"] or one["patient"] in twice))
    rows = [
        {
            "patient": one["patient"],
            "score": round(one["score"], 1),
            "excluded": one["excluded"],
            "findings": [finding["text"] for finding in one["findings"]]
            + ([twice[one["patient"]]] if one["patient"] in twice else []),
            "noted": bool(one["findings"]) or one["patient"] in twice,
            "numbers": [[s, m, v, None if z is None else round(z, 1)] for s, m, v, z in one["numbers"]],
            "strange": marked(one["numbers"]),
            "picture": base64.b64encode(pictures[one["patient"]]).decode() if one["patient"] in pictures else "",
        }
        for one in ordered
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    content = json.dumps({"patients": rows, "metrics": dict(metrics), "strange": STRANGE}, ensure_ascii=False)
    return environment.get_template("quality_page.html").render(
        center=center,
        simulated=simulated,
        count=len(rows),
        excluded=sum(row["excluded"] for row in rows),
        marked=sum(bool(row["strange"]) for row in rows),
        limit=STRANGE,
        # nothing in it may end the script element that holds it
        content=Markup(content.replace("<", "\\u003c").replace("&", "\\u0026")),
    )
