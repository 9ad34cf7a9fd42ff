// All models of a result side by side on one clock: what each row was at, filling as it was
// measured. The reader plays, steps, scrubs.
import { duration, element, mayMove } from "./dom.js";
import { legend, paint } from "./lanes.js";

/** @typedef {import("./lanes.js").Run} Run */

/** The name for a reader: the runtime only where it is not our own. @param {string} model */
export function nameOf(model) {
  return model.replace(/^native\//, "").replace("/", " · ");
}

/** Says what strategies are like, below their names. @type {Record<string, string>} */
const LIKE = {
  sequential: "one after another",
  threads: "a thread for each",
  "thread-pool": "some threads share all",
  processes: "processes share all",
  "event-loop": "one thread, all tasks",
  "async-pool": "a loop a core",
  hybrid: "a loop and a pool",
  interpreters: "an interpreter each",
};

/** @param {string} model */
export function likeOf(model) {
  return LIKE[model.replace(/^.*\//, "").replace(/[:[ ].*$/, "")] ?? "";
}

export class Replay {
  /** @param {Run[]} runs */
  constructor(runs) {
    this.runs = runs;
    this.whole = Math.max(1, ...runs.map((run) => run.length_ns));
    this.at = this.whole;
    this.speed = 1;
    this.last = 0;
    this.playing = false;
    /** Nanoseconds of the run in a millisecond of the reader's. */
    this.rate = 1;
    this.pictures = runs.map((run) => this.picture(run));
    this.box = element("div", { className: "replay" }, this.key(), element("div", { className: "rows" }, ...this.pictures.map((one) => one.row)), this.transport());
    this.observer = new ResizeObserver(() => this.redraw());
    this.observer.observe(this.box);
    this.place(this.whole);
  }

  /** @param {Run} run */
  picture(run) {
    const rows = Math.max(1, run.rows.length);
    const lane = rows <= 24 ? 13 : 4;
    const gap = rows <= 24 ? 4 : 1;
    const height = rows * (lane + gap);
    const said = `${nameOf(run.model)}: ${duration(run.length_ns)}. The table below says it in figures.`;
    const canvas = element("canvas", { className: "lanes", role: "img", "aria-label": said });
    canvas.style.height = `${height}px`;
    const time = element("div", { className: "time" }, duration(run.length_ns));
    // What scrolls must be reached by keys.
    const scrolls = height > 340 ? { tabindex: 0, role: "group", "aria-label": `rows of ${nameOf(run.model)}` } : {};
    const more = run.rows_left_out > 0 ? `; ${run.rows_left_out} more rows have no room` : "";
    const row = element("div", { className: "row" },
      element("div", { className: "name" }, nameOf(run.model), element("small", {}, likeOf(run.model) + more)),
      element("div", { className: "lanes-box", ...scrolls }, canvas), time);
    return { run, canvas, time, row, lane, gap, height, full: element("canvas") };
  }

  /** What the colours mean. */
  key() {
    return legend(this.runs);
  }

  transport() {
    this.play = element("button", { type: "button", click: () => this.toggle() }, "▶ replay");
    const step = element("button", { type: "button", click: () => this.step(1), title: "To the next change (.)" }, "step");
    this.clock = element("span", {});
    this.scrub = element("input", { type: "range", min: 0, max: 1000, value: 1000, "aria-label": "time in the run",
      input: () => { this.pause(); this.place((Number(this.scrub.value) / 1000) * this.whole); } });
    const speeds = [0.1, 0.25, 0.5, 1, 2, 5, 10];
    this.pace = element("select", { "aria-label": "speed of the replay", change: () => (this.speed = Number(this.pace.value)) },
      ...speeds.map((speed) => element("option", { value: speed, selected: speed === 1 }, `${speed}×`)));
    return element("div", { className: "transport" }, this.play, step, this.clock, this.scrub, this.pace);
  }

  toggle() {
    if (this.playing) return this.pause();
    if (this.at >= this.whole) this.place(0);
    // Who wants nothing to move steps through the changes instead.
    if (!mayMove()) return this.step(1);
    this.playing = true;
    this.play.textContent = "❚❚ pause";
    this.last = performance.now();
    // What lasts less than a blink is stretched to four seconds at 1×, and so is what lasts for ever.
    const natural = this.whole / 1e6;
    this.rate = this.whole / Math.min(12_000, Math.max(3_000, natural));
    const frame = (now) => {
      if (!this.playing) return;
      this.place(Math.min(this.whole, this.at + (now - this.last) * this.rate * this.speed));
      this.last = now;
      if (this.at >= this.whole) this.pause();
      else requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  pause() {
    this.playing = false;
    this.play.textContent = "▶ replay";
  }

  /** To the next moment at which any row changes. @param {number} direction */
  step(direction) {
    this.pause();
    let best = direction > 0 ? this.whole : 0;
    for (const run of this.runs) {
      for (let index = 0; index < run.starts.length; index++) {
        const edge = run.starts[index] * run.tick_ns;
        if (direction > 0 ? edge > this.at + this.whole / 2000 && edge < best : edge < this.at - this.whole / 2000 && edge > best) best = edge;
      }
    }
    this.place(best);
  }

  /** @param {number} ns */
  place(ns) {
    this.at = ns;
    this.scrub.value = String(Math.round((ns / this.whole) * 1000));
    const text = `${duration(ns)} of ${duration(this.whole)}`;
    this.clock.textContent = text;
    this.scrub.setAttribute("aria-valuetext", text);
    this.draw();
  }

  /** The whole picture once, from which every frame is cut. */
  redraw() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    for (const one of this.pictures) {
      const width = Math.round(one.canvas.clientWidth * ratio);
      const height = Math.round(one.height * ratio);
      if (width === 0) continue;
      one.canvas.width = one.full.width = width;
      one.canvas.height = one.full.height = height;
      const lens = { from: 0, to: this.whole / one.run.tick_ns, lane: Math.round(one.lane * ratio), gap: Math.round(one.gap * ratio) };
      paint(one.full, one.run, lens);
    }
    this.draw();
  }

  draw() {
    const style = getComputedStyle(this.box);
    const [line, ink] = [style.getPropertyValue("--line"), style.color];
    for (const { run, canvas, full, time, lane, gap } of this.pictures) {
      const context = canvas.getContext("2d");
      if (!context || canvas.width === 0) continue;
      const x = Math.round((this.at / this.whole) * canvas.width);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = resolve(line, this.box);
      const pitch = ((lane + gap) * canvas.height) / ((lane + gap) * Math.max(1, run.rows.length));
      for (let row = 0; row < run.rows.length; row++) {
        context.fillRect(0, Math.round((row + 0.4) * pitch), canvas.width, 1);
      }
      if (x > 0) context.drawImage(full, 0, 0, x, canvas.height, 0, 0, x, canvas.height);
      if (this.at < this.whole) {
        context.fillStyle = ink;
        context.fillRect(x, 0, Math.max(1, canvas.width / 700), canvas.height);
      }
      const done = this.at >= run.length_ns;
      time.textContent = duration(Math.min(this.at, run.length_ns));
      time.style.color = done ? "" : "var(--soft)";
    }
  }
}

/** A colour that a canvas understands. @param {string} colour @param {Element} place */
export function resolve(colour, place) {
  if (!colour.includes("light-dark")) return colour;
  const probe = element("i", { hidden: true });
  place.append(probe);
  probe.style.color = colour;
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
}
