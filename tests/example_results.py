"""A full results.json made from seeded random patients: test data for the report, never part of the package.

The numbers are computed from simulated scores by short, obvious code (pairwise AUC, Hanley-McNeil error, product
limit), so that they are plausible and consistent with each other; nothing checks them against R.
"""

import math
from typing import Any

import numpy as np
import yaml

from hscore.reporting.verdict import verdicts

CENTERS = [
    {"center": "sysucc", "name": "Simulated centre A (Guangzhou)", "role": "development", "n": 55, "positives": 12},
    {"center": "henan", "name": "Simulated centre B (Zhengzhou)", "role": "development", "n": 30, "positives": 6},
    {"center": "yunnan", "name": "Simulated centre C (Kunming)", "role": "external", "n": 35, "positives": 8},
]
SEPARATION = {  # of the model's scores between LNM-positive and negative patients, in standard deviations
    "cet1wi_tumour": 1.1,
    "cet1wi_peritumoral": 1.45,
    "t2wi_peritumoral": 0.9,
    "adc_peritumoral": 0.8,
    "clinical": None,
    "hybrid": 2.0,
}


def example_results(root, simulated: bool = True, scale: int = 1, seed: int = 7) -> dict[str, Any]:
    """Results of a study whose centres have ``scale`` times the default study's patients.

    ``root`` is the repository's folder, for the config and the published values.
    """
    rng = np.random.default_rng(seed)
    config = yaml.safe_load((root / "config/config.yaml").read_text(encoding="utf-8"))
    config["data"] = "simulated" if simulated else "own"
    published = yaml.safe_load((root / "resources/published.yaml").read_text(encoding="utf-8"))
    labels = {role: _labels(role, scale) for role in ("development", "external")}
    flow = {row["center"]: _flow(row, scale) for row in CENTERS}
    models = [
        {
            "model": name,
            "label": spec["label"],
            "sequence": spec.get("sequence"),
            "region": spec.get("region"),
            "clinical": spec.get("clinical", []),
        }
        for name, spec in config["models"].items()
    ]
    performance, scores = [], {}
    for name, shift in SEPARATION.items():
        for evaluation, extra in (("external", 0.0), ("out_of_fold", -0.1), ("apparent", 0.7)):
            truth = labels["external" if evaluation == "external" else "development"]
            scores[name, evaluation] = _scores(rng, truth, shift, extra)
            performance.append(_performance(name, evaluation, truth, scores[name, evaluation]))
    results = {
        "study": {
            "name": "simulated-small" if simulated else "our-hospital",
            "data": config["data"],
            "simulated": simulated,
            "centers": [{key: row[key] for key in ("center", "name", "role")} for row in CENTERS],
            "created": "2026-01-31T12:00:00+00:00",
            "seed": 2020,
        },
        "config": config,
        "versions": {"hscore": "0.1.0", "python": "3.11.9", "platform": "Linux", "torch": "2.13.0", "numpy": "2.4.6"},
        "code_version": "v0.1.0-4-gabc1234",
        "models": models,
        "trained": [],
        "flow": flow,
        "table1": {},
        "thresholds": {
            name: {"rule": "youden", "value": 0.5, "chosen_on": "out-of-fold development scores"} for name in SEPARATION
        },
        "performance": performance,
        "comparisons": _comparisons(performance),
        "survival": {
            "model": "hybrid",
            "grouping": {"rule": "threshold", "cut": 0.5},
            "cohorts": {
                "external": _survival(rng, scores["hybrid", "external"], "score"),
                "development": _survival(rng, scores["hybrid", "out_of_fold"], "out_of_fold"),
            },
        },
        "published": published,
    }
    results["verdicts"] = verdicts(results, published)
    return results


def _labels(role: str, scale: int) -> np.ndarray:
    return np.concatenate(
        [
            np.repeat([1, 0], [row["positives"] * scale, (row["n"] - row["positives"]) * scale - 3])
            for row in CENTERS
            if row["role"] == role
        ]
    )


def _flow(row: dict, scale: int) -> dict:
    n = row["n"] * scale
    reasons = [("missing_sequence", "sequence missing", 1), ("no_roi", "no region of interest", 1)]
    reasons.append(("lnm_unknown", "reference standard (pathology of lymph nodes) missing", 1))
    patients = iter(f"{row['center']}-{number:04d}" for number in range(1, n + 1))
    excluded = [
        {"code": code, "label": label, "n": count, "patients": [next(patients) for _ in range(count)]}
        for code, label, count in reasons
    ]
    return {
        "center": row["center"],
        "role": row["role"],
        "in_table": n,
        "included": n - 3,
        "excluded": excluded,
        "lost": {},
        "not_in_table": ["henan-9999"] if row["center"] == "henan" else [],
        "notes": [{"code": "several_series", "label": "several series matched; one was chosen", "n": 4}],
    }


def _scores(rng, truth: np.ndarray, shift: float | None, extra: float) -> np.ndarray:
    if shift is None:
        positive = np.where(truth == 1, rng.random(truth.size) < 0.55, rng.random(truth.size) < 0.1)
        return np.where(positive, 0.71, 0.14)
    latent = rng.normal(size=truth.size) + (shift + extra) * truth - (shift + extra) / 2
    return 1 / (1 + np.exp(-1.2 * latent))


