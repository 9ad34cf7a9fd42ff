// The Node runner of maitred: carries out one plan under one strategy and records what each thread and task did.
//
// It speaks JSON lines (`runtimes/PROTOCOL.md`) on its main thread, which does nothing else but write the trace: lanes are
// workers (`worker_threads`) or processes, so that it hears `stop` also while they compute. A loop whose tasks only wait is
// the main thread's own: nothing stalls it, and a worker would cost the memory of another V8. It needs Node 18.17, no more.
//
//   1. the clock and the trace          4. waiting for each other: semaphores
//   2. the strategies: lanes            5. HTTP, commands, failures
//   3. the steps of a task              6. the conversation with maitred
"use strict";

const fs = require("node:fs");
const { Worker, MessageChannel, isMainThread, parentPort, workerData } = require("node:worker_threads");

const PROTOCOL = 2;
/// Whose modules these are: Bun has Node's as well.
const NAME = process.versions.bun ? "bun" : "node";
const STRATEGIES = [
  { name: "sequential" },
  { name: "thread-pool" },
  { name: "processes" },
  { name: "event-loop" },
  { name: "hybrid" },
];
const STEPS = ["cpu", "wait", "block", "hold", "send", "receive", "read", "write", "update", "http", "run", "allocate",
  "repeat", "yield", "fail", "crash"];

// ---------------------------------------------------------------------------------------------------------------------
// 1. The clock is CLOCK_MONOTONIC, which `hrtime` reads as a BigInt; `performance.now` is the same clock from another
//    origin and five times as quick. Nanoseconds are numbers: exact to 2^53, which is 104 days of uptime.

/// CLOCK_MONOTONIC as the kernel has it. Bun counts from its own start, so that there it is asked of the C library.
const monotonic = (() => {
  const time = new BigInt64Array(2), read = () => Number(time[0]) * 1e9 + Number(time[1]);
  if (typeof Bun !== "undefined") {
    const { dlopen, ptr } = require("bun:ffi");
    const { symbols } = dlopen("libc.so.6", { clock_gettime: { args: ["i32", "ptr"], returns: "i32" } });
    return () => (symbols.clock_gettime(1, ptr(time)), read());
  }
  return () => Number(process.hrtime.bigint());
})();

const origin = (() => {
  let best = Infinity, found = 0;
  for (let i = 0; i < 50; i++) {
    const before = performance.now(), at = monotonic(), after = performance.now();
    if (after - before < best) [best, found] = [after - before, at - ((before + after) / 2) * 1e6];
  }
  return found;
})();
const clock = () => Math.floor(origin + performance.now() * 1e6);

const HIGH = 2 ** 32;
const HEADER = 4096, LANE = 16, TASK = 8, SPAN = 6; // sizes of the header in bytes, of records in words
const WORKER = 0, LOOP = 1, PROCESS = 2;
const DONE = 1, FAILED = 2;
const NONE = 0x7fffffff;
const FULL = -1, CLOSED = -2; // instead of the place of a span: there was no room for it; there is none open

/// A picture of the trace file in memory that all threads share. Lanes write to it; `flush` carries over what is new.
class Trace {
  constructor(path, memory) {
    this.fd = fs.openSync(path, "r+");
    const header = Buffer.alloc(56);
    fs.readSync(this.fd, header, 0, 56, 0);
    if (header.toString("latin1", 0, 8) !== "MAITREDT" || header.readUInt32LE(8) !== PROTOCOL) {
      throw new Refusal("protocol", `\`${path}\` is not a trace file of version ${PROTOCOL}: use the runner of this maitred`);
    }
    [this.lanes, this.tasks, this.room] = [12, 16, 20].map((at) => header.readUInt32LE(at));
    [this.lanesAt, this.tasksAt, this.spansAt] = [24, 32, 40].map((at) => Number(header.readBigUInt64LE(at)) / 4);
    const bytes = Number(header.readBigUInt64LE(48));
    // What nobody writes to takes no memory. Behind the file: by lane, from where on spans and tasks are new.
    this.memory = memory || new SharedArrayBuffer(bytes + this.lanes * 12);
    this.words = new Uint32Array(this.memory, 0, bytes / 4);
    this.news = new Int32Array(this.memory, bytes, this.lanes * 3);
    this.touched = null; // of a process: the tasks whose records are new; those between them belong to others
    if (!memory) this.news.fill(NONE).forEach((_, at) => at % 3 === 2 && (this.news[at] = -1));
  }

  time(at) { return this.words[at] + this.words[at + 1] * HIGH; }

  put(at, ns) {
    this.words[at] = ns;
    this.words[at + 1] = ns / HIGH;
  }

  write(from, to) {
    const bytes = new Uint8Array(this.memory, from * 4, (to - from) * 4);
    for (let done = 0; done < bytes.length;) done += fs.writeSync(this.fd, bytes, done, bytes.length - done, from * 4 + done);
  }

  /// Writes what lanes did since the last time, or all that they ever did: spans, then their count, then tasks.
  flush(lanes, everything) {
    for (const lane of lanes) {
      const record = this.lanesAt + lane * LANE;
      const counts = this.words.slice(record, record + LANE);
      const from = everything ? 0 : Atomics.exchange(this.news, lane * 3, NONE);
      const first = everything ? 0 : Atomics.exchange(this.news, lane * 3 + 1, NONE);
      const last = everything ? this.tasks - 1 : Atomics.exchange(this.news, lane * 3 + 2, -1);
      const region = this.spansAt + lane * this.room * SPAN;
      const begun = Math.min(counts[4], this.room);
      if (from < begun) this.write(region + from * SPAN, region + begun * SPAN);
      if (counts[0]) fs.writeSync(this.fd, new Uint8Array(counts.buffer), 0, LANE * 4, record * 4);
      if (everything || this.touched) continue;
      const [low, high] = first === NONE ? [last, last] : [first, Math.max(first, last)];
      if (high >= 0) this.write(this.tasksAt + low * TASK, this.tasksAt + (high + 1) * TASK);
    }
    for (const number of this.touched?.splice(0) ?? []) this.write(this.tasksAt + number * TASK, this.tasksAt + (number + 1) * TASK);
    if (everything && !this.touched) this.write(this.tasksAt, this.tasksAt + this.tasks * TASK);
  }

  /// Where a task stands: begun, ended, the step that it is at.
  task(number) {
    const at = this.tasksAt + number * TASK;
    return { begun: this.time(at), ended: this.time(at + 2), step: this.words[at + 5] - 1 };
  }

  lastEnd() {
    let last = 0;
    for (let number = 0; number < this.tasks; number++) last = Math.max(last, this.time(this.tasksAt + number * TASK + 2));
    return last;
  }
}

/// What executes steps, and its part of the trace.
class Lane {
  constructor(trace, index, role) {
    [this.trace, this.index, this.role] = [trace, index, role];
    this.words = trace.words;
    this.news = trace.news;
    this.record = trace.lanesAt + index * LANE;
    this.region = trace.spansAt + index * trace.room * SPAN;
    this.begun = this.words[this.record + 4];
    this.ended = this.words[this.record + 3];
    this.dropped = 0;
    const path = fs.readlinkSync("/proc/thread-self"); // PID/task/TID
    this.words[this.record] = process.pid;
    this.words[this.record + 1] = Number(path.split("/")[2]);
    this.words[this.record + 2] = role;
    this.before = counters();
  }

