"""A centre's page of image quality in a real browser: paging by keyboard, by mouse, and nothing from anywhere."""

import io

import pytest
from PIL import Image

import browser
from hscore.imaging.quality.indicators import METRICS
from hscore.report.page import quality_page

pytestmark = browser.NEEDED
PROBE = """<!doctype html><title>probe</title><iframe id="page" src="overview.html" style="width:{width}px;height:900px"
></iframe><pre id="found"></pre><script>
const frame = document.getElementById("page");
frame.addEventListener("load", () => {{
  const page = frame.contentDocument, found = {{}};
  const Pressed = frame.contentWindow.KeyboardEvent;
  const press = (key) => page.dispatchEvent(new Pressed("keydown", {{key, cancelable: true}}));
  const shown = () => page.getElementById("who").textContent.split(" ")[0];
  found.list = [...page.querySelectorAll("#list button")].map((one) => one.children[1].textContent);
  found.paged = [shown()];
  for (const key of ["ArrowRight", " ", "ArrowLeft", "End", "ArrowRight", "Home"]) {{
    press(key);
    found.paged.push(shown());
  }}
  page.querySelectorAll("#list button")[2].click();
  found.clicked = shown();
  found.current = [...page.querySelectorAll("[aria-current=true]")].map((one) => one.children[1].textContent);
  found.findings = [...page.querySelectorAll("#findings p")].map((one) => one.textContent);
  found.marked = [...page.querySelectorAll("#numbers .bad")].map((one) => one.textContent);
  found.requests = page.defaultView.performance.getEntriesByType("resource").map((one) => one.name).filter(
    (one) => !one.startsWith("data:"));
  found.wide = page.documentElement.scrollWidth;
  found.simulated = page.querySelector("header").textContent.includes("SIMULATED DATA");
  press("Home"); press("End");
  const picture = page.getElementById("picture");
  picture.decode().then(() => {{
    found.picture = [picture.naturalWidth, picture.alt];
    document.getElementById("found").textContent = "FOUND" + JSON.stringify(found) + "END";
  }});
}});
</script>"""


def one(name: str, snr: float, findings: tuple = ()) -> dict:
    listed = [{"code": "no_roi", "text": text, "excludes": True} for text in findings]
    return {"patient": name, "center": "A", "usable": [], "findings": listed, "sequences": {"T2WI": {"snr": snr}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quality")
    patients = [one(f"P{n}", 20 + n) for n in range(6)]
    patients += [one("odd", 900), one("out", 21, ("no mask </script><b>in it</b>",))]
    buffer = io.BytesIO()
    Image.new("RGB", (884, 570), (40, 40, 40)).save(buffer, "WEBP")
    pictures = {each["patient"]: buffer.getvalue() for each in patients}
    page = quality_page.render("Centre A", True, patients, pictures, {"P3": "same T2WI as Q1 (B)"}, METRICS)
    (folder / "overview.html").write_text(page, encoding="utf-8")
    return folder


@pytest.mark.parametrize("width", [390, 1280])
def test_a_radiologist_pages_through_the_patients_outliers_first(folder, tmp_path, width):
    (folder / "probe.html").write_text(PROBE.format(width=width), encoding="utf-8")
    found, asked, log = browser.ask(folder, "probe.html", tmp_path, "--window-size=1400,1000")
    assert "CONSOLE" not in log, log
    assert found["list"][:3] == ["P3", "out", "odd"] or found["list"][:3] == ["out", "P3", "odd"]
    first, second, *_, last = found["list"]
    assert found["paged"] == [first, second, found["list"][2], second, last, last, first]
    assert found["clicked"] == "odd" and found["current"] == ["odd"] and found["findings"] == []
    assert len(found["marked"]) == 1 and found["marked"][0].startswith("900 (z ")
    assert found["requests"] == [] and set(asked) <= {"/probe.html", "/overview.html", "/favicon.ico"}
    assert found["wide"] <= width and found["simulated"]
    assert found["picture"] == [884, f"Montage of {last}"]
