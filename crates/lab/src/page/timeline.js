// One run, down to a single slice: zoom and pan by wheel, drag and keys; what is under the pointer
// or the cursor is said in words.
import { duration, element, plural } from "./dom.js";
import { legend, paint, sliceAt } from "./lanes.js";
import { nameOf } from "./replay.js";

const LANE = 14;
const GAP = 4;
const ROWS = 40;

export class Timeline {
  /** @param {import("./lanes.js").Run[]} runs @param {(number: number) => Promise<any>} switches what the kernel did in one of them @param {(text: string) => void} say */
  constructor(runs, switches, say) {
    this.runs = runs;
    this.switches = switches;
    this.lacks = "";
    this.run = runs[0];
    /** The part that is shown, in ticks. */
    this.from = 0;
    this.to = 1;
    this.say = say;
    this.cursor = { row: 0, at: 0 };
    this.choice = element("select", { className: "plain", "aria-label": "model", change: () => void this.choose() },
      ...runs.map((run, number) => element("option", { value: number }, nameOf(run.model))));
    this.rows = element("select", { className: "plain", "aria-label": "rows", change: () => void this.choose() },
      element("option", { value: "steps" }, "steps of the tasks"), element("option", { value: "switches" }, "processors and threads"));
    this.canvas = element("canvas", { tabindex: 0, role: "application",
      "aria-label": "Timeline. Arrows move from slice to slice and from row to row, plus and minus zoom, Home shows all.",
      keydown: (event) => this.key(event), wheel: (event) => this.wheel(event), pointerdown: (event) => this.grab(event),
      pointermove: (event) => this.hover(event), pointerleave: () => (this.tip.hidden = true) });
    this.tip = element("div", { className: "tip", hidden: true });
    this.where = element("p", { className: "status" });
    const zoom = (factor) => element("button", { type: "button", className: "plain", click: () => this.zoom(factor, 0.5) }, factor < 1 ? "zoom in" : "zoom out");
    this.key_ = element("div", {});
    this.box = element("div", {},
      element("div", { className: "transport" }, this.choice, this.rows, zoom(0.5), zoom(2), element("button", { type: "button", className: "plain", click: () => this.all() }, "all of it")),
      this.key_, element("div", { className: "timeline" }, this.canvas, this.tip), this.where);
    new ResizeObserver(() => this.draw()).observe(this.box);
    this.show(this.run);
  }

  /** Shows what is chosen, the same part of it. */
  async choose() {
    const number = Number(this.choice.value);
    const wanted = this.rows.value === "switches" ? await this.switches(number) : this.runs[number];
    this.lacks = wanted ? "" : "; the kernel's switches were not recorded in this run, and maitred doctor says why";
    if (!wanted) {
      this.rows.value = "steps";
      return this.show(this.runs[number]);
    }
    const part = this.run.model === wanted.model ? [this.from / this.end, this.to / this.end] : [0, 1];
    this.show(wanted);
    [this.from, this.to] = part.map((share) => share * this.end);
    this.draw();
  }

  show(run) {
    this.run = run;
    this.cursor = { row: 0, at: run.rows[0]?.first ?? 0 };
    this.canvas.style.height = `${Math.min(ROWS, Math.max(1, run.rows.length)) * (LANE + GAP)}px`;
    this.key_.replaceChildren(legend([run]));
    this.all();
  }

  /** All ticks of the run. */
  get end() {
    return Math.max(1, this.run.length_ns / this.run.tick_ns);
  }

  all() {
    [this.from, this.to] = [0, this.end];
    this.draw();
  }

  /** @param {number} factor @param {number} share which place stays where it is */
  zoom(factor, share) {
    const middle = this.from + (this.to - this.from) * share;
    const span = Math.min(this.end, Math.max(8, (this.to - this.from) * factor));
    this.from = Math.max(0, Math.min(this.end - span, middle - span * share));
    this.to = this.from + span;
    this.draw();
  }

  /** @param {number} ticks */
  pan(ticks) {
    const span = this.to - this.from;
    this.from = Math.max(0, Math.min(this.end - span, this.from + ticks));
    this.to = this.from + span;
    this.draw();
  }

