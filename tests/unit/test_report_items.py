"""The registry of the report: every entry has a function, and is in the page, the folders and Snakemake's report."""

import re

import jinja2
import pytest
from docutils.core import publish_parts
from matplotlib.figure import Figure

from example_results import ROOT, example_results
from hscore.dag import report_items
from hscore.report import registry, write_report
from hscore.report.page import assemble
from hscore.report.tables import csv_tables

ALL = [(kind, name) for kind, items in registry.ITEMS.items() for name in items]


class Named(dict):
    """Wildcards and params as Snakemake hands them over."""

    def __getattr__(self, name):
        return self[name]


def snakemake_caption(kind, name):
    """The caption in Snakemake's own report as HTML."""
    template = jinja2.Template((ROOT / f"workflow/report/{kind}.rst").read_text(encoding="utf-8"))
    params = Named(captions=report_items.Captions())
    snakemake = Named(wildcards=Named({kind: name}), params=params, config={"data": "own"})
    return publish_parts(template.render(snakemake=snakemake), writer="html", settings_overrides={"halt_level": 2})


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_every_item_has_a_function_and_a_place_in_snakemakes_report(kind, name):
    item, wildcards = registry.ITEMS[kind][name], Named({kind: name})
    item.make(example_results())
    assert report_items.subject(wildcards) == item.subject
    assert report_items.labels(wildcards) == {"What": item.title}
    assert report_items.kind(wildcards) == f"{kind.capitalize()}s"
    shown = re.sub("<[^>]+>", "", snakemake_caption(kind, name)["body"])
    assert shown.split() == item.caption.split()


@pytest.mark.parametrize("items", registry.ITEMS.values(), ids=registry.ITEMS)
def test_no_two_items_have_the_same_title_or_caption(items):
    assert len({item.title for item in items.values()}) == len(items)
    assert len({item.caption for item in items.values()}) == len(items)


def test_every_figure_has_its_place_in_the_page_and_no_other_name_has_one():
    assert assemble.placed_figures() == set(registry.FIGURES)


def new_figure(results):
    """Draw an empty figure."""
    return Figure(figsize=(2, 1))


def new_table(results):
    """Return one row."""
    return [{"value": 1}]


def test_an_entry_and_a_function_are_enough(monkeypatch, tmp_path):
    figure = registry.Figure("Survival", "A new figure", f"{__name__}:new_figure", "What it shows.", note="At {level}.")
    table = registry.Item("Survival", "A new table", f"{__name__}:new_table", "What it contains.")
    monkeypatch.setitem(registry.FIGURES, "new", figure)
    monkeypatch.setitem(registry.TABLES, "new", table)
    write_report.write(example_results(), tmp_path / "report.html", tmp_path / "figures", tmp_path / "tables")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<figure id="figure-new">' in page and '<a href="#further-figures">' in page
    assert page.count("What it shows. At 95\u00a0%.") == 2  # caption and alternative text
    assert (tmp_path / "figures/new.svg").is_file() and (tmp_path / "figures/new.pdf").is_file()
    assert (tmp_path / "tables/new.csv").read_text(encoding="utf-8") == "data,value\nsimulated,1\n"
    for kind, caption in (("figure", "What it shows."), ("table", "What it contains.")):
        assert report_items.subject(Named({kind: "new"})) == "Survival"
        assert report_items.labels(Named({kind: "new"})) == {"What": f"A new {kind}"}
        assert caption in snakemake_caption(kind, "new")["body"]


def test_without_further_figures_the_page_has_no_such_section():
    assert "further-figures" not in assemble.render(example_results(), {})


def test_every_table_of_a_full_study_has_rows():
    assert set(csv_tables.tables(example_results(several=True))) == set(registry.TABLES)
