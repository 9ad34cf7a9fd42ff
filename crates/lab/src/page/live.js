// A run while it goes on: which model is at work, its tasks by state, how long yet.
import { duration, element, grouped, plural } from "./dom.js";
import { tile } from "./lanes.js";
import { likeOf, nameOf } from "./replay.js";

/** Height of a lane that fills, in pixels, and the most that all of a model may take. */
const STRIP = 7;
const MOST = 24;
/** So long nothing may come until the clock goes on by itself, and so often it is said how far it is, in
    milliseconds: each drawing takes processor time from what is measured, and each saying that of a listener. */
const SILENCE = 400;
const SAYING = 1000;

export class Live {
  /** @param {string} title @param {number | null} estimate how long it took the last time, nanoseconds */
  constructor(title, estimate) {
    this.title = title;
    this.rows = new Map();
    this.box = element("div", { className: "rows live" });
    this.began = performance.now();
    this.models = [];
    this.said = "starting";
    this.estimate = estimate;
    this.roundsUntil = null;
    this.drawn = 0;
    this.told = 0;
    // Without events time goes on as well.
    this.ticking = setInterval(() => performance.now() - this.drawn >= SILENCE && this.tick(), SILENCE);
  }

  stop() {
    clearInterval(this.ticking);
    this.box.remove();
  }

  /** One event of the engine; what it comes to in words, or null: nothing that was not said just now. @param {any} event @returns {string | null} */
  take(event) {
    if (event.event === "in-line") return this.wait(event.before > 0 ? `another page runs a cell, and two would disturb each other: waiting for ${plural(event.before, "run")}` : "starting");
    if (event.event === "waiting") return this.wait(`another run has this machine${event.holder ? ` (process ${event.holder})` : ""}, and two would disturb each other: waiting for its end`);
    const take = {
      contestants: () => this.contestants(event),
      joined: () => this.enter(event, event.contestant),
      "run-begun": () => (this.turn = event, this.begun(event), this.said = `${PURPOSES[event.purpose] ?? event.purpose}${event.purpose === "round" ? ` ${event.round + 1}` : ""}: ${nameOf(event.model)}`),
      progress: () => this.progress(event),
      "run-ended": () => this.ended(event),
      "experiment-begun": () => (this.said = `testing: ${event.name ?? this.title}`),
    };
    take[event.event]?.();
    const now = performance.now();
    if (event.event === "progress" && now - this.told < SAYING) return null;
    this.told = now;
    const spent = (now - this.began) * 1e6;
    return `${this.said} · ${duration(spent)}${this.left(spent)}`;
  }

  /** How long yet: from the last time; else for how long rounds are begun. @param {number} spent */
  left(spent) {
    if (this.estimate && this.estimate > spent) return `, about ${duration(this.estimate - spent)} left`;
    const rounds = this.roundsUntil === null ? 0 : (this.roundsUntil - performance.now()) * 1e6;
    return rounds > 0 ? `, rounds are begun for ${duration(rounds)} yet` : "";
  }

  /** @param {any} event */
  begun(event) {
    this.clock = null;
    if (event.left_ns !== undefined) this.roundsUntil = performance.now() + event.left_ns / 1e6;
  }

  /** Sets the clock of the row that runs: what the last event said, and what went by since. */
  tick() {
    if (!this.clock) return;
    const { row, elapsed_ns, at } = this.clock;
    row.time.textContent = duration(elapsed_ns + (performance.now() - at) * 1e6);
  }

  /** Nothing is measured yet: the clock begins when it is. @param {string} text */
  wait(text) {
    this.began = performance.now();
    return text;
  }

  name(contestant) {
    return this.models[contestant] ? nameOf(this.models[contestant]) : `model ${contestant + 1}`;
  }

  contestants(event) {
    this.models = event.contestants.map((one) => one.model);
    this.box.replaceChildren();
    this.rows.clear();
    event.contestants.forEach((one, index) => this.enter(one, index));
  }

