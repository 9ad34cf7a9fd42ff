"""The Python runner of maitred: carries out one plan under one strategy and records what each thread and task did.

It speaks JSON lines (`runtimes/PROTOCOL.md`): a plan comes in, `ready` goes out, `go` comes in, `done` goes out. What
happened meanwhile stands in a memory-mapped trace file. It needs nothing but the standard library of CPython 3.9 or
later, or of PyPy, and imports a module only when the strategy at hand needs it, so that it starts as fast as the
interpreter itself. It decides nothing: how many workers, which durations, when a task comes, all is in the plan.

Its modules, in the order in which they are best read; this one holds a run together, from `plan` to `done`:
  strategies    who executes which task when
  workers       those that share no objects with us; parcels: what they are handed; muster: all of a pool at once
  executor      the same for workers of whatever executor the user makes
  tasks         a task from its first step to its last
  steps         what a task does, by thread or on a loop; client: HTTP requests
  semaphores    who waits for whom
  trace_file    what is recorded
  work          the plan made ready, and what came of its tasks
  functions     the user's own code; failures: what goes wrong in it
  interpreter   what this Python is and can do
  conversation  the lines between maitred and us
  library       a library as a runtime of its own; attempts: tasks that it may begin more than once
  hosts         workers on other machines: their clocks and lanes; luggage: what they need of us; outpost: what they are there
  results, harness, state   when the clock has stopped: what was returned, what we ourselves cost, what was not shared
"""

import os
import resource
import sys
import threading

from maitred_conversation import PROTOCOL, conversation, vanish
from maitred_failures import Refusal
from maitred_functions import is_async
from maitred_interpreter import describe_more, die_with_parent, interpreter_state, name_hangs, offered, processors, start_methods, unoffered, worker_cpu
from maitred_steps import Blocking, calibrate
from maitred_strategies import STRATEGIES, new_loop
from maitred_trace_file import clock, span_cost_ns
from maitred_work import Work

OLDEST = (3, 9)


