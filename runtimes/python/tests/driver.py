"""Speaks with the runner as maitred does: makes the trace file, writes a plan, reads the replies and decodes the trace."""

import collections
import json
import mmap
import os
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
START = "import sys; sys.path[:] = [sys.argv[1], *filter(None, sys.path)]; import maitred_runner; maitred_runner.main()"
WANTED = ["python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.13t", "python3.14", "pypy3"]
PATIENCE_S = 3600  # only what is broken meets it, however busy the machine
MS = 1_000_000

_folder = tempfile.TemporaryDirectory(prefix="maitred-python-")
for _part in os.listdir(os.path.dirname(HERE)):
    if _part.endswith(".py"):
        shutil.copy(os.path.join(HERE, "..", _part), os.path.join(_folder.name, "maitred_" + _part))

Span = collections.namedtuple("Span", "lane task step start end")
TaskRecord = collections.namedtuple("TaskRecord", "start end lane step outcome")
LaneRecord = collections.namedtuple("LaneRecord", "pid tid role ended spans dropped cpu delay voluntary involuntary closed")


def interpreters():
    """By name: the path of each interpreter that is wanted and here, the one that runs the tests among them. None: missing.

    Looked for in the folders of $MAITRED_PYTHONS and then on the path. $MAITRED_ONLY names those to test, if not all.
    """
    only = os.environ.get("MAITRED_ONLY", "").split()
    folders = os.pathsep.join([os.environ.get("MAITRED_PYTHONS", ""), os.environ["PATH"]]).split(os.pathsep)
    own = "python%d.%d" % sys.version_info[:2]
    wanted = WANTED if own in WANTED else WANTED + [own]
    found = {name: next(filter(starts, (os.path.join(folder, name) for folder in folders if folder)), None) for name in wanted}
    if sys.implementation.name == "cpython" and not found[own]:
        found[own] = sys.executable
    return {name: path for name, path in found.items() if not only or name in only}


def starts(python):
    """Whether it runs; a shim of pyenv for a version that is not chosen does not."""
    return os.access(python, os.X_OK) and not subprocess.run([python, "-c", "pass"], stderr=subprocess.DEVNULL).returncode


def page_up(n):
    return (n + 4095) // 4096 * 4096


class TraceFile:
    """A trace file in memory, as crates/wire/src/trace_file.rs lays it out."""

    def __init__(self, lanes, tasks, room):
        self.lane_count, self.task_count, self.room = lanes, tasks, room
        self.lanes_at = 4096
        self.tasks_at = page_up(self.lanes_at + lanes * 64)
        self.spans_at = page_up(self.tasks_at + tasks * 32)
        size = page_up(self.spans_at + lanes * room * 24)
        self.file = tempfile.TemporaryFile(dir="/dev/shm")
        self.file.truncate(size)
        self.map = mmap.mmap(self.file.fileno(), size)
        header = (b"MAITREDT", 2, lanes, tasks, room, self.lanes_at, self.tasks_at, self.spans_at, size)
        struct.pack_into("<8sIIIIQQQQ", self.map, 0, *header)
        self.path = "/proc/%d/fd/%d" % (os.getpid(), self.file.fileno())

    def tasks(self):
        records = [struct.unpack_from("<QQIII", self.map, self.tasks_at + 32 * i) for i in range(self.task_count)]
        return [TaskRecord(a, b, lane, step - 1 if step else None, outcome) for a, b, lane, step, outcome in records]

    def lanes(self):
        found = [struct.unpack_from("<IIIIQQQQIII", self.map, self.lanes_at + 64 * i) for i in range(self.lane_count)]
        return {i: LaneRecord(*fields) for i, fields in enumerate(found) if fields[0]}

    def spans(self):
        for index, lane in self.lanes().items():
            for i in range(lane.spans):
                yield Span(index, *struct.unpack_from("<IIQQ", self.map, self.spans_at + (index * self.room + i) * 24))


