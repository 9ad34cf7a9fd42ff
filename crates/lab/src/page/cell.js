// A cell: its knobs and what running costs, its models, the answer, the reasons, the replay, and
// behind links everything else.
import { carried, json, run, runsOf } from "./api.js";
import { copies, duration, element, onScreen, plural, prose, whenSeen, wordsOf } from "./dom.js";
import { bars } from "./figures.js";
import { Live } from "./live.js";
import { panels } from "./panels.js";
import { Replay, likeOf, nameOf } from "./replay.js";

/** @type {Cell | null} The one that runs: a machine measures one thing at a time. */
let running = null;

/** For how long rounds may be begun, nanoseconds; null: as it is written. */
const TIMES = [null, 30e9, 60e9, 120e9];

/** What every cell has. */
const frame = copies(`<section class="cell">
<form class="knobs"><div class="go"><span class="cost"></span>
<label>at <select aria-label="speed">${[1, 2, 5, 10, 20, 50, 100].map((one) => `<option value="${one}">${one}×</option>`).join("")}</select></label>
<label>for <select aria-label="time for rounds">${TIMES.map((one) => `<option>${one ? duration(one) : "as written"}</option>`).join("")}</select></label>
<button type="button" class="run">Run it here</button></div></form>
<div class="chips" role="group" aria-label="Models"></div>
<div class="ask" role="group" aria-label="Before it runs" hidden></div>
<p class="answer" hidden></p>
<div class="why" hidden></div>
<div class="going-on"></div>
<div class="found"></div>
<ul class="claims" hidden></ul>
<p class="status" role="status"></p>
<div class="links"></div>
<div class="panel" hidden></div>
</section>`);
const chipOf = copies(`<button type="button" class="chip"></button>`);
const linkOf = copies(`<button type="button" aria-expanded="false"></button>`);

export class Cell {
  /** @param {any} facts @param {any} book @param {{level: number, ran: () => void, advance: (from: any) => void}} above */
  constructor(facts, book, above) {
    this.facts = facts;
    this.book = book;
    this.above = above;
    this.source = facts.source;
    this.set = Object.fromEntries(facts.set);
    this.models = new Set(facts.models.length > 0 ? facts.models : facts.first);
    this.speed = facts.speed;
    /** In which rounds are begun, nanoseconds; null: as it is written. @type {number | null} */
    this.time = null;
    this.agreed = null;
    this.result = facts.result;
    this.runs = null;
    /** @type {Replay | null} */
    this.replay = null;
    this.opened = null;
    this.build();
    // What is below the screen is fetched and drawn when the reader comes to it.
    if (this.result) void this.showResult((draw) => whenSeen(this.box, () => draw().catch((error) => this.say(wordsOf(error), true))));
  }

  build() {
    const { facts } = this;
    this.box = frame();
    /** @param {string} place @returns {any} */
    const part = (place) => this.box.querySelector(place);
    this.knobs = part(".knobs");
    this.cost = part(".cost");
    this.button = part(".run");
    this.chips = part(".chips");
    this.ask = part(".ask");
    this.answer = part(".answer");
    this.why = part(".why");
    this.live = part(".going-on");
    this.stage = part(".found");
    this.claims = part(".claims");
    this.status = part(".status");
    this.links = part(".links");
    this.panel = part(".panel");
    this.box.prepend(element(`h${this.above.level}`, { className: "title" }, facts.title));
    this.box.id = `cell-${facts.id}`;
    this.box.setAttribute("aria-label", `${facts.title} (${facts.id})`);
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.knobs.addEventListener("submit", (event) => event.preventDefault());
    this.showGo();
    this.showKnobs();
    this.showChips();
    this.showLinks();
    this.tell();
    if (!this.result) for (const says of facts.claims) this.claims.append(element("li", {}, element("span", { className: "says" }, says), " ", element("span", { className: "verdict" }, "not run yet")));
    this.claims.hidden = facts.claims.length === 0;
    if (carried) for (const one of [this.button, this.cost, this.chips]) one.hidden = true;
  }