  /** A row for one that takes part, from the beginning or since the first round. */
  enter(one, index) {
    this.models[index] = one.model;
    const done = element("i", { className: "done" });
    const running = element("i", { className: "running" });
    const failed = element("i", { className: "failed" });
    const time = element("div", { className: "time" }, "");
    const fill = element("div", { className: "fill" }, done, running, failed);
    const row = element("div", { className: "row" }, element("div", { className: "name" }, nameOf(one.model), element("small", {}, likeOf(one.model))),
      element("div", { className: "lanes-box" }, one.obstacle ? element("div", { className: "why-not" }, one.obstacle) : fill), time);
    this.rows.set(index, { done, running, failed, time, row, fill, canvas: element("canvas", { className: "lanes", "aria-hidden": "true" }) });
    this.box.append(row);
  }

  /** Draws what each task was at since the last time; a lane that is full begins anew, half as fast. */
  fill(row, event) {
    const count = Math.min(MOST, event.states.length);
    const canvas = row.canvas;
    if (row.fill.parentElement) row.fill.replaceWith(canvas);
    if (row.run !== this.turn || canvas.height !== count * STRIP) {
      row.run = this.turn;
      row.x = 0;
      canvas.width = Math.max(100, canvas.clientWidth);
      canvas.height = count * STRIP;
      canvas.style.height = `${count * STRIP}px`;
      row.whole = Math.max(row.last ?? 0, 2e9);
    }
    const context = canvas.getContext("2d");
    while (event.elapsed_ns > row.whole) {
      context.drawImage(canvas, 0, 0, canvas.width, canvas.height, 0, 0, canvas.width / 2, canvas.height);
      context.clearRect(canvas.width / 2, 0, canvas.width / 2, canvas.height);
      row.x /= 2;
      row.whole *= 2;
    }
    const to = (event.elapsed_ns / row.whole) * canvas.width;
    for (let task = 0; task < count; task++) {
      const state = event.states[task];
      if (state === "idle" || state === "done") continue;
      context.fillStyle = `#${(tile(state)[13] & 0xffffff).toString(16).padStart(6, "0").replace(/(..)(..)(..)/, "$3$2$1")}`;
      context.fillRect(row.x, task * STRIP, Math.max(1, to - row.x), STRIP - 2);
    }
    row.x = to;
    row.last = event.elapsed_ns;
  }

  progress(event) {
    this.drawn = performance.now();
    const row = this.rows.get(event.contestant);
    const states = statesOf(event.tasks);
    if (row && states) this.fill(row, { ...event, states });
    const { tasks } = event;
    const total = Math.max(1, tasks.total);
    const running = (tasks.open?.in_step ?? []).reduce((sum, one) => sum + one.tasks, 0);
    if (row) {
      row.done.style.width = `${(tasks.ended / total) * 100}%`;
      row.running.style.width = `${(running / total) * 100}%`;
      row.failed.style.width = `${((tasks.open?.failed ?? 0) / total) * 100}%`;
      this.clock = { row, elapsed_ns: event.elapsed_ns, at: performance.now() };
      this.tick();
    }
    this.said = `${this.name(event.contestant)}: ${grouped(tasks.ended)} of ${plural(tasks.total, "task")} done`;
  }

  ended(event) {
    const row = this.rows.get(event.contestant);
    this.clock = null;
    if (row && event.purpose === "round") {
      row.time.textContent = duration(event.run.work_ns);
      row.done.style.width = "100%";
      row.running.style.width = "0";
    }
  }
}

/** Which state a kind of step is. @type {Record<string, string>} */
const STATES = { acquire: "queueing", hold: "holding", wait: "waiting", http: "waiting", run: "waiting", block: "blocked", send: "talking", receive: "talking" };

/** What the tasks are at, one state a lane, those of one state side by side; null: nobody looked. @param {any} tasks */
function statesOf(tasks) {
  if (!tasks.open) return null;
  const share = Math.min(1, MOST / Math.max(1, tasks.total));
  const states = tasks.open.in_step.flatMap((one) => Array(Math.ceil(one.tasks * share)).fill(STATES[one.kind] ?? "running"));
  while (states.length < Math.min(MOST, tasks.total)) states.push("idle");
  return states;
}

const PURPOSES = { warmup: "warm-up", round: "round", trace: "recording", single: "running" };