def columns(values, per_task=1, first=0):
    """A side file with one column."""
    file = tempfile.NamedTemporaryFile(dir="/dev/shm")
    file.write(struct.pack("<%dQ" % len(values), *values))
    file.flush()
    return file, {"path": file.name, "columns": [{"offset": 0, "first_task": first, "per_task": per_task}]}


def numbered(steps, start=0):
    """Steps with ids: a `hold` takes two."""
    made, next_id = [], start
    for action in steps:
        id, next_id = next_id, next_id + 1
        if isinstance(action, dict) and ("hold" in action or "repeat" in action):
            name = "hold" if "hold" in action else "repeat"
            next_id += name == "hold"
            inner, next_id = numbered(action[name]["steps"], next_id)
            action = {name: dict(action[name], steps=inner)}
        made.append({"id": id, "action": action})
    return made, next_id


def plan(strategy, steps, count=1, workers=None, arrivals="at-once", inputs=None, resources=(), variables=(), channels=(),
         side=None, calibration=20e6, grace_ns=0, more=(), **options):
    """A plan of `count` equal tasks; `more` are further (steps, count) groups. Options: `start_method="spawn"` …"""
    programs, groups, first, next_id = [], [], 0, 0
    for steps, size in [(steps, count), *more]:
        made, next_id = numbered(steps, next_id)
        groups.append({"program": len(programs), "first": first, "count": size, "arrivals": arrivals, "inputs": inputs})
        programs.append({"name": "task%d" % len(programs), "steps": made})
        first += size
    pooled = min(first, 4)
    natural = {"sequential": 1, "event-loop": 1, "threads": first}.get(strategy, pooled)
    return {
        "protocol": 2, "strategy": strategy, "workers": workers or natural, "seed": 1, "calibration": calibration,
        "programs": programs, "groups": groups,
        "resources": [{"name": name, "capacity": n} for name, n in resources],
        "vars": [{"name": name, "initial": n} for name, n in variables],
        "channels": [{"name": name, "capacity": n} for name, n in channels],
        "columns": side, "trace_path": "", "limits": {"grace_ns": grace_ns},
        "options": {key.replace("_", "-"): value for key, value in options.items()},
    }


