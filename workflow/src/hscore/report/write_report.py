"""Write the whole report from one results.json: figures, tables, page."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hscore.files import new_file, new_folder
from hscore.report import registry
from hscore.report.figures import figure_canvas, style
from hscore.report.page import assemble
from hscore.report.tables import csv_tables


def write(results: Mapping[str, Any], output: Path, figure_folder: Path, table_folder: Path) -> None:
    """Write the page and the folders of figures (SVG, PDF) and tables (CSV); equal results give equal bytes."""
    svgs, curves = {}, {}
    with new_folder(figure_folder) as temporary, style.figure_context():
        for name, item in registry.FIGURES.items():
            figure = item.make(results)
            if figure is not None:
                curves[name] = figure_canvas.curves(figure)
                svgs[name] = figure_canvas.save(figure, temporary, name).read_text(encoding="utf-8")
    with new_folder(table_folder) as temporary:
        csv_tables.write(results, temporary)
    with new_file(output) as temporary:
        temporary.write_text(assemble.render(results, svgs, curves), encoding="utf-8")
