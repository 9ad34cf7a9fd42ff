"""The work: the plan made ready to be carried out, and what all strategies share in carrying it out."""

import heapq
import itertools
import json
import os
import signal
import sys
import threading
from collections import deque

from maitred_conversation import PROTOCOL
from maitred_failures import Refusal, explain, shown
from maitred_functions import finish, finish_awaited, forbidden_processes, is_async, load_function, make_inputs, read_inputs
from maitred_semaphores import Commons, SharedSemaphore
from maitred_steps import calibrate
from maitred_trace_file import Trace, clock, map_file


class Work:
    """The plan, and what all strategies share in carrying it out."""

    def __init__(self, plan, rate=None):
        self.plan = plan
        if plan["protocol"] != PROTOCOL:
            raise Refusal("protocol", f"the plan speaks version {plan['protocol']}, this runner {PROTOCOL}: use those of one maitred")
        self.strategy, self.workers = plan["strategy"], plan["workers"]
        self.options = plan.get("options") or {}
        self.rate = rate or plan["calibration"] or calibrate()
        self.trace = Trace(plan["trace_path"])
        self.tasks_at = self.trace.tasks_at // 8
        self.groups = sorted(plan["groups"], key=lambda group: group["first"])
        self.count = sum(group["count"] for group in self.groups)
        self.due_at_once = len(self.groups) == 1 and self.groups[0]["arrivals"] == "at-once"
        self.columns = self.open_columns(plan["columns"])
        self.variables = [var["initial"] for var in plan["vars"]]
        self.door, self.halt, self.lanes = threading.Lock(), threading.Event(), []
        self.failures, self.returned, self.notes = {}, {}, []
        self.functions, self.of_workers, self.inputs, self.loop = {}, {}, {}, None
        self.commons = self.broken = self.handover = self.harness = None
        self.roll = None  # numbers the lanes of workers of whom nobody knows where they live
        self.counted = None  # how many answers had which status, of each worker that lives apart
        self.unshared, self.parameters = [], None
        self.actions = list(walk(plan["programs"]))
        self.calls = sorted({value["function"] for _, name, value in self.actions if name == "call"})
        self.has_input = bool(self.calls) or any(group.get("inputs") for group in self.groups)
        self.keeps = self.options.get("results") != "discarded"
        self.trust = {name: self.options[name] for name in ("tls-insecure", "tls-authority") if name in self.options}
        self.http_timeout = int(self.options.get("http-timeout-ns", 30_000_000_000)) / 1e9
        self.extra = json.loads(self.options.get("args", "[]"))
        concurrency = int(self.options.get("concurrency", 0))
        self.timed = "timed" in self.options
        self.capacity = {"sequential": 1, "threads": 0, "event-loop": concurrency, "hybrid": concurrency}.get(self.strategy, self.workers)

    # What tasks there are.

    def open_columns(self, columns):
        """By column: a function from task and turn to nanoseconds."""
        if not columns:
            return []
        words = memoryview(map_file(columns["path"])).cast("Q")

        def values(offset, first_task, per_task):
            return lambda task, turn: words[offset + (task - first_task) * per_task + turn]

        return [values(**column) for column in columns["columns"]]

    def group(self, number):
        if len(self.groups) == 1:
            return self.groups[0]
        for group in self.groups:
            if number < group["first"] + group["count"]:
                return group
        raise IndexError(number)

    def schedule(self):
        """Every task with the nanosecond of its arrival, counted from the start of the work; first come first."""

        def arrivals(group):
            kind = group["arrivals"]
            for i in range(group["count"]):
                number = group["first"] + i
                if kind == "at-once":
                    yield 0, number
                elif "every-ns" in kind:
                    yield i * kind["every-ns"], number
                else:
                    yield self.columns[kind["column"]](number, 0), number

        return heapq.merge(*map(arrivals, self.groups))

    def arriving(self):
        """The numbers of the tasks, each when it is due; ends early when the run is stopped."""
        if self.due_at_once:
            for number in range(self.groups[0]["first"], self.groups[0]["first"] + self.count):
                if self.halt.is_set():
                    return
                yield number
            return
        begun = clock()
        for due, number in self.schedule():
            if due:
                self.halt.wait(max(0, begun + due - clock()) / 1e9)
            if self.halt.is_set():
                return
            yield number

    def batches(self):
        """The same in lists, each to be handed over at once: of tasks that are all due and never wait for each other, a
        quarter of each worker's share of those that are left, so that the last ones are handed over one by one and no
        worker ends long after the others (guided self-scheduling: Polychronopoulos & Kuck 1987)."""
        numbers, left = self.arriving(), self.count
        chunk = int(self.options.get("chunk", 0))
        alone = bool(self.units()) or any(group["arrivals"] != "at-once" for group in self.groups)
        for number in numbers:
            size = 1 if alone else PARCEL if self.timed else chunk or max(1, left // (4 * self.workers))
            batch = [number, *itertools.islice(numbers, size - 1)]
            left -= len(batch)
            yield batch

    def parcels(self):
        """The same in lists as long as they were asked for (option `chunk`), to be handed over at once; each by itself where
        tasks wait for each other, or for their time."""
        alone = bool(self.units()) or any(group["arrivals"] != "at-once" for group in self.groups)
        numbers, size = self.arriving(), 1 if alone else int(self.options.get("chunk", 1))
        while parcel := list(itertools.islice(numbers, size)):
            yield parcel

    async def arriving_awaited(self):
        """The same on a loop."""
        import asyncio

        begun = clock()
        for due, number in self.schedule():
            while due and begun + due > clock() and not self.halt.is_set():
                await asyncio.sleep(min(0.05, (begun + due - clock()) / 1e9))
            if self.halt.is_set():
                return
            yield number

    def given(self, number):
        """The task's input: the value on its line of the inputs file, or None."""
        group = self.group(number)
        path = group.get("inputs")
        return self.inputs[path][number - group["first"]] if path else None

    def arguments(self, group, value):
        """Positional and keyword arguments of a call: the input as one argument, or spread over several."""
        if not group.get("inputs"):
            return self.extra, {}
        if self.options.get("arguments") == "spread":
            if isinstance(value, dict):
                return (self.extra, value) if self.takes(value) else ([*value.values(), *self.extra], {})
            if isinstance(value, list):
                return [*value, *self.extra], {}
        return [value, *self.extra], {}

    def takes(self, named):
        """Whether the function has parameters of these names; the columns of a table may be called otherwise."""
        if self.parameters is None:
            import inspect

            try:
                asked = [inspect.signature(function).parameters.values() for function in self.functions.values()]
            except ValueError:
                asked = []
            self.parameters = {one.name for all in asked for one in all if one.kind not in (one.POSITIONAL_ONLY, one.VAR_POSITIONAL)}
            self.takes_any = any(one.kind == one.VAR_KEYWORD for all in asked for one in all)
        return self.takes_any or self.parameters.issuperset(named)

    # What they share.

    def semaphores(self, kind):
        """Resources, and channels as pairs of free slots and items."""
        if self.commons:
            made = [SharedSemaphore(self.commons, index) for index in range(len(self.units()))]
        else:
            made = [kind(count) for count in self.units()]
        self.made = made
        first = len(self.plan["resources"])
        return made[:first], list(zip(made[first::2], made[first + 1 :: 2]))

    def units(self):
        """How many units each semaphore starts with."""
        units = [resource["capacity"] for resource in self.plan["resources"]]
        for channel in self.plan["channels"]:
            units += [channel["capacity"], 0]
        return units

    def share(self):
        """Makes what workers that live apart have in common."""
        self.commons = Commons.make(self.workers, self.units(), self.variables)
        return self.commons

    def join(self, path, token):
        """In such a worker: takes part in it, with variables of its own."""
        self.commons = commons = Commons(path, token, len(self.units()), len(self.variables))
        self.place = commons.enrol(bool(self.units()))
        self.variables = commons.variables()

    def enrol(self, lane):
        """The number of a new lane."""
        with self.door:
            self.lanes.append(lane)
            if self.roll:
                return self.roll.enrol(False)
            return self.place if self.commons else len(self.lanes) - 1

    def note_flying(self, lane):
        if self.commons:
            words, at = self.commons.words, self.commons.mine
            words[at], words[at + 1] = lane.flying, lane.ended

    def halted(self):
        return bool(self.commons.words[Commons.HALTED]) if self.commons else self.halt.is_set()

    def stop(self):
        """Lets no further task start."""
        shared = self.commons or self.roll
        if shared:
            shared.words[Commons.HALTED] = 1
        self.halt.set()

    def look(self):
        """Tasks under way, tasks ended, and who waits for whom: what a deadlock is found from."""
        if self.commons:
            return self.commons.look()
        lanes = list(self.lanes)
        waiting = [(id(turn), task.number) for one in self.made for turn, task in tuple(one.queue)]
        return sum(lane.flying for lane in lanes), sum(lane.ended for lane in lanes), sorted(waiting)

    def asleep_for_ever(self):
        """(tasks ended, tasks that wait), if all tasks under way are on loops that no timer, no descriptor and no thread of the
        user's can wake; None: some are not, or it cannot be seen."""
        lanes = [lane for lane in list(self.lanes) if lane.flying]
        frames = sys._current_frames()
        loops = [(lane.loop or self.loop, frames.get(lane.thread)) for lane in lanes]
        if not loops or not all(cannot_wake(*one) for one in loops) or threading.active_count() > 2 + len(self.lanes):
            return None
        ended, flying = sum(lane.ended for lane in list(self.lanes)), sum(lane.flying for lane in lanes)
        if flying not in (self.capacity, self.count - ended):
            return None  # others may still begin
        tasks = [self.trace.task(number) for number in range(self.count)]
        return ended, [number for number, (begun, end, *_) in enumerate(tasks) if begun and not end]

    def deadlock(self, before, now):
        """The tasks that wait, if all do that could ever wake another and nothing moved between two looks."""
        flying, ended, waiting = now
        full = flying in (self.capacity, self.count - ended)
        return [number for _, number in waiting] if now == before and full and 0 < flying == len(waiting) else []

    # What came of them.

    def load(self):
        """Reads the inputs and imports the user's functions."""
        for group in self.groups:
            path = group.get("inputs")
            if path and path not in self.inputs and self.commons is None:
                self.inputs[path] = read_inputs(path, group["count"])
        for path in filter(None, self.options.get("path", "").split(os.pathsep)):
            if path not in sys.path:
                sys.path.insert(0, path)
        with forbidden_processes(self.commons is not None and self.strategy in ("processes", "executor")):
            self.functions = {name: load_function(name) for name in self.calls}
            named = {key: self.options.get(f"worker-{key}") for key in ("setup", "teardown")}
            self.of_workers = {key: load_function(name) for key, name in named.items() if name}
        if self.options.get("make") and self.commons is None:
            self.take_made_inputs(self.options["make"])
        if self.commons is None:
            self.refuse_missing_arguments()
        if self.options.get("setup") and (self.commons or self.strategy not in ("processes", "interpreters")):
            setup = load_function(self.options["setup"])
            try:
                finish(setup(), None)
            except BaseException as problem:
                raise Refusal("load", f"the set-up function `{self.options['setup']}` failed: {': '.join(explain(problem))}") from None

    def take_made_inputs(self, name):
        """Inputs that a function of the user's makes, of whatever type, once a run and before the work."""
        values = make_inputs(name)
        for group in self.groups:
            if len(values) < group["count"]:
                raise Refusal("load", f"`{name}` made {len(values)} inputs for {group['count']} tasks: it must make as many each time")
            group["inputs"] = name
        self.inputs[name] = values

    # What each worker does before the work, and after it: the user's own set-up (a connection, a model) and calls that
    # warm caches. A worker is a thread, a process or a loop; what awaits is run on the worker's loop.

    def warmers(self):
        """The inputs of calls before the work."""
        count = min(int(self.options.get("warmup-calls", 0)), self.count)
        return [self.given(number) for number in range(count)] if self.calls else []

    def welcome(self, lane, warmers=None, warm=True, on_loop=True):
        """In a worker that does one task at a time. `on_loop`: what awaits is done here too, and not by the loop beside."""
        function = self.of_workers.get("setup")
        if function and (on_loop or not is_async(function)):
            self.guarded("set-up", lambda: finish(function(), lane))
        if warm:
            for value in self.warmers() if warmers is None else warmers:
                for called in self.functions.values():
                    if is_async(called) and not on_loop:
                        continue  # the loop calls it
                    positional, named = self.arguments(self.groups[0], value)
                    self.guarded("warm-up", lambda: finish(called(*positional, **named), lane))

    def dismiss(self, lane, on_loop=True):
        function = self.of_workers.get("teardown")
        if function and (on_loop or not is_async(function)):
            try:
                finish(function(), lane)
            except Exception as problem:
                self.notes.append("the tear-down of a worker failed: {0}: {1}".format(*explain(problem)))
        lane.close()

    async def welcome_awaited(self):
        """The same on a loop."""
        function = self.of_workers.get("setup")
        try:
            if function and (self.strategy == "event-loop" or is_async(function)):
                await finish_awaited(function())
            for value in self.warmers():
                for called in self.functions.values():
                    if self.strategy == "hybrid" and not is_async(called):
                        continue  # the pool calls it
                    positional, named = self.arguments(self.groups[0], value)
                    await finish_awaited(called(*positional, **named))
        except BaseException as problem:
            self.guarded("set-up or warm-up", lambda: throw(problem))

    async def dismiss_awaited(self):
        function = self.of_workers.get("teardown")
        if function and (self.strategy == "event-loop" or is_async(function)):
            try:
                await finish_awaited(function())
            except Exception as problem:
                self.notes.append("the tear-down of the loop failed: {0}: {1}".format(*explain(problem)))

    def guarded(self, what, act):
        """Without a worker's set-up there is no work."""
        try:
            act()
        except BaseException as problem:
            raise Refusal("load", f"the {what} of a worker failed: {': '.join(explain(problem)[:2])}") from None

    def refuse_missing_arguments(self):
        """A function that needs more arguments than its calls give it fails in every task: said once, before the work."""
        if any(group.get("inputs") for group in self.groups):
            return
        for name, function in self.functions.items():
            code = getattr(getattr(function, "__func__", function), "__code__", None)
            if code is None or code.co_argcount + code.co_kwonlyargcount <= len(self.extra):
                continue  # it has no code of Python, or surely enough arguments
            import inspect

            try:
                inspect.signature(function).bind(*self.extra)
            except TypeError as problem:
                hint = "give it inputs (`--inputs FILE`, a call for each line) or arguments (`--args '[…]'`)"
                raise Refusal("load", f"`{name}` cannot be called with {len(self.extra) or 'no'} arguments: {problem}; {hint}") from None
            except ValueError:
                pass  # it has no signature that could be asked

    def settle(self, number, outcome):
        """Keeps what a task left: a failure, results. They are kept as a program would that asked for them; what they are
        is looked at when the clock has stopped."""
        if outcome is None:
            return
        failure, results = outcome
        if failure:
            self.fail(number, *failure)
        if results is not None:
            self.returned[number] = results

    def expectation(self):
        """What the user's own check of all results says; None: there is none. The check gets a list of what the calls
        returned, in the order of the tasks, and is wrong if it returns False or raises."""
        name = self.options.get("expect")
        if not name or self.failures:
            return None
        results = [values[0] if len(values) == 1 else values for _, values in sorted(self.returned.items())]
        try:
            verdict = load_function(name)(results)
            holds, actual = verdict is None or bool(verdict), shown(repr, verdict)
        except Refusal as refusal:
            holds, actual = False, refusal.message["error"]["text"]
        except BaseException as problem:
            holds, actual = False, "{0}: {1}".format(*explain(problem))
        return {"text": f"`{name}` of all results", "actual": actual[:200], "holds": holds}

    def accept(self, parcel):
        """Keeps what came back from a worker that lives apart."""
        from maitred_parcels import FRAME, pickle_module

        loads, view, at = pickle_module().loads, memoryview(parcel), 0
        while at < len(view):
            number, length = FRAME.unpack_from(view, at)
            at += FRAME.size + length
            try:
                outcome = loads(view[at - length : at])
            except Exception as problem:
                self.unreturned(number, problem)
            else:
                self.settle(number, outcome)

    def fail(self, number, kind, text, place=None):
        """Counts a failure; those of one kind and place are one entry, with the first as example."""
        with self.door:
            entry = self.failures.setdefault((kind, place), [0, text, number])
            entry[0] += 1

    def unreturned(self, number, problem):
        """A task whose worker gave nothing back: it died, or what it wanted to give back cannot travel."""
        from concurrent.futures import BrokenExecutor

        if isinstance(problem, BrokenExecutor):
            self.broken = problem
            return
        self.trace.end(number)
        self.fail(number, *self.cannot_travel(problem))

    def cannot_travel(self, problem):
        """The failure of a task whose input or results cannot be pickled."""
        kind, text, _ = explain(problem)
        other = "interpreter" if self.strategy == "interpreters" else "process"
        return kind, f"what the task took or returned cannot be handed to another {other}: {text}", None

    def mourn(self, exits):
        """Says honestly what a dead worker took with it; `exits` are exit codes by process id."""
        tasks = [self.trace.task(number) for number in range(self.count)]
        lost = [number for number, (begun, ended, *_) in enumerate(tasks) if begun and not ended]
        unstarted = sum(not begun for begun, *_ in tasks)
        how, first = "a worker process ended with exit code 0, as by os._exit(0)", lost[:1] or [0]
        if self.strategy == "executor":
            how = "the executor goes on no more ({0}: {1})".format(*explain(self.broken))
        for pid, code in exits.items():
            if code in (0, None, -signal.SIGTERM):  # it ended well, or the pool ended it
                continue
            how = f"worker process {pid} " + (f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}")
            its = [number for number in lost if self.trace.pid(tasks[number][2]) == pid]
            if its:
                how, first = f"{how} during task {its[0]}", its
        text = f"{how}; the pool then ended the other workers: {len(lost)} tasks lost under way, {unstarted} never started"
        self.failures["BrokenProcessPool", None] = [len(lost), text, first[0]]

    def patience(self, value):
        """How long a request may take, in seconds."""
        return value["timeout_ns"] / 1e9 if "timeout_ns" in value else self.http_timeout

    def answers(self):
        """How many requests were answered with which status; None: there are none, or who counted is gone."""
        counted = self.counted if self.commons or self.counted is not None else [lane.answers for lane in self.lanes]
        if counted is None or not any(name == "http" for _, name, _ in self.actions):
            return None
        all = {}
        for status, count in itertools.chain(*(each.items() for each in counted)):
            all[status] = all.get(status, 0) + count
        return sorted(all.items())

    def failure_list(self):
        """As the protocol wants it, most frequent first."""
        entries = sorted(self.failures.items(), key=lambda item: -item[1][0])
        return [
            {"kind": kind, "text": text, "count": count, "task": task, "step": self.trace.task(task)[3]}
            for (kind, _), (count, text, task) in entries
        ]

    def variable_list(self):
        values = [[]] * len(self.variables)
        if self.commons:
            places = [at + Commons.VARS for _, at in self.commons.places()]
            values = [[self.commons.words[at + var] for at in places] for var in range(len(self.variables))]
        return [
            {"name": var["name"], "value": value, "by_process": by}
            for var, value, by in zip(self.plan["vars"], self.variables, values)
        ]


PARCEL = 4  # tasks handed over at once where their number is not known


def cannot_wake(loop, frame):
    """Whether a loop, whose thread is at this frame, sleeps for ever: in `select` without a time at which it would look again,
    with no descriptor but its own, and no threads of its own. What another thread put on its list does not wake it. Some of
    these attributes asyncio does not promise; where they are missing, nobody knows."""
    try:
        sleeps = frame.f_code.co_name == "select" and frame.f_locals.get("timeout", 0) in (None, -1)
        return sleeps and loop.is_running() and loop._default_executor is None and len(loop._selector.get_map()) <= 1
    except (AttributeError, TypeError):
        return False


def walk(programs):
    """Every step of every program, inner ones too: id, name and value of its action."""
    for program in programs:
        steps = deque(program["steps"])
        while steps:
            step = steps.popleft()
            action = step["action"]
            name, value = (action, None) if isinstance(action, str) else next(iter(action.items()))
            yield step["id"], name, value
            steps.extend(value["steps"] if name in ("hold", "repeat") else ())


def throw(problem):
    raise problem
