"""Answer reporting guidelines where the run has the facts; all other items stay blank for the authors.

``checklist_*.yaml`` contains the items, one file per guideline: published numbers, paraphrased questions, ``answer`` as
a template filled with the facts of the run, ``place`` as the section of the page that shows it. An answer whose facts
are missing (an empty text) is blank as well.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import yaml

from hscore.report import formatting
from hscore.report.figures.diagnosis_figures import confidence_text, endpoint_of, labels_of, main_model, rows_of
from hscore.report.verdict import EVALUATIONS

HERE = Path(__file__).parent
ORDER = ("tripod_ai", "claim", "stard_ai", "metrics")


def guidelines(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every guideline: name, citation, items (number, asks, answer or None, place or None), number filled."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    known = facts(results)

    def fill(text: str | None) -> str | None:
        return environment.from_string(text).render(known).strip() or None if text else None

    filled_guidelines = []
    for name in ORDER:
        guideline = yaml.safe_load((HERE / f"checklist_{name}.yaml").read_text(encoding="utf-8"))
        items = []
        for item in guideline["items"]:
            answer = fill(item.get("answer"))
            place = fill(item.get("place")) if answer else None
            items.append({"number": item["number"], "asks": item["asks"], "answer": answer, "place": place})
        filled = sum(item["answer"] is not None for item in items)
        filled_guidelines.append({**guideline, "items": items, "filled": filled, "blank": len(items) - filled})
    return filled_guidelines


def facts(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts that the answers can mention; an empty text where this run has none."""
    return {**_data(results), **_models(results), **_statistics(results), **_of_roles(results)}


def _data(results: Mapping[str, Any]) -> dict[str, str]:
    simulated = results["study"]["simulated"]
    flows = results["flow"].values()
    code = results["code_version"]
    protocol = (results.get("imaging") or {}).get("protocol")
    devices = "Vendors, scanners and field strengths from the headers; versions of all software under settings."
    images = "Conversion, bias field, intensity and sampling, the same code and settings in all centres."
    missing = next((content["missing"]["handling"] for content in results["survival"].get("cohorts", {}).values()), "")
    return {
        "source": "Simulated patients; no real ones." if simulated else "",
        "centers": formatting.join_words(
            [f"{center['name']} ({center['role']})" for center in results["study"]["centers"]]
        ),
        "included": f"{sum(flow['included'] for flow in flows):,}",
        "in_table": f"{sum(flow['in_table'] for flow in flows):,}",
        "preprocessing": images if _sees_images(results) else "",
        "selected": "The sections that the region of interest reaches, cut to its box."
        if _sees_images(results)
        else "",
        "protocol": "From the headers of the series used, one row per centre and sequence." if protocol else "",
        "devices": devices if protocol else "",
        "missing_data": "Required data missing: excluded with a reason; node status: analysed for survival only; "
        "other variables: counted in Table 1" + (f"; survival: {missing}." if missing else "."),
        "data_available": "Simulated data: the same command generates them again." if simulated else "",
        "code": f"This project, version {code or results['versions']['hscore']}.",
    }


def _models(results: Mapping[str, Any]) -> dict[str, str]:
    labels = labels_of(results)
    clinical = [labels[model["model"]] for model in results["models"] if not _sees(model)]
    images = _sees_images(results)
    trained_here = bool(results["trained"]) and not results["config"].get("frozen")
    weights = {"balanced": "classes weighted to balance", "none": "classes not weighted"}
    fixed = "of a finished study, used as frozen there" if results["config"].get("frozen") else "fixed"
    return {
        "models": formatting.join_words(list(labels.values())),
        "main": labels.get(main_model(results), "the main model"),
        "clinical": f"{formatting.join_words(clinical)}, compared with the paired DeLong test." if clinical else "",
        "class_weights": weights[results["config"]["train"]["class_weights"]],
        "initial": "Random, by the seeds in the settings; no pretrained weights." if images and trained_here else "",
        "ensemble": "The mean of the networks of all folds and seeds." if images else "",
        "sequences": _sequences(results) if images else "",
        "explained": "Saliency maps (Grad-CAM), checked against networks with random weights."
        if results.get("explanation")
        else "",
        "cut": f"Thresholds {'chosen on development scores and frozen' if trained_here else fixed} "
        "before the external test.",
        "blinded": "Networks received only images and the configured variables. No job that trains, "
        "chooses or freezes anything reads an external outcome.",
    }


