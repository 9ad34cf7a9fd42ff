// The figures of a result: bars on one scale, and the table that says all of it.
import { duration, element, observed, prose, size, three } from "./dom.js";
import { likeOf, nameOf } from "./replay.js";

/** How long each took, as bars on one scale. @param {any[]} rows */
export function bars(rows) {
  const most = Math.max(1, ...rows.map((row) => row.work_ns ?? 0));
  const bar = (row) => {
    const fill = element("div", { className: "fill", "aria-hidden": "true" }, element("i", { className: "running" }));
    fill.firstChild.style.width = `${((row.work_ns ?? 0) / most) * 100}%`;
    const name = element("div", { className: "name" }, nameOf(row.model), element("small", {}, likeOf(row.model)));
    if (row.unranked) return element("div", { className: "row failed" }, name, element("div", { className: "why-not" }, row.unranked));
    return element("div", { className: "row" }, name, element("div", { className: "lanes-box" }, fill), element("div", { className: "time" }, duration(row.work_ns), element("small", {}, row.beside)));
  };
  return element("div", { className: "rows" }, ...rows.map(bar));
}

/** The figures of a result. @param {any[]} rows */
export function table(rows) {
  const head = ["model", "time", "95 % from", "to", "beside the best", "CPU", "cores", "memory", "tasks/s"];
  const line = (row) => row.unranked
    ? element("tr", {}, element("th", { scope: "row" }, nameOf(row.model)), element("td", { className: "words", colspan: head.length - 1 }, row.unranked))
    : element("tr", {}, element("th", { scope: "row" }, nameOf(row.model)),
        ...[duration(row.work_ns), duration(row.low_ns), duration(row.high_ns), row.beside, observed(row.cpu_ns, duration), observed(row.cores, three), observed(row.memory_bytes, size), three(row.throughput)]
          .map((cell) => element("td", {}, cell)));
  return element("div", { className: "wide", tabindex: 0, role: "region", "aria-label": "Figures" },
    element("table", {}, element("caption", {}, "Medians over the rounds."), element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))), element("tbody", {}, ...rows.map(line))));
}

/** Equal work over time, the first result first; a row says where the machine is another. @param {any[]} points */
export function pastTable(points) {
  const models = [...new Set([...points].reverse().flatMap((point) => point.times.map((time) => time.model)))];
  const took = (point, model) => {
    const time = point.times.find((one) => one.model === model);
    return time ? duration(time.ns) : "";
  };
  const line = (point, at) => {
    const other = at > 0 && points[at - 1].machine !== point.machine;
    return [other && element("tr", {}, element("td", { className: "words", colspan: models.length + 2 }, `another machine: ${point.place}`)),
      element("tr", {}, element("th", { scope: "row" }, String(point.id)), element("td", {}, new Date(point.when).toLocaleString()), ...models.map((model) => element("td", {}, took(point, model))))];
  };
  return element("div", { className: "wide", tabindex: 0, role: "region", "aria-label": "Equal work over time" },
    element("table", {}, element("caption", {}, ...prose("Each result of this very work, wherever it was measured; the numbers are those of `maitred runs`.")),
      element("thead", {}, element("tr", {}, ...["id", "when", ...models.map(nameOf)].map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", {}, ...points.flatMap(line).filter(Boolean))));
}
