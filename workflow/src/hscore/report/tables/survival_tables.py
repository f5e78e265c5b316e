"""Return the report's tables of survival as rows of plain numbers; see ``csv_tables``."""

from collections.abc import Mapping
from typing import Any

from hscore.report.figures.survival_figures import cox_rows
from hscore.report.tables.cells import Rows, blank_if_none, curve_rows, estimate_cells


def survival_groups(results: Mapping[str, Any]) -> Rows:
    """Return patients, events and median of the groups by H score and by characteristic, in each cohort."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        parts = {"H score": content.get("groups") or {}, **_by_characteristic(content)}
        for by, groups in parts.items():
            for name, group in groups.items():
                row = {"cohort": cohort, "by": by, "group": name}
                for key in ("n", "events", "median", "median_low", "median_high", "median_method"):
                    row[key] = blank_if_none(group.get(key))
                row["why"] = group.get("median_why", "")
                rows.append(row)
    return rows


def survival_at(results: Mapping[str, Any]) -> Rows:
    """Return survival at yearly times: by H score, node status at pathology and characteristic."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        parts = {"H score": content.get("groups") or {}, "LNM": (content.get("pathology") or {}).get("groups") or {}}
        for by, groups in {**parts, **_by_characteristic(content)}.items():
            for name, group in groups.items():
                start = {"cohort": cohort, "by": by, "group": name}
                for row in group.get("at", []):
                    rows.append({**start, "time": row["time"], **estimate_cells(row)})
                    rows[-1] |= {"method": row.get("method", ""), "why": row.get("why", "")}
    return rows


def _by_characteristic(content: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    return {
        row["variable"]: {level["level"]: level for level in row["levels"]}
        for row in content.get("characteristics") or []
    }


def survival_tests(results: Mapping[str, Any]) -> Rows:
    """Return every test of groups or of several coefficients: log-rank, Gray, likelihood ratio."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        rows += [{"cohort": cohort, **row} for row in _tests(content)]
    return rows


def _tests(content: Mapping[str, Any]) -> Rows:
    spline, competing = content.get("spline") or {}, content.get("competing") or {}
    tests = [
        ("log-rank", "H score", content.get("log_rank")),
        ("log-rank, stratified by centre", "H score", (content.get("stratified") or {}).get("log_rank")),
        ("log-rank", "LNM", (content.get("pathology") or {}).get("log_rank")),
        *(("log-rank", row["variable"], row["log_rank"]) for row in content.get("characteristics") or []),
        ("Gray", "H score", competing.get("gray")),
        *((f"all coefficients, {row['model']}", row["term"], row) for row in content.get("terms") or []),
        ("spline, all coefficients", "H score", spline.get("overall")),
        ("spline, non-linearity", "H score", spline.get("nonlinearity")),
    ]
    keys = ("chi2", "df", "p", "p_holm", "adjustment", "method", "why")
    return [
        {"test": test, "of": variable, **{key: blank_if_none(entry.get(key)) for key in keys}}
        for test, variable, entry in tests
        if entry
    ]


def survival_calibration(results: Mapping[str, Any]) -> Rows:
    """Return calibration of the predicted survival of external patients, one row per measure."""
    calibration = (results["survival"].get("prediction") or {}).get("calibration")
    if not calibration:
        return []
    size = {key: blank_if_none(calibration[key]) for key in ("month", "n", "events", "at_risk", "expected")}
    rows = []
    for key in ("observed_expected", "slope"):
        entry = calibration[key]
        rows.append(
            {"measure": key, **size, **estimate_cells(entry), "method": entry["method"], "why": entry.get("why", "")}
        )
    rows[0]["observed"] = blank_if_none(calibration["observed_expected"].get("observed"))
    curve = {"method": calibration["curve"]["method"], "why": calibration.get("curve_why", "")}
    return rows + [
        {"measure": key, **size, "estimate": blank_if_none(calibration[key]), **curve} for key in ("ici", "e50", "e90")
    ]


def survival_calibration_curve(results: Mapping[str, Any]) -> Rows:
    """Return the points of the calibration curve of the predicted survival."""
    curve = ((results["survival"].get("prediction") or {}).get("calibration") or {}).get("curve") or {}
    points = curve_rows(curve, ("predicted", "observed", "low", "high"))
    return [{**point, "method": curve["method"]} for point in points]


def spline(results: Mapping[str, Any]) -> Rows:
    """Return the hazard ratio along the score."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        curve = content.get("spline") or {}
        points = curve_rows(curve, ("score", "hazard_ratio", "low", "high"))
        rows += [{"cohort": cohort, **point, "method": curve["method"]} for point in points]
    return rows


def prediction_error(results: Mapping[str, Any]) -> Rows:
    """Return the Brier score of predicted survival by month, external cohort, next to prediction without a model."""
    curve = ((results["survival"].get("prediction") or {}).get("external") or {}).get("curve") or {}
    return curve_rows(curve, ("month", "model", "no_model"))


def survival_curves(results: Mapping[str, Any]) -> Rows:
    """Return the points of the Kaplan-Meier curves; time in months."""
    rows = []
    for cohort, content in results["survival"].get("cohorts", {}).items():
        for name, group in (content.get("groups") or {}).items():
            curve = group.get("curve") or {}
            points = curve_rows(curve, ("time", "survival", "low", "high"))
            rows += [{"cohort": cohort, "group": name, **point, "method": curve["method"]} for point in points]
    return rows


def cox(results: Mapping[str, Any]) -> Rows:
    """Return the hazard ratios."""
    rows = []
    for row in cox_rows(results):
        entry = row["entry"]
        start = {"cohort": row["cohort"], "model": row["model"], "term": row["term"]}
        profile = {
            f"profile_{key}": blank_if_none((entry.get("profile") or {}).get(key))
            for key in ("low", "high", "p", "method")
        }
        size = {key: blank_if_none(entry.get(key)) for key in ("n", "events", "method", "why")}
        rows.append({**start, **estimate_cells(entry), "p": blank_if_none(entry.get("p")), **profile, **size})
    return rows