  /// A span that begins where the one before ended; its place, or `FULL`.
  begin(task, step) {
    const { words } = this, slot = this.begun;
    words[task.at + 5] = step + 1;
    if (slot === this.trace.room) {
      words[this.record + 6] = ++this.dropped;
      return FULL;
    }
    const at = this.region + slot * SPAN;
    words[at] = task.number;
    words[at + 1] = step;
    words[at + 2] = task.now;
    words[at + 3] = task.now / HIGH;
    words[this.record + 4] = this.begun = slot + 1;
    return slot;
  }

  end(slot, task, now) {
    task.now = now;
    if (slot === FULL) return;
    const at = this.region + slot * SPAN;
    this.words[at + 4] = now;
    this.words[at + 5] = now / HIGH;
    if (slot < Atomics.load(this.news, this.index * 3)) Atomics.store(this.news, this.index * 3, slot);
  }

  /// Ends the span of the step that a task is at.
  close(task, now) {
    const { slot } = task;
    task.slot = CLOSED;
    this.end(slot, task, now);
  }

  beginTask(task) {
    this.trace.put(task.at, task.now);
    this.words[task.at + 4] = this.index;
    this.note(task.number);
  }

  endTask(task, outcome) {
    this.words[task.at + 6] = outcome;
    this.trace.put(task.at + 2, task.now);
    this.words[this.record + 3] = ++this.ended;
    this.note(task.number);
  }

  note(number) {
    if (this.trace.touched) return void this.trace.touched.push(number);
    const at = this.index * 3;
    if (number < Atomics.load(this.news, at + 1)) Atomics.store(this.news, at + 1, number);
    if (number > Atomics.load(this.news, at + 2)) Atomics.store(this.news, at + 2, number);
  }

  leave() {
    const spent = counters().map((value, index) => (value === null ? null : value - this.before[index]));
    this.trace.put(this.record + 8, spent[0] ?? 0);
    if (spent[1] === null) this.words.fill(0xffffffff, this.record + 10, this.record + 12);
    else this.trace.put(this.record + 10, spent[1]);
    [this.words[this.record + 12], this.words[this.record + 13]] = [spent[2], spent[3]];
    this.words[this.record + 14] = 1;
  }
}

/// Of this thread: time on a processor and ready without one (ns; null: not known), voluntary and involuntary switches.
function counters() {
  let times = [null, null];
  try {
    times = fs.readFileSync("/proc/thread-self/schedstat", "latin1").split(" ").map(Number);
  } catch { /* a kernel without CONFIG_SCHED_INFO */ }
  const status = fs.readFileSync("/proc/thread-self/status", "latin1");
  const switches = ["voluntary", "nonvoluntary"].map((name) => Number(status.match(`\\n${name}_ctxt_switches:\\s*(\\d+)`)[1]));
  return [times[0], times[1], ...switches];
}

// ---------------------------------------------------------------------------------------------------------------------
// 2. Strategies. The words that threads share: whether to stop, the next task, how many tasks are under way and wait,
//    a lock; then semaphores with their queues of lanes, and a word for each lane to sleep on. Variables come last.

const STALLS = ["cpu", "block", "allocate"];
const AT_ONCE = 10_000; // tasks that a loop begins before it looks what else there is
const HALTED = 0, NEXT = 1, FLYING = 2, WAITING = 3, LOCK = 4, STEPS_DONE = 5, FIRST = 6;

/// The plan, ready to be done by a lane.
class Work {
  constructor(plan, rate, shared) {
    [this.plan, this.rate] = [plan, rate];
    this.lanes = plan.strategy === "hybrid" ? plan.workers + 1 : plan.workers;
    this.units = [...plan.resources.map((one) => one.capacity), ...plan.channels.flatMap((one) => [one.capacity, 0])];
    this.count = plan.groups.reduce((sum, group) => sum + group.count, 0);
    const queue = 3 + this.lanes;
    const words = FIRST + this.units.length * queue + this.lanes;
    this.shared = shared || new SharedArrayBuffer(Math.ceil(words / 2) * 8 + plan.vars.length * 8);
    this.words = new Int32Array(this.shared, 0, words);
    this.vars = new BigInt64Array(this.shared, Math.ceil(words / 2) * 8);
    this.wakes = FIRST + this.units.length * queue;
    this.queueWords = queue;
    if (!shared) {
      this.units.forEach((units, index) => (this.words[FIRST + index * queue] = units));
      plan.vars.forEach((one, index) => (this.vars[index] = BigInt(one.initial)));
    }
    this.columns = plan.columns && new BigUint64Array(new Uint8Array(fs.readFileSync(plan.columns.path)).buffer);
    this.groupOf = (number) => plan.groups.find((group) => number < group.first + group.count);
    this.timeout = Number(plan.options["http-timeout-ns"] || 30e9) / 1e6;
    this.order = this.arrivals();
  }

  /// Whether this is a loop whose tasks give way in all that they do.
  get isNeverStalled() {
    const givesWay = ({ action }) => typeof action === "string" || Object.entries(action).every(([name, value]) => !STALLS.includes(name) && (value.steps ?? []).every(givesWay));
    return this.plan.strategy === "event-loop" && this.plan.programs.every((program) => program.steps.every(givesWay));
  }

  get halted() { return Atomics.load(this.words, HALTED) !== 0; }

  /// Tasks by number in the order of arrival, and when each comes (ns from the start); null: all at once.
  arrivals() {
    const { groups } = this.plan;
    if (groups.every((group) => group.arrivals === "at-once")) return null;
    const all = [];
    for (const { first, count, arrivals } of groups) {
      for (let i = 0; i < count; i++) {
        const ns = arrivals === "at-once" ? 0 : arrivals["every-ns"] !== undefined ? i * arrivals["every-ns"]
          : this.drawn(arrivals.column, first + i, 0);
        all.push([ns, first + i]);
      }
    }
    return all.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  }

  at(index) { return this.order ? this.order[index][1] : index; }

  due(index) { return this.order ? this.order[index][0] : 0; }

  drawn(column, task, turn) {
    const { offset, first_task, per_task } = this.plan.columns.columns[column];
    return Number(this.columns[offset + (task - first_task) * per_task + turn]);
  }

  /// The next task for a thread, when it has come; -1: there is none.
  take(begun) {
    const index = Atomics.add(this.words, NEXT, 1);
    if (this.halted || index >= this.count) return -1;
    for (let left; (left = begun + this.due(index) - clock()) > 0;) {
      Atomics.wait(this.words, HALTED, 0, left / 1e6);
      if (this.halted) return -1;
    }
    return this.at(index);
  }
}

/// A task under way: which instruction is next, and what has to be undone if it fails.
class Task {
  constructor(job, number) {
    this.job = job;
    this.number = number;
    this.code = job.codes[job.work.groupOf(number).program];
    this.next = this.until = 0;
    this.at = job.lane.trace.tasksAt + number * TASK;
    this.slot = CLOSED;
    this.register = 0n;
    this.loops = this.holds = this.turns = this.kept = null;
    this.now = clock();
  }
}