  draw() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const width = Math.round(this.canvas.clientWidth * ratio);
    if (width === 0) return;
    this.canvas.width = width;
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    paint(this.canvas, this.run, { from: this.from, to: this.to, lane: Math.round(LANE * ratio), gap: Math.round(GAP * ratio) });
    this.names(ratio);
    this.mark(ratio);
    const time = (ticks) => duration(ticks * this.run.tick_ns);
    const rows = this.run.rows.length > ROWS ? `, the first ${ROWS} of ${plural(this.run.rows.length, "row")}` : "";
    this.where.textContent = `${time(this.from)} to ${time(this.to)} of ${time(this.end)}${rows}${this.lacks}`;
  }

  /** What each row is, over its beginning. @param {number} ratio */
  names(ratio) {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    const style = getComputedStyle(this.canvas);
    context.font = `${11 * ratio}px ${style.fontFamily}`;
    context.textBaseline = "middle";
    this.run.rows.slice(0, ROWS).forEach((row, index) => {
      const top = index * (LANE + GAP) * ratio;
      const wide = context.measureText(row.label).width;
      context.globalAlpha = 0.75;
      context.fillStyle = getComputedStyle(this.box.closest(".cell") ?? this.box).backgroundColor;
      context.fillRect(0, top, wide + 8 * ratio, LANE * ratio);
      context.globalAlpha = 1;
      context.fillStyle = style.color;
      context.fillText(row.label, 4 * ratio, top + (LANE * ratio) / 2);
    });
  }

  /** Where the cursor is. */
  mark(ratio) {
    const context = this.canvas.getContext("2d");
    const slice = this.slice();
    if (!context || !slice || document.activeElement !== this.canvas) return;
    const scale = this.canvas.width / (this.to - this.from);
    context.strokeStyle = getComputedStyle(this.canvas).color;
    context.lineWidth = 2 * ratio;
    const x = (slice.start - this.from) * scale;
    context.strokeRect(x, this.cursor.row * (LANE + GAP) * ratio, Math.max(3 * ratio, slice.length * scale), LANE * ratio);
  }

  /** The slice of the cursor. */
  slice() {
    const row = this.run.rows[this.cursor.row];
    const { at } = this.cursor;
    if (!row || row.count === 0 || at < row.first || at >= row.first + row.count) return null;
    return { start: this.run.starts[at], length: this.run.lengths[at], state: this.run.legend[this.run.states[at]] };
  }

  /** @param {{start: number, length: number, state: {words: string}}} slice @param {number} row */
  words(slice, row) {
    const time = (ticks) => duration(ticks * this.run.tick_ns);
    return `${this.run.rows[row].label} ${this.whose(slice, row)}, ${time(slice.length)} from ${time(slice.start)} on`;
  }

  /** Of a processor: which thread it had, which is the one that came onto it at that very time. */
  whose(slice, row) {
    if (!this.run.rows[row].label.startsWith("processor ")) return slice.state.words;
    const has = (other) => {
      const at = sliceAt(this.run, other, slice.start);
      return at !== null && at.start === slice.start && at.length === slice.length;
    };
    const thread = this.run.rows.findIndex((one, other) => !one.label.startsWith("processor ") && has(other));
    return thread < 0 ? "has a thread without a row" : `has ${this.run.rows[thread].label}`;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const row = this.run.rows[this.cursor.row];
    const moves = {
      ArrowRight: () => (this.cursor.at = Math.min(row.first + row.count - 1, this.cursor.at + 1)),
      ArrowLeft: () => (this.cursor.at = Math.max(row.first, this.cursor.at - 1)),
      ArrowDown: () => this.row(1),
      ArrowUp: () => this.row(-1),
      "+": () => this.zoom(0.5, this.share()),
      "=": () => this.zoom(0.5, this.share()),
      "-": () => this.zoom(2, this.share()),
      Home: () => this.all(),
    };
    const move = row && moves[event.key];
    if (!move || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    move();
    const slice = this.slice();
    if (slice && (slice.start < this.from || slice.start > this.to)) this.pan(slice.start - (this.from + this.to) / 2);
    this.draw();
    this.say(slice ? this.words(slice, this.cursor.row) : `${this.run.rows[this.cursor.row].label}: nothing was recorded`);
  }

  /** @param {number} by */
  row(by) {
    const old = this.slice();
    this.cursor.row = Math.max(0, Math.min(Math.min(ROWS, this.run.rows.length) - 1, this.cursor.row + by));
    const near = sliceAt(this.run, this.cursor.row, old?.start ?? 0);
    this.cursor.at = near?.at ?? this.run.rows[this.cursor.row].first;
  }

  /** Where the cursor stands in what is shown. */
  share() {
    const slice = this.slice();
    const share = slice ? (slice.start - this.from) / (this.to - this.from) : 0.5;
    return share >= 0 && share <= 1 ? share : 0.5;
  }

  /** Turning the wheel scrolls the page; with Ctrl it zooms. @param {WheelEvent} event */
  wheel(event) {
    if (!event.ctrlKey) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 0.8 : 1.25, event.offsetX / this.canvas.clientWidth);
  }

  /** @param {PointerEvent} event */
  grab(event) {
    let last = event.clientX;
    const move = (next) => {
      this.pan(((last - next.clientX) / this.canvas.clientWidth) * (this.to - this.from));
      last = next.clientX;
    };
    const done = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", done);
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", done);
  }

  /** @param {PointerEvent} event */
  hover(event) {
    const row = Math.floor(event.offsetY / (LANE + GAP));
    const tick = this.from + (event.offsetX / this.canvas.clientWidth) * (this.to - this.from);
    const slice = sliceAt(this.run, row, tick);
    this.tip.hidden = !slice;
    if (!slice) return;
    this.tip.textContent = this.words(slice, row);
    const left = Math.min(event.offsetX + 12, this.canvas.clientWidth - this.tip.offsetWidth - 4);
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${event.offsetY + 14}px`;
  }
}
