"""Reporting guidelines, answered where a machine can; everything else stays a blank for people.

Items and answer templates stand in ``checklist.yaml``; this module fills the templates with the run's facts. An
answer whose facts are not there (an empty text) is a blank as well.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml

from hscore.reporting.figures import labels_of, level_of, rows_of
from hscore.reporting.methods import listed

FILE = Path(__file__).with_name("checklist.yaml")


def guidelines(results: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every guideline: name, citation, items (number, asks, answer or None, place or None), number filled."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)
    known = facts(results)

    def fill(text: str | None) -> str | None:
        return environment.from_string(text).render(known).strip() or None if text else None

    found = []
    for guideline in yaml.safe_load(FILE.read_text(encoding="utf-8")):
        items = []
        for item in guideline["items"]:
            answer = fill(item.get("answer"))
            place = fill(item.get("place")) if answer else None
            items.append({"number": item["number"], "asks": item["asks"], "answer": answer, "place": place})
        filled = sum(item["answer"] is not None for item in items)
        found.append({**guideline, "items": items, "filled": filled})
    return found


def facts(results: Mapping[str, Any]) -> dict[str, Any]:
    """What the answers can mention; an empty text where this run has nothing to say."""
    simulated = results["study"]["simulated"]
    rows = {name: rows_of(results, name) for name in ("external", "out_of_fold")}
    flows = results["flow"].values()
    clinical = [model["label"] for model in results["models"] if not model["sequences"]]
    calibrated = bool(results.get("calibration"))
    code = results["code_version"]
    return {
        "source": "Simulated patients; no real ones." if simulated else "",
        "centers": listed([f"{center['name']} ({center['role']})" for center in results["study"]["centers"]]),
        "included": sum(flow["included"] for flow in flows),
        "in_table": sum(flow["in_table"] for flow in flows),
        "models": listed(list(labels_of(results).values())),
        **_of_roles(results, rows),
        "study_size": "As the data gave it; what it was large enough for, and the size of a prospective validation."
        if results.get("precision")
        else "",
        "missing": next(
            (content["missing"]["handling"] for content in results["survival"].get("cohorts", {}).values()),
            "complete cases",
        ),
        "between_centers": "Each centre as a subgroup, with the tests of a difference."
        if results.get("subgroups")
        else "",
        "class_weights": {"balanced": "classes weighted to balance", "none": "classes not weighted"}[
            results["config"]["train"]["class_weights"]
        ],
        "measures": "AUC, sensitivity, specificity, accuracy, PPV, NPV, each with its interval"
        + ("; calibration and net benefit" if calibrated else ""),
        "level": level_of(results),
        "data_available": "Simulated data: made anew by the same command." if simulated else "",
        "code": f"This project, version {code}." if code else f"This project, version {results['versions']['hscore']}.",
        "calibration": "Calibration curves and numbers." if calibrated else "",
        "calibration_place": "calibration" if calibrated else "",
        "clinical": f"{listed(clinical)}, compared with the paired DeLong test." if clinical else "",
    }


def _of_roles(results: Mapping[str, Any], rows: Mapping[str, list]) -> dict[str, str]:
    """What depends on whether there are development and external patients."""
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
    return {
        "objectives": _sentence(listed(objectives)) + ".",
        "use_of_data": "; ".join(use) + ".",
        "participants": _sentence(listed(participants)),
        "internal_testing": "Out-of-fold evaluation." if rows["out_of_fold"] else "",
        "external_testing": f"{rows['external'][0]['n']} patients of another centre." if rows["external"] else "",
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
