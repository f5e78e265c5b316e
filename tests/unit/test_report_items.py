"""Every figure and table of the report has a place, a name and a caption in Snakemake's own report."""

import jinja2
import pytest

from example_results import ROOT, example_results
from hscore.dag import report_items
from hscore.report.tables.csv_tables import tables
from hscore.report.write_report import FIGURES


class Named(dict):
    """Wildcards as Snakemake hands them over."""

    def __getattr__(self, name):
        return self[name]


def test_no_figure_or_table_is_without_a_place_and_none_is_left_over():
    assert set(report_items.FIGURES) == set(FIGURES)
    assert set(tables(example_results())) <= set(report_items.TABLES)


@pytest.mark.parametrize(("kind", "items"), report_items.ITEMS.items())
def test_every_item_has_a_caption_of_its_own(kind, items):
    template = jinja2.Template((ROOT / f"workflow/report/{kind}.rst").read_text(encoding="utf-8"))
    captions = set()
    for name in items:
        wildcards = Named({kind: name})
        snakemake = {"wildcards": wildcards, "config": {"data": "own"}}
        captions.add(template.render(snakemake=Named(snakemake)).strip())
        assert report_items.subject(wildcards) == items[name][0]
        assert report_items.labels(wildcards) == {"What": items[name][1]}
        assert report_items.kind(wildcards) == f"{kind.capitalize()}s"
    assert len(captions) == len(items) and "" not in captions