class Runner:
    """A runner process under test."""

    def __init__(self, python, cwd=None):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [python, "-c", START, _folder.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            start_new_session=True, cwd=cwd or HERE,
        )
        self.buffer, self.trace = b"", None

    def say(self, message):
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def hear(self, patience=PATIENCE_S):
        """The next reply as (name, value); None at the end of output."""
        until = time.monotonic() + patience
        while b"\n" not in self.buffer:
            if not select.select([self.process.stdout], [], [], max(0, until - time.monotonic()))[0]:
                raise AssertionError("no reply in %s s; log: %s" % (patience, self.read_log()))
            more = os.read(self.process.stdout.fileno(), 1 << 20)
            if not more:
                return None
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        ((name, value),) = json.loads(line).items()
        return name, value

    def read_log(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def prepare(self, plan):
        """Gives it the plan; returns its answer."""
        tasks = sum(group["count"] for group in plan["groups"])
        lanes = {"threads": tasks, "sequential": 1, "event-loop": 1, "hybrid": plan["workers"] + 1}.get(plan["strategy"], plan["workers"])
        self.trace = TraceFile(lanes, tasks, plan.pop("room", max(1000, 60 * tasks // lanes)))
        self.plan = plan = dict(plan, trace_path=self.trace.path)
        self.say({"plan": plan})
        return self.hear()

    def close(self):
        for stream in (self.process.stdin, self.process.stdout):
            try:
                stream.close()
            except OSError:
                pass
        try:
            os.killpg(self.process.pid, 9)
        except OSError:
            pass
        self.process.wait()
        self.log.close()
        if self.trace:
            self.trace.map.close()
            self.trace.file.close()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.close()


class Outcome:
    """What a run left: `done`, the trace, the log."""

    def __init__(self, runner, reply):
        self.name, self.done = reply if reply else (None, None)
        self.plan, self.log = runner.plan, runner.read_log()
        self.tasks, self.lanes, self.spans = runner.trace.tasks(), runner.trace.lanes(), list(runner.trace.spans())

    def work_s(self):
        phase = self.done["phases"]["work"]
        return (phase["end_ns"] - phase["start_ns"]) / 1e9

    def together(self):
        """How many tasks were under way at once, at most."""
        return max(sum(other.start <= task.start < other.end for other in self.tasks) for task in self.tasks)

    def failures(self):
        return {failure["kind"]: failure for failure in self.done["failures"]}


def run(python, plan, cwd=None):
    """The whole conversation."""
    with Runner(python, cwd) as runner:
        reply = runner.prepare(plan)
        if reply and reply[0] == "ready":
            runner.say({"go": {}})
            reply = runner.hear()
        runner.process.wait(PATIENCE_S) if reply else None
        return Outcome(runner, reply)


def laws(outcome):
    """The conservation laws that this trace breaks, as sentences; none is what it should be."""
    broken = []
    plan, tasks, spans = outcome.plan, outcome.tasks, outcome.spans
    failed = sum(failure["count"] for failure in outcome.done["failures"])
    if failed != sum(task.outcome == 2 or bool(task.start and not task.end) for task in tasks):
        broken.append("%d failures are told, others stand in the tasks" % failed)
    if sum(lane.ended for lane in outcome.lanes.values()) != sum(bool(task.end) for task in tasks):
        broken.append("lanes and tasks count different ends")
    for number, task in enumerate(tasks):
        if task.outcome and not (0 < task.start <= task.end):
            broken.append("task %d ended at %d, before it began" % (number, task.end))
    for span in spans:
        task = tasks[span.task]
        if span.end and not (task.start <= span.start <= span.end and (not task.end or span.end <= task.end)):
            broken.append("%s lies outside its task %s" % (span, task))
    by_task = collections.defaultdict(list)
    for span in spans:
        by_task[span.task].append(span)
    for number, mine in by_task.items():
        broken += ["spans of task %d cross: %s, %s" % (number, a, b) for a, b in crossing(mine)]
    if plan["strategy"] in ("sequential", "threads", "thread-pool", "processes", "interpreters", "executor"):
        by_lane = collections.defaultdict(list)
        for task in tasks:
            if task.end:
                by_lane[task.lane].append((task.start, task.end))
        for lane, mine in by_lane.items():
            mine.sort()
            if any(a[1] > b[0] for a, b in zip(mine, mine[1:])):
                broken.append("lane %d runs two tasks at once" % lane)
    for id, resource in holds(plan):
        changes = sorted(sum(([(span.start, 1), (span.end, -1)] for span in spans if span.step == id + 1 and span.end), []))
        held = 0
        for _, change in changes:
            held += change
            if held > plan["resources"][resource]["capacity"]:
                broken.append("resource %d is held more often than it can be" % resource)
                break
    return broken


def crossing(spans):
    """Pairs of spans that overlap without one lying in the other."""
    stack, bad = [], []
    for span in sorted((s for s in spans if s.end), key=lambda s: (s.start, -s.end)):
        while stack and stack[-1].end <= span.start:
            stack.pop()
        if stack and span.end > stack[-1].end:
            bad.append((stack[-1], span))
        stack.append(span)
    return bad


def holds(plan):
    """Id and resource of every `hold`."""
    pile = [step for program in plan["programs"] for step in program["steps"]]
    while pile:
        action = pile.pop()["action"]
        for name in ("hold", "repeat"):
            if name in action:
                pile += action[name]["steps"]
        if "hold" in action:
            yield_id = [s["id"] for p in plan["programs"] for s in flat(p["steps"]) if s["action"] is action]
            yield yield_id[0], action["hold"]["resource"]


def flat(steps):
    for step in steps:
        yield step
        action = step["action"]
        for name in ("hold", "repeat"):
            if name in action:
                yield from flat(action[name]["steps"])
