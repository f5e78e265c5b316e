"""Prepare the page's first screen: what was run on which data, the main numbers, and how to run it again."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hscore.report import adds_to_reading, formatting, verdict
from hscore.report.figures.diagnosis_figures import (
    confidence_text,
    endpoint_of,
    labels_of,
    main_cohort,
    main_evaluation,
    main_model,
    rows_of,
    survival_confidence_text,
)
from hscore.statistics.common.equivalence import AGREES, DIFFERS, INCONCLUSIVE

Results = Mapping[str, Any]


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    external = main_evaluation(results) == "external"
    return {
        "summary": summary(results),
        "added": adds_to_reading.answers(results),
        "cards": cards(results),
        "headline": headline(results),
        "no_verdict": reason_no_verdict(results),
        "headline_title": "External test cohort" if external else "Primary cohort (published: apparent)",
        "commands": commands(results),
    }


def summary(results: Results) -> str:
    """Return what was run, on which data, in one or two sentences."""
    rows = {name: rows_of(results, name) for name in ("out_of_fold", "external")}
    centers = results["study"]["centers"]
    numbers = {role: sum(center["role"] == role for center in centers) for role in ("development", "external")}
    what = "simulated patients" if results["study"]["simulated"] else "patients"
    parts = []
    for name, role, verb in (("out_of_fold", "development", "developed on"), ("external", "external", "tested on")):
        if rows[name]:
            where = formatting.count(numbers[role], "centre")
            extra = " that took no part in development" if role == "external" else ""
            parts.append(f"{verb} {rows[name][0]['n']:,} {what} from {where}{extra}")
    models = formatting.count(len(results["models"]), "model")
    data = "MRI and clinical data" if any(model["sequences"] for model in results["models"]) else "clinical data"
    return f"{models} of {data} for lymph-node metastasis (LNM), {' and '.join(parts)}."


def cards(results: Results) -> list[dict[str, Any]]:
    """Return the main numbers of the first screen."""
    verdicts = {row["id"]: row for row in results["verdicts"]}
    evaluation, cohort = main_evaluation(results), main_cohort(results)
    row = {row["model"]: row for row in rows_of(results, evaluation)}.get(main_model(results))
    shown = []
    if row:
        label = labels_of(results)[row["model"]]
        size = f"n = {row['n']:,}, {row['positives']:,} LNM-positive"
        lines = [f"{label}; {size}"]
        title = f"AUC, {verdict.EVALUATIONS[evaluation]}"
        shown.append(_card(title, row["auc"], formatting.auc, confidence_text(results), lines))
        compared = row["model"] == "hybrid" and evaluation == "external"
        shown[-1] |= _published(verdicts.get("hybrid_external_auc") if compared else None)
    survival = results["survival"].get("cohorts", {}).get(cohort)
    if survival:
        events = formatting.count(survival["events"], "event")
        lines = [f"High vs low H score, {cohort}; n = {survival['n']:,}, {events}"]
        entry = survival.get("hazard_ratio") or {}
        title = f"Hazard ratio, {endpoint_of(results)}"
        shown.append(_card(title, entry, formatting.ratio, survival_confidence_text(results), lines))
        shown[-1] |= _published(verdicts.get(f"hazard_ratio_{cohort}"))
    else:
        why = formatting.not_estimable_text(results["survival"])
        title = f"Hazard ratio, {endpoint_of(results)}"
        shown.append({"title": title, "value": why, "long": True, "lines": [], "verdict": None, "published": ""})
    flows = results["flow"].values()
    table, included = sum(flow["in_table"] for flow in flows), sum(flow["included"] for flow in flows)
    centers = formatting.count(len(results["flow"]), "centre")
    lines = [f"of {table:,} in the tables of {centers}; {table - included:,} excluded, each with its reason below"]
    if only := sum(flow["survival_only"]["n"] for flow in flows):
        lines.append(f"{only:,} of them for survival only: lymph-node status at pathology not known")
    if results["study"]["simulated"]:
        lines.append("All of them simulated")
    value = formatting.count(included, "patient")
    shown.append(
        {"title": "Patients analysed", "value": value, "long": False, "lines": lines, "verdict": None, "published": ""}
    )
    return shown


def _card(title: str, entry: Mapping[str, Any], write, level: str, lines: Sequence[str]) -> dict[str, Any]:
    if entry.get("estimate") is None:
        return {"title": title, "value": formatting.not_estimable_text(entry), "long": True, "lines": list(lines)}
    method = f" ({entry['method']})" if entry.get("method") else ""
    ends = formatting.interval(entry.get("low"), entry.get("high"), write)
    interval = f"{level} interval {ends}{method}"
    return {"title": title, "value": write(entry["estimate"]), "long": False, "lines": [interval, *lines]}


def _published(row: Mapping[str, Any] | None) -> dict[str, Any]:
    if row is None:
        return {"verdict": None, "published": ""}
    words = {AGREES: "with", DIFFERS: "from", INCONCLUSIVE: "next to"}.get(row["verdict"])
    text = f"{words} the published {row['published_text']}" if words else ""
    return {"verdict": row["verdict"], "published": text}


def headline(results: Results) -> list[dict[str, Any]]:
    """Return the verdicts of the study's leading numbers that have a published value, for the short table.

    These are the external ones, or without an external centre the apparent ones (as in the published primary cohort)
    and survival.
    """
    led = {"external"} if main_evaluation(results) == "external" else {"apparent", "development"}
    rows = []
    for row in results["verdicts"]:
        if row["verdict"] in (verdict.NO_TARGET, verdict.NO_VERDICT) or row["evaluation"] not in led:
            continue
        label = (
            row["label"] if row["measure"] == "hazard_ratio" else f"{row['group'].partition(',')[0]}: {row['label']}"
        )
        rows.append({**row, "label": label, "ours_text": ours_text(row), "difference_text": difference_text(row)})
    return rows


def reason_no_verdict(results: Results) -> str:
    """Return why no number of this study is compared with the publication; empty where one is."""
    rows = [row for row in results["verdicts"] if row["published"] is not None]
    if not rows or any(row["verdict"] != verdict.NO_VERDICT for row in rows):
        return ""
    return rows[0]["detail"]


def ours_text(row: Mapping[str, Any], key: str = "ours") -> dict[str, str]:
    """Return our estimate of a verdict row in two parts: value (with counts for a proportion) and interval."""
    entry = row[key]
    write = formatting.WRITERS[row["measure"]]
    if entry.get("estimate") is None:
        return {"value": formatting.not_estimable_text(entry), "interval": ""}
    counts = f" ({entry['numerator']}/{entry['denominator']})" if entry.get("denominator") else ""
    if entry.get("low") is None and entry.get("high") is None:
        return {
            "value": write(entry["estimate"]) + counts,
            "interval": f"interval {formatting.not_estimable_text(entry)}",
        }
    return {"value": write(entry["estimate"]) + counts, "interval": formatting.interval_ends(entry, write)}


def difference_text(row: Mapping[str, Any]) -> dict[str, str]:
    """Return ours minus published, in percentage points for proportions; 'x 0.37' for hazard ratios."""
    entry, write = row["difference"], formatting.WRITERS[row["measure"]]
    if entry is None:
        return {"value": "\u2013", "interval": ""}
    interval = formatting.interval_ends(entry, write)
    if row["measure"] == "hazard_ratio":
        return {"value": f"\u00d7{formatting.NBSP}{write(entry['estimate'])}", "interval": interval}
    if write is formatting.percent:
        return {"value": f"{formatting.percent_bare(entry['estimate'])} points", "interval": interval}
    return {"value": write(entry["estimate"]), "interval": interval}


def commands(results: Results) -> str:
    """Return the commands that repeat the run."""
    code = results["code_version"]
    lines = []
    if code:
        dirty = code.endswith("-dirty")
        if dirty:
            lines.append("# this run also contained uncommitted changes")
        lines.append(f"git checkout {_commit(code)}")
    lines.append("make study CONFIG=<your copy of the settings below>" if not _default(results) else "make study")
    return "\n".join(lines)


def _commit(code: str) -> str:
    """Return the commit in a ``git describe`` text: 'v1-4-gabc1234-dirty' -> 'abc1234'."""
    code = code.removesuffix("-dirty")
    match = re.search(r"-g([0-9a-f]+)$", code)
    return match.group(1) if match else code


def _default(results: Results) -> bool:
    return results["study"]["simulated"] and results["study"]["name"] == "simulated"
