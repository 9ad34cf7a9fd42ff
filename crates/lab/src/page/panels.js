// What stands behind the links of a cell.
import { carried, file, json, recordedOf, switchesOf } from "./api.js";
import { asData, duration, element, ground, prose } from "./dom.js";
import { downloads } from "./downloads.js";
import { pastTable, table } from "./figures.js";
import { Timeline } from "./timeline.js";

/** Name and maker of each panel that a cell has; those of its result are made anew with it. @param {any} cell @returns {[string, (() => any) & {ofResult?: boolean}][]} */
export function panels(cell) {
  const all = [];
  const result = (make) => Object.assign(() => (cell.result ? make() : element("p", { className: "empty" }, "Nothing was run yet.")), { ofResult: true });
  if (cell.facts.kind !== "claim") {
    all.push(["Table and costs", result(() => figures(cell))], ["Timeline", result(() => timeline(cell))]);
    if (!carried) all.push(["Charts", result(() => charts(cell))]);
  }
  if (!carried && cell.facts.kind !== "claim") all.push(["History", result(() => history(cell))]);
  all.push(["Source", () => source(cell)]);
  if (!carried) all.push(["Copy as command", () => command(cell)], ["Downloads", result(() => downloads(cell))]);
  return all;
}

async function figures(cell) {
  const result = await recordedOf(cell.result);
  const changes = result.changes.map((text) => element("p", {}, ...prose(text)));
  const states = result.replays.map((run) => element("li", {}, `${run.model}: ${run.legend.map((one) => `${one.words} ${duration(one.total_ns)}`).join(", ")}`));
  return element("div", {}, table(result.rows), ...changes,
    states.length > 0 && element("details", {}, element("summary", {}, "The replay in figures: time of all rows together"), element("ul", {}, ...states)),
    result.notes.length > 0 && element("details", {}, element("summary", {}, "Warnings and notes"), element("ul", {}, ...result.notes.map((text) => element("li", {}, ...prose(text))))));
}

async function timeline(cell) {
  if (cell.result.recorded === 0) return element("p", { className: "empty" }, "No run was recorded.");
  const said = element("p", { className: "unseen", role: "status" });
  const one = new Timeline(await cell.allRuns(), (number) => switchesOf(cell.result, number), (text) => (said.textContent = text));
  return element("div", {}, one.box, said);
}

/** Equal work, measured again and again: drawn, and as a table. */
async function history(cell) {
  const of = `book=${encodeURIComponent(cell.book.name)}&cell=${encodeURIComponent(cell.facts.id)}`;
  const { points, picture } = await json(`/api/history?${of}&theme=${ground()}`);
  const drawn = element("img", { src: await asData(new Blob([picture], { type: "image/svg+xml" })), alt: "work time of each result over time: the table below says it in figures" });
  return element("div", {}, drawn, pastTable(points));
}

async function charts(cell) {
  const made = await Promise.all(cell.result.charts.map(async (name) => {
    const blob = await file(`/api/picture/${cell.result.id}/${name}?theme=${ground()}`);
    return element("img", { src: await asData(blob), alt: `${name}: the same figures stand under “Table and costs”` });
  }));
  return element("div", {}, ...made);
}

function source(cell) {
  const name = `source-${cell.facts.id}`;
  const list = element("ul", { className: "mistakes", id: `${name}-mistakes`, "aria-live": "polite" });
  const text = element("textarea", { className: "source", id: name, spellcheck: "false", "aria-describedby": list.id, readonly: Boolean(carried), autocapitalize: "off" });
  text.value = cell.source;
  text.rows = Math.min(30, cell.source.split("\n").length + 1);
  const goTo = (one) => {
    const lines = text.value.split("\n").slice(0, one.line - 1);
    const at = lines.join("\n").length + (one.line > 1 ? 1 : 0) + one.column - 1;
    text.focus();
    text.setSelectionRange(at, at + one.length);
  };
  const show = () => {
    const mistake = (one) => element("li", {}, one.line ? element("button", { type: "button", click: () => goTo(one) }, `line ${one.line}, column ${one.column}`) : "this cell", `: ${one.message}`, one.help && element("small", {}, one.help));
    list.replaceChildren(...cell.facts.mistakes.map(mistake));
    text.setAttribute("aria-invalid", String(cell.facts.mistakes.length > 0));
  };
  let due = 0;
  text.addEventListener("input", () => {
    cell.source = text.value;
    cell.tell();
    clearTimeout(due);
    due = setTimeout(() => void cell.look().then(show), 250);
  });
  show();
  const save = element("button", { type: "button", className: "plain", click: async () => {
    const answer = await json("/api/save", { book: cell.book.name, cell: cell.facts.id, source: cell.source });
    cell.say(answer.said);
  } }, "Save into the notebook");
  const back = element("button", { type: "button", className: "plain", click: () => {
    text.value = cell.source = cell.facts.original;
    void cell.look().then(show);
  } }, "As it was");
  const label = element("label", { for: name, className: "unseen" }, `Source of ${cell.facts.title}`);
  return element("div", {}, label, text, list, !carried && element("p", { className: "transport" }, cell.book.saves && save, back));
}

async function command(cell) {
  const { words, files } = await json("/api/command", cell.wish());
  const pre = element("pre", { className: "wide", tabindex: 0 }, words);
  const copy = element("button", { type: "button", className: "plain", click: async () => {
    await navigator.clipboard.writeText(words);
    cell.say("copied");
  } }, "Copy");
  return element("div", {}, files && element("p", {}, files), pre, copy);
}