/// What a lane does tasks with, and whom it tells of their ends.
class Job {
  constructor(work, lane, steps, fail, ended) {
    [this.work, this.lane, this.codes, this.fail, this.ended] = [work, lane, steps.compile(), fail, ended];
  }

  /// Whether the task has ended already; if not, `ended` is called when it has.
  perform(number) {
    const task = new Task(this, number);
    this.lane.beginTask(task);
    Atomics.add(this.work.words, FLYING, 1);
    return proceed(task);
  }

  end(task, problem) {
    const { lane, work } = this;
    if (problem) {
      if (task.slot !== CLOSED) lane.close(task, clock());
      while (task.holds?.length) giveBack(lane, task);
      task.now = clock();
      this.fail(failureOf(problem, task.number, work, lane.words[task.at + 5] - 1));
    }
    lane.endTask(task, problem ? FAILED : DONE);
    Atomics.sub(work.words, FLYING, 1);
    return true;
  }
}

/// Goes on with a task until it ends, which is told, or has to wait.
function proceed(task) {
  const { job, code } = task;
  try {
    while (task.next < code.length) {
      const waits = code[task.next++](task, job.lane);
      if (waits === undefined) continue;
      if (waits !== PARKED) waits.then(() => goOn(task), (problem) => give(task, problem));
      return false;
    }
  } catch (problem) {
    return job.end(task, problem);
  }
  return job.end(task, null);
}

/// The same for one that had waited.
function goOn(task) {
  if (proceed(task)) task.job.ended();
}

function give(task, problem) {
  task.job.end(task, problem);
  task.job.ended();
}

/// A thread that does one task after another: `sequential`, `thread-pool`.
async function serveAsThread(work, trace, index, begun) {
  const lane = new Lane(trace, index, WORKER);
  let wake;
  const job = new Job(work, lane, new Blocking(work, index), (failure) => parentPort.postMessage({ failure }), () => wake());
  warmUp(work);
  parentPort.postMessage({ ready: index });
  await told(parentPort); // go
  const start = Number(begun[0]);
  for (let number; (number = work.take(start)) >= 0;) {
    if (!job.perform(number)) await new Promise((ended) => (wake = ended));
  }
  parentPort.postMessage({ finished: index });
  await told(parentPort); // close
  lane.leave();
  parentPort.postMessage({ closed: index });
}

/// A thread whose loop interleaves all tasks: `event-loop`, `hybrid`.
async function serveAsLoop(work, trace, begun, hands, port) {
  const lane = new Lane(trace, 0, LOOP);
  let ended;
  const job = new Job(work, lane, hands ? new Handing(work, hands) : new Awaiting(work), (failure) => port.postMessage({ failure }), () => ended());
  warmUp(work);
  await rehearse(work);
  port.postMessage({ ready: 0 });
  await told(port);
  const start = Number(begun[0]), width = Number(work.plan.options.concurrency || 0) || Infinity;
  await new Promise((finish) => {
    let alive = 0, index = 0;
    const next = () => {
      for (const until = index + AT_ONCE; !work.halted && index < work.count && alive < width; index++) {
        if (index === until) return void setImmediate(next); // a word to stop is heard between two turns
        const left = work.order ? start + work.due(index) - clock() : 0;
        if (left > 0) return void (alive || !work.halted ? setTimeout(next, Math.min(Math.ceil(left / 1e6), 50)) : 0);
        alive++;
        Atomics.add(work.words, NEXT, 1);
        if (job.perform(work.at(index))) alive--;
      }
      if (alive === 0 && (work.halted || index >= work.count)) finish();
    };
    ended = () => (alive--, next());
    next();
  });
  port.postMessage({ finished: 0 });
  await told(port);
  for (const agent of agents.values()) agent.destroy();
  lane.leave();
  port.postMessage({ closed: 0 });
}

/// A worker of `hybrid`: it does the steps that the loop hands to it, and records them on its own lane.
function serveAsHand(work, trace, index, port) {
  const lane = new Lane(trace, index, WORKER);
  const codes = new Map();
  const doing = new Blocking(work, index);
  const collect = (list) => list.forEach(({ id, action }) => {
    const [name, value] = typeof action === "string" ? [action] : Object.entries(action)[0];
    if (value?.steps) collect(value.steps);
    else codes.set(id, doing.step({ id, action }));
  });
  work.plan.programs.forEach((program) => collect(program.steps));
  warmUp(work);
  port.on("message", ({ number, id, turns }) => {
    const task = { number, at: trace.tasksAt + number * TASK, now: clock(), slot: CLOSED, turns, kept: null };
    try {
      for (const instruction of codes.get(id)) instruction(task, lane);
      port.postMessage({});
    } catch (problem) {
      if (task.slot !== CLOSED) lane.close(task, clock());
      port.postMessage({ problem: { kind: problem.kind || problem.name, message: problem.message } });
    }
  });
  parentPort.on("message", () => {
    lane.leave();
    parentPort.postMessage({ closed: index });
  });
  parentPort.postMessage({ ready: index });
}

/// A worker process: it gets numbers of tasks by the channel of `child_process`, and asks its parent for resources.
function serveAsProcess(work, trace, index) {
  let lane, job, doing, wake, failures = [];
  const flush = () => trace.flush([index]);
  trace.touched = [];
  const open = () => {
    const kept = Buffer.alloc(LANE * 4); // a replacement goes on where the dead one was
    fs.readSync(trace.fd, kept, 0, kept.length, (trace.lanesAt + index * LANE) * 4);
    trace.words.set(new Uint32Array(kept.buffer, kept.byteOffset, LANE), trace.lanesAt + index * LANE);
    trace.words[trace.lanesAt + index * LANE + 14] = 0;
    lane = new Lane(trace, index, PROCESS);
    trace.news[index * 3] = lane.begun;
    doing = new Asking(work, index, flush);
    job = new Job(work, lane, doing, (failure) => failures.push(failure), () => wake());
    warmUp(work);
    process.send({ ready: index, cpu: process.cpuUsage() });
  };
  process.on("disconnect", () => process.exit(0));
  process.on("message", async ({ tasks, granted, halt, close }) => {
    if (halt) return void Atomics.store(work.words, HALTED, 1);
    if (granted) return doing.granted();
    if (close) {
      lane.leave();
      flush();
      return process.send({ closed: index, vars: [...work.vars].map(Number) }, () => process.disconnect());
    }
    failures = [];
    let heard = clock();
    for (const number of tasks) {
      if (clock() - heard > 5e6) { // a word to halt is heard only where the loop has its turn
        await new Promise(setImmediate);
        heard = clock();
      }
      if (work.halted) break;
      if (!job.perform(number)) await new Promise((ended) => (wake = ended));
      if (lane.begun > (open.flushed || 0) + 2000) (open.flushed = lane.begun), flush();
    }
    flush();
    process.send({ did: index, failures, cpu: process.cpuUsage() });
  });
  open();
}

const told = (port) => new Promise((hear) => port.once("message", hear));

// ---------------------------------------------------------------------------------------------------------------------
// 3. Steps. A program is compiled to instructions, functions of task and lane, that all its tasks go through by their own
//    `next`. One returns nothing; or a promise; or `PARKED`, where whoever it waits for goes on with the task: so a task that
//    waits costs no promise. `task.now` is when a step ended and the next one begins: n steps take n + 1 readings of the clock.

