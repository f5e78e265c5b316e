"""Write the report's tables as CSV files: plain numbers in full precision, one file per table.

Every row begins with the column ``data`` ('simulated' or 'own'), so that a copied table still shows its origin.
Missing numbers are empty, with the reason in ``why``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hscore.contracts import delimited
from hscore.report.page import page_intention, page_truth
from hscore.report.tables import diagnosis_tables, evaluation_tables, imaging_tables, survival_tables
from hscore.report.tables.cells import Rows


def tables(results: Mapping[str, Any]) -> dict[str, Rows]:
    """Return file name without suffix -> rows, for every table of the report that has rows."""
    rows_by_table = {
        "flow": diagnosis_tables.flow(results),
        "table1": diagnosis_tables.table1(results),
        "table1_centers": diagnosis_tables.table1_centers(results),
        "protocol": imaging_tables.protocol(results),
        "image_quality": imaging_tables.image_quality(results),
        "performance": diagnosis_tables.performance(results),
        "intention_to_diagnose": page_intention.plain_rows(results),
        "roc": diagnosis_tables.roc(results),
        "roc_bands": diagnosis_tables.roc_bands(results),
        "scores": imaging_tables.scores(results),
        "cases": imaging_tables.cases(results),
        "adds_to_reading": diagnosis_tables.adds_to_reading_answers(results),
        "comparisons": diagnosis_tables.comparisons(results),
        "auc_change": diagnosis_tables.auc_change(results),
        "paired_accuracy": diagnosis_tables.paired_accuracy(results),
        "calibration": diagnosis_tables.calibration(results),
        "decision_curves": diagnosis_tables.decision_curves(results),
        "reclassification": diagnosis_tables.reclassification(results),
        "cut_off_error": diagnosis_tables.cut_off_error(results),
        "published": diagnosis_tables.published(results),
        "truth": page_truth.plain_rows(results),
        "hazard_ratios": page_truth.ratio_rows(results),
        "guidelines": diagnosis_tables.checklist(results),
        "subgroups": diagnosis_tables.subgroups(results),
        "study_size": diagnosis_tables.study_size(results),
        "development_size": diagnosis_tables.development_size(results),
        "survival_groups": survival_tables.survival_groups(results),
        "survival_at": survival_tables.survival_at(results),
        "survival_curves": survival_tables.survival_curves(results),
        "cox": survival_tables.cox(results),
        "spline": survival_tables.spline(results),
        "prediction_error": survival_tables.prediction_error(results),
        "survival_tests": survival_tables.survival_tests(results),
        "survival_calibration": survival_tables.survival_calibration(results),
        "survival_calibration_curve": survival_tables.survival_calibration_curve(results),
        "thresholds": diagnosis_tables.thresholds(results),
        "added_value": evaluation_tables.added_value(results),
        "instability": evaluation_tables.instability(results),
        "threshold_instability": evaluation_tables.threshold_instability(results),
        "centers": evaluation_tables.centers(results),
    }
    data = results["study"]["data"]
    return {name: [{"data": data, **row} for row in rows] for name, rows in rows_by_table.items() if rows}


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write every table as ``folder``/<name>.csv."""
    for name, rows in tables(results).items():
        columns = list(dict.fromkeys(key for row in rows for key in row))
        delimited.write(folder / f"{name}.csv", columns, rows)
