"""Prepare the page's text and rows on survival by H score."""

from collections.abc import Mapping
from typing import Any

from hscore.report import formatting, verdict
from hscore.report.figures import subgroup_figure, survival_calibration_figure, survival_figures
from hscore.report.figures.diagnosis_figures import endpoint_of, endpoint_title
from hscore.report.page import page_statistics

Results = Mapping[str, Any]


def view(results: Results) -> dict[str, Any]:
    """Return the values that the template shows."""
    survival = results["survival"]
    return {
        "endpoint": endpoint_of(results),
        "endpoint_title": endpoint_title(results),
        "endpoint_short": results["config"]["survive"]["endpoint"]["short"],
        "survival_why": None if survival.get("cohorts") else formatting.not_estimable_text(survival),
        "survival_text": survival_text(results),
        "survival_groups": survival_groups(results),
        "survival_at": page_statistics.survival_at(results),
        "survival_by_characteristic": by_characteristic(results),
        "survival_calibration": survival_calibration_figure.calibration_text(results),
        "survival_notes": survival_notes(results),
        "cox": cox(results),
    }


def survival_text(results: Results) -> str:
    """Return how the groups were made."""
    grouping = results["survival"].get("grouping") or {}
    threshold = grouping.get("threshold")
    if threshold is None and grouping.get("why"):
        return f"Patients are not grouped by H score: {grouping['why']}."
    rule = {"threshold": "the frozen threshold", "median": "the median of the development cohort"}
    name = rule.get(grouping.get("rule"), grouping.get("rule"))
    enters = (
        "The development cohort is analysed with out-of-fold scores. "
        if "development" in results["survival"].get("cohorts", {})
        else ""
    )
    return (
        f"Patients with an H score of at least {formatting.decimal(threshold, 3)} ({name}) form the high group, the "
        f"others the low group. {enters}The publication does not state the "
        "cohort and covariates of its hazard ratio."
    )