const PARKED = Symbol("parked");

/// Ends what a task holds innermost: before it is given back, since the next one cannot have it any earlier.
function giveBack(lane, task) {
  const { slot, semaphore } = task.holds.pop();
  lane.end(slot, task, clock());
  semaphore.release();
}

class StepFailed extends Error {
  constructor(kind, text) {
    super(text);
    this.kind = kind;
  }
}

/// How a thread does steps: who waits keeps it.
class Blocking {
  constructor(work, lane) {
    [this.work, this.lane] = [work, lane];
    const units = work.plan.resources.length;
    this.resource = (index) => this.semaphore(index);
    this.channel = (index) => [this.semaphore(units + 2 * index), this.semaphore(units + 2 * index + 1)];
  }

  semaphore(index) { return new ThreadSemaphore(this.work, index, this.lane); }

  compile() { return this.work.plan.programs.map((program) => this.sequence(program.steps)); }

  sequence(steps) { return steps.flatMap((step) => this.step(step)); }

  step({ id, action }) {
    const [name, value] = typeof action === "string" ? [action] : Object.entries(action)[0];
    return this[name](id, value);
  }

  /// A step that ends where it began.
  leaf(id, act) {
    return [(task, lane) => {
      task.slot = lane.begin(task, id);
      act(task, lane);
      lane.close(task, clock());
    }];
  }

  /// A step that may have to wait, and what is done then, as part of it.
  waiting(id, act, then = () => {}) {
    return [
      (task, lane) => {
        task.slot = lane.begin(task, id);
        return act(task, lane);
      },
      (task, lane) => {
        then();
        lane.close(task, clock());
      },
    ];
  }

  hold(id, { resource, steps }) {
    const semaphore = this.resource(resource);
    const enter = (task, lane) => void (task.holds ??= []).push({ slot: lane.begin(task, id + 1), semaphore });
    const leave = (task, lane) => giveBack(lane, task);
    return [...this.waiting(id, (task) => semaphore.acquire(task)), enter, ...this.sequence(steps), leave];
  }

  repeat(id, { count, steps }) {
    const body = this.sequence(steps);
    if (count === 0) return [];
    const enter = (task) => void (task.loops ??= []).push(count);
    const again = (task) => {
      if (--task.loops[task.loops.length - 1] > 0) task.next -= body.length + 1;
      else task.loops.pop();
    };
    return count === 1 ? body : [enter, ...body, again];
  }

  /// The duration of a step in ns, the same for all tasks or the next one of the task's column, converted once if it can be.
  measured(id, amount, act, convert = (ns) => ns) {
    if (amount.ns !== undefined) {
      const fixed = convert(amount.ns);
      return this.leaf(id, (task) => act(fixed, task));
    }
    return this.leaf(id, (task) => act(convert(this.next(id, amount, task)), task));
  }

  next(id, amount, task) {
    const turns = (task.turns ??= new Map()), turn = turns.get(id) ?? 0;
    turns.set(id, turn + 1);
    return this.work.drawn(amount.column, task.number, turn);
  }

  cpu(id, amount) { return this.measured(id, amount, (units) => void compute(units), (ns) => Math.round((ns * this.work.rate) / 1e9)); }

  block(id, amount) { return this.measured(id, amount, sleep); }

  wait(id, amount) { return this.measured(id, amount, sleep); }

  yield(id) { return this.leaf(id, () => sleep(0)); }

  allocate(id, { bytes }) {
    return this.leaf(id, (task) => void (task.kept ??= []).push(Buffer.alloc(bytes, 1)));
  }

  read(id, { var: index }) {
    return this.leaf(id, (task) => void (task.register = Atomics.load(this.work.vars, index)));
  }

  write(id, { var: index, add }) {
    return this.leaf(id, (task) => void Atomics.store(this.work.vars, index, task.register + BigInt(add)));
  }

  update(id, { var: index, add }) {
    return this.leaf(id, (task) => void (task.register = Atomics.add(this.work.vars, index, BigInt(add)) + BigInt(add)));
  }

  send(id, { channel }) {
    const [free, items] = this.channel(channel);
    return this.waiting(id, (task) => free.acquire(task), () => items.release());
  }

  receive(id, { channel }) {
    const [free, items] = this.channel(channel);
    return this.waiting(id, (task) => items.acquire(task), () => free.release());
  }

  http(id, value) { return this.waiting(id, () => request(value, this.work.timeout, true)); }

  run(id, { program, args }) {
    const { spawnSync } = require("node:child_process");
    return this.leaf(id, () => {
      const { error, status, signal } = spawnSync(program, args, { stdio: ["ignore", 2, 2] });
      ended(program, error, status, signal);
    });
  }

  fail(id, { why }) { return this.leaf(id, () => { throw new StepFailed("fail", why); }); }

  crash(id) {
    return this.leaf(id, (task, lane) => {
      lane.trace.flush([lane.index], true);
      process.kill(process.pid, "SIGKILL");
      sleep(10e9);
    });
  }
}

/// How tasks on a loop do steps: who waits gives way. Timers count whole milliseconds, so that no wait is shorter.
class Awaiting extends Blocking {
  constructor(work) {
    super(work, 0);
    this.known = new Map();
  }

  semaphore(index) {
    if (!this.known.has(index)) this.known.set(index, new LoopSemaphore(this.work, index));
    return this.known.get(index);
  }

  /// The timer may be early, by up to its own millisecond, and then takes another turn.
  wait(id, amount) {
    const fixed = amount.ns === undefined ? 0 : Math.ceil(amount.ns / 1e6);
    const begin = (task, lane) => {
      task.slot = lane.begin(task, id);
      const ns = amount.ns ?? this.next(id, amount, task);
      task.until = task.now + ns;
      setTimeout(look, fixed || Math.ceil(ns / 1e6), task);
      return PARKED;
    };
    return [begin, (task, lane) => lane.close(task, task.until)];
  }

  yield(id) {
    return this.waiting(id, (task) => {
      setImmediate(goOn, task);
      return PARKED;
    });
  }

  run(id, { program, args }) {
    const { spawn } = require("node:child_process");
    return this.waiting(id, () => new Promise((resolve, reject) => {
      const child = spawn(program, args, { stdio: ["ignore", 2, 2] });
      const end = (error, status, signal) => {
        try {
          resolve(ended(program, error, status, signal));
        } catch (problem) {
          reject(problem);
        }
      };
      child.on("error", (error) => end(error));
      child.on("exit", (status, signal) => end(null, status, signal));
    }));
  }
}

/// How a hybrid does steps: what computes or blocks goes to a worker, the rest stays on the loop.
class Handing extends Awaiting {
  constructor(work, ports) {
    super(work);
    [this.idle, this.queue] = [[...ports], []];
    for (const port of ports) port.on("message", (answer) => this.returned(port, answer));
  }

  handed(id, amount) {
    return [(task) => {
      const turns = amount?.column !== undefined && (task.turns ??= new Map());
      this.queue.push({ message: { number: task.number, id, turns: turns && new Map(turns) }, task });
      if (turns) turns.set(id, (turns.get(id) ?? 0) + 1);
      this.dispatch();
      return PARKED;
    }];
  }

  dispatch() {
    while (this.idle.length && this.queue.length) {
      const port = this.idle.pop();
      port.job = this.queue.shift();
      port.postMessage(port.job.message);
    }
  }

