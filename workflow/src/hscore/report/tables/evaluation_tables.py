"""Return the report's further tables of the evaluation as rows of plain numbers; see ``csv_tables``.

These are added value, instability, external centres, intention to diagnose, and the comparison with the planted truth.
"""

from collections.abc import Mapping
from typing import Any

from hscore.report.figures.centers_figure import MEASURES
from hscore.report.page.page_added_value import fitted_models, frozen_results
from hscore.report.page.page_intention import CASES, RATES, test_label
from hscore.report.page.page_truth import comparisons
from hscore.report.tables.cells import Rows, blank_if_none, estimate_cells, method_cells, named_cells

SPREAD = ("frozen", "from", "to")
YES_NO = {True: "yes", False: "no", None: ""}


def added_value(results: Mapping[str, Any]) -> Rows:
    """Return the added value of the H score: fitted in each cohort, then the models frozen on development."""
    rows = []
    for row in fitted_models(results):
        start = {"outcome": row["outcome"], "cohort": row["cohort"], "models": "fitted on these patients"}
        size = {key: row[key] for key in ("n", "events", "left_out")}
        added = {key: blank_if_none(row["added"][key]) for key in ("chi2", "df", "p", "adequacy", "new_information")}
        aucs = {f"area_{key}": blank_if_none(row["apparent"][key]) for key in ("baseline", "both")}
        ratio = {**named_cells("ratio", row["ratio"]), "ratio_per": row["ratio"]["per"]}
        rows.append({**start, **size, **added, **ratio, **aucs})
        rows[-1]["why"] = row["added"].get("why", "")
    for row in frozen_results(results):
        start = {"outcome": row["outcome"], "cohort": "external", "models": "frozen on development"}
        aucs = {f"area_{key}": blank_if_none(row[key]["estimate"]) for key in ("baseline", "both")}
        size = {
            "n": blank_if_none(row["n"]),
            "events": blank_if_none(row["events"]),
            "p": blank_if_none(row["gain"]["p"]),
        }
        rows.append({**start, **size, **aucs, **named_cells("gain", row["gain"]), "why": row["gain"].get("why", "")})
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


def intention_to_diagnose(results: Mapping[str, Any]) -> Rows:
    """Return one row per test, case and measure as plain numbers, with the 3 x 2 table and the shares with a result."""
    table = []
    for row in results.get("intention_to_diagnose") or []:
        start = {"evaluation": row["evaluation"], "test": row["test"], "label": test_label(results, row["test"])}
        for status, counts in row["table"].items():
            table += [
                {**start, "case": "3 x 2 table", "measure": f"{status}, {key}", "numerator": blank_if_none(value)}
                for key, value in counts.items()
            ]
        entries = [("with a result", key, entry) for key, entry in row["with_result"].items()]
        entries += [(words, rate, row[case][rate]) for case, words in CASES.items() for rate in RATES]
        table += [
            {
                **start,
                "case": case,
                "measure": measure,
                **{key: blank_if_none(entry[key]) for key in ("numerator", "denominator")},
                **estimate_cells(entry),
                "method": entry["method"],
                "why": entry.get("why", ""),
            }
            for case, measure, entry in entries
        ]
    return table


def truth(results: Mapping[str, Any]) -> Rows:
    """Return the AUC of every model next to the planted one."""
    if not results.get("truth"):
        return []
    return [
        {
            "item": row["item"],
            "cohort": row["cohort"],
            "planted": row["planted"],
            **{key: row["entry"].get(key) for key in ("estimate", "low", "high", "method")},
            "holds_planted": YES_NO[row["holds"]],
        }
        for row in comparisons(results)
    ]


def hazard_ratios(results: Mapping[str, Any]) -> Rows:
    """Return the hazard ratios from planted to achieved one row per cohort and step."""
    if not results.get("truth"):
        return []
    ratios = results["truth"]["hazard_ratios"]
    rows = []
    for cohort, content in ratios["cohorts"].items():
        for step in ("planted", "true_groups", "expected", "achieved"):
            entry = ratios["planted"] if step == "planted" else content[step]
            values = {key: entry.get(key) for key in ("estimate", "low", "high", "method", "why")}
            rows.append({"cohort": cohort, "hazard_ratio": step, **values})
        rows[-1]["holds_expected"] = YES_NO[content["holds_expected"]]
        for predicted, counts in (content["table"] or {}).items():
            rows[-1] |= {f"predicted_{predicted}_truly_{true}": n for true, n in counts.items()}
    return rows
