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
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        return x !== "" && y !== "" && !isNaN(x) && !isNaN(y) ? x - y : x.localeCompare(y);
      };
      const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? -1 : 1) * compare(a, b));
      table.tBodies[0].append(...rows);
    });
  });
}

// What is folded away on screen is printed.
const folded = () => [...document.querySelectorAll("details:not([open])")];
let opened = [];
window.addEventListener("beforeprint", () => { opened = folded(); opened.forEach((one) => { one.open = true; }); });
window.addEventListener("afterprint", () => { opened.forEach((one) => { one.open = false; }); opened = []; });

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
    const cells = [
      ["Sensitivity", percent(tp, tp + fn)], ["Specificity", percent(tn, tn + fp)],
      ["PPV", percent(tp, tp + fp)], ["NPV", percent(tn, tn + fn)],
      ["Metastases found / missed", `${tp} / ${fn}`],
      ["Called negative and truly negative", `${tn} of ${model.n} patients`],
      ["Called positive but node-negative", `${fp} of ${model.n} patients`],
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
