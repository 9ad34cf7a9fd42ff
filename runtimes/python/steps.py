"""Steps: what a task does, by thread or on a loop. A step is compiled to a function of lane, task and the time at which it
begins; it returns when it ended, which is when the next one begins: n steps take n + 1 readings of the clock.
"""

import os
import signal
import time

from maitred_conversation import mark_children
from maitred_failures import StepFailed
from maitred_functions import PLAIN, finish, finish_awaited, is_async
from maitred_semaphores import LoopSemaphore, Semaphore
from maitred_trace_file import clock


class Blocking:
    """How a thread or a process does steps: who waits blocks its thread and no other."""

    def __init__(self, work):
        self.work = work
        self.resources, self.channels = work.semaphores(self.semaphore())

    def semaphore(self):
        return Semaphore

    def compile(self):
        """The steps of each program."""
        return [self.sequence(program["steps"]) for program in self.work.plan["programs"]]

    def sequence(self, steps):
        return [self.step(step["id"], step["action"]) for step in steps]

    def step(self, id, action):
        name, value = (action, None) if isinstance(action, str) else next(iter(action.items()))
        return getattr(self, f"do_{name}")(id, value)

    # How a step is recorded.

    def leaf(self, id, act):
        """A step without steps inside."""

        def step(lane, task, now):
            at = lane.begin(task, id, now)
            try:
                act(task)
            finally:
                now = lane.end(at)
            return now

        return step

    waiting = leaf  # the same for what gives way on a loop

    def do_hold(self, id, value):
        resource, steps = self.resources[value["resource"]], self.sequence(value["steps"])

        def step(lane, task, now):
            at = lane.begin(task, id, now)
            resource.acquire(task)
            now = lane.end(at)
            at = lane.begin(task, id + 1, now)
            try:
                for inner in steps:
                    now = inner(lane, task, now)
            finally:
                now = lane.end(at)  # before it is given back: the next one cannot have it any earlier
                resource.release()
            return now

        return step

    def do_repeat(self, id, value):
        count, steps = value["count"], self.sequence(value["steps"])

        def step(lane, task, now):
            for _ in range(count):
                for inner in steps:
                    now = inner(lane, task, now)
            return now

        return step

    # What computes, or cannot be awaited: the same in every strategy.

    def do_cpu(self, id, amount):
        rate = self.work.rate / 1e9
        return self.leaf(id, self.measured(id, amount, compute, lambda ns: int(ns * rate)))

    def do_block(self, id, amount):
        return self.leaf(id, self.measured(id, amount, time.sleep, seconds))

    def do_allocate(self, id, value):
        size = value["bytes"]

        def allocate(task):
            memory = bytearray(size)
            memory[::4096] = b"\1" * len(range(0, size, 4096))  # touched: a page nobody wrote to takes no memory
            task.kept = [memory, task.kept]  # all of them, until the task ends

        return self.leaf(id, allocate)

    def do_read(self, id, value):
        variables, var = self.work.variables, value["var"]

        def read(task):  # a call of its own, so that the GIL can change hands between it and the `write`
            task.register = variables[var]

        return self.leaf(id, read)

    def do_write(self, id, value):
        variables, var, add = self.work.variables, value["var"], value["add"]

        def write(task):
            variables[var] = task.register + add

        return self.leaf(id, write)

    def do_update(self, id, value):
        variables, var, add, lock = self.work.variables, value["var"], value["add"], self.work.door

        def update(task):
            with lock:
                task.register = variables[var] = variables[var] + add

        return self.leaf(id, update)

    def do_fail(self, id, value):
        def fail(task):
            raise StepFailed("fail", value["why"])

        return self.leaf(id, fail)

    def do_crash(self, id, value):
        return self.leaf(id, lambda task: (os.kill(os.getpid(), signal.SIGKILL), time.sleep(10)))

    # What waits.

    def do_wait(self, id, amount):
        return self.waiting(id, self.measured(id, amount, time.sleep, seconds))

    def do_yield(self, id, value):
        return self.waiting(id, lambda task: time.sleep(0))

    def do_send(self, id, value):
        free, items = self.channels[value["channel"]]

        def send(task):
            free.acquire(task)
            items.release()

        return self.waiting(id, send)

    def do_receive(self, id, value):
        free, items = self.channels[value["channel"]]

        def receive(task):
            items.acquire(task)
            free.release()

        return self.waiting(id, receive)

    def do_run(self, id, value):
        import subprocess

        command = [value["program"], *value["args"]]
        mark_children()

        def run(task):
            try:
                check_exit(command, subprocess.run(command, stdin=subprocess.DEVNULL).returncode)
            except OSError as problem:
                raise StepFailed("run", f"`{command[0]}` cannot be started: {problem.strerror}") from None

        return self.waiting(id, run)

    def do_http(self, id, value):
        import http.client  # noqa: F401  here, and not in the midst of the work
        import urllib.parse  # noqa: F401

        from maitred_client import check_status, request, trust

        trust(self.work.trust)
        timeout = self.work.patience(value)

        def http(task):
            lane, asked = task.lane, {**value, "url": task.fill(value["url"])}
            check_status(lane, asked, lambda: request(lane.connections, asked, timeout))

        return self.waiting(id, http)

    def do_call(self, id, value):
        function, keep = self.work.functions[value["function"]], self.work.keeps

        def call(task):
            value = function(*task.positional, **task.named)
            if type(value) not in PLAIN:
                value = finish(value, task.lane)
            if keep:
                task.keep(value)

        return self.waiting(id, call)

    def measured(self, id, amount, act, convert):
        """`act` with the duration of the step: the same for all tasks, or the next one of the task's column."""
        ((kind, value),) = amount.items()
        if kind == "ns":
            fixed = convert(value)
            return lambda task: act(fixed)
        column = self.work.columns[value]

        def drawn(task):
            if task.turns is None:
                task.turns = {}
            turn = task.turns.get(id, 0)
            task.turns[id] = turn + 1
            return act(convert(column(task.number, turn)))

        return drawn