def _wilson(k: int, n: int) -> dict:
    if n == 0:
        empty = {"estimate": None, "low": None, "high": None, "numerator": 0, "denominator": 0, "method": "wilson"}
        return {**empty, "why": "no patient in the denominator"}
    z, p = 1.959964, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return {
        "estimate": p,
        "low": max(0.0, middle - half),
        "high": min(1.0, middle + half),
        "numerator": k,
        "denominator": n,
        "method": "wilson",
    }


def _performance(name: str, evaluation: str, truth: np.ndarray, scores: np.ndarray) -> dict:
    positive, negative = scores[truth == 1], scores[truth == 0]
    area = float(np.mean((positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive.size - 1) * (q1 - area**2) + (negative.size - 1) * (q2 - area**2)
    error = math.sqrt(variance / (positive.size * negative.size))
    tp, fp = int((positive >= 0.5).sum()), int((negative >= 0.5).sum())
    fn, tn = positive.size - tp, negative.size - fp
    steps = np.concatenate([[np.inf], np.unique(scores)[::-1]])
    return {
        "model": name,
        "evaluation": evaluation,
        "n": int(truth.size),
        "positives": int(positive.size),
        "auc": {
            "estimate": area,
            "low": max(0.0, area - 1.96 * error),
            "high": min(1.0, area + 1.96 * error),
            "method": "DeLong",
        },
        "sensitivity": _wilson(tp, tp + fn),
        "specificity": _wilson(tn, tn + fp),
        "accuracy": _wilson(tp + tn, truth.size),
        "ppv": _wilson(tp, tp + fp),
        "npv": _wilson(tn, tn + fn),
        "confusion": {"tp": tp, "fp": fp, "tn": tn, "fn": fn},
        "roc": {
            "false_positive_rate": [float((negative >= step).mean()) for step in steps],
            "true_positive_rate": [float((positive >= step).mean()) for step in steps],
            "threshold": [None, *(float(step) for step in steps[1:])],
        },
    }


def _comparisons(performance: list[dict]) -> list[dict]:
    rows = []
    for evaluation in ("external", "out_of_fold"):
        areas = {row["model"]: row["auc"]["estimate"] for row in performance if row["evaluation"] == evaluation}
        for name in areas:
            if name != "hybrid":
                gap = areas["hybrid"] - areas[name]
                p = math.erfc(abs(gap) / 0.06 / math.sqrt(2))
                row = {"evaluation": evaluation, "model_a": "hybrid", "model_b": name, "difference": gap}
                rows.append({**row, "low": gap - 0.118, "high": gap + 0.118, "p": p, "method": "DeLong, paired"})
    return rows


def _curve(times: np.ndarray, events: np.ndarray) -> dict:
    """Product limit with plain Greenwood bands."""
    curve = {"time": [0.0], "survival": [1.0], "low": [1.0], "high": [1.0]}
    survival, total = 1.0, 0.0
    for time in np.unique(times):
        at_risk, died = int((times >= time).sum()), int(((times == time) & (events == 1)).sum())
        survival *= 1 - died / at_risk
        total += died / (at_risk * (at_risk - died)) if at_risk > died else 0.0
        half = 1.96 * survival * math.sqrt(total)
        curve["time"].append(float(time))
        curve["survival"].append(survival)
        curve["low"].append(max(0.0, survival - half))
        curve["high"].append(min(1.0, survival + half))
    return curve


def _survival(rng, scores: np.ndarray, column: str) -> dict:
    high = scores >= 0.5
    death = rng.exponential(np.where(high, 45.0, 190.0))
    censoring = rng.uniform(12, 90, size=scores.size)
    times, events = np.round(np.minimum(death, censoring), 1) + 0.1, (death <= censoring).astype(int)
    groups = {}
    for name, chosen in (("high", high), ("low", ~high)):
        curve = _curve(times[chosen], events[chosen])
        below = [time for time, value in zip(curve["time"], curve["survival"], strict=True) if value <= 0.5]
        groups[name] = {
            "n": int(chosen.sum()),
            "events": int(events[chosen].sum()),
            "median": below[0] if below else None,
            "median_low": below[0] * 0.6 if below else None,
            "median_high": None,
            "curve": curve,
        }
        if not below:
            groups[name]["why"] = "survival stays above one half until the last patient"
    ticks = list(range(0, 61, 12))
    return {
        "n": int(scores.size),
        "events": int(events.sum()),
        "score_column": column,
        "groups": groups,
        "at_risk": {
            "time": ticks,
            "high": [int((times[high] >= tick).sum()) for tick in ticks],
            "low": [int((times[~high] >= tick).sum()) for tick in ticks],
        },
        "log_rank": {"chi2": 9.7, "df": 1, "p": 0.0018},
        "hazard_ratio": {"estimate": 4.1, "low": 1.7, "high": 9.9, "p": 0.0016, "method": "Cox, Efron ties, Wald"},
        "multivariable": [
            {"term": "H score high", "estimate": 3.6, "low": 1.3, "high": 9.8, "p": 0.012},
            {"term": "mri_ln_positive", "estimate": 1.4, "low": 0.6, "high": 3.2, "p": 0.44},
        ],
        "continuous": {"per": "0.1 of the H score", "estimate": 1.31, "low": 1.1, "high": 1.56, "p": 0.0021},
        "concordance": {"estimate": 0.71, "low": 0.6, "high": 0.82, "method": "Harrell"},
    }
