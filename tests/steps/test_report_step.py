"""`python -m hscore.steps.report`: one file in, page, figures and tables out; the same bytes every time."""

import re

import pytest

from example_results import example_results
from hscore.files import write_json
from hscore.report.registry import FIGURES
from hscore.steps import report


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_json(folder / "results.json", example_results(several=True))
    call(folder / "results.json", folder / "first")
    return folder


def call(results, folder):
    places = ["--output", folder / "report.html", "--figures", folder / "figures", "--tables", folder / "tables"]
    report.main(["--results", str(results), *map(str, places)])


def test_page_figures_and_tables_are_written(written):
    names = {path.name for path in (written / "first/figures").iterdir()}
    assert names == {f"{name}.{suffix}" for name in FIGURES for suffix in ("svg", "pdf")}
    assert (written / "first/tables/performance.csv").is_file()
    assert (written / "first/report.html").stat().st_size < 5_000_000


def test_every_figure_drawn_stands_in_the_page(written):
    html = (written / "first/report.html").read_text(encoding="utf-8")
    for name in FIGURES:
        assert f'id="figure-{name}"' in html


@pytest.mark.slow
def test_written_twice_the_bytes_are_equal(written):
    call(written / "results.json", written / "second")
    first = sorted(path.relative_to(written / "first") for path in (written / "first").rglob("*.*"))
    assert first == sorted(path.relative_to(written / "second") for path in (written / "second").rglob("*.*"))
    for name in first:
        assert (written / "first" / name).read_bytes() == (written / "second" / name).read_bytes(), name


def test_a_model_without_a_cut_off_has_its_page_with_the_reason(tmp_path):
    write_json(tmp_path / "results.json", example_results(cut_off=False))
    call(tmp_path / "results.json", tmp_path / "out")
    html = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "Patients are not grouped by H score: no threshold was frozen" in html
    assert "not estimable: no threshold was frozen: the best threshold separates nothing" in html
    assert not re.search(r">\s*(None|nan)\s*<", html)


def test_a_missing_results_file_leaves_nothing_behind(tmp_path):
    with pytest.raises(SystemExit, match="none.json does not exist; make it again"):
        call(tmp_path / "none.json", tmp_path / "out")
    assert not (tmp_path / "out").exists()
