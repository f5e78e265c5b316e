"""The page in a real browser: no error on the console, no request to anywhere, fits a phone, controls work."""

import shutil
import subprocess

import pytest

import browser
from example_results import example_results
from hscore.report import write_report

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
  const count = (one) => Number(page.getElementById(`explorer-${{one}}`).textContent);
  const counts = () => ["tp", "fp", "fn", "tn"].map(count);
  found.counts = counts();
  slider.value = 0; slider.dispatchEvent(new Event("input"));
  found.everybody = page.getElementById("explorer-result").textContent;
  found.counts_everybody = counts();
  const choice = page.getElementById("explorer-model");
  choice.value = "0"; choice.dispatchEvent(new Event("change"));
  found.counts_other = counts();
  const sheet = page.querySelector("#figure-roc_external .sheet"), svg = sheet.querySelector("svg");
  const value = sheet.querySelector(".value"), view = page.defaultView, values = [];
  const press = (key) => {{
    sheet.dispatchEvent(new view.KeyboardEvent("keydown", {{ key, bubbles: true }}));
    values.push(value.hidden ? null : value.textContent);
  }};
  found.hidden_at_first = value.hidden;
  ["ArrowRight", "ArrowRight", "ArrowDown", "Escape"].forEach(press);
  found.values = values;
  const [panel] = JSON.parse(page.getElementById("curves-data").textContent).roc_external;
  const curve = panel.curves[2], middle = Math.floor(curve.x.length / 2), matrix = svg.getScreenCTM();
  const across = (curve.x[middle] - panel.x.ends[0]) / (panel.x.ends[1] - panel.x.ends[0]);
  const up = (curve.y[middle] - panel.y.ends[0]) / (panel.y.ends[1] - panel.y.ends[0]);
  svg.dispatchEvent(new view.PointerEvent("pointermove", {{
    clientX: matrix.e + matrix.a * (panel.box[0] + panel.box[2] * across),
    clientY: matrix.f + matrix.d * (panel.box[1] + panel.box[3] * (1 - up)),
  }}));
  found.pointed = value.textContent;
  found.point = [curve.x[middle], curve.y[middle]];
  const place = value.getBoundingClientRect(), edge = sheet.getBoundingClientRect();
  found.value_inside = place.left >= edge.left - 1 && place.right <= edge.right + 1;
  found.pictures = [...page.images].map((one) => one.complete && one.naturalWidth);
  const named = (one) => one.getAttribute("aria-label") || one.alt || one.labels?.length || one.textContent.trim();
  const usable = page.querySelectorAll("[tabindex], input, select, button, img, svg[role], summary");
  found.unnamed = [...usable].filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 90));
  document.getElementById("found").textContent = "FOUND" + JSON.stringify(found) + "END";
}});
</script>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    write_report.write(example_results(), folder / "report.html", folder / "figures", folder / "tables")
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
    assert found["counts"] == [row["confusion"][key] for key in ("tp", "fp", "fn", "tn")]
    assert found["counts_everybody"] == [row["positives"], row["n"] - row["positives"], 0, 0]
    assert f"0 of {row['n']} (0.0 per 100)" in found["everybody"] and "none missed" in found["everybody"]
    assert sum(found["counts_other"]) == row["n"] and found["counts_other"] != found["counts"]


@pytest.mark.parametrize("width", [390, 1280])
def test_values_are_read_off_a_curve_by_key_and_by_pointer(folder, tmp_path, width):
    found, _, log = probe(folder, tmp_path, width)
    assert "CONSOLE" not in log, log
    assert found["hidden_at_first"]
    first, second, other, closed = found["values"]
    assert first.startswith("CET1WI tumour\n1 \u2212 specificity (%) ") and "\nSensitivity (%) " in first
    assert second.partition("\n")[0] == "CET1WI tumour" and second != first
    assert other.startswith("CET1WI tumour + peritumoral\n") and closed is None
    x, y = (f"{number:g}" for number in found["point"])
    assert f"(%) {x}\n" in found["pointed"] and found["pointed"].endswith(f"(%) {y}")
    assert found["value_inside"]


def test_pictures_are_whole_and_everything_to_use_or_look_at_has_a_name(folder, tmp_path):
    found, _, _ = probe(folder, tmp_path, 1280)
    assert len(found["pictures"]) == len(example_results()["cases"]["shown"]) and all(found["pictures"])
    assert found["unnamed"] == []


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
