"""Write a centre's overview for the radiologist: every patient's montage and metrics on one page, outliers first.

The page is self-contained: it contains the pictures, and a content security policy in its head forbids every request.
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

from hscore.report import formatting

HERE = Path(__file__).parent
OUTLIER_Z = (
    3.5  # robust z-score from which a number is marked (Iglewicz and Hoaglin. How to detect outliers. ASQC 1993)
)
FEWEST = 5  # patients below which no spread is estimated
SMALLEST_SPREAD = 0.02  # of the median: smaller differences are not distinguished
LARGEST_Z = 99.0


def robust_z(values: Sequence[float | None]) -> list[float | None]:
    """Return each value's distance from the median in units of 1.4826 times the median absolute deviation.

    The spread is at least 2 % of the median, so that rounding marks no patient where all values agree. Scores are
    limited to -99 to 99. None stays None; with fewer than five known values all are None.
    """
    known = [value for value in values if value is not None]
    if len(known) < FEWEST:
        return [None] * len(values)
    middle = median(known)
    spread = max(1.4826 * median(abs(value - middle) for value in known), SMALLEST_SPREAD * abs(middle))
    if spread == 0:
        return [None if value is None else 0.0 if value == middle else LARGEST_Z for value in values]
    return [None if value is None else max(-LARGEST_Z, min(LARGEST_Z, (value - middle) / spread)) for value in values]


def with_z_scores(patients: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the patients with robust z-scores: excluded ones first, then by largest score.

    Args:
        patients: contents of ``quality.json``.

    Returns:
        Each patient with ``score`` (largest absolute z, 0 without numbers), ``excluded``, and ``numbers``: rows of
        (sequence, metric, value, z).
    """
    names = sorted({(s, m) for patient in patients for s, numbers in patient["sequences"].items() for m in numbers})
    scores = {
        name: robust_z([patient["sequences"].get(name[0], {}).get(name[1]) for patient in patients]) for name in names
    }
    result = []
    for index, patient in enumerate(patients):
        numbers = [
            (sequence, metric, value, scores[sequence, metric][index])
            for sequence, metrics in patient["sequences"].items()
            for metric, value in metrics.items()
            if value is not None
        ]
        score = max((abs(z) for *_, z in numbers if z is not None), default=0.0)
        excluded = any(finding["excludes"] for finding in patient["findings"])
        result.append({**patient, "numbers": numbers, "score": score, "excluded": excluded})
    return sorted(result, key=lambda patient: (not patient["excluded"], -patient["score"], patient["patient"]))


def outlying_metrics(numbers: Sequence[tuple[str, str, float, float | None]]) -> list[str]:
    """Return sequence and metric of a patient's outlying numbers.

    Args:
        numbers: rows of (sequence, metric, value, z), see ``with_z_scores``.
    """
    return sorted(
        {f"{s} {formatting.metric_name(m)}" for s, m, _, z in numbers if z is not None and math.fabs(z) >= OUTLIER_Z}
    )


def overview(patients: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a centre's counts (patients, with findings, excluded, marked) and quartiles of every metric.

    Args:
        patients: contents of ``quality.json``.

    Returns:
        Counts, and ``numbers``: sequence -> metric -> n, median, q1, q3.
    """
    rows = with_z_scores(patients)
    values: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        for sequence, metric, value, _ in row["numbers"]:
            values.setdefault(sequence, {}).setdefault(metric, []).append(value)
    return {
        "patients": len(rows),
        "with_findings": sum(bool(row["findings"]) for row in rows),
        "excluded": sum(row["excluded"] for row in rows),
        "marked": sum(bool(outlying_metrics(row["numbers"])) for row in rows),
        "numbers": {
            sequence: {metric: _quartiles(known) for metric, known in metrics.items()}
            for sequence, metrics in sorted(values.items())
        },
    }


def _quartiles(values: Sequence[float]) -> dict[str, float]:
    q1, middle, q3 = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return {"n": len(values), "median": middle, "q1": q1, "q3": q3}


def sharing_in_words(center: str, groups: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return in words what each patient of a centre shares with whom.

    Args:
        center: the centre.
        groups: groups of patients as compare_patients writes them.

    Returns:
        Patient -> what is shared, and with whom; only patients in a group.
    """
    words: dict[str, str] = {}
    for group in groups:
        for member in group["patients"]:
            partners = ", ".join(
                f"{partner['patient']} ({partner['center']})" for partner in group["patients"] if partner != member
            )
            if member["center"] == center:
                words[member["patient"]] = f"same {', '.join(group['same'])} as {partners}"
    return words


def render(
    center: str,
    simulated: bool,
    patients: Sequence[Mapping[str, Any]],
    pictures: Mapping[str, bytes],
    twice: Mapping[str, str],
    metrics: Mapping[str, str],
) -> str:
    """Return the page's HTML.

    Args:
        patients: contents of ``quality.json``.
        center: name of the centre.
        simulated: whether the patients are simulated.
        pictures: patient -> montage (WebP); a patient without an image has none.
        twice: patient -> with whom examination or images are shared, in words.
        metrics: name of a metric -> what it measures.
    """
    ordered = sorted(
        with_z_scores(patients), key=lambda patient: not (patient["excluded"] or patient["patient"] in twice)
    )
    rows = [
        {
            "patient": patient["patient"],
            "score": round(patient["score"], 1),
            "excluded": patient["excluded"],
            "findings": [finding["text"] for finding in patient["findings"]]
            + ([twice[patient["patient"]]] if patient["patient"] in twice else []),
            "noted": bool(patient["findings"]) or patient["patient"] in twice,
            "numbers": [[s, m, v, None if z is None else round(z, 1)] for s, m, v, z in patient["numbers"]],
            "outliers": outlying_metrics(patient["numbers"]),
            "picture": base64.b64encode(pictures[patient["patient"]]).decode()
            if patient["patient"] in pictures
            else "",
        }
        for patient in ordered
    ]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    described = {name: f"{formatting.metric_name(name)}: {meaning}" for name, meaning in metrics.items()}
    content = json.dumps({"patients": rows, "metrics": described, "limit": OUTLIER_Z}, ensure_ascii=False)
    return environment.get_template("quality_page.html").render(
        center=center,
        simulated=simulated,
        count=len(rows),
        excluded=sum(row["excluded"] for row in rows),
        marked=sum(bool(row["outliers"]) for row in rows),
        limit=OUTLIER_Z,
        # the content must not close the script element that contains it
        content=Markup(content.replace("<", "\\u003c").replace("&", "\\u0026")),
    )
