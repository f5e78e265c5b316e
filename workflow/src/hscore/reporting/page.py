"""The report as one self-contained HTML page: puts results.json into words and rows, and computes nothing new.

The page holds its style, script and figures; a content security policy in its head forbids every request.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup, escape

from hscore.reporting import figures, formatting, page_learning, page_statistics, style, verdict
from hscore.reporting.checklist import guidelines
from hscore.reporting.figures import (
    labels_of,
    level_of,
    main_cohort,
    main_evaluation,
    main_model,
    rows_of,
    survival_level_of,
)
from hscore.reporting.methods import methods

HERE = Path(__file__).parent
BLOCKS = {
    "external": (
        "External test cohort",
        "The test of the models: a centre that took no part in training, threshold choice or any other fitting.",
    ),
    "out_of_fold": (
        "Development cohort, out-of-fold (cross-validation)",
        "Each patient is scored by models that did not train on them; the thresholds were chosen on these very scores, "
        "so sensitivity and specificity are slightly optimistic.",
    ),
    "apparent": (
        "Development cohort, apparent (training data)",
        "Patients scored by models that trained on them: optimistic, shown only because the publication's primary "
        "column is of this kind.",
    ),
}
Results = Mapping[str, Any]


def render(results: Results, svgs: Mapping[str, str]) -> str:
    """The page's HTML; ``svgs`` maps each figure's name to its SVG text."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "inline_svg": inline_svg,
        "why": formatting.why,
        "p_value": formatting.p_value,
        "ends": _ends,
    }
    return environment.get_template("page.html").render(**view(results, svgs)) + "\n"


def view(results: Results, svgs: Mapping[str, str]) -> dict[str, Any]:
    """Everything the template shows, as text or rows of text."""
    survival = results["survival"]
    groups = verdict_groups(results)
    explorer = explorer_models(results)
    content = {
        "css": Markup((HERE / "page.css").read_text(encoding="utf-8")),
        "script": Markup((HERE / "page.js").read_text(encoding="utf-8")),
        "figures": dict(svgs),
        "study": results["study"],
        "created": datetime.fromisoformat(results["study"]["created"]).strftime("%Y-%m-%d %H:%M %Z").strip(),
        "code_version": results["code_version"],
        "versions": results["versions"],
        "published": results["published"],
        "level": level_of(results),
        "survival_level": survival_level_of(results),
        "labels": labels_of(results),
        "looks": {name: _web_look(look) for name, look in figures.looks_of(results).items()},
        "main_model": main_model(results),
        "summary": summary(results),
        "cards": cards(results),
        "headline": headline(results),
        "headline_title": "External test cohort"
        if main_evaluation(results) == "external"
        else "Primary cohort (published: apparent)",
        "commands": commands(results),
        "flow_caption": flow_caption(results),
        "flow_notes": flow_notes(results),
        "table1": table1(results),
        "performance_text": performance_text(results),
        "overview_caption": overview_caption(results),
        "calibration_text": calibration_text(results),
        "blocks": performance_blocks(results),
        "write_auc": formatting.auc,
        "write_percent": formatting.percent,
        "explorer": explorer,
        "explorer_json": _json(explorer),
        "further": page_statistics.further_measures(results),
        "comparisons": comparison_blocks(results),
        "paired_accuracy": page_statistics.paired_accuracy(results),
        "transport": page_statistics.transport(results),
        "calibration": calibration(results),
        "spared": page_statistics.spared(results),
        "reclassification": page_statistics.reclassification(results),
        "study_size": page_statistics.study_size(results),
        "led": verdict.EVALUATIONS[main_evaluation(results)],
        "survival_why": None if survival.get("cohorts") else formatting.why(survival),
        "survival_text": survival_text(results),
        "survival_groups": survival_groups(results),
        "survival_at": page_statistics.survival_at(results),
        "survival_notes": survival_notes(results),
        "cox": cox(results),
        "verdict_groups": groups,
        "cohorts": cohorts(results),
        "methods": methods(results),
        "checklist": guidelines(results),
        "thresholds": thresholds(results),
        "settings": yaml.safe_dump(results["config"], sort_keys=False, allow_unicode=True, width=100),
        "trained": trained(results),
        **page_learning.view(results),
    }
    content["contents"] = contents(results, content)
    return content