def survival_groups(results: Results) -> list[dict[str, Any]]:
    """Return patients, events and medians of both groups in both cohorts."""
    rows = []
    for cohort in ("external", "development"):
        content = results["survival"].get("cohorts", {}).get(cohort)
        if not content:
            continue
        groups = content.get("groups") or {}
        concordance = formatting.estimate(content.get("concordance"), formatting.auc)
        log_rank = content.get("log_rank") or {}
        log_rank_text = (
            formatting.p_value(log_rank.get("p"))
            if log_rank.get("p") is not None
            else formatting.not_estimable_text(log_rank)
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
    """Return the median with its interval; a median that the curve never reaches is 'not reached'."""
    ends = formatting.interval(group.get("median_low"), group.get("median_high"), formatting.months)
    if group.get("median") is None:
        if group.get("median_low") is not None:
            return f"not reached ({ends})"
        return "not reached" if group["n"] else f"{formatting.NOT_ESTIMABLE}: {group.get('median_why')}"
    return f"{formatting.months(group['median'])} ({ends})"


def survival_notes(results: Results) -> list[str]:
    """Return follow-up, missing data, the proportional-hazards test and sensitivity analyses, cohort by cohort."""
    lines = []
    for cohort in ("external", "development"):
        content = results["survival"].get("cohorts", {}).get(cohort)
        if not content:
            continue
        parts = [_follow_up(content.get("follow_up")), _missing(content.get("missing"))]
        tests = {entry["term"]: entry for entry in content.get("proportional_hazards") or []}
        if "high H score" in tests:
            p = tests["high H score"]
            text = formatting.p_equation(p["p"]) if p["p"] is not None else formatting.not_estimable_text(p)
            parts.append(f"test of proportional hazards: {text}")
        if plain_why := (content.get("hazard_ratio") or {}).get("plain_why"):
            parts.append(f"the hazard ratio uses Firth\u2019s penalty, because of the plain model {plain_why}")
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
        parts += [
            _stratified(content.get("stratified")),
            _pathology(content.get("pathology")),
            _competing(content.get("competing")),
        ]
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
    text = formatting.not_estimable_text(entry)
    if entry["median"] is not None:
        ends = formatting.interval(entry["low"], entry["high"], formatting.months)
        text = f"{formatting.months(entry['median'])} ({ends}) months"
    return f"median follow-up {text} ({entry['method']})"


def _pathology(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return ""
    added = entry["added"]
    test = formatting.p_equation(added["p"]) if added["p"] is not None else formatting.not_estimable_text(added)
    alone = formatting.estimate(entry["alone"], formatting.ratio)
    return f"hazard ratio of LNM at pathology alone: {alone}; what the H score adds to it (likelihood ratio): {test}"


def _stratified(entry: Mapping[str, Any] | None) -> str:
    if not entry or entry["centers"] < 2:
        return ""
    ratio = formatting.estimate(entry["hazard_ratio"], formatting.ratio)
    return f"stratified by {entry['centers']} centres: hazard ratio {ratio}, log-rank {_p(entry['log_rank'])}"


def _p(test: Mapping[str, Any]) -> str:
    """Return the p-value of a test, or why there is none."""
    return formatting.p_equation(test["p"]) if test["p"] is not None else formatting.not_estimable_text(test)


def _competing(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return ""
    parts = []
    for name, group in entry["groups"].items():
        end = group["at_end"]
        until = f" by {formatting.months(end['time'])} months" if end.get("estimate") is not None else ""
        parts.append(f"{name} H score{until} {formatting.estimate(end, formatting.percent)}")
    events = formatting.count(entry["n"], "competing event")
    ratio = formatting.estimate(entry["hazard_ratio"], formatting.ratio)
    return (
        f"{events}, {entry['handling']}; cumulative incidence (Aalen-Johansen): {', '.join(parts)}; Gray\u2019s test "
        f"{_p(entry['gray'])}; subdistribution hazard ratio of the high group (Fine-Gray) {ratio}"
    )


def _missing(entry: Mapping[str, Any] | None) -> str:
    if not entry:
        return ""
    lacking = [(key, n) for key, n in entry.items() if isinstance(n, int) and n]
    if not lacking:
        return "no missing survival data"
    names = {"dfs": "survival data"}
    parts = [f"{names.get(key, survival_figures.term_label(key))} missing in {n}" for key, n in lacking]
    return f"{', '.join(parts)} ({entry['handling']})"


def by_characteristic(results: Results) -> list[dict[str, Any]]:
    """Return one block per cohort: each characteristic's levels with survival, and the test of all levels at once."""
    blocks = []
    for cohort in ("external", "development"):
        content = results["survival"].get("cohorts", {}).get(cohort)
        if not content or not content.get("characteristics"):
            continue
        rows = [
            {
                "variable": subgroup_figure.NAMES.get(row["variable"], row["variable"].replace("_", " ")),
                "missing": row["missing"],
                "first": number == 0,
                "span": len(row["levels"]),
                "level": level["level"],
                "n": level["n"],
                "events": level["events"],
                "cells": [
                    formatting.estimate(at, formatting.percent) if at["estimate"] is not None else "\u2013"
                    for at in level["at"][::2]
                ],
                "test": _test_of_levels(row["log_rank"]),
            }
            for row in content["characteristics"]
            for number, level in enumerate(row["levels"])
        ]
        times = [f"{moment:g}" for moment in content["at_risk"]["time"][1::2]]  # the others are in the CSV table
        blocks.append({"cohort": verdict.EVALUATIONS[cohort], "times": times, "rows": rows})
    return blocks


def _test_of_levels(test: Mapping[str, Any]) -> str:
    """Return degrees of freedom, p and adjusted p of a log-rank test, or why there is none."""
    if test["p"] is None:
        return formatting.not_estimable_text(test)
    p, adjusted = formatting.p_equation(test["p"]), formatting.p_value(test["p_holm"])
    return f"{p} (df {test['df']}); adjusted {adjusted}"


def cox(results: Results) -> list[dict[str, Any]]:
    """Return the rows of the Cox table: every hazard ratio, followed by the joint test of a term's coefficients."""
    rows, tests = [], _tests_of_terms(results)
    for row in survival_figures.cox_rows(results):
        p = row["entry"].get("p")
        text = formatting.estimate(row["entry"], formatting.ratio)
        rows.append({**row, "text": text, "p": formatting.p_value(p) if p is not None else "\u2013"})
    for (cohort, model, term), test in tests.items():
        parts = [
            index
            for index, row in enumerate(rows)
            if (row["cohort"], row["model"]) == (cohort, model) and row["term"].startswith(f"{term}: ")
        ]
        rows.insert(parts[-1] + 1, {"cohort": cohort, "model": model, "term": f"{term}, all levels", **test})
    return rows


def _tests_of_terms(results: Results) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return the joint tests of several coefficients, by cohort, model and term as the Cox table names them."""
    models = {"univariable": "univariable", "multivariable": "adjusted"}
    rows = {}
    for cohort in ("external", "development"):
        for test in (results["survival"].get("cohorts", {}).get(cohort) or {}).get("terms") or []:
            known = test["p"] is not None
            text = f"one test, df {test['df']}" if known else formatting.not_estimable_text(test)
            row = {"text": text, "p": formatting.p_value(test["p"]) if known else "\u2013", "main": False}
            rows[cohort.capitalize(), models[test["model"]], survival_figures.term_label(test["term"])] = row
    return rows