  returned(port, { problem }) {
    const { task } = port.job;
    task.now = clock();
    this.idle.push(port);
    this.dispatch();
    problem ? give(task, new StepFailed(problem.kind, problem.message)) : goOn(task);
  }

  cpu(id, amount) { return this.handed(id, amount); }

  block(id, amount) { return this.handed(id, amount); }

  run(id) { return this.handed(id); }
}

/// How a process does steps: like a thread, but its parent keeps the resources.
class Asking extends Blocking {
  constructor(work, index, flush) {
    super(work, index);
    [this.flush, this.granted] = [flush, null];
  }

  semaphore(index) {
    return {
      acquire: () => new Promise((resolve) => {
        this.granted = resolve;
        this.flush();
        process.send({ acquire: index, lane: this.lane });
      }),
      release: () => void process.send({ release: index, lane: this.lane }),
    };
  }

  measured(id, amount, act, convert) {
    return super.measured(id, amount, (value, task) => {
      if (value > 20e6) this.flush(); // what it was at is seen while it lasts
      return act(value, task);
    }, convert);
  }
}

/// The work of a `cpu` step, each turn of which needs the one before (a linear congruential generator).
function compute(units) {
  let x = 1;
  for (let i = 0; i < units; i++) x = (Math.imul(x, 1103515245) + 12345) & 0x7fffffff;
  return x;
}

/// Units in a second once the compiler has done what it can, and how long that took: the best of many slices, and no
/// less than eight in a row that were not better.
function calibrate() {
  const begun = clock();
  let units = 1000, best = 0, warm = 0, since = 0;
  for (let now = begun; since < 8 || now - begun < 60e6;) {
    const at = clock();
    compute(units);
    now = clock();
    const rate = (units * 1e9) / Math.max(1, now - at);
    if (rate > best * 1.02) [warm, since] = [now - begun, 0];
    else since++;
    best = Math.max(best, rate);
    if (now - at < 2e6) units *= 2;
  }
  return { rate: best, warm };
}

/// A trace that is nowhere, to rehearse in: a lane, a task, so many spans.
function scratch(room) {
  const words = new Uint32Array(LANE + 2 * TASK + room * SPAN), places = { lanesAt: 0, tasksAt: LANE, spansAt: LANE + 2 * TASK };
  return Object.assign(Object.create(Trace.prototype), { words, news: new Int32Array(3), room, touched: null, ...places });
}

/// Each worker compiles for itself: without this its first tasks would be ten times as slow, and what records them as well.
function warmUp(work) {
  const lane = new Lane(scratch(REHEARSED), 0, LOOP), job = { work, lane, codes: [] };
  for (let turn = 0; turn < (work.count && REHEARSED); turn++) {
    const task = new Task(job, 0);
    lane.beginTask(task);
    task.slot = lane.begin(task, 1);
    lane.close(task, task.until = clock());
    lane.endTask(task, DONE);
  }
  if (JSON.stringify(work.plan.programs).includes('"cpu"')) {
    for (const until = clock() + 15e6; clock() < until;) compute(20_000);
  }
}

/// Has tasks wait before the work, where many are to come: what carries them is compiled when the first one comes.
async function rehearse({ plan, count }) {
  if (count < REHEARSED) return;
  const programs = [{ name: "rehearsal", steps: [{ id: 1, action: { wait: { ns: 1e6 } } }] }];
  const groups = [{ program: 0, first: 0, count: REHEARSED, arrivals: "at-once" }];
  const stage = new Work({ ...plan, programs, groups, resources: [], channels: [], vars: [], columns: null }, 0);
  let left = REHEARSED, over;
  const job = new Job(stage, new Lane(scratch(REHEARSED), 0, LOOP), new Awaiting(stage), () => {}, () => --left || over());
  await new Promise((end) => {
    over = end;
    for (let turn = 0; turn < REHEARSED; turn++) job.perform(0);
  });
}

const REHEARSED = 2000;
const bed = new Int32Array(new SharedArrayBuffer(4));

/// Keeps this thread for so many ns; gives way once for 0.
function sleep(ns) {
  const until = clock() + ns;
  for (let left = ns; left >= 0; left = until - clock()) {
    Atomics.wait(bed, 0, 0, left / 1e6);
    if (ns === 0) return;
  }
}

/// Goes on with a task whose timer has run down, if its time has come.
function look(task) {
  const now = clock(), left = task.until - now;
  if (left > 0) return void setTimeout(look, Math.ceil(left / 1e6), task);
  task.until = now;
  goOn(task);
}

// ---------------------------------------------------------------------------------------------------------------------
// 4. Semaphores, first come first served: a unit that is given back goes to the one who has waited longest. A channel is
//    two: free slots and items.

/// Between threads: words under one lock. Who must wait puts its lane into the queue and sleeps on a word of its own.
class ThreadSemaphore {
  constructor(work, index, lane) {
    [this.words, this.lane, this.size] = [work.words, lane, work.lanes];
    this.at = FIRST + index * work.queueWords; // units, first and length of the queue, the queue
    this.wakes = work.wakes;
  }

  lock() { while (Atomics.compareExchange(this.words, LOCK, 0, 1)) Atomics.wait(this.words, LOCK, 1, 1); }

  unlock() {
    Atomics.store(this.words, LOCK, 0);
    Atomics.notify(this.words, LOCK, 1);
  }

  acquire() {
    const { words, at, size } = this;
    this.lock();
    Atomics.add(words, STEPS_DONE, 1);
    if (words[at] > 0) {
      words[at]--;
      return this.unlock();
    }
    words[at + 3 + ((words[at + 1] + words[at + 2]++) % size)] = this.lane;
    Atomics.add(words, WAITING, 1);
    this.unlock();
    const wake = this.wakes + this.lane;
    while (!Atomics.compareExchange(words, wake, 1, 0)) Atomics.wait(words, wake, 0);
  }

  release() {
    const { words, at, size } = this;
    this.lock();
    Atomics.add(words, STEPS_DONE, 1);
    if (words[at + 2] > 0) {
      const lane = words[at + 3 + words[at + 1]];
      words[at + 1] = (words[at + 1] + 1) % size;
      words[at + 2]--;
      Atomics.sub(words, WAITING, 1);
      Atomics.store(words, this.wakes + lane, 1);
      Atomics.notify(words, this.wakes + lane);
    } else words[at]++;
    this.unlock();
  }
}

/// Between tasks on one loop: nothing can come between two lines.
class LoopSemaphore {
  constructor(work, index) {
    [this.words, this.units, this.queue, this.head] = [work.words, work.units[index], [], 0];
  }

  acquire(task) {
    Atomics.add(this.words, STEPS_DONE, 1);
    if (this.units > 0) return void this.units--;
    Atomics.add(this.words, WAITING, 1);
    this.queue.push(task);
    return PARKED;
  }

