"""The page in a real browser: no error on the console, no request to anywhere, fits a phone, controls work."""

import functools
import http.server
import json
import re
import shutil
import socketserver
import subprocess
import threading

import pytest

from example_results import example_results
from hscore.reporting import report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"),
]
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--enable-logging=stderr",
    "--v=0",
)
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


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and keeps what was asked for."""

    def log_message(self, *_):
        self.server.asked.append(self.path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    report.write(example_results(), folder / "report.html", folder / "figures", folder / "tables")
    return folder


def browse(address, profile, *flags):
    """The page's document after its script ran, and what the browser logged."""
    command = [CHROMIUM, *OPTIONS, f"--user-data-dir={profile}", *flags, "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, done.stderr


def probe(folder, profile, width):
    """Load the page in a frame of ``width`` pixels from a server on this machine, and measure it."""
    (folder / "probe.html").write_text(PROBE.format(width=width), encoding="utf-8")
    handler = functools.partial(Quiet, directory=str(folder))
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}/probe.html"
            document, log = browse(address, profile, "--virtual-time-budget=5000", "--window-size=1400,1000")
        finally:
            server.shutdown()
            thread.join()
    found = re.search("FOUND(.*?)END", document)
    assert found, log
    text = found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(text), server.asked, log


def test_opened_from_disk_the_page_logs_nothing_and_its_script_has_run(folder, tmp_path):
    document, log = browse((folder / "report.html").as_uri(), tmp_path)
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
    browse((folder / "report.html").as_uri(), tmp_path / "profile", *flags)
    text = subprocess.run([pdftotext, "-layout", target, "-"], capture_output=True, text=True, check=True).stdout
    sheets = [sheet for sheet in text.split("\f") if sheet.strip()]
    assert len(sheets) > 3
    assert all("SIMULATED DATA" in sheet for sheet in sheets)
    assert "peritumoral_pixels" in text, "settings that are folded away on screen must be printed"
