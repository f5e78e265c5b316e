"""Write the whole report from one results.json: figures, tables, page."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from hscore.files import new_file, new_folder
from hscore.report.figures import (
    decision_figures,
    diagnosis_figures,
    figure_canvas,
    style,
    survival_calibration_figure,
    survival_figures,
)
from hscore.report.figures.cases_figure import waterfall
from hscore.report.figures.centers_figure import centers
from hscore.report.figures.flow_diagram import flow
from hscore.report.figures.hazard_ratio_figure import hazard_ratios
from hscore.report.figures.instability_figure import instability
from hscore.report.figures.learning_figures import explanation, learning_curves
from hscore.report.figures.spline_figure import spline
from hscore.report.figures.subgroup_figure import subgroups
from hscore.report.page import assemble
from hscore.report.tables import csv_tables

Results = Mapping[str, Any]

FIGURES: dict[str, Callable[[Results], Figure | None]] = {
    "flow": flow,
    "auc_overview": diagnosis_figures.auc_overview,
    "roc_out_of_fold": lambda results: diagnosis_figures.roc(results, "out_of_fold"),
    "roc_external": lambda results: diagnosis_figures.roc(results, "external"),
    "waterfall_external": lambda results: waterfall(results, "external"),
    "waterfall_out_of_fold": lambda results: waterfall(results, "out_of_fold"),
    "calibration": diagnosis_figures.calibration,
    "decision_curves": decision_figures.decision_curves,
    "spared": decision_figures.spared_dissections,
    "reclassification": decision_figures.reclassification,
    "kaplan_meier_external": lambda results: survival_figures.kaplan_meier(results, "external"),
    "kaplan_meier_development": lambda results: survival_figures.kaplan_meier(results, "development"),
    "kaplan_meier_nodes_external": lambda results: survival_figures.kaplan_meier_by_nodes(results, "external"),
    "kaplan_meier_nodes_development": lambda results: survival_figures.kaplan_meier_by_nodes(results, "development"),
    "time_dependent_auc": survival_figures.time_dependent_auc,
    "survival_calibration": survival_calibration_figure.calibration,
    "cox": survival_figures.cox_forest,
    "spline_external": lambda results: spline(results, "external"),
    "spline_development": lambda results: spline(results, "development"),
    "subgroups_external": lambda results: subgroups(results, "external"),
    "subgroups_out_of_fold": lambda results: subgroups(results, "out_of_fold"),
    "hazard_ratios": hazard_ratios,
    "instability_external": instability,
    "centers_external": centers,
    "learning_curves": learning_curves,
    "explanation": explanation,
}


def write(results: Results, output: Path, figure_folder: Path, table_folder: Path) -> None:
    """Write the page and the folders of figures (SVG, PDF) and tables (CSV); equal results give equal bytes."""
    svgs, curves = {}, {}
    with new_folder(figure_folder) as temporary, style.figure_context():
        for name, draw in FIGURES.items():
            figure = draw(results)
            if figure is not None:
                curves[name] = figure_canvas.curves(figure)
                svgs[name] = figure_canvas.save(figure, temporary, name).read_text(encoding="utf-8")
    with new_folder(table_folder) as temporary:
        csv_tables.write(results, temporary)
    with new_file(output) as temporary:
        temporary.write_text(assemble.render(results, svgs, curves), encoding="utf-8")