  /** What Run costs, how fast, for how long, and the button. */
  showGo() {
    const { kind } = this.facts;
    const [speeds, times] = this.knobs.querySelectorAll("label");
    this.button.addEventListener("click", () => (running === this ? this.cancel() : this.start()));
    if (kind !== "workload" || carried) speeds.remove();
    if (kind === "server" || carried) times.remove();
    const [speed, time] = [speeds.lastChild, times.lastChild];
    const before = [...speed.options].find((one) => Number(one.value) >= this.speed);
    if (Number(before?.value) !== this.speed) speed.insertBefore(element("option", { value: this.speed }, `${this.speed}×`), before ?? null);
    speed.value = String(this.speed);
    speed.addEventListener("change", () => { this.speed = Number(speed.value); this.tell(); });
    time.addEventListener("change", () => { this.time = TIMES[time.selectedIndex]; this.tell(); });
  }

  showKnobs() {
    const knob = (one) => {
      const value = this.set[one.name] ?? one.value;
      const shown = element("output", {}, value);
      if (one.stops.length < 2) {
        const input = element("input", { type: "text", value, disabled: Boolean(carried), change: () => this.turn(one.name, input.value) });
        return element("label", { className: "knob" }, element("span", {}, one.name), input);
      }
      const at = one.stops.indexOf(value);
      const input = element("input", { type: "range", min: 0, max: one.stops.length - 1, step: 1, value: String(Math.max(0, at)), disabled: Boolean(carried),
        "aria-label": one.name, "aria-valuetext": value,
        input: () => {
          shown.textContent = one.stops[Number(input.value)];
          input.setAttribute("aria-valuetext", one.stops[Number(input.value)]);
        },
        change: () => this.turn(one.name, one.stops[Number(input.value)]) });
      return element("label", { className: "knob" }, element("span", {}, `${one.name} `, shown), input);
    };
    this.knobs.replaceChildren(...this.facts.knobs.map(knob), this.knobs.lastElementChild);
  }

  showChips() {
    const { facts, book } = this;
    this.chips.replaceChildren();
    if (facts.kind === "claim" || facts.kind === "server") return void (this.chips.hidden = true);
    const chip = (model) => {
      const one = chipOf();
      one.textContent = nameOf(model);
      one.title = likeOf(model);
      const press = () => one.setAttribute("aria-pressed", String(this.models.has(model)));
      press();
      one.addEventListener("click", () => {
        if (this.models.has(model) && this.models.size > 1) this.models.delete(model);
        else this.models.add(model);
        press();
        this.tell();
      });
      return one;
    };
    const first = facts.offered.filter((model) => facts.first.includes(model) || this.models.has(model));
    const others = facts.offered.filter((model) => !first.includes(model));
    const missing = book.missing.map((one) => element("button", { type: "button", className: "chip missing", "aria-disabled": "true", title: one.how,
      click: () => this.say(`${one.name} is not on this machine: ${one.how}`) }, `+ ${one.name}: not installed`));
    const more = element("button", { type: "button", className: "chip", "aria-expanded": "false",
      click: () => more.replaceWith(...others.map(chip), ...missing) }, `${others.length + missing.length} more …`);
    this.chips.append(...first.map(chip), ...(others.length + missing.length > 0 ? [more] : []));
  }

  /** Further models that were found. @param {string[]} models */
  offer(models) {
    const fits = (model) => this.facts.kind !== "python" || /^(python|pypy)/.test(model);
    this.facts.offered = [...new Set([...this.facts.offered, ...models.filter(fits)])];
    this.showChips();
  }

  showLinks() {
    const link = (name, make) => {
      const one = linkOf();
      one.textContent = name;
      one.addEventListener("click", () => void this.open(one, make));
      return one;
    };
    const links = panels(this).map(([name, make]) => link(name, make));
    this.when = element("span", { className: "when" });
    this.timeline = links.find((one) => one.textContent.startsWith("Timeline"));
    this.links.replaceChildren(...links, this.when);
  }

  async open(link, make) {
    const was = link.getAttribute("aria-expanded") === "true";
    for (const other of this.links.querySelectorAll("button")) other.setAttribute("aria-expanded", "false");
    this.panel.hidden = was;
    this.opened = was ? null : make;
    if (was) return;
    link.setAttribute("aria-expanded", "true");
    this.panel.replaceChildren(element("p", { className: "empty" }, "…"));
    await this.fillPanel(make);
  }

  async fillPanel(make) {
    try {
      this.panel.replaceChildren(await make());
    } catch (error) {
      this.panel.replaceChildren(element("p", { className: "status bad" }, wordsOf(error)));
    }
  }