def contents(results: Results, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Anchor and title of the sections that this page has."""
    sections = [
        ("summary", "Main result", True),
        ("patients", "Patients", True),
        ("performance", "Performance", True),
        ("roc", "ROC curves", True),
        ("explanation", "What the network looked at", "explanation" in content["figures"]),
        ("comparisons", "Comparisons", content["comparisons"]),
        ("calibration", "Calibration and net benefit", content["calibration"]),
        ("subgroups", "Subgroups and study size", content["study_size"] or results.get("subgroups")),
        ("survival", "Survival", True),
        ("published", "Beside the publication", True),
        ("methods", "Methods", content["methods"]),
        ("simulated", "What is simulated", results["study"]["simulated"]),
        ("checklist", "Guidelines", content["checklist"]),
        ("settings", "Settings and versions", True),
    ]
    return [(anchor, title) for anchor, title, present in sections if present]


# First screen


def summary(results: Results) -> str:
    """What was run, on what data, in one or two sentences."""
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
    """The main numbers of the first screen."""
    verdicts = {row["id"]: row for row in results["verdicts"]}
    evaluation, cohort = main_evaluation(results), main_cohort(results)
    row = {row["model"]: row for row in rows_of(results, evaluation)}.get(main_model(results))
    found = []
    if row:
        label = labels_of(results)[row["model"]]
        size = f"n = {row['n']:,}, {row['positives']:,} LNM-positive"
        lines = [f"{label}; {size}"]
        title = f"AUC, {verdict.EVALUATIONS[evaluation]}"
        found.append(_card(title, row["auc"], formatting.auc, level_of(results), lines))
        compared = row["model"] == "hybrid" and evaluation == "external"
        found[-1] |= _published(verdicts.get("hybrid_external_auc") if compared else None)
    survival = results["survival"].get("cohorts", {}).get(cohort)
    if survival:
        events = formatting.count(survival["events"], "event")
        lines = [f"High vs low H score, {cohort}; n = {survival['n']:,}, {events}"]
        entry = survival.get("hazard_ratio") or {}
        title = "Hazard ratio, disease-free survival"
        found.append(_card(title, entry, formatting.ratio, survival_level_of(results), lines))
        found[-1] |= _published(verdicts.get(f"hazard_ratio_{cohort}"))
    else:
        why = formatting.why(results["survival"])
        title = "Hazard ratio, disease-free survival"
        found.append({"title": title, "value": why, "long": True, "lines": [], "verdict": None, "published": ""})
    flows = results["flow"].values()
    table, included = sum(flow["in_table"] for flow in flows), sum(flow["included"] for flow in flows)
    centers = formatting.count(len(results["flow"]), "centre")
    lines = [f"of {table:,} in the tables of {centers}; {table - included:,} excluded, each with its reason below"]
    if results["study"]["simulated"]:
        lines.append("All of them simulated")
    value = formatting.count(included, "patient")
    found.append(
        {"title": "Patients analysed", "value": value, "long": False, "lines": lines, "verdict": None, "published": ""}
    )
    return found


def _card(title: str, entry: Mapping[str, Any], write, level: str, lines: Sequence[str]) -> dict[str, Any]:
    if entry.get("estimate") is None:
        return {"title": title, "value": formatting.why(entry), "long": True, "lines": list(lines)}
    method = f" ({entry['method']})" if entry.get("method") else ""
    ends = formatting.interval(entry.get("low"), entry.get("high"), write)
    interval = f"{level} interval {ends}{method}"
    return {"title": title, "value": write(entry["estimate"]), "long": False, "lines": [interval, *lines]}


def _published(row: Mapping[str, Any] | None) -> dict[str, Any]:
    if row is None:
        return {"verdict": None, "published": ""}
    words = {verdict.CONSISTENT: "with", verdict.DIFFERS: "from"}.get(row["verdict"])
    text = f"{words} the published {row['published_text']}" if words else ""
    return {"verdict": row["verdict"], "published": text}


def headline(results: Results) -> list[dict[str, Any]]:
    """Verdicts of what the study leads with that have a published value: the short table of the first screen.

    These are external ones; without an external centre, apparent ones (as the published primary cohort) and survival.
    """
    led = {"external"} if main_evaluation(results) == "external" else {"apparent", "development"}
    rows = []
    for row in results["verdicts"]:
        if row["published"] is None or row["evaluation"] not in led or row["model"] not in labels_of(results):
            continue
        label = (
            row["label"] if row["measure"] == "hazard_ratio" else f"{row['group'].partition(',')[0]}: {row['label']}"
        )
        rows.append({**row, "label": label, "ours_text": ours_text(row)})
    return rows


def ours_text(row: Mapping[str, Any], key: str = "ours") -> dict[str, str]:
    """Our estimate of a verdict row in two parts: value (with counts for a proportion) and interval."""
    entry = row[key]
    write = formatting.WRITERS[row["measure"]]
    if entry.get("estimate") is None:
        return {"value": formatting.why(entry), "interval": ""}
    counts = f" ({entry['numerator']}/{entry['denominator']})" if entry.get("denominator") else ""
    if entry.get("low") is None and entry.get("high") is None:
        return {"value": write(entry["estimate"]) + counts, "interval": f"interval {formatting.why(entry)}"}
    return {"value": write(entry["estimate"]) + counts, "interval": _ends(entry, write)}


def commands(results: Results) -> str:
    """What to type to run the same again."""
    code = results["code_version"]
    lines = []
    if code:
        dirty = code.endswith("-dirty")
        if dirty:
            lines.append("# this run: plus changes not committed")
        lines.append(f"git checkout {_commit(code)}")
    lines.append("make study CONFIG=<your copy of the settings below>" if not _default(results) else "make study")
    return "\n".join(lines)


def _commit(code: str) -> str:
    """The commit in a ``git describe`` text: 'v1-4-gabc1234-dirty' -> 'abc1234'."""
    code = code.removesuffix("-dirty")
    found = re.search(r"-g([0-9a-f]+)$", code)
    return found.group(1) if found else code


def _default(results: Results) -> bool:
    return results["study"]["simulated"] and results["study"]["name"] == "simulated-small"


# Patients


def flow_caption(results: Results) -> str:
    """Words under the flow diagram, with what it cannot show."""
    model = main_model(results)
    cut = results["thresholds"].get(model, {}).get("value")
    text = "Flow of patients (STARD). A patient with several reasons is counted once, under the first reason checked."
    if cut is not None:
        text += f" H score high: at least {formatting.decimal(cut, 3)}, the frozen threshold."
    return text


def flow_notes(results: Results) -> list[str]:
    """Notes and image folders without a row, centre by centre."""
    names = {center["center"]: center["name"] for center in results["study"]["centers"]}
    lines = []
    for center, content in results["flow"].items():
        name = names.get(center, center)
        lines += [
            f"{name}: {note['label']} ({formatting.count(note['n'], 'patient')})" for note in content.get("notes", [])
        ]
        stray = content.get("not_in_table") or []
        if stray:
            shown = ", ".join(stray[:5]) + (f" and {len(stray) - 5} more" if len(stray) > 5 else "")
            folders = formatting.count(len(stray), "image folder")
            lines.append(f"{name}: {folders} without a row in the clinical table, not used: {shown}")
    return lines


def table1(results: Results) -> dict[str, Any] | None:
    """Table 1: column heads over a list of rows of text, cohorts side by side with their standardised differences."""
    content = results["table1"]
    if not content.get("rows"):
        return None
    names = {"development": "Development cohort", "external": "External test cohort"}
    spans = list(dict.fromkeys(group["cohort"] for group in content["groups"]))
    heads = [{"title": names[cohort], "span": 4} for cohort in spans]
    between = len(spans) == 2
    columns = []
    for cohort in spans:
        for group in content["groups"]:
            if group["cohort"] == cohort:
                kind = {None: "All", 0: "LNM\u2212", 1: "LNM+"}[group["lnm"]]
                columns.append({"title": kind, "n": f"n = {group['n']:,}"})
        columns.append({"title": "SMD", "n": ""})
    rows = []
    for row in content["rows"]:
        rows += _table1_rows(row, content["groups"], spans, between)
    return {"heads": heads, "columns": columns, "between": between, "rows": rows}


def _table1_rows(row: Mapping[str, Any], groups: Sequence, spans: Sequence[str], between: bool) -> list[dict[str, Any]]:
    """The lines of one variable: itself, its levels, and 'missing' when somebody's value is."""
    inside = {entry["cohort"]: entry for entry in row["differences"] if entry["between"] == "lnm"}
    across = next((entry for entry in row["differences"] if entry["between"] == "cohort"), None)

    def line(label: str, kind: str, cells: Sequence[str], differences: bool) -> dict[str, Any]:
        texts = []
        for cohort in spans:
            own = (cell for cell, group in zip(cells, groups, strict=True) if group["cohort"] == cohort)
            texts += [*own, _smd(inside.get(cohort)) if differences else ""]
        if between:
            texts.append(_smd(across) if differences else "")
        return {"label": label, "kind": kind, "cells": texts}

    missing = row["missing"] if row["kind"] == "categorical" else [cell["missing"] for cell in row["cells"]]
    if row["kind"] == "continuous":
        label = f"{row['label']}, {row['unit']}: median (quartiles)"
        lines = [line(label, "variable", [_median(cell) for cell in row["cells"]], True)]
    else:
        lines = [line(f"{row['label']}: n (%)", "variable", [""] * len(groups), True)]
        for level in row["levels"]:
            cells = [
                f"{cell['n']} ({formatting.decimal(cell['percent'], 1)})" if cell["n"] else "0"
                for cell in level["cells"]
            ]
            lines.append(line(level["level"], "level", cells, False))
    if any(missing):
        lines.append(line("missing", "level missing", [str(n) for n in missing], False))
    return lines


def _median(cell: Mapping[str, Any]) -> str:
    if cell["median"] is None:
        return "\u2013"
    q1, q3 = formatting.decimal(cell["q1"], 1), formatting.decimal(cell["q3"], 1)
    return f"{formatting.decimal(cell['median'], 1)} ({q1} to {q3})"


def _smd(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return ""
    return formatting.decimal(entry["smd"], 2) if entry["smd"] is not None else formatting.why(entry)


# Performance


def performance_text(results: Results) -> str:
    """Where the thresholds come from, and what the blocks below answer."""
    roles = {center["role"] for center in results["study"]["centers"]}
    if roles == {"development", "external"}:
        return (
            "Thresholds were chosen on the development cohort and frozen before the external test cohort was read. The "
            "three blocks answer different questions and are never mixed: external is the test, out-of-fold is "
            "cross-validation inside the development cohort, apparent is the models\u2019 own training data."
        )
    if roles == {"development"}:
        return (
            "This study has no external test cohort. Thresholds were chosen on out-of-fold scores. The two blocks "
            "are never mixed: out-of-fold is cross-validation inside the development cohort, apparent is the "
            "models\u2019 own training data."
        )
    if frozen := results["config"].get("frozen"):
        return f"Models and thresholds are those of a finished study ({frozen}), used as they were frozen there."
    return "This study has no development cohort: nothing was fitted, and thresholds are fixed in the settings."


def overview_caption(results: Results) -> str:
    """What the marks of the overview of AUCs mean."""
    marks = {
        "external": "filled: external test cohort",
        "out_of_fold": "open: development cohort by out-of-fold scores",
    }
    shown = [text for name, text in marks.items() if rows_of(results, name)]
    if any(row["measure"] == "auc" and row["published"] is not None for row in headline(results)):
        shown.append("diamond: published external value")
    return f"Area under the ROC curve of every model; {', '.join(shown)}. Bars are {level_of(results)} intervals."


def calibration_text(results: Results) -> str:
    """Where the recalibration comes from."""
    question = "Can the scores be read as probabilities, and is acting on them worth the price?"
    if all(row["slope"] is None for row in results.get("recalibration") or []):
        return f"{question} {recalibration(results)}"
    external = main_evaluation(results) == "external"
    where = (
        ", never on the external cohort" if external else ": what it shows of these very scores is slightly optimistic"
    )
    fitted = f"Recalibration (intercept and slope) was fitted on out-of-fold development scores{where}."
    return f"{question} {fitted} {recalibration(results)}"


def performance_blocks(results: Results) -> list[dict[str, Any]]:
    """One block an evaluation, never mixed."""
    blocks = []
    for name, (title, meaning) in BLOCKS.items():
        rows = rows_of(results, name)
        if not rows:
            continue
        proportion = rows[0]["sensitivity"].get("method")
        auc_methods = dict.fromkeys(row["auc"]["method"] for row in rows if row["auc"].get("method"))
        methods = (
            f"Small print in each cell: {level_of(results)} interval; AUC by {' or '.join(auc_methods)}, "
            f"proportions by {proportion}, with numerator/denominator. PPV and NPV hold only where the share of "
            f"LNM-positive patients is as here ({rows[0]['positives']}/{rows[0]['n']})."
        )
        size = figures.cohort_size(rows)
        block = {"evaluation": name, "title": title, "meaning": meaning, "rows": rows, "methods": methods, "size": size}
        blocks.append(block)
    return blocks


def explorer_models(results: Results) -> list[dict[str, Any]]:
    """Counts at every threshold of the external ROC curves, lowest threshold first, for the threshold slider."""
    labels, models = labels_of(results), []
    for row in rows_of(results, "external"):
        if not figures.has_curve(row):
            continue
        curve = row["roc"]
        positives, negatives = row["positives"], row["n"] - row["positives"]
        columns = zip(curve["threshold"], curve["true_positive_rate"], curve["false_positive_rate"], strict=True)
        points = [
            {"threshold": threshold, "tp": round(true * positives), "fp": round(false * negatives)}
            for threshold, true, false in columns
        ]
        points.reverse()
        counts = (row["confusion"]["tp"], row["confusion"]["fp"])
        frozen = next((place for place, point in enumerate(points) if (point["tp"], point["fp"]) == counts), 0)
        cut = results["thresholds"].get(row["model"], {}).get("value")
        points[frozen] = {**points[frozen], "threshold": cut, "frozen": True}
        label = labels.get(row["model"], row["model"])
        start = {"model": row["model"], "label": label, "n": row["n"], "positives": positives}
        models.append({**start, "points": points, "frozen": frozen})
    return models


def comparison_blocks(results: Results) -> list[dict[str, Any]]:
    """Differences in AUC, one block an evaluation."""
    blocks = []
    for evaluation in ("external", "out_of_fold"):
        rows = [row for row in results.get("comparisons", []) if row["evaluation"] == evaluation]
        if not rows:
            continue
        shown = []
        for row in rows:
            entry = {"estimate": row["difference"], "low": row["low"], "high": row["high"], "why": row.get("why")}
            shown.append({**row, "text": formatting.estimate(entry, formatting.auc)})
        note = ". ".join(text for text in dict.fromkeys([rows[0].get("method"), rows[0].get("adjustment")]) if text)
        adjusted = any(row.get("p_holm") is not None for row in rows)
        block = {
            "title": verdict.EVALUATIONS[evaluation],
            "rows": shown,
            "note": f"{note[:1].upper()}{note[1:]}.",
            "adjusted": adjusted,
        }
        blocks.append(block)
    return blocks


def calibration(results: Results) -> list[dict[str, Any]]:
    """Rows of the calibration table: every model as predicted and, where it was, recalibrated."""
    labels = labels_of(results)
    rows = []
    for row in results.get("calibration") or []:
        if row["evaluation"] != main_evaluation(results):
            continue
        columns = {
            "observed_expected": formatting.ratio,
            "intercept": formatting.ratio,
            "slope": formatting.ratio,
            "brier": formatting.auc,
            "scaled_brier": formatting.auc,
        }
        cells = [formatting.estimate(row[key], write) for key, write in columns.items()]
        cells += [formatting.auc(row[key]) for key in ("ici", "e50", "e90")]
        z = row["spiegelhalter"]
        cells.append(formatting.p_value(z["p"]) if z["p"] is not None else formatting.why(z))
        rows.append({"model": row["model"], "label": labels[row["model"]], "scores": row["scores"], "cells": cells})
    order = list(labels)
    return sorted(rows, key=lambda row: order.index(row["model"]))


def recalibration(results: Results) -> str:
    """The line by which the H score was recalibrated, in words."""
    row = next((row for row in results.get("recalibration") or [] if row["model"] == main_model(results)), None)
    if row is None:
        return ""
    if row["slope"] is None:
        return f"Not recalibrated: {row['why']}."
    intercept, slope = formatting.ratio(row["intercept"]), formatting.ratio(row["slope"])
    name = labels_of(results)[row["model"]]
    return f"For {name}: logit of the recalibrated risk = {intercept} + {slope} \u00d7 logit of the score."


# Survival


def survival_text(results: Results) -> str:
    """How the groups were made."""
    grouping = results["survival"].get("grouping") or {}
    cut = grouping.get("cut")
    rule = {"threshold": "the frozen threshold", "median": "the median of the development cohort"}
    name = rule.get(grouping.get("rule"), grouping.get("rule"))
    enters = (
        "The development cohort enters with out-of-fold scores. "
        if "development" in results["survival"].get("cohorts", {})
        else ""
    )
    return (
        f"Patients with an H score of at least {formatting.decimal(cut, 3)} ({name}) form the high group, the "
        f"others the low group. {enters}Which cohort and covariates the "
        "published hazard ratio comes from is not public."
    )


def survival_groups(results: Results) -> list[dict[str, Any]]:
    """Patients, events and medians of both groups in both cohorts."""
    rows = []
    for cohort in ("external", "development"):
        content = results["survival"].get("cohorts", {}).get(cohort)
        if not content:
            continue
        groups = content.get("groups") or {}
        concordance = formatting.estimate(content.get("concordance"), formatting.auc)
        log_rank = content.get("log_rank") or {}
        log_rank_text = (
            formatting.p_value(log_rank.get("p")) if log_rank.get("p") is not None else formatting.why(log_rank)
        )
        for number, name in enumerate(name for name in ("high", "low") if groups.get(name)):
            group = groups[name]
            rows.append(
                {
                    "cohort": verdict.EVALUATIONS[cohort].capitalize(),
                    "group": f"H score {name}",
                    "n": group["n"],
                    "events": group["events"],
                    "median": median_text(group),
                    "first": number == 0,
                    "span": len(groups),
                    "log_rank": log_rank_text,
                    "concordance": concordance,
                }
            )
    return rows


def median_text(group: Mapping[str, Any]) -> str:
    """Median with its interval; a median that the curve never reaches is 'not reached'."""
    ends = formatting.interval(group.get("median_low"), group.get("median_high"), formatting.months)
    if group.get("median") is None:
        if group.get("median_low") is not None:
            return f"not reached ({ends})"
        return "not reached" if group["n"] else f"{formatting.NOT_ESTIMABLE}: {group.get('median_why')}"
    return f"{formatting.months(group['median'])} ({ends})"


def survival_notes(results: Results) -> list[str]:
    """Follow-up, missing data, the proportional-hazards test and sensitivity analyses, cohort by cohort."""
    lines = []
    for cohort in ("external", "development"):
        content = results["survival"].get("cohorts", {}).get(cohort)
        if not content:
            continue
        parts = [_follow_up(content.get("follow_up")), _missing(content.get("missing"))]
        tests = {entry["term"]: entry for entry in content.get("proportional_hazards") or []}
        if "high H score" in tests:
            p = tests["high H score"]
            text = formatting.p_equation(p["p"]) if p["p"] is not None else formatting.why(p)
            parts.append(f"test of proportional hazards: {text}")
        ratios = {
            "profile likelihood": (content.get("hazard_ratio") or {}).get("profile"),
            "Firth\u2019s penalty": content.get("hazard_ratio_firth"),
        }
        for name, ratio in ratios.items():
            if ratio:
                parts.append(f"hazard ratio by {name}: {formatting.estimate(ratio, formatting.ratio)}")
        if content.get("concordance_uno"):
            parts.append(f"Uno\u2019s C: {formatting.estimate(content['concordance_uno'], formatting.auc)}")
        mean = content.get("restricted_mean")
        if mean:
            entry = {**mean, "estimate": mean["difference"]}
            until = "" if mean["horizon"] is None else f" up to {formatting.months(mean['horizon'])} months"
            text = formatting.estimate(entry, formatting.months)
            parts.append(f"difference of restricted mean survival, high minus low{until}: {text} months")
        parts += [_pathology(content.get("pathology")), _competing(content.get("competing"))]
        lines.append(f"{verdict.EVALUATIONS[cohort].capitalize()}: {'; '.join(part for part in parts if part)}.")
    if sentence := page_statistics.prediction(results):
        lines.append(sentence)
    methods = dict.fromkeys(
        entry["method"]
        for content in results["survival"].get("cohorts", {}).values()
        for entry in (content.get("hazard_ratio") or {}, content.get("concordance") or {})
        if entry.get("method")
    )
    return lines + [f"Methods: {'; '.join(methods)}."] if methods else lines


def _follow_up(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return ""
    text = formatting.why(entry)
    if entry["median"] is not None:
        ends = formatting.interval(entry["low"], entry["high"], formatting.months)
        text = f"{formatting.months(entry['median'])} ({ends}) months"
    return f"median follow-up {text} ({entry['method']})"


def _pathology(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return ""
    added = entry["added"]
    test = formatting.p_equation(added["p"]) if added["p"] is not None else formatting.why(added)
    alone = formatting.estimate(entry["alone"], formatting.ratio)
    return f"hazard ratio of LNM at pathology alone: {alone}; what the H score adds to it (likelihood ratio): {test}"


def _competing(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return ""
    parts = []
    for name, group in entry["groups"].items():
        end = group["at_end"]
        until = f" by {formatting.months(end['time'])} months" if end.get("estimate") is not None else ""
        parts.append(f"{name} H score{until} {formatting.estimate(end, formatting.percent)}")
    events = formatting.count(entry["n"], "competing event")
    return f"{events}, {entry['handling']}; cumulative incidence beside them (Aalen-Johansen): {', '.join(parts)}"


def _missing(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return ""
    lacking = [(key, n) for key, n in entry.items() if isinstance(n, int) and n]
    if not lacking:
        return "no missing survival data"
    names = {"dfs": "survival data"}
    parts = [f"{names.get(key, figures.term_label(key))} missing in {n}" for key, n in lacking]
    return f"{', '.join(parts)} ({entry['handling']})"


def cox(results: Results) -> list[dict[str, Any]]:
    """Rows of the Cox table."""
    rows = []
    for row in figures.cox_rows(results):
        p = row["entry"].get("p")
        text = formatting.estimate(row["entry"], formatting.ratio)
        rows.append({**row, "text": text, "p": formatting.p_value(p) if p is not None else "\u2013"})
    return rows


# The publication


def verdict_groups(results: Results) -> list[dict[str, Any]]:
    """Verdict rows under the cohort they belong to: external, primary (apparent), survival."""
    titles = {
        "external": "External test cohort",
        "apparent": "Primary (development) cohort: published values are apparent",
        "survival": "Disease-free survival",
    }
    found: dict[str, list] = {title: [] for title in titles.values()}
    for row in results["verdicts"]:
        survival = row["measure"] in ("hazard_ratio", "median_high")
        title = titles["survival" if survival else row["evaluation"]]
        label = row["item"] if survival else f"{row['group'].partition(',')[0]}: {row['label']}"
        beside = ours_text(row, "beside") if row.get("beside") else None
        found[title].append({**row, "label": label, "ours_text": ours_text(row), "beside_text": beside})
    return [{"title": title, "rows": rows} for title, rows in found.items() if rows]


def cohorts(results: Results) -> list[dict[str, Any]]:
    """Published and own cohort sizes."""
    rows = []
    for cohort in results["published"]["cohorts"]:
        evaluation = "external" if cohort["role"] == "external" else "out_of_fold"
        ours = rows_of(results, evaluation)
        rows.append(
            {
                "name": f"{cohort['name'].capitalize()} ({cohort['centers']})",
                "published_n": f"{cohort['patients']:,}",
                "published_positives": cohort["lnm_positive"],
                "n": f"{ours[0]['n']:,}" if ours else "\u2013",
                "positives": ours[0]["positives"] if ours else "\u2013",
            }
        )
    return rows


# Settings


def thresholds(results: Results) -> list[dict[str, Any]]:
    """The frozen thresholds in words."""
    labels = labels_of(results)
    rows = []
    for name, entry in results["thresholds"].items():
        value = formatting.decimal(entry["value"], 3) if entry.get("value") is not None else formatting.why(entry)
        rows.append(
            {"label": labels.get(name, name), "value": value, "rule": entry["rule"], "chosen_on": entry["chosen_on"]}
        )
    return rows


def trained(results: Results) -> list[dict[str, Any]]:
    """One line a trained model: what it is, its seed and what it was trained on."""
    labels = labels_of(results)
    return [
        {
            "label": labels.get(model["model"], model["model"]),
            "seed": ", ".join(map(str, model.get("seeds", ["\u2013"]))),
            "folds": model.get("folds", "\u2013"),
            "patients": model.get("patients", "\u2013"),
            "positives": model.get("positives", "\u2013"),
        }
        for model in results["trained"]
    ]


# Writing


def inline_svg(text: str, name: str, caption: str) -> Markup:
    """A matplotlib SVG file made fit to stand inside a page: ids unique to the figure, a spoken label, no metadata."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    label = escape(caption)
    return Markup(re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" ', text, count=1).strip())


def _ends(entry: Mapping[str, Any], write) -> str:
    write = formatting.percent_bare if write is formatting.percent else write
    return formatting.interval(entry.get("low"), entry.get("high"), write)


def _web_look(look: style.Look) -> dict[str, Any]:
    dashes = " ".join(f"{2 * length:g}" for length in look.line[1]) if isinstance(look.line, tuple) else None
    return {"colour": look.colour, "dashes": dashes}


def _json(content: Any) -> Markup:
    """JSON that cannot end its script element."""
    return Markup(json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))
