"use strict";
// Enhancements only: without this script the page reads the same.

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((cell) => cell.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const number = (text) => parseFloat(text.replace("\u2212", "-").replace(/^[<>]\s*/, ""));
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        return isNaN(number(x)) || isNaN(number(y)) ? x.localeCompare(y) : number(x) - number(y);
      };
      const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? -1 : 1) * compare(a, b));
      table.tBodies[0].append(...rows);
    });
  });
}

// Print the sections that are folded on screen.
const folded = () => [...document.querySelectorAll("details:not([open])")];
let opened = [];
window.addEventListener("beforeprint", () => { opened = folded(); opened.forEach((element) => { element.open = true; }); });
window.addEventListener("afterprint", () => { opened.forEach((element) => { element.open = false; }); opened = []; });

const source = document.getElementById("explorer-data");
if (source) {
  const models = JSON.parse(source.textContent);
  const choice = document.getElementById("explorer-model");
  const slider = document.getElementById("explorer-threshold");
  const value = document.getElementById("explorer-value");
  const result = document.getElementById("explorer-result");
  const percent = (k, n) => (n ? `${((100 * k) / n).toFixed(1)} %` : "not estimable") + ` (${k}/${n})`;
  const show = () => {
    const model = models[choice.value];
    const point = model.points[slider.value];
    const tp = point.tp, fp = point.fp;
    const fn = model.positives - tp, tn = model.n - model.positives - fp;
    const text =
      point.threshold === null ? (tp ? "the lowest score (everybody positive)" : "more than any score") : point.threshold.toFixed(3) + (point.frozen ? " (the frozen threshold)" : "");
    value.textContent = text;
    slider.setAttribute("aria-valuetext", text);
    const called = tp + fp, spared = tn + fn, share = (k) => ((100 * k) / model.n).toFixed(1);
    for (const [name, count] of Object.entries({ tp, fp, fn, tn })) {
      document.getElementById(`explorer-${name}`).textContent = count;
    }
    const cells = [
      ["Sensitivity", percent(tp, tp + fn)], ["Specificity", percent(tn, tn + fp)],
      ["PPV", percent(tp, called)], ["NPV", percent(tn, spared)],
      ["Node dissections spared", `${spared} of ${model.n} (${share(spared)} per 100)`],
      ["Metastases missed by sparing them", `${fn} of ${tp + fn} (${share(fn)} per 100 patients)`],
      ["Dissections without a metastasis", `${fp} of ${called} (${share(fp)} per 100 patients)`],
      ["Spared for each metastasis missed", fn ? (tn / fn).toFixed(1) : "none missed"],
    ];
    result.replaceChildren(...cells.map(([name, content]) => {
      const cell = document.createElement("div");
      const strong = document.createElement("b");
      strong.textContent = content;
      cell.append(name, strong);
      return cell;
    }));
  };
  const load = () => {
    const model = models[choice.value];
    slider.max = model.points.length - 1;
    slider.value = model.frozen;
    show();
  };
  choice.addEventListener("change", load);
  slider.addEventListener("input", show);
  document.querySelector(".explorer").hidden = false;
  load();
}

// Show the values of the curves: the point nearest to the pointer, or the arrow keys along and between curves.
const SVG = "http://www.w3.org/2000/svg";
const readable = document.getElementById("curves-data");
for (const [name, panels] of Object.entries(readable ? JSON.parse(readable.textContent) : {})) {
  const sheet = document.querySelector(`#figure-${name} .sheet`);
  const svg = sheet && sheet.querySelector("svg");
  if (!svg || !panels.length) continue;
  const dot = document.createElementNS(SVG, "circle");
  for (const [key, text] of Object.entries({ r: 4, fill: "none", stroke: "#000000", "stroke-width": 1.5, visibility: "hidden" })) dot.setAttribute(key, text);
  svg.append(dot);
  const label = document.createElement("div");
  label.className = "value";
  label.setAttribute("role", "status");
  label.hidden = true;
  sheet.append(label);
  const share = (value, [low, high], log) => (log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
  const curves = panels.flatMap(({ box: [left, top, width, height], x, y, log, curves }) => curves.map((curve) => ({
    name: curve.name,
    points: curve.x.map((value, place) => ({
      x: left + width * share(value, x.ends, false), y: top + height * (1 - share(curve.y[place], y.ends, log)),
      text: `${curve.name}\n${x.name} ${value}\n${y.name} ${curve.y[place]}`,
    })).filter((point) => point.x >= left - 1 && point.x <= left + width + 1 && point.y >= top - 1 && point.y <= top + height + 1),
  }))).filter((curve) => curve.points.length);
  if (!curves.length) continue;
  let at = [0, 0];
  const show = () => {
    const point = curves[at[0]].points[at[1]];
    dot.setAttribute("cx", point.x);
    dot.setAttribute("cy", point.y);
    dot.setAttribute("visibility", "visible");
    label.textContent = point.text;
    label.hidden = false;
    const matrix = svg.getScreenCTM(), edge = sheet.getBoundingClientRect();
    const x = matrix.a * point.x + matrix.e - edge.left + sheet.scrollLeft, y = matrix.d * point.y + matrix.f - edge.top;
    label.style.left = `${Math.max(4, x + 12 + label.offsetWidth > sheet.scrollLeft + edge.width ? x - 12 - label.offsetWidth : x + 12)}px`;
    label.style.top = `${Math.max(4, y - label.offsetHeight - 8)}px`;
  };
  const hide = () => { label.hidden = true; dot.setAttribute("visibility", "hidden"); };
  svg.addEventListener("pointermove", (event) => {
    const matrix = svg.getScreenCTM();
    const x = (event.clientX - matrix.e) / matrix.a, y = (event.clientY - matrix.f) / matrix.d;
    let best = 18 ** 2;
    let nearest = null;
    curves.forEach((curve, row) => curve.points.forEach((point, column) => {
      const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
      if (distance < best) [best, nearest] = [distance, [row, column]];
    }));
    if (!nearest) return hide();
    at = nearest;
    show();
  });
  svg.addEventListener("pointerleave", hide);
  sheet.addEventListener("blur", hide);
  sheet.addEventListener("keydown", (event) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (event.key === "Escape") hide();
    if (!step) return;
    event.preventDefault();
    if (!label.hidden) {
      const curve = (at[0] + step[0] + curves.length) % curves.length;
      at = [curve, Math.min(Math.max(at[1] + step[1], 0), curves[curve].points.length - 1)];
    }
    show();
  });
}
