"""The whole report from one results.json: figures, tables, page."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from hscore.files import new_file, new_folder
from hscore.reporting import (
    canvas,
    decision_figures,
    figures,
    page,
    style,
    survival_calibration,
    survival_figures,
    tables,
)
from hscore.reporting.cases_figure import waterfall
from hscore.reporting.centers_figure import centers
from hscore.reporting.flow_diagram import flow
from hscore.reporting.hazard_ratio_figure import hazard_ratios
from hscore.reporting.instability_figure import instability
from hscore.reporting.learning_figures import explanation, learning_curves
from hscore.reporting.spline_figure import spline
from hscore.reporting.subgroup_figure import subgroups

Results = Mapping[str, Any]

FIGURES: dict[str, Callable[[Results], Figure | None]] = {
    "flow": flow,
    "auc_overview": figures.auc_overview,
    "roc_out_of_fold": lambda results: figures.roc(results, "out_of_fold"),
    "roc_external": lambda results: figures.roc(results, "external"),
    "waterfall_external": lambda results: waterfall(results, "external"),
    "waterfall_out_of_fold": lambda results: waterfall(results, "out_of_fold"),
    "calibration": figures.calibration,
    "decision_curves": decision_figures.decision_curves,
    "spared": decision_figures.spared,
    "reclassification": decision_figures.reclassification,
    "kaplan_meier_external": lambda results: survival_figures.kaplan_meier(results, "external"),
    "kaplan_meier_development": lambda results: survival_figures.kaplan_meier(results, "development"),
    "kaplan_meier_nodes_external": lambda results: survival_figures.kaplan_meier_by_nodes(results, "external"),
    "kaplan_meier_nodes_development": lambda results: survival_figures.kaplan_meier_by_nodes(results, "development"),
    "time_dependent_auc": survival_figures.time_dependent_auc,
    "survival_calibration": survival_calibration.calibration,
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
    with new_folder(figure_folder) as temporary, style.drawing():
        for name, draw in FIGURES.items():
            figure = draw(results)
            if figure is not None:
                curves[name] = canvas.curves(figure)
                svgs[name] = canvas.save(figure, temporary, name).read_text(encoding="utf-8")
    with new_folder(table_folder) as temporary:
        tables.write(results, temporary)
    with new_file(output) as temporary:
        temporary.write_text(page.render(results, svgs, curves), encoding="utf-8")