  /** A knob was turned: nothing is run, the answer below is of another setting. */
  turn(name, value) {
    this.set[name] = value;
    this.tell();
    void this.look();
  }

  /** Asks what is wrong with the source as it stands. */
  async look() {
    if (carried) return this.facts;
    const request = { book: this.book.name, cell: this.facts.id, source: this.source, set: Object.entries(this.set) };
    const seen = await json("/api/look", request);
    if (request.source !== this.source) return this.facts;
    const knobs = JSON.stringify(seen.knobs) !== JSON.stringify(this.facts.knobs);
    Object.assign(this.facts, { knobs: seen.knobs, mistakes: seen.mistakes, asks: seen.asks, first: seen.first, offered: seen.offered, claims: seen.claims });
    if (knobs) this.showKnobs();
    const first = seen.mistakes[0];
    if (first) this.say(`${plural(seen.mistakes.length, "mistake")}: ${first.line ? `line ${first.line}, ` : ""}${first.message}`, true);
    else if (this.status.classList.contains("bad")) this.say("");
    this.tell();
    return this.facts;
  }

  /** What the result is of, to see whether it still is what would be run. */
  wish() {
    return { book: this.book.name, cell: this.facts.id, source: this.source, set: Object.entries(this.set).sort(), models: [...this.models].sort(), speed: this.speed, ...(this.time && { budget_ns: this.time }), agreed: this.agreed };
  }

  isStale() {
    if (!this.result) return false;
    const [now, then] = [this.wish(), this.result.wish];
    const models = then.models.length > 0 ? then.models : [...this.facts.first].sort();
    const differs = (one, other) => JSON.stringify(one) !== JSON.stringify(other);
    return now.source !== then.source || now.speed !== then.speed || differs(now.set, then.set) || differs(now.models, models);
  }

  /** How long the very same took the last time, nanoseconds; null: nobody knows. */
  known() {
    const same = this.result && !this.isStale() && (this.result.wish.budget_ns ?? null) === this.time;
    return same ? this.result.took_ns : null;
  }

  /** What Run will cost, and whether what is below is of this very cell. */
  tell() {
    const { facts } = this;
    const known = this.known();
    const rounds = facts.rounds && !this.time ? plural(facts.rounds, "round") : `rounds for ${duration(this.time ?? facts.budget_ns)}`;
    this.cost.textContent = known ? `about ${duration(known)}` : `${rounds}, then one that is recorded`;
    if (!this.when) return;
    this.when.replaceChildren();
    if (this.isStale()) this.when.append(element("span", { className: "badge" }, "stale"), " the cell has changed since. ");
    if (this.result) this.when.append(`${this.result.how}, ${new Date(this.result.when).toLocaleString()}`);
    else this.when.append("not run yet");
  }

  /** @param {string} text @param {boolean} [bad] */
  say(text, bad = false) {
    this.status.textContent = text;
    this.status.classList.toggle("bad", bad);
  }

  async start() {
    if (running) return this.say(`“${running.facts.title}” is running; a machine measures one thing at a time. Cancel it or wait.`, true);
    running = this;
    try {
      const seen = await this.look();
      if (seen.mistakes.length > 0) return;
      if (seen.asks && this.agreed !== seen.asks.text) return this.consent(seen.asks);
      await this.go();
    } catch (error) {
      this.say(wordsOf(error), true);
    } finally {
      running = null;
      this.button.textContent = "Run it here";
      this.button.classList.remove("stop");
    }
  }

  /** Shows what would be started, once for what it is. */
  consent(asks) {
    const yes = element("button", { type: "button", className: "run", click: () => {
      this.agreed = asks.text;
      this.ask.hidden = true;
      void this.start();
    } }, "Run this");
    const no = element("button", { type: "button", className: "plain", click: () => (this.ask.hidden = true) }, "Leave it");
    this.ask.replaceChildren(element("strong", {}, asks.what), element("pre", { tabindex: 0 }, asks.text), element("div", { className: "buttons" }, yes, no));
    this.ask.hidden = false;
    this.say("This cell starts a program; read it and say whether it may.");
    yes.focus();
  }

