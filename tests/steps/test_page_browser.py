"""The page in a real browser: no error on the console, no request to anywhere, fits a phone, controls work."""

import shutil
import subprocess

import pytest

import browser
from example_results import example_results
from hscore.reporting import report

pytestmark = browser.NEEDED
PROBE = """<!doctype html><title>probe</title><iframe id="page" src="report.html" style="width:{width}px;height:900px">
</iframe><pre id="found"></pre><script>
document.getElementById("page").addEventListener("load", () => {{
  const page = document.getElementById("page").contentDocument, found = {{}};
  found.width = page.documentElement.scrollWidth;
  found.wide = [...page.querySelectorAll("body *")].filter((one) => !one.closest(".scroll, .sheet, pre, .skip, table")
    && one.getBoundingClientRect().right > {width} + 1).map((one) => one.outerHTML.slice(0, 90));
  found.requests = page.defaultView.performance.getEntriesByType("resource").map((one) => one.name);
  const table = page.querySelector(".block.external table.sortable");
  table.tHead.rows[0].cells[1].querySelector("button").click();
  found.sorted = [...table.tBodies[0].rows].map((row) => Number(row.cells[1].dataset.value));
  found.sort = table.tHead.rows[0].cells[1].getAttribute("aria-sort");
  const slider = page.getElementById("explorer-threshold");
  found.frozen = page.getElementById("explorer-result").textContent;
  slider.value = 0; slider.dispatchEvent(new Event("input"));
  found.everybody = page.getElementById("explorer-result").textContent;
  document.getElementById("found").textContent = "FOUND" + JSON.stringify(found) + "END";
}});
</script>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    report.write(example_results(), folder / "report.html", folder / "figures", folder / "tables")
    return folder


def probe(folder, profile, width):
    """Load the page in a frame of ``width`` pixels from a server on this machine, and measure it."""
    (folder / "probe.html").write_text(PROBE.format(width=width), encoding="utf-8")
    return browser.ask(folder, "probe.html", profile, "--window-size=1400,1000")


def test_opened_from_disk_the_page_logs_nothing_and_its_script_has_run(folder, tmp_path):
    document, log = browser.open_page((folder / "report.html").as_uri(), tmp_path)
    assert "CONSOLE" not in log, log
    assert 'class="explorer"' in document and 'class="explorer" hidden' not in document
    assert '<th scope="col" class="num"><button' in document


@pytest.mark.parametrize("width", [390, 1280])
def test_no_request_no_sideways_scroll_and_working_controls(folder, tmp_path, width):
    found, asked, log = probe(folder, tmp_path, width)
    assert "CONSOLE" not in log, log
    assert found["requests"] == []
    assert set(asked) <= {"/probe.html", "/report.html", "/favicon.ico"}
    assert found["width"] <= width and found["wide"] == []
    assert found["sorted"] == sorted(found["sorted"], reverse=True) and found["sort"] == "descending"
    row = next(r for r in example_results()["performance"] if r["model"] == "hybrid" and r["evaluation"] == "external")
    counts = row["sensitivity"]
    assert f"({counts['numerator']}/{counts['denominator']})" in found["frozen"]
    assert f"100.0 % ({row['positives']}/{row['positives']})" in found["everybody"]


def test_the_printed_page_says_on_every_sheet_that_data_are_simulated(folder, tmp_path):
    pdftotext = shutil.which("pdftotext")
    if pdftotext is None:
        pytest.skip("no pdftotext on this machine (Debian: apt-get install poppler-utils)")
    target = tmp_path / "page.pdf"
    flags = [f"--print-to-pdf={target}", "--no-pdf-header-footer"]
    browser.open_page((folder / "report.html").as_uri(), tmp_path / "profile", *flags)
    text = subprocess.run([pdftotext, "-layout", target, "-"], capture_output=True, text=True, check=True).stdout
    sheets = [sheet for sheet in text.split("\f") if sheet.strip()]
    assert len(sheets) > 3
    assert all("SIMULATED DATA" in sheet for sheet in sheets)
    assert "peritumoral_pixels" in text, "settings that are folded away on screen must be printed"
