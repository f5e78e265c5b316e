"""Assemble the report as one self-contained HTML page from results.json, without computing any number.

The page contains its style, script, figures and pictures. A content security policy in its head forbids every request.
Each ``page_*`` module makes the part of the view that its subject needs.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from hscore.report import formatting, registry
from hscore.report.figures import diagnosis_figures, style
from hscore.report.figures.diagnosis_figures import confidence_text, labels_of, main_model, survival_confidence_text
from hscore.report.guidelines.checklist import guidelines
from hscore.report.methods.methods_text import methods
from hscore.report.page import (
    page_added_value,
    page_cases,
    page_imaging,
    page_intention,
    page_learning,
    page_patients,
    page_performance,
    page_published,
    page_settings,
    page_stability,
    page_summary,
    page_survival,
    page_truth,
)

HERE = Path(__file__).parent
PARTS = (
    page_summary,
    page_patients,
    page_imaging,
    page_cases,
    page_performance,
    page_intention,
    page_added_value,
    page_stability,
    page_survival,
    page_learning,
    page_published,
    page_truth,
    page_settings,
)

Results = Mapping[str, Any]


def render(results: Results, svgs: Mapping[str, str], curves: Mapping[str, Any] | None = None) -> str:
    """Return the page's HTML.

    Args:
        results: content of results.json.
        svgs: figure name -> SVG text.
        curves: figure name -> curves whose values the reader can query, see ``figure_canvas.curves``.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "inline_svg": inline_svg,
        "json": embedded_json,
        "why": formatting.not_estimable_text,
        "p_value": formatting.p_value,
        "ends": formatting.interval_ends,
    }
    return environment.get_template("page.html").render(**view(results, svgs, curves or {})) + "\n"


def view(results: Results, svgs: Mapping[str, str], curves: Mapping[str, Any]) -> dict[str, Any]:
    """Return all values that the template shows, as text or rows of text."""
    content = {
        "css": Markup((HERE / "page.css").read_text(encoding="utf-8")),
        "script": Markup((HERE / "page.js").read_text(encoding="utf-8")),
        "figures": dict(svgs),
        "study": results["study"],
        "created": datetime.fromisoformat(results["study"]["created"]).strftime("%Y-%m-%d %H:%M %Z").strip(),
        "code_version": results["code_version"],
        "versions": results["versions"],
        "published": results["published"],
        "level": confidence_text(results),
        "survival_level": survival_confidence_text(results),
        "labels": labels_of(results),
        "looks": {name: _web_look(look) for name, look in diagnosis_figures.model_styles(results).items()},
        "main_model": main_model(results),
        "methods": methods(results),
        "checklist": guidelines(results),
        "curves": dict(curves),
    }
    for part in PARTS:
        content |= part.view(results)
    content["wide"] = {name for name in svgs if registry.FIGURES[name].wide}
    content["captions"] = {name: registry.FIGURES[name].page_caption(content) for name in svgs}
    content["further_figures"] = [name for name in svgs if name not in placed_figures()]
    content["contents"] = contents(results, content)
    return content


def contents(results: Results, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return anchor and title of every section of this page."""
    sections = [
        ("summary", "Main result", True),
        ("patients", "Patients", True),
        ("imaging", "Images", content["protocol"]),
        ("performance", "Performance", True),
        ("roc", "ROC curves", True),
        ("cases", "Scores and cases", content["cases"]),
        ("explanation", "Saliency maps", "explanation" in content["figures"]),
        ("comparisons", "Comparisons", content["comparisons"]),
        ("added-value", "Added value", content["added_value"]),
        ("calibration", "Calibration and net benefit", content["calibration"]),
        ("subgroups", "Subgroups and study size", content["study_size"] or results.get("subgroups")),
        ("stability", "Stability and centres", content["stable"]),
        ("survival", "Survival", True),
        ("published", "Comparison with the publication", True),
        ("further-figures", "Further figures", content["further_figures"]),
        ("methods", "Methods", content["methods"]),
        ("simulated", "What is simulated", results["study"]["simulated"]),
        ("checklist", "Guidelines", content["checklist"]),
        ("settings", "Settings and versions", True),
    ]
    return [(anchor, title) for anchor, title, present in sections if present]


def placed_figures() -> set[str]:
    """Return the names of the figures that have their place in the template."""
    return set(re.findall(r"figure\('(\w+)'\)", (HERE / "page.html").read_text(encoding="utf-8")))


def inline_svg(text: str, name: str, caption: str) -> Markup:
    """Return a matplotlib SVG prepared for an HTML page: unique ids, an accessible label, no metadata."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    label = escape(caption)
    return Markup(re.sub(r"<svg ", f'<svg role="img" aria-label="{label}" ', text, count=1).strip())


def embedded_json(content: Any) -> Markup:
    """Return JSON that cannot close the script element that contains it."""
    return Markup(json.dumps(content, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"))


def _web_look(look: style.ModelStyle) -> dict[str, Any]:
    dashes = " ".join(f"{2 * length:g}" for length in look.line[1]) if isinstance(look.line, tuple) else None
    return {"color": look.color, "dashes": dashes}