class Awaiting(Blocking):
    """How tasks on an event loop do steps: who waits gives way; what cannot be awaited stops them all."""

    def __init__(self, work):
        super().__init__(work)
        self.idle = {}  # open connections by host, for the next request to it

    def semaphore(self):
        return LoopSemaphore

    async def close(self):
        for connections in self.idle.values():
            for _, writer in connections:
                writer.close()

    def leaf(self, id, act):
        async def step(lane, task, now):
            at = lane.begin(task, id, now)
            try:
                act(task)
            finally:
                now = lane.end(at)
            return now

        return step

    def waiting(self, id, act):
        async def step(lane, task, now):
            at = lane.begin(task, id, now)
            try:
                await act(task)
            finally:
                now = lane.end(at)
            return now

        return step

    def do_hold(self, id, value):
        resource, steps = self.resources[value["resource"]], self.sequence(value["steps"])

        async def step(lane, task, now):
            at = lane.begin(task, id, now)
            await resource.acquire(task)
            now = lane.end(at)
            at = lane.begin(task, id + 1, now)
            try:
                for inner in steps:
                    now = await inner(lane, task, now)
            finally:
                now = lane.end(at)  # before it is given back: the next one cannot have it any earlier
                resource.release()
            return now

        return step

    def do_repeat(self, id, value):
        count, steps = value["count"], self.sequence(value["steps"])

        async def step(lane, task, now):
            for _ in range(count):
                for inner in steps:
                    now = await inner(lane, task, now)
            return now

        return step

    def do_wait(self, id, amount):
        import asyncio

        return self.waiting(id, self.measured(id, amount, asyncio.sleep, seconds))

    def do_yield(self, id, value):
        import asyncio

        return self.waiting(id, lambda task: asyncio.sleep(0))

    def do_send(self, id, value):
        free, items = self.channels[value["channel"]]

        async def send(task):
            await free.acquire(task)
            items.release()

        return self.waiting(id, send)

    def do_receive(self, id, value):
        free, items = self.channels[value["channel"]]

        async def receive(task):
            await items.acquire(task)
            free.release()

        return self.waiting(id, receive)

    def do_run(self, id, value):
        import asyncio

        command = [value["program"], *value["args"]]
        mark_children()

        async def run(task):
            try:
                child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
            except OSError as problem:
                raise StepFailed("run", f"`{command[0]}` cannot be started: {problem.strerror}") from None
            check_exit(command, await child.wait())

        return self.waiting(id, run)

    def do_http(self, id, value):
        import asyncio
        import urllib.parse  # noqa: F401  here, and not in the midst of the work

        from maitred_client import check_status, request_awaited, trust

        trust(self.work.trust)
        timeout = self.work.patience(value)

        async def http(task):
            asked = {**value, "url": task.fill(value["url"])}
            try:
                status = await request_awaited(self.idle, asked, timeout)
            except Exception as problem:
                status = problem
            check_status(task.lane, asked, status)

        return self.waiting(id, http)

    def do_call(self, id, value):
        function, keep = self.work.functions[value["function"]], self.work.keeps

        async def call(task):  # an `async def` gives way, a plain function stops the loop: that is what is to be seen
            value = function(*task.positional, **task.named)
            if type(value) not in PLAIN:
                value = await finish_awaited(value)
            if keep:
                task.keep(value)

        return self.waiting(id, call)


class Handing(Awaiting):
    """How a hybrid does steps: what computes or blocks goes to a pool, the rest stays on the loop."""

    def __init__(self, work, pool, mine):
        super().__init__(work)
        self.pool, self.mine = pool, mine

    def handed(self, id, act):
        """A step that a thread of the pool does, and records on its own lane; what lies between is the hand-over."""
        import asyncio

        mine, pool = self.mine, self.pool
        there = Blocking.leaf(self, id, act)

        def do(task):
            there(mine.lane, task, clock())

        async def step(lane, task, now):
            await asyncio.get_running_loop().run_in_executor(pool, do, task)
            return clock()

        return step

    def do_cpu(self, id, amount):
        rate = self.work.rate / 1e9
        return self.handed(id, self.measured(id, amount, compute, lambda ns: int(ns * rate)))

    def do_block(self, id, amount):
        return self.handed(id, self.measured(id, amount, time.sleep, seconds))

    def do_call(self, id, value):
        function = self.work.functions[value["function"]]
        if is_async(function):
            return super().do_call(id, value)

        keep = self.work.keeps

        def call(task):
            value = finish(function(*task.positional, **task.named), self.mine.lane)
            if keep:
                task.keep(value)

        return self.handed(id, call)


def compute(units):
    """The work of a `cpu` step: pure Python, each turn of which needs the one before (a linear congruential generator)."""
    x = 1
    for _ in range(units):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
    return x


def calibrate():
    """Units of `compute` that this interpreter does in a second: the fastest of many slices, since others only slow it."""
    units, best, until = 1000, 0.0, clock() + 60_000_000
    while clock() < until:
        begun = clock()
        compute(units)
        took = clock() - begun
        best = max(best, units * 1e9 / took)
        if took < 1_000_000:
            units *= 2
    return best


def seconds(ns):
    return ns / 1e9


def check_exit(command, code):
    """Fails the task unless its child process ended well."""
    if code:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise StepFailed("run", f"`{command[0]}` ended with {how}")