  async go() {
    this.button.textContent = "Cancel";
    this.button.classList.add("stop");
    for (const one of [this.answer, this.why, this.stage]) one.hidden = true;
    const live = new Live(this.facts.title, this.known());
    this.live.replaceChildren(live.box);
    this.say("starting");
    // The page is drawn as it is while something runs before anything is measured, and not beside it.
    await onScreen();
    this.run = null;
    this.unwanted = false;
    /** @type {any} What the last line of the run says. */
    let failed = null;
    /** @type {any} */
    let kept = null;
    let unkept = "";
    let leftOut = "";
    try {
      await run(this.wish(), (event) => {
        if (event.event === "in-line") this.placed(event.run);
        if (event.event === "kept") kept = event.result;
        else if (event.event === "failed") failed = event;
        else if (event.event === "not-kept") unkept = `; ${event.text}`;
        else if (event.event === "left-out") leftOut += `; ${event.program} is left out: ${event.why}`;
        else {
          const words = live.take(event);
          if (words !== null) this.say(words);
        }
      });
    } finally {
      live.stop();
      this.live.replaceChildren();
      this.stage.hidden = false;
    }
    if (kept) {
      this.result = kept;
      this.facts.result = kept;
      this.say((kept.cancelled ? "cancelled: what was measured until then is shown" : "done") + unkept + leftOut, unkept + leftOut !== "");
      await this.showResult();
      if (this.opened?.ofResult) await this.fillPanel(this.opened);
      this.above.ran();
    } else {
      this.say(failed?.cancelled ? "cancelled: nothing was measured yet" : (failed?.text ?? "the program ended before the run did"), true);
      if (this.result) await this.showResult();
    }
  }

  async cancel() {
    this.say("cancelling");
    this.unwanted = true;
    if (this.run !== null) await json("/api/cancel", { run: this.run });
  }

  /** Its run has a number: who did not want it any more before, says so now. @param {number} number */
  placed(number) {
    this.run = number;
    if (this.unwanted) void this.cancel();
  }

  /** @param {(draw: () => Promise<void>) => unknown} [when] when its pictures are drawn: at once if it is not said */
  async showResult(when = (draw) => draw()) {
    const { result } = this;
    this.answer.replaceChildren(...prose(result.answer));
    this.answer.hidden = !result.answer;
    this.why.replaceChildren(...result.why.map((line) => element("p", {}, ...prose(line))));
    this.why.hidden = result.why.length === 0;
    this.showClaims();
    this.tell();
    this.stage.replaceChildren();
    await when(() => this.showStage());
  }

  async showStage() {
    const { result } = this;
    this.stage.replaceChildren();
    const hasReplay = this.facts.view === "replay" && result.recorded > 0;
    if (hasReplay) {
      this.runs = await runsOf(result);
      this.replay = new Replay(this.runs);
      this.stage.append(this.replay.box);
    } else {
      this.runs = null;
      this.replay = null;
      if (result.rows.length > 0) this.stage.append(bars(result.rows));
      if (this.facts.view === "timeline" && result.recorded > 0 && this.opened === null) this.timeline.click();
    }
    const failed = result.rows.filter((row) => row.unranked).map((row) => element("div", { className: "row failed" },
      element("div", { className: "name" }, nameOf(row.model), element("small", {}, likeOf(row.model))), element("div", { className: "why-not" }, row.unranked)));
    if (failed.length > 0 && hasReplay) this.stage.append(element("div", { className: "rows" }, ...failed));
  }

  showClaims() {
    const { result } = this;
    if (!result || result.claims.length === 0) return;
    const found = (one) => element("div", { className: "evidence" }, `${one.figure}: ${one.found}, predicted ${one.predicted}`, one.reason && element("div", {}, ...prose(one.reason)));
    this.claims.replaceChildren(...result.claims.map((claim) => element("li", {},
      element("span", { className: "says" }, ...prose(claim.says)), " ", element("span", { className: `verdict ${claim.verdict}` }, claim.verdict.replaceAll("-", " ")),
      ...claim.evidence.map(found))));
    this.claims.hidden = false;
  }

  /** All slices of the runs; fetched when they are looked at. */
  async allRuns() {
    this.runs ??= await runsOf(this.result);
    return this.runs;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Enter" && (event.shiftKey || event.ctrlKey)) {
      event.preventDefault();
      if (running !== this) void this.start();
      if (event.shiftKey) this.above.advance(this);
    } else if (event.key === "Escape" && running === this) void this.cancel();
  }
}