class Run:
    """One plan, from `go` to `done`."""

    LOOK_S = 0.1  # how often a possible deadlock is looked for
    SLOW_SET_UP = False  # it takes seconds, so that who stops meanwhile is heard as well

    def __init__(self, work):
        self.work = work
        self.marks = []  # (time, CPU time): before set-up, after it, after work, after tear-down
        self.used_by_children = []  # at the same moments
        self.stuck = []
        self.begun = None
        self.gave_up, self.once = False, threading.Lock()

    def go(self):
        parts = STRATEGIES[self.work.strategy](self.work)
        self.mark()
        if self.SLOW_SET_UP:
            threading.Thread(target=self.watch, daemon=True).start()
        self.set_up(parts)
        pools = sys.modules.get("multiprocessing") if self.work.strategy in ("processes", "executor") else None
        children = pools.active_children() if pools else []
        if not self.SLOW_SET_UP:
            threading.Thread(target=self.watch, daemon=True).start()
        self.mark()
        self.begun = clock()
        next(parts)
        self.ended = clock()
        self.mark()
        next(parts, None)
        self.mark()
        if self.work.broken is not None:
            self.ended = clock()  # until the pool had ended them the other workers were at work
            self.work.mourn({child.pid: child.exitcode for child in children})
        self.conclude()

    def set_up(self, parts):
        """The first part of the strategy; the machine may refuse what it needs."""
        try:
            next(parts)
        except Refusal:
            raise
        except Exception as problem:
            kind, text = type(problem).__name__, str(problem)
            raise Refusal("refused", f"{self.work.workers} workers could not be set up ({kind}: {text}): use fewer") from problem

    def mark(self):
        self.marks.append((clock(), self.cpu()))
        self.used_by_children.append(children_cpu_ns())

    def children(self):
        """What processes used that calls have started and waited for; not known where workers are children too."""
        if self.work.strategy == "processes" or self.work.commons is not None:
            return None
        return self.used_by_children[2] - self.used_by_children[1]

    def watch(self):
        """A thread that listens during the run. It waits in the kernel without the GIL; only where tasks wait for each
        other does it look round now and then."""
        before, deadline = None, None
        asleep = None
        while True:
            at_work = self.begun is not None or not self.SLOW_SET_UP
            can_lock = at_work and bool(self.work.units())
            has_loops = at_work and self.work.commons is None and any(map(is_async, self.work.functions.values()))
            pause = self.LOOK_S if can_lock or has_loops or not at_work else None
            if deadline is not None:
                pause = min(pause or 1e9, max(0, deadline - clock()) / 1e9)
            if conversation.waits(pause):
                name, _ = conversation.hear()
                if name == "stop" and deadline is None:
                    self.work.stop()
                    deadline = clock() + self.work.plan["limits"]["grace_ns"]
            if deadline is not None and clock() >= deadline:
                self.work.notes.append("stopped before every task under way had ended")
                self.give_up()
            if has_loops:
                now = self.work.asleep_for_ever()
                if now and now == asleep:
                    self.stuck = now[1]
                    self.work.notes.append(
                        "these tasks wait on an event loop that nothing can wake: what they wait for (a lock, an event, a queue "
                        "of asyncio) belongs to another loop, or nobody is left to release it"
                    )
                    self.give_up()
                asleep = now
            if can_lock:
                try:
                    now = self.work.look()
                except RuntimeError:  # a queue changed under our eyes: so nobody is stuck
                    now = None
                self.stuck = now and self.work.deadlock(before, now)
                if self.stuck:
                    self.give_up()
                before = now

    def give_up(self):
        """Says `done` although the work is not, and ends everything."""
        self.ended, self.gave_up = clock(), True
        while len(self.marks) < 4:
            self.mark()
        if self.begun is None:  # what was stopped before the work began has done no work
            self.begun = self.marks[1][0]
        self.conclude()

    def conclude(self):
        if not self.once.acquire(blocking=False):
            threading.Event().wait()  # the other thread is saying it
        work = self.work
        if not self.gave_up and work.calls and work.commons is None:
            from maitred_harness import cost

            work.harness = cost(work)
        expected = work.expectation() if not self.gave_up else None
        result_hash, results, note = self.results()
        if note:
            work.notes.append(note)
        conversation.say({"done": {
            "phases": self.phases(),
            "failures": work.failure_list(),
            "vars": work.variable_list(),
            "deadlock": [{"task": number, "step": work.trace.task(number)[3]} for number in self.stuck or []],
            "result_hash": result_hash,
            "results": results,
            "handover": work.handover,
            "harness": work.harness,
            "children_cpu_ns": self.children(),
            "unshared": work.unshared,
            "expected": expected,
            "answers": work.answers(),
            "notes": work.notes,
        }})
        sys.stdout.flush()
        sys.stderr.flush()
        vanish() if self.gave_up else os._exit(0)

    def results(self):
        """What is said of what the tasks returned: looked at now that the clock has stopped."""
        work = self.work
        if self.gave_up or not work.returned:
            return None, None, None
        from maitred_results import judge

        return judge(work.returned, work.trace.tasks, work.given, work.options.get("reference"), self.ended - self.begun)

    def phases(self):
        """Set-up, work, tear-down. Work ends with the last task, not when somebody notices."""
        if not self.gave_up and self.work.broken is None:
            self.ended = self.work.trace.last_end() or self.ended
        (started, _), (made, _), (noticed, _), (closed, _) = self.marks[:4]
        edges = {"setup": (started, made), "work": (self.begun, self.ended), "teardown": (self.ended, max(self.ended, closed))}
        phases = {}
        for (name, (start, end)), (_, before), (_, after) in zip(edges.items(), self.marks, self.marks[1:]):
            cpu = {key: max(0, after[key] - before[key]) for key in after}
            phases[name] = {"start_ns": start, "end_ns": end, "cpu": cpu}
        # Processor time is read when the end is noticed. What is used until then (bringing results and
        # tracebacks back) belongs to no task: of work so short that it would weigh, it is not known.
        # The same where more was used than processors can give until the end is noticed: then most of it was
        # spent before and after.
        # Workers that are gone have taken along what they used.
        used, wall = phases["work"]["cpu"], max(0, self.ended - self.begun)
        late = noticed - self.ended > wall // 20 + 1_000_000
        total = used["user_ns"] + used["system_ns"]
        if late or self.work.broken is not None or total > max(0, noticed - self.begun) * processors():
            phases["work"]["cpu"] = None
        elif total > (most := wall * processors()):
            # What is more than processors gave until the end was used before it was noticed.
            used["user_ns"], used["system_ns"] = (used[key] * most // total for key in ("user_ns", "system_ns"))
        return phases

    def cpu(self):
        """CPU time so far of this process, of the children that it has waited for, and of living workers."""
        user = system = 0
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            user += int(usage.ru_utime * 1e9)
            system += int(usage.ru_stime * 1e9)
        if self.work.strategy in ("processes", "executor"):
            for pid in set(map(self.work.trace.pid, range(self.work.trace.lanes))) - {0, os.getpid()}:
                try:
                    spent = worker_cpu(pid)
                except (OSError, ValueError):
                    continue  # it has ended, and is among the children
                user += spent[0]
                system += spent[1]
        return {"user_ns": user, "system_ns": system}


def children_cpu_ns():
    """Processor time of the children that were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


def converse():
    """describe → ready; plan → ready, go → done."""
    while True:
        name, value = conversation.hear()
        if name == "describe":
            keep_compiled()
            conversation.say(ready(calibrate(), described=True))
        elif name == "plan":
            break
        else:
            raise Refusal("protocol", f"`{name}` comes too early: a plan comes first")
    try:
        if value["strategy"] not in offered():
            raise Refusal("unsupported", unoffered(value["strategy"]))
        work = Work(value)
        work.load()
    except KeyError as missing:
        raise Refusal("protocol", f"the plan lacks {missing}: use the runner of this maitred") from None
    except OSError as problem:
        raise Refusal("refused", f"a file of the plan cannot be opened: {problem}") from None
    except ValueError as problem:
        raise Refusal("protocol", f"an option of the plan has no meaning: {problem}") from None
    prepare(work)
    conversation.say(ready(work.rate, described=False))
    name, _ = conversation.hear()
    if name != "go":
        raise Refusal("protocol", f"`{name}` comes too early: `go` comes first")
    Run(work).go()


def keep_compiled():
    """Compiles these modules for the runs to come, also where PYTHONDONTWRITEBYTECODE keeps the interpreter from it: that
    takes longer than the interpreter's own start."""
    import py_compile

    folder = os.path.dirname(os.path.abspath(__file__))
    for name in sorted(os.listdir(folder)):
        if name.startswith("maitred_") and name.endswith(".py"):
            try:
                py_compile.compile(os.path.join(folder, name), doraise=True)
            except (OSError, py_compile.PyCompileError):
                pass  # the folder is not ours to write in: every run compiles anew


def prepare(work):
    """Refuses what cannot be done; imports what the strategy will need, so that it counts as start-up, not as set-up."""
    for id, name, _ in work.actions:
        if not hasattr(Blocking, f"do_{name}"):
            raise Refusal("unsupported", f"this runner knows no step `{name}`: use the runner of this maitred", f"step {id}")
    if work.strategy in ("event-loop", "hybrid"):
        try:
            new_loop(work.options).close()
        except ImportError:
            raise Refusal("unsupported", f"uvloop is not installed for {sys.executable}: install it, or use asyncio's loop") from None
    if work.strategy in ("thread-pool", "hybrid"):
        import concurrent.futures.thread
    if work.strategy == "processes":
        import concurrent.futures.process

        method = work.options.get("start-method")
        if method and method not in start_methods():
            raise Refusal("unsupported", f"this Python has no start method `{method}`: use {', '.join(start_methods())}")
    if work.strategy == "interpreters":
        import concurrent.futures.interpreter
    if work.strategy == "executor":
        if "executor" not in work.options:
            raise Refusal("unsupported", "an executor is made by a function of yours: name it, as in --executor pools.py:make")
        if work.units() or work.variables:
            raise Refusal("unsupported", "tasks that share resources, channels or variables are not done by an executor of one's own: use thread-pool or processes")
        from maitred_functions import load_function

        load_function(work.options["executor"])


def ready(rate, described):
    """Who we are and what we can do, asked of the interpreter and not guessed from its name."""
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    jit = sys.implementation.name == "pypy"
    if hasattr(sys, "_jit"):
        jit = sys._jit.is_enabled()
    facts = [["executable", sys.executable], ["prefix", sys.prefix]]
    state = interpreter_state() if gil else None
    if state:
        facts.append(["interpreter state", state])
    if described:
        facts += describe_more()
    return {"ready": {
        "protocol": PROTOCOL,
        "runtime": sys.implementation.name,
        "version": ".".join(map(str, getattr(sys, "pypy_version_info", sys.version_info)[:3])),
        "build": " ".join(sys.version.split()[1:]),
        "gil": gil,
        "jit": jit,
        "strategies": offered(),
        "pid": os.getpid(),
        "calibration": rate,
        "span_cost_ns": span_cost_ns() if described else None,
        "facts": facts,
    }}


def main():
    """Speaks with maitred on standard input and output until the work is done."""
    conversation.open()
    try:
        if sys.version_info < OLDEST:
            raise Refusal("unsupported", f"Python {sys.version.split()[0]} is too old: {OLDEST[0]}.{OLDEST[1]} or later is needed")
        die_with_parent(at_once=False)
        name_hangs()
        converse()
    except Refusal as refusal:
        conversation.say(refusal.message)
        sys.stdout.flush()
        os._exit(1)
