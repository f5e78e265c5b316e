"""Return the tables of added value, instability and external centres as rows of plain numbers; see ``csv_tables``."""

from collections.abc import Mapping
from typing import Any

from hscore.report.figures.centers_figure import MEASURES
from hscore.report.page.page_added_value import fitted_models, frozen_results
from hscore.report.tables.cells import ESTIMATE, Rows, blank_if_none, estimate_cells, method_cells

SPREAD = ("frozen", "from", "to")
KEYS = (*ESTIMATE, "method")


def added_value(results: Mapping[str, Any]) -> Rows:
    """Return the added value of the H score: fitted in each cohort, then the models frozen on development."""
    rows = []
    for row in fitted_models(results):
        start = {"outcome": row["outcome"], "cohort": row["cohort"], "models": "fitted on these patients"}
        size = {key: row[key] for key in ("n", "events", "left_out")}
        added = {key: blank_if_none(row["added"][key]) for key in ("chi2", "df", "p", "adequacy", "new_information")}
        ratio = {f"ratio{'' if key == 'estimate' else '_' + key}": blank_if_none(row["ratio"][key]) for key in KEYS}
        aucs = {f"area_{key}": blank_if_none(row["apparent"][key]) for key in ("baseline", "both")}
        rows.append({**start, **size, **added, **ratio, "ratio_per": row["ratio"]["per"], **aucs})
        rows[-1]["why"] = row["added"].get("why", "")
    for row in frozen_results(results):
        start = {"outcome": row["outcome"], "cohort": "external", "models": "frozen on development"}
        aucs = {f"area_{key}": blank_if_none(row[key]["estimate"]) for key in ("baseline", "both")}
        gain = {f"gain{'' if key == 'estimate' else '_' + key}": blank_if_none(row["gain"][key]) for key in KEYS}
        size = {
            "n": blank_if_none(row["n"]),
            "events": blank_if_none(row["events"]),
            "p": blank_if_none(row["gain"]["p"]),
        }
        rows.append({**start, **size, **aucs, **gain, "why": row["gain"].get("why", "")})
    return rows


def instability(results: Mapping[str, Any]) -> Rows:
    """Return how far the members of every model's external score are from their mean."""
    rows = []
    for row in (results.get("instability") or {}).get("members", []):
        plain = {key: blank_if_none(value) for key, value in row.items() if not isinstance(value, dict)}
        aucs, calls = row.get("auc", {}), row.get("calls", {})
        plain |= {f"auc_{key}": blank_if_none(aucs.get(key)) for key in ("lowest", "highest")}
        rows.append(plain | {f"calls_{key}": blank_if_none(calls.get(key)) for key in ("changed", "index")})
    return rows


def threshold_instability(results: Mapping[str, Any]) -> Rows:
    """Return every model's threshold over resamples of the development cohort, and its effect on external calls."""
    rows = []
    for row in (results.get("instability") or {}).get("thresholds", []):
        external = row["external"] or {}
        cells = {key: row[key] for key in ("model", "resamples", "chosen")}
        cells |= {f"cut_off_{key}": blank_if_none(row["cut_off"][key]) for key in SPREAD}
        cells |= {f"calls_{key}": blank_if_none(external.get(key)) for key in ("changed", "unsure")}
        for measure in ("sensitivity", "specificity"):
            cells |= {f"{measure}_{key}": blank_if_none(external.get(measure, {}).get(key)) for key in SPREAD}
        rows.append({**cells, "why": row["cut_off"].get("why", "")})
    return rows


def centers(results: Mapping[str, Any]) -> Rows:
    """Return the main model in every external centre, and pooled over them."""
    content = results.get("centers")
    if not content:
        return []
    rows = []
    for row in content["centers"]:
        start = {"model": content["model"], **{key: row[key] for key in ("center", "n", "positives")}}
        for measure in MEASURES:
            rows.append({**start, "measure": measure, **method_cells(row[measure]), "why": row[measure].get("why", "")})
    keys = ("prediction_low", "prediction_high", "tau2", "i2", "centers", "left_out", "corrected", "method")
    for measure, entry in content["pooled"].items():
        start = {"model": content["model"], "center": "pooled", "measure": measure, **estimate_cells(entry)}
        why = entry.get("why") or entry.get("prediction_why", "")
        rows.append({**start, **{key: blank_if_none(entry.get(key)) for key in keys}, "why": why})
    return rows