  release() {
    Atomics.add(this.words, STEPS_DONE, 1);
    if (this.head === this.queue.length) return void this.units++;
    const task = this.queue[this.head++];
    if (this.head === 1024) this.queue.splice(0, this.head), (this.head = 0);
    Atomics.sub(this.words, WAITING, 1);
    process.nextTick(goOn, task); // when the one that gives it has to wait itself
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 5. HTTP by Node's own client, commands, failures.

const agents = new Map();
const IDEMPOTENT = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"];

/// One request, its answer read to the end; connections are kept by the agent of each protocol.
function request(value, timeout, again) {
  const { method, url, headers = [], body } = value;
  return new Promise((resolve, reject) => {
    const fail = (kind, text) => reject(new StepFailed(kind, `${method} ${url}: ${text}`));
    const scheme = url.startsWith("https:") ? "https" : "http";
    const client = require(`node:${scheme}`);
    if (!agents.has(scheme)) agents.set(scheme, new client.Agent({ keepAlive: true, maxFreeSockets: Infinity }));
    const fields = {};
    for (const [name, text] of headers) (fields[name] ??= []).push(text);
    for (const name in fields) if (fields[name].length === 1) fields[name] = fields[name][0];
    if (body !== undefined && body !== null) fields["Content-Length"] = Buffer.byteLength(body);
    let answered = false, asked;
    try {
      asked = client.request(url, { method, headers: fields, agent: agents.get(scheme) });
    } catch (problem) {
      return fail("bad-answer", problem.message);
    }
    const timer = setTimeout(() => {
      fail("timeout", "no answer in time");
      asked.destroy();
    }, timeout);
    const close = () => clearTimeout(timer);
    asked.on("response", (answer) => {
      answered = true;
      answer.on("data", () => {});
      answer.on("error", (problem) => (close(), fail("lost", `the connection was cut (${problem.code})`)));
      answer.on("end", () => {
        close();
        answer.statusCode >= 400 ? fail(`status-${answer.statusCode}`, `status ${answer.statusCode}`) : resolve();
      });
    });
    asked.on("error", (problem) => {
      close();
      if (again && asked.reusedSocket && !answered && IDEMPOTENT.includes(method) && kindOf(problem) === "lost") {
        return request(value, timeout, false).then(resolve, reject);
      }
      fail(kindOf(problem), problem.message);
    });
    asked.end(body ?? undefined);
  });
}

/// Why there was no answer, as the one word that all runners have for it.
function kindOf({ code = "" }) {
  if (code.startsWith("HPE_")) return "bad-answer";
  if (["ENOTFOUND", "EAI_AGAIN"].includes(code)) return "dns";
  if (code === "ECONNREFUSED") return "refused";
  if (code === "ETIMEDOUT") return "timeout";
  return ["ECONNRESET", "EPIPE"].includes(code) ? "lost" : "connect";
}

/// Fails the task unless its command ended well.
function ended(program, error, status, signal) {
  if (error) throw new StepFailed("exit", `\`${program}\` cannot be started: ${error.code}`);
  if (status !== 0) throw new StepFailed("exit", `\`${program}\` ended with ${signal ? `signal ${signal}` : `exit code ${status}`}`);
}

function failureOf(problem, task, work, step) {
  const memory = problem instanceof RangeError || problem.code === "ERR_MEMORY_ALLOCATION_FAILED";
  return { kind: problem.kind || (memory ? "memory" : problem.name), text: problem.message, task, step: step < 0 ? null : step };
}

class Refusal extends Error {
  constructor(code, text, place = null) {
    super(text);
    [this.code, this.place] = [code, place];
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// 6. The conversation, and a run as the main thread sees it.

/// A run: makes lanes, hears them, watches, and says `done`.
class Run {
  constructor(plan, rate) {
    this.work = new Work(plan, rate);
    this.trace = new Trace(plan.trace_path);
    if (this.trace.lanes < this.work.lanes || this.trace.tasks < this.work.count) {
      throw new Refusal("protocol", `the trace file has room for ${this.trace.lanes} lanes and ${this.trace.tasks} tasks: ${this.work.lanes} and ${this.work.count} are needed`);
    }
    [this.failures, this.notes, this.vars, this.lost, this.marks] = [new Map(), [], [], new Set(), []];
    [this.members, this.awaited] = [[], new Map()];
    this.begun = new Float64Array(new SharedArrayBuffer(8));
  }

  async go() {
    const { strategy } = this.work.plan;
    this.mark();
    try {
      await (strategy === "processes" ? this.makeProcesses() : this.makeThreads());
    } catch (problem) {
      throw new Refusal("refused", `${this.work.plan.workers} workers could not be set up (${problem.message}): use fewer`);
    }
    this.mark();
    this.watching = setInterval(() => this.watch(), 50);
    this.begun[0] = this.start = clock();
    if (strategy === "processes") await this.handOut();
    else {
      const serving = strategy === "hybrid" ? this.members.slice(0, 1) : this.members;
      const finished = this.all("finished", serving.length);
      for (const member of serving) member.postMessage("go");
      await finished;
    }
    this.ended = clock();
    this.mark();
    await this.close();
    this.conclude();
  }

  /// A promise that so many members have said this.
  all(word, count) { return new Promise((resolve, reject) => this.awaited.set(word, { count, resolve, reject })); }

  hear(message, lane) {
    if (message.failure) this.count(message.failure);
    for (const word of ["ready", "finished", "closed"]) {
      const awaited = word in message && this.awaited.get(word);
      if (awaited && --awaited.count === 0) awaited.resolve();
    }
    return lane;
  }

  async makeThreads() {
    const { plan, rate, shared, lanes } = this.work;
    const channels = plan.strategy === "hybrid" ? Array.from({ length: lanes - 1 }, () => new MessageChannel()) : [];
    const ready = this.all("ready", lanes);
    for (let index = 0; index < lanes; index++) {
      const ports = index === 0 ? channels.map((channel) => channel.port1) : channels.slice(index - 1, index).map((channel) => channel.port2);
      const data = { plan, rate, shared, memory: this.trace.memory, index, begun: this.begun, ports };
      const member = this.work.isNeverStalled ? this.ownLoop() : new Worker(__filename, { workerData: data, transferList: ports, stdin: false });
      member.on("message", (message) => this.hear(message));
      member.on("error", (problem) => this.awaited.forEach(({ reject }) => reject(problem)));
      this.members.push(member);
    }
    await ready;
  }

  /// The loop of this thread as if it were a worker.
  ownLoop() {
    const { port1, port2 } = new MessageChannel();
    port1.terminate = () => port1.close();
    serveAsLoop(this.work, this.trace, this.begun, null, port2).catch(refuse);
    return port1;
  }

  async close() {
    if (this.work.plan.strategy !== "processes") {
      const closed = this.all("closed", this.members.length);
      this.members.forEach((member) => member.postMessage("close"));
      await closed;
      await Promise.all(this.members.map((member) => member.terminate()));
    } else if (this.pool.some((slot) => slot.child)) {
      const alive = this.pool.filter((slot) => slot.child);
      const closed = this.all("closed", alive.length);
      alive.forEach((slot) => slot.child.send({ close: true }));
      await closed;
    }
    this.mark();
  }

  // `processes`: the parent hands out tasks, keeps the resources, and replaces who dies.

  async makeProcesses() {
    this.pool = Array.from({ length: this.work.lanes }, (_, index) => ({ index, tasks: [], asked: null, held: [], cpu: null, before: null }));
    this.semaphores = this.work.units.map((units) => ({ units, queue: [] }));
    const ready = this.all("ready", this.pool.length);
    this.pool.forEach((slot) => this.fork(slot));
    await ready;
  }

  fork(slot) {
    const { fork } = require("node:child_process");
    const child = (slot.child = fork(__filename, ["worker"], { stdio: ["ignore", 2, 2, "ipc"], serialization: "json" }));
    child.on("error", (problem) => this.awaited.forEach(({ reject }) => reject(problem)));
    child.on("exit", (code, signal) => this.bury(slot, child, code, signal));
    child.on("message", (message) => {
      if (message.ready !== undefined) slot.before ??= message.cpu;
      if (message.cpu) slot.cpu = message.cpu;
      if (message.vars) this.vars.push(message.vars);
      if (message.acquire !== undefined) this.acquire(slot, message.acquire);
      if (message.release !== undefined) this.release(message.release, slot);
      if (message.did !== undefined || (message.ready !== undefined && this.start)) {
        message.failures?.forEach((failure) => this.count(failure));
        slot.tasks = [];
        this.give(slot);
      }
      this.hear(message);
    });
    child.send({ plan: this.work.plan, rate: this.work.rate, index: slot.index });
  }

  handOut() {
    const { plan, count, units } = this.work;
    // Tasks that are there from the start and never wait for each other travel together: handing over costs as much as a small one does.
    const together = !this.work.order && units.length === 0 && !plan.options.timed;
    this.parcel = together ? Math.max(1, Math.min(64, Math.floor(count / (4 * plan.workers)))) : 1;
    [this.handed, this.again] = [0, []];
    return new Promise((resolve) => {
      this.finish = resolve;
      this.pool.forEach((slot) => this.give(slot));
    });
  }

  give(slot) {
    const { work } = this;
    const left = () => !work.halted && (this.again.length > 0 || this.handed < work.count);
    if (!left()) {
      if (this.pool.every((one) => !one.tasks.length)) this.finish();
      return;
    }
    if (!slot.child) return this.fork(slot);
    const wait = this.again.length ? 0 : this.start + work.due(this.handed) - clock();
    if (wait > 0) {
      slot.tasks = [];
      return void setTimeout(() => slot.tasks.length || this.give(slot), Math.min(50, Math.ceil(wait / 1e6)));
    }
    while (slot.tasks.length < this.parcel && left()) {
      slot.tasks.push(this.again.length ? this.again.shift() : work.at(this.handed++));
    }
    slot.child.send({ tasks: slot.tasks });
  }

  acquire(slot, index) {
    const semaphore = this.semaphores[index];
    this.moved = true;
    if (semaphore.units > 0) {
      semaphore.units--;
      this.grant(slot, index);
    } else {
      semaphore.queue.push(slot);
      slot.asked = index;
    }
  }

  grant(slot, index) {
    slot.asked = null;
    slot.held.push(index);
    slot.child?.send({ granted: true });
  }

  /// Gives a unit back. What is received from a channel is not held, but was somebody's to send: no one returns it.
  release(index, slot) {
    this.moved = true;
    const resources = this.work.plan.resources.length;
    const held = index < resources ? slot?.held.indexOf(index) : slot?.held.findIndex((one) => one >= resources);
    if (held >= 0) slot.held.splice(held, 1);
    const semaphore = this.semaphores[index];
    const next = semaphore.queue.shift();
    next ? this.grant(next, index) : semaphore.units++;
  }

  /// A worker is gone: the first task of its parcel that had not ended is lost with it, the others are handed out again.
  bury(slot, child, code, signal) {
    if (slot.child !== child) return;
    slot.child = null;
    const file = new Trace(this.work.plan.trace_path, this.trace.memory);
    const records = Buffer.alloc(this.trace.tasks * TASK * 4);
    fs.readSync(file.fd, records, 0, records.length, this.trace.tasksAt * 4);
    fs.closeSync(file.fd);
    const open = slot.tasks.filter((number) => !records.readBigUInt64LE(number * 32 + 8));
    const [number, ...rest] = open;
    slot.tasks = [];
    if (number === undefined) return;
    const step = records.readUInt32LE(number * 32 + 20) - 1;
    this.lost.add(number);
    if (!records.readBigUInt64LE(number * 32)) {
      const begun = Buffer.alloc(8);
      begun.writeBigUInt64LE(BigInt(clock()));
      fs.writeSync(this.trace.fd, begun, 0, 8, this.trace.tasksAt * 4 + number * 32);
    }
    const numbers = require("node:os").constants.signals;
    const how = signal ? `killed by signal ${numbers[signal]} (${signal})` : `ended with exit code ${code}`;
    this.count({ kind: "crash", text: how, task: number, step: step < 0 ? null : step });
    this.again.unshift(...rest);
    if (slot.asked !== null) this.semaphores[slot.asked].queue = this.semaphores[slot.asked].queue.filter((one) => one !== slot);
    slot.asked = null;
    for (const index of slot.held.splice(0)) this.release(index, null);
    this.give(slot);
  }

  // What is the same for all.

  count({ kind, text, task, step }) {
    const known = this.failures.get(kind);
    if (known) known.count++;
    else this.failures.set(kind, { kind, text, count: 1, task, step });
  }

  mark() {
    const usage = process.cpuUsage();
    for (const slot of this.pool ?? []) {
      if (!slot.cpu) continue;
      usage.user += slot.cpu.user;
      usage.system += slot.cpu.system;
    }
    this.marks.push({ ns: clock(), user: usage.user, system: usage.system });
  }

  /// Carries over what lanes wrote; looks whether all who could go on wait for each other, twice in the same way.
  watch() {
    const { words, count, plan, lanes } = this.work;
    const own = plan.strategy === "processes";
    if (!own) this.trace.flush(this.members.map((_, index) => index));
    let stuck;
    if (own) {
      const busy = this.pool.filter((slot) => slot.tasks.length), waits = busy.filter((slot) => slot.asked !== null);
      stuck = !this.moved && busy.length > 0 && busy.length === waits.length && (busy.length === lanes || (this.handed >= count && !this.again.length));
      this.moved = false;
    } else {
      const flying = Atomics.load(words, FLYING), steps = Atomics.load(words, STEPS_DONE);
      const loops = ["event-loop", "hybrid"].includes(plan.strategy);
      const full = (!loops && flying === lanes) || Atomics.load(words, NEXT) >= count;
      stuck = flying > 0 && flying === Atomics.load(words, WAITING) && full && steps === this.stepsBefore;
      this.stepsBefore = steps;
    }
    if (stuck && this.stuckBefore) this.giveUp(true);
    this.stuckBefore = stuck;
  }

  stop() {
    if (this.stopping) return;
    this.stopping = true;
    Atomics.store(this.work.words, HALTED, 1);
    Atomics.notify(this.work.words, HALTED);
    this.pool?.forEach((slot) => slot.child?.send({ halt: true }));
    if (this.pool && this.finish) this.pool.every((slot) => !slot.tasks.length) && this.finish();
    setTimeout(() => {
      this.notes.push("stopped before every task under way had ended");
      this.giveUp(false);
    }, this.work.plan.limits.grace_ns / 1e6).unref();
  }

  /// Says `done` although the work is not.
  giveUp(isDeadlock) {
    if (this.said) return;
    this.gaveUp = true;
    while (this.marks.length < 2) this.mark();
    this.start ??= this.marks[1].ns; // told to stop before the work began
    this.ended = clock();
    while (this.marks.length < 4) this.mark();
    if (isDeadlock) this.deadlock = true;
    this.conclude();
  }

  conclude() {
    if (this.said) return;
    this.said = true;
    clearInterval(this.watching);
    const own = this.pool !== undefined;
    if (!own) this.trace.flush(this.members.map((_, index) => index), true);
    else {
      const tasks = new Uint8Array(this.trace.memory, this.trace.tasksAt * 4, this.trace.tasks * TASK * 4);
      fs.readSync(this.trace.fd, tasks, 0, tasks.length, this.trace.tasksAt * 4);
    }
    const open = [];
    for (let number = 0; this.deadlock && number < this.work.count && open.length < 20; number++) {
      const { begun, ended, step } = this.trace.task(number);
      if (begun && !ended && !this.lost.has(number)) open.push({ task: number, step });
    }
    const [setup, made, worked, closed] = this.marks;
    if (!this.gaveUp) this.ended = this.lost.size ? this.ended : this.trace.lastEnd() || this.ended;
    const phase = (start_ns, end_ns, from, to) => ({
      start_ns, end_ns, cpu: { user_ns: Math.max(0, to.user - from.user) * 1000, system_ns: Math.max(0, to.system - from.system) * 1000 },
    });
    const phases = {
      setup: phase(setup.ns, made.ns, setup, made),
      work: phase(this.start ?? made.ns, this.ended, made, worked),
      teardown: phase(this.ended, Math.max(this.ended, closed.ns), worked, closed),
    };
    boundCpu(phases.work, worked.ns);
    const values = this.plan.vars.map(({ name }, index) => ({
      name, value: Number(this.work.vars[index]), by_process: this.vars.map((vars) => vars[index]),
    }));
    const failures = [...this.failures.values()].sort((a, b) => b.count - a.count);
    say({ done: { phases, failures, vars: values, deadlock: open, result_hash: null, notes: this.notes } });
    if (this.gaveUp) killAll();
  }

  get plan() { return this.work.plan; }
}

/// Processor time is read when the end is noticed: where that was late it is not known, and never more than there was.
function boundCpu(phase, noticed) {
  const wall = phase.end_ns - phase.start_ns, most = wall * require("node:os").availableParallelism();
  const total = phase.cpu.user_ns + phase.cpu.system_ns;
  if (noticed - phase.end_ns > wall / 20 + 1e6) phase.cpu = null;
  else if (total > most) for (const name in phase.cpu) phase.cpu[name] = Math.floor((phase.cpu[name] * most) / total);
}

/// Kills all that was started: the runner leads the process group that holds it.
function killAll() {
  const stat = fs.readFileSync("/proc/self/stat", "latin1");
  const group = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]);
  if (group === process.pid) process.kill(-process.pid, "SIGKILL");
  process.exit(1);
}

const say = (message) => fs.writeSync(1, JSON.stringify(message) + "\n");

function ready({ rate, warm = null }, described) {
  const facts = [["executable", process.execPath], ["V8", process.versions.v8], ["libuv", process.versions.uv]];
  return { ready: {
    protocol: PROTOCOL, runtime: NAME, version: process.versions[NAME], build: `Node ${process.versions.node}`, gil: null, jit: true,
    strategies: STRATEGIES, steps: STEPS, warm_up_ns: warm === null ? null : Math.round(warm), pid: process.pid, calibration: rate,
    span_cost_ns: described ? spanCost() : null, facts: described ? facts : [],
  } };
}

/// What recording one span costs, its clock reading included: the least of several tries.
function spanCost() {
  let best = Infinity;
  for (let turn = 0; turn < 20; turn++) {
    const lane = new Lane(scratch(REHEARSED), 0, WORKER), task = { number: 0, at: LANE, now: clock(), slot: CLOSED };
    const begun = clock();
    for (let i = 0; i < REHEARSED; i++) {
      task.slot = lane.begin(task, 1);
      lane.close(task, clock());
    }
    best = Math.min(best, (clock() - begun) / REHEARSED);
  }
  return best;
}

function refuse(problem) {
  const { code = "refused", place = null, message } = problem instanceof Refusal ? problem : { message: `${problem.stack ?? problem}` };
  say({ error: { code, text: message, place } });
  killAll();
}

/// Refuses what this runner does not know.
function prepare(plan) {
  if (plan.protocol !== PROTOCOL) throw new Refusal("protocol", `the plan speaks version ${plan.protocol}, this runner ${PROTOCOL}: use those of one maitred`);
  if (!STRATEGIES.some(({ name }) => name === plan.strategy)) {
    throw new Refusal("unsupported", `${NAME} has no strategy \`${plan.strategy}\`: use ${STRATEGIES.map(({ name }) => name).join(", ")}`);
  }
  const look = (steps) => steps.forEach(({ id, action }) => {
    const [name, value] = typeof action === "string" ? [action] : Object.entries(action)[0];
    if (!STEPS.includes(name)) throw new Refusal("unsupported", `${NAME} cannot do the step \`${name}\`${name === "call" ? ", a function of Python: use python3" : ""}`, `step ${id}`);
    if (value?.steps) look(value.steps);
  });
  plan.programs.forEach((program) => look(program.steps));
  const needsRate = plan.calibration === null || plan.calibration === undefined;
  const found = needsRate ? calibrate() : { rate: plan.calibration };
  return { run: new Run(plan, found.rate), found };
}

function converse() {
  let current = null, going = false;
  const hear = (line) => {
    let command;
    try {
      command = JSON.parse(line);
    } catch {
      throw new Refusal("protocol", `this line is not a command: ${line.slice(0, 200)}`, line.slice(0, 200));
    }
    const [name, value] = Object.entries(command)[0] ?? [];
    if (name === "describe" && !current) return say(ready(calibrate(), true));
    if (name === "plan" && !current) {
      const { run, found } = prepare(value);
      current = run;
      return say(ready(found, false));
    }
    if (name === "go" && current && !going) {
      going = true;
      return void current.go().catch(refuse);
    }
    if (name === "stop" && going) return current.stop();
    throw new Refusal("protocol", `this line is not a command, or not now: ${line.slice(0, 200)}`, line.slice(0, 200));
  };
  let rest = "";
  const input = process.stdin.setEncoding("utf8");
  input.on("data", (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop();
    try {
      lines.filter(Boolean).forEach(hear);
    } catch (problem) {
      refuse(problem);
    }
  });
  input.on("end", () => (current && going && !current.said ? killAll() : process.exit(0)));
}

if (!isMainThread) {
  const { plan, rate, shared, memory, index, begun, ports } = workerData;
  const work = new Work(plan, rate, shared), trace = new Trace(plan.trace_path, memory);
  if (plan.strategy === "event-loop") serveAsLoop(work, trace, begun, null, parentPort);
  else if (plan.strategy !== "hybrid") serveAsThread(work, trace, index, begun);
  else if (index === 0) serveAsLoop(work, trace, begun, ports, parentPort);
  else serveAsHand(work, trace, index, ports[0]);
} else if (process.argv[2] === "worker" && process.send) {
  process.once("message", ({ plan, rate, index }) => serveAsProcess(new Work(plan, rate), new Trace(plan.trace_path), index));
} else converse();