def _sees(model: Mapping[str, Any]) -> bool:
    return bool(model["sequences"])


def _sees_images(results: Mapping[str, Any]) -> bool:
    return any(_sees(model) for model in results["models"])


def _sequences(results: Mapping[str, Any]) -> str:
    if any(len(model["sequences"]) > 1 for model in results["models"]):
        return "Models of one sequence and of several, compared; the choice is made in development."
    return "Each sequence has its own model; combinations of sequences are not part of this run."


def _statistics(results: Mapping[str, Any]) -> dict[str, str]:
    calibrated = bool(results.get("calibration"))
    subgroups = bool(results.get("subgroups"))
    several = (results.get("centers") or {}).get("pooled")
    pooled = " External centres pooled, with prediction intervals." if several else ""
    cases = (results.get("cases") or {}).get("shown")
    rows = results.get("intention_to_diagnose") or []
    failures = "The worst false negatives and false positives individually; a 2 x 2 table per model."
    return {
        "study_size": "Determined by the available data; the report states the supported model size."
        if results.get("precision")
        else "",
        "between_centers": f"Each centre as a subgroup, with the tests of a difference.{pooled}" if subgroups else "",
        "measures": "AUC, sensitivity, specificity, accuracy, PPV, NPV, each with its interval"
        + ("; calibration and net benefit" if calibrated else ""),
        "level": confidence_text(results),
        "indeterminate": _indeterminate(rows, main_model(results)),
        "hypothesis": _hypothesis(results),
        "endpoint": endpoint_of(results),
        "calibration": "Calibration curves and numbers." if calibrated else "",
        "failures": failures if cases else "",
    }


def _indeterminate(rows: Sequence[Mapping[str, Any]], model: str | None) -> str:
    """Return how patients without an H score result or without a reference standard were handled."""
    of_model = [row for row in rows if row["test"] == model]
    if not of_model:
        return ""
    counts = formatting.join_words([f"{_without_result(row)} ({EVALUATIONS[row['evaluation']]})" for row in of_model])
    return (
        f"Without a result of the index test: {counts}; counted by intention to diagnose, worst and best case, next to "
        "complete cases. Without the reference standard: counted, and analysed for survival where this is known."
    )


def _without_result(row: Mapping[str, Any]) -> int:
    return sum(group["no_result"] for group in row["table"].values())


def _hypothesis(results: Mapping[str, Any]) -> str:
    labels, primary = labels_of(results), results["primary"]
    if primary["p"] is None:
        return f"No primary hypothesis could be tested: {primary.get('why')}."
    return (
        f"Primary: external AUC of {labels[primary['model']]} against {labels[primary['against']]}, not adjusted. "
        "Secondary: all others; Holm's method within each evaluation and measure."
    )


def _of_roles(results: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts that depend on whether there are development and external patients."""
    rows = {name: rows_of(results, name) for name in ("external", "out_of_fold")}
    objectives, use, participants = [], [], []
    if rows["out_of_fold"]:
        row = rows["out_of_fold"][0]
        objectives.append("development with internal validation")
        use.append(f"{results['config']['split']['folds']}-fold cross-validation on {row['n']} development patients")
        participants.append(f"development {row['n']} ({row['positives']} LNM-positive)")
    if rows["external"]:
        row = rows["external"][0]
        objectives.append("evaluation on external patients")
        use.append(f"{row['n']} external patients for testing only")
        participants.append(f"external {row['n']} ({row['positives']} LNM-positive)")
    has_both = all(rows.values())
    return {
        "objectives": _sentence(formatting.join_words(objectives)) + ".",
        "use_of_data": "; ".join(use) + ".",
        "participants": _sentence(formatting.join_words(participants)),
        "internal_testing": "Out-of-fold evaluation." if rows["out_of_fold"] else "",
        "external_testing": f"{rows['external'][0]['n']} patients of another centre." if rows["external"] else "",
        "external_difference": "Table 1, standardised differences between the cohorts." if has_both else "",
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def counts(results: Mapping[str, Any]) -> list[str]:
    """Return one line per guideline: how many items this run answered, how many are left to the authors."""
    return [
        f"{guideline['name']}: {guideline['filled']} of {len(guideline['items'])} items answered, "
        f"{guideline['blank']} left to the authors"
        for guideline in guidelines(results)
    ]
