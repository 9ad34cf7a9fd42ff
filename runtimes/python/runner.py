"""The Python runner of maitred: carries out one plan under one strategy and records what each thread and task did.

It speaks JSON lines (`runtimes/PROTOCOL.md`): a plan comes in, `ready` goes out, `go` comes in, `done` goes out. What
happened meanwhile stands in a memory-mapped trace file. It needs nothing but the standard library of CPython 3.9 or
later, or of PyPy, and imports a module only when the strategy at hand needs it, so that it starts as fast as the
interpreter itself. It decides nothing: how many workers, which durations, when a task comes, all is in the plan.

The file is meant to be read from top to bottom:
  1. the strategies: who executes which task when       4. semaphores: who waits for whom
  2. the steps: what a task does, by thread or on a loop    5. the user's function, failures, results
  3. the trace: what is recorded                         6. the conversation with maitred
"""

import heapq
import itertools
import json
import mmap
import os
import resource
import select
import signal
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager
from struct import Struct

PROTOCOL = 2
OLDEST = (3, 9)
clock = time.monotonic_ns  # CLOCK_MONOTONIC, the clock of everything that is recorded

# ---------------------------------------------------------------------------------------------------------------------
# 1. Strategies. Each is a generator in three parts: set-up, work, tear-down, with a `yield` between them.


def sequential(work):
    """One thread does one task after another."""
    lane = Lane(work, WORKER)
    steps = Blocking(work).compile()
    work.welcome(lane)
    yield
    for number in work.arriving():
        work.settle(number, perform(work, steps, lane, number))
    yield
    work.dismiss(lane)


def threads(work):
    """Every task has a thread of its own. They compute at the same time only where there is no GIL."""
    steps = Blocking(work).compile()
    work.few = few = work.count <= 200  # for each new thread the kernel makes files in /proc, which takes as long as the thread itself
    if not few:
        work.notes.append("how long each of the many threads waited for a processor was not asked: that would have doubled their cost")

    def live(number):
        lane = Lane(work, WORKER, fresh=True, delays=few)
        try:
            work.welcome(lane, warm=False)
        except Refusal as refusal:  # its only task cannot be done
            lane.begin_task(task := Task(work, number, None))
            lane.end_task(task, clock(), FAILED)
            work.fail(number, "set-up", refusal.message["error"]["text"])
        else:
            work.settle(number, perform(work, steps, lane, number))
        work.dismiss(lane)

    alive = []
    yield
    for number in work.arriving():
        thread = threading.Thread(target=live, args=(number,), daemon=True)
        try:
            thread.start()
        except (RuntimeError, MemoryError) as problem:
            raise Refusal(
                "refused",
                f"the machine refused thread {len(alive) + 1} of {work.count} ({problem}): use fewer tasks, a pool, "
                f"or raise the limit (`ulimit -u`)",
            ) from None
        alive.append(thread)
    for thread in alive:
        thread.join()
    yield


def thread_pool(work):
    """A fixed number of threads takes tasks from one queue."""
    from concurrent.futures import ThreadPoolExecutor

    mine = threading.local()
    steps = Blocking(work).compile()

    common = {}

    def enlist():
        mine.lane = Lane(work, WORKER)
        if not work.due_at_once:  # so that one more is opened only when all are busy, and not one for each thread
            mine.lane.connections = common
        work.welcome(mine.lane)

    def serve(number):
        work.settle(number, perform(work, steps, mine.lane, number))

    def serve_all(numbers):
        for number in numbers:
            serve(number)

    pool = ThreadPoolExecutor(work.workers)
    muster(pool, work.workers, enlist)
    yield
    if work.timed:  # nobody knows how many there will be, so that none is queued
        numbers = Shared(work.arriving())
        futures = [pool.submit(serve_all, numbers) for _ in range(work.workers)]
    else:
        futures = [pool.submit(serve, number) for number in work.arriving()]
    for future in futures:
        future.result()
    yield
    muster(pool, work.workers, lambda: work.dismiss(mine.lane))
    pool.shutdown()


class Shared:
    """An iterator that several threads take from."""

    def __init__(self, items):
        self.items, self.lock = items, threading.Lock()

    def __iter__(self):
        return self

    def __next__(self):
        with self.lock:
            return next(self.items)


def processes(work):
    """A fixed number of processes takes tasks from one queue: no shared memory, no shared GIL."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    method = work.options.get("start-method") or multiprocessing.get_start_method()
    pool = ProcessPoolExecutor(work.workers, mp_context=multiprocessing.get_context(method))
    yield from apart(work, pool, PROCESS)
    for name in ("forkserver", "resource_tracker"):  # multiprocessing's own processes: wait for them, they count as ours
        helper = getattr(sys.modules.get(f"multiprocessing.{name}"), f"_{name}", None)
        getattr(helper, "_stop", int)()


def interpreters(work):
    """A fixed number of threads, each with an interpreter and a GIL of its own (Python 3.14 and later)."""
    from concurrent.futures import InterpreterPoolExecutor

    folder = os.path.dirname(os.path.abspath(__file__))
    pool = InterpreterPoolExecutor(
        work.workers, initializer=exec, initargs=(f"import sys; sys.path.insert(0, {folder!r})",)
    )
    yield from apart(work, pool, WORKER)


def event_loop(work):
    """One thread, many tasks: who waits gives way, who computes makes all others wait."""
    yield from on_a_loop(work, Awaiting)


def hybrid(work):
    """A loop that waits, and a pool of threads to which it hands what computes or blocks."""
    from concurrent.futures import ThreadPoolExecutor

    mine = threading.local()
    pool = ThreadPoolExecutor(work.workers)

    def enlist():
        mine.lane = Lane(work, WORKER)
        work.welcome(mine.lane, on_loop=False)

    muster(pool, work.workers, enlist)
    yield from on_a_loop(work, lambda work: Handing(work, pool, mine))
    muster(pool, work.workers, lambda: work.dismiss(mine.lane, on_loop=False))
    pool.shutdown()


STRATEGIES = {
    "sequential": sequential,
    "threads": threads,
    "thread-pool": thread_pool,
    "processes": processes,
    "event-loop": event_loop,
    "hybrid": hybrid,
    "interpreters": interpreters,
}


def perform(work, steps, lane, number, given=None):
    """Does one task from its first step to its last; returns what there is to settle, usually nothing."""
    if work.halted():
        return None
    task = Task(work, number, given)
    failure = None
    now = lane.begin_task(task)
    try:
        for step in steps[task.program]:
            now = step(lane, task, now)
    except BaseException as problem:  # sys.exit() in a task ends the task, not the run
        now, failure = clock(), explain(problem)
    lane.end_task(task, now, FAILED if failure else DONE)
    return (failure, task.results) if failure or task.results else None


def on_a_loop(work, how):
    """The three parts of a strategy whose tasks live on one event loop; `how` they do their steps is the caller's."""
    import asyncio

    lane = Lane(work, LOOP)
    loop = new_loop(work.options)
    asyncio.set_event_loop(loop)
    doing = how(work)
    steps = doing.compile()
    finished = loop.create_future()
    width = work.capacity and LoopSemaphore(work.capacity)

    async def live(number):
        if not work.halted():
            work.settle(number, await perform_awaiting(work, steps, lane, number))
        if width:
            width.release()
        nonlocal alive
        alive -= 1
        if not alive:
            finished.set_result(None)

    async def everything():
        nonlocal alive
        tasks = set()  # the loop itself keeps only weak references
        async for number in work.arriving_awaited():
            if width:  # what has to wait for its turn need not be a task yet
                await width.acquire(None)
            alive += 1
            task = loop.create_task(live(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        alive -= 1
        if alive:
            await finished

    alive = 1  # the arrivals themselves
    work.loop = loop
    loop.run_until_complete(work.welcome_awaited())
    yield
    loop.run_until_complete(everything())
    yield
    loop.run_until_complete(work.dismiss_awaited())
    loop.run_until_complete(doing.close())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
    lane.close()


async def perform_awaiting(work, steps, lane, number):
    """`perform` for a task that gives way while it waits."""
    task = Task(work, number, None)
    failure = None
    now = lane.begin_task(task)
    try:
        for step in steps[task.program]:
            now = await step(lane, task, now)
    except GeneratorExit:  # the loop is being closed around us
        raise
    except BaseException as problem:
        now, failure = clock(), explain(problem)
    lane.end_task(task, now, FAILED if failure else DONE)
    return (failure, task.results) if failure or task.results else None


def new_loop(options):
    """The event loop asked for: asyncio's own or uvloop."""
    if options.get("loop", "asyncio") == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    import asyncio

    return asyncio.new_event_loop()


# Workers that share no objects with us: processes, interpreters.

here = None  # in such a worker: its own `Apart`


def apart(work, pool, role):
    """The three parts of a strategy whose workers live apart: they get the numbers and inputs of tasks, no more.

    Tasks that are there from the start and never wait for each other are handed over several at a time, as somebody who
    knows pools writes it (`executor.map` with a `chunksize`): handing over costs as much as a small task does.
    """
    refuse_unpicklable(work, role)
    commons = work.share()
    muster(pool, work.workers, enlist, work.plan, work.rate, commons.path, commons.token, role, pickler(role)(work.warmers()))
    yield
    futures, dumps = deque(), pickler(role)
    sent = returned = 0
    window = threading.BoundedSemaphore(2 * work.workers) if work.timed else None
    try:
        for batch in work.batches():
            if window:  # nobody knows how many there will be, so that few are queued
                window.acquire()
            parcel = dumps([(number, work.given(number)) for number in batch])
            sent += len(parcel)
            futures.append((batch, pool.submit(serve, parcel)))
            if window:
                futures[-1][1].add_done_callback(lambda _: window.release())
    except RuntimeError as problem:  # BrokenExecutor: a worker died while we were still handing out
        work.broken = problem
    for batch, future in futures:
        try:
            parcel = future.result()
        except Exception as problem:
            for number in batch:
                work.unreturned(number, problem)
            continue
        returned += len(parcel)
        work.accept(parcel)
    yield
    if work.broken is None:
        work.handover = {"tasks": work.count, "parcels": len(futures), "sent_bytes": sent, "returned_bytes": returned,
                         "call_ns": cost_of_a_call(pool, work.workers, sent // work.count, returned // work.count)}
        work.harness, work.unshared = pool.submit(look_back).result()
        muster(pool, work.workers, dismiss)
    pool.shutdown()


def refuse_unpicklable(work, role):
    """A pool hands the function itself over, by pickle. Our workers import it by its name, which would do for functions with
    which no pool that a user writes could do anything."""
    for name, function in work.functions.items():
        try:
            pickler(role)(function)
        except Exception as problem:
            other = "process" if role == PROCESS else "interpreter"
            raise Refusal(
                "load",
                f"`{name}` cannot be handed to another {other}, as a pool must: {type(problem).__name__}: {problem}; "
                "name a function that is defined at the top of a module",
            ) from None


PARCEL = 4  # tasks handed over at once where their number is not known


def cost_of_a_call(pool, workers, sent, returned):
    """Nanoseconds that the pool takes for a call that does nothing, with parcels as large as those of a task, when many
    calls are under way: what a task must outlast to gain anything. The least of three tries."""
    calls, parcel, best = 8 * workers, bytes(sent), None
    for _ in range(3):
        begun = clock()
        for future in [pool.submit(answer, parcel, returned) for _ in range(calls)]:
            future.result()
        took = (clock() - begun) // calls
        best = min(best or took, took)
    return best


def answer(parcel, size):
    return bytes(size)


def pickle_module():
    import pickle

    return pickle


FRAME = Struct("<QQ")  # before what a task gives back: its number, the length
PICKLED = 5  # the newest protocol that all interpreters have which this file runs on


def pickler(role):
    """How what is handed over is pickled: between processes as multiprocessing does it, which knows a few types more."""
    if role == PROCESS:
        kind = forking_pickler()
        return lambda value: bytes(kind.dumps(value))
    return pickle_module().dumps


def forking_pickler():
    from multiprocessing.reduction import ForkingPickler

    return ForkingPickler


class Apart:
    """What a worker that lives apart keeps."""

    def __init__(self, plan, rate, path, token, role, warmers):
        self.work = Work(plan, rate)
        self.work.join(path, token)
        self.work.load()
        self.steps = Blocking(self.work).compile()
        self.lane = Lane(self.work, role)
        self.role = role
        self.work.welcome(self.lane, pickle_module().loads(warmers))


def enlist(plan, rate, path, token, role, warmers):
    """Makes this process or interpreter a worker."""
    global here
    if role == PROCESS:
        conversation.leave()
        die_with_parent(at_once=True)
        name_hangs()
    here = Apart(plan, rate, path, token, role, warmers)


def serve(parcel):
    """Does tasks in a worker; what they return travels back by pickle, one after another in one piece."""
    import io

    pickle = pickle_module()
    kind = pickle.Pickler if here.role != PROCESS else forking_pickler()
    back = io.BytesIO()
    for number, given in pickle.loads(parcel):
        outcome = perform(here.work, here.steps, here.lane, number, given)
        if outcome is None:
            continue
        at = back.tell() + FRAME.size
        back.seek(at)
        try:
            kind(back, PICKLED).dump(outcome)
        except Exception as problem:
            back.seek(at)
            back.truncate()
            here.work.trace.end(number)
            kind(back, PICKLED).dump((here.work.cannot_travel(problem), None))
        end = back.tell()
        back.seek(at - FRAME.size)
        back.write(FRAME.pack(number, end - at))
        back.seek(end)
    return back.getvalue()


def look_back():
    """In a worker, after the work: what the runner adds to each call, and what this worker shared with no other."""
    from maitred_harness import cost
    from maitred_state import unshared

    return cost(here.work), unshared(here.work.functions.values())


def dismiss():
    here.work.dismiss(here.lane)


def muster(pool, workers, job, *args):
    """Has every worker of the pool do the job once: none can take two, because none returns before all have begun."""
    begun, begin = os.pipe()
    leave, let_go = os.pipe()
    mouth, gate = (f"/proc/{os.getpid()}/fd/{fd}" for fd in (begin, leave))
    futures = [pool.submit(attend, mouth, gate, job, args) for _ in range(workers)]
    waiting = workers
    while waiting:
        if select.select([begun], [], [], 0.05)[0]:
            waiting -= len(os.read(begun, waiting))
        for future in futures:
            if future.done():
                future.result()  # none can be done yet: it failed, and this says how
    os.write(let_go, b"." * workers)
    for future in futures:
        future.result()
    for fd in (begun, begin, leave, let_go):
        os.close(fd)


def attend(mouth, gate, job, args):
    """In a worker: the job, a sign that it is done, and a wait for the others."""
    job(*args)
    with open(mouth, "wb", buffering=0) as pipe:
        pipe.write(b".")
    with open(gate, "rb", buffering=0) as pipe:
        pipe.read(1)


# ---------------------------------------------------------------------------------------------------------------------
# 2. Steps. A step is compiled to a function of lane, task and the time at which it begins; it returns when it ended,
#    which is when the next one begins: n steps take n + 1 readings of the clock.


class StepFailed(Exception):
    """A step of the workload failed, not the user's code: `fail`, `http`, `run`."""

    def __init__(self, kind, text):
        super().__init__(text)
        self.kind = kind


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

        def run(task):
            try:
                check_exit(command, subprocess.run(command, stdin=subprocess.DEVNULL).returncode)
            except OSError as problem:
                raise StepFailed("run", f"`{command[0]}` cannot be started: {problem.strerror}") from None

        return self.waiting(id, run)

    def do_http(self, id, value):
        import http.client  # noqa: F401  here, and not in the midst of the work
        import urllib.parse  # noqa: F401

        method, timeout = value["method"], self.work.http_timeout

        def http(task):
            url = task.fill(value["url"])
            check_status(method, url, lambda: request(task.lane.connections, value, url, timeout))

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

        method, timeout = value["method"], self.work.http_timeout

        async def http(task):
            url = task.fill(value["url"])
            try:
                status = await asyncio.wait_for(request_awaited(self.idle, value, url), timeout)
            except Exception as problem:
                status = problem
            check_status(method, url, status)

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


# HTTP: the standard client by thread, and just enough of RFC 9112 on a loop.


IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE")


class Unanswered(ConnectionError):
    """The connection ended before any byte of an answer."""


def check_status(method, url, status):
    """Fails the task unless the request got an answer, and a good one. `status` may be what went wrong instead."""
    try:
        if callable(status):
            status = status()
        elif isinstance(status, Exception):
            raise status
    except Exception as problem:
        kind = kind_of(problem)
        if kind == "timeout":
            raise StepFailed(kind, f"{method} {url}: no answer in time") from None
        errno = getattr(problem, "errno", None) or 0
        text = os.strerror(errno) if errno > 0 else str(problem) or type(problem).__name__
        raise StepFailed(kind, f"{method} {url}: {text[0].lower()}{text[1:]}") from None
    if status >= 400:
        raise StepFailed(f"status-{status}", f"{method} {url}: status {status}")


def kind_of(problem):
    """Why there was no answer, as the one word that all runners have for it."""
    import asyncio
    import http.client
    import socket

    if isinstance(problem, (TimeoutError, socket.timeout, asyncio.TimeoutError)):  # not all one before 3.10 and 3.11
        return "timeout"
    if isinstance(problem, ConnectionRefusedError):
        return "refused"
    if isinstance(problem, socket.gaierror):
        return "dns"
    if isinstance(problem, (ConnectionError, http.client.IncompleteRead, asyncio.IncompleteReadError)):
        return "lost"
    return "connect" if isinstance(problem, OSError) else "bad-answer"


SECURITY = {}


def security():
    """Whom the client trusts over https, made once in a process."""
    import ssl

    if "context" not in SECURITY:
        context = ssl.create_default_context(cafile=SECURITY.get("tls-authority"))
        if "tls-insecure" in SECURITY:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        SECURITY["context"] = context
    return SECURITY["context"]


def request(connections, value, url, timeout):
    """One request on a connection to that host which is idle, or a new one; the body is read to its end."""
    import http.client

    method = value["method"]
    place, _, path = split_url(url)
    idle = connections.setdefault(place, [])
    for attempt in (1, 2):
        try:
            connection, reused = idle.pop(), True
        except IndexError:
            reused = False
            if place[0] == "https":
                connection = http.client.HTTPSConnection(place[1], place[2], timeout=timeout, context=security())
            else:
                connection = http.client.HTTPConnection(place[1], place[2], timeout=timeout)
        response = None
        try:
            send(connection, value, path)
            response = connection.getresponse()
            response.read()
        except BaseException as problem:
            connection.close()
            # The server may close a connection that was idle: ask again on a new one, where that does no harm.
            untouched = response is None and isinstance(problem, ConnectionError)
            if reused and attempt == 1 and untouched and method in IDEMPOTENT:
                continue
            raise
        if not response.will_close:
            idle.append(connection)
        return response.status


def fields_of(value):
    """The fields of a request that are not left to the client, and its body: a field may be there more than once."""
    fields, body = list(value.get("headers", ())), (value.get("body") or "").encode()
    if body or value.get("body") is not None or value["method"] in ("POST", "PUT", "PATCH"):
        fields.append(("Content-Length", str(len(body))))
    return fields, body


def send(connection, value, path):
    """Writes the request on a connection of the standard client."""
    fields, body = fields_of(value)
    names = {name.lower() for name, _ in fields}
    connection.putrequest(value["method"], path, skip_host="host" in names, skip_accept_encoding="accept-encoding" in names)
    for name, text in fields:
        connection.putheader(name, text.encode())
    connection.endheaders(body or None)


def compose(value, host, path):
    """The same bytes, as the standard client would write them."""
    fields, body = fields_of(value)
    names = {name.lower() for name, _ in fields}
    own = [(name, text) for name, text in (("Host", host), ("Accept-Encoding", "identity")) if name.lower() not in names]
    lines = "".join(f"{name}: {text}\r\n" for name, text in own + fields)
    return f"{value['method']} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def request_awaited(idle, value, url):
    """The same on a loop."""
    import asyncio

    method = value["method"]
    place, host, path = split_url(url)
    for attempt in (1, 2):
        pile = idle.setdefault(place, [])
        reused = bool(pile) and attempt == 1
        reader, writer = pile.pop() if reused else await asyncio.open_connection(place[1], place[2], ssl=security() if place[0] == "https" else None)
        try:
            writer.write(compose(value, host, path))
            status, keep = await read_response(reader, method)
        except BaseException as problem:
            writer.close()
            if reused and isinstance(problem, Unanswered) and method in IDEMPOTENT:
                continue
            if isinstance(problem, (ConnectionError, asyncio.IncompleteReadError)):
                raise ConnectionError("the connection was cut") from None
            raise
        if keep:
            pile.append((reader, writer))
        else:
            writer.close()
        return status


async def read_head(reader):
    import asyncio

    try:
        return await reader.readuntil(b"\r\n\r\n")
    except ConnectionError:
        raise Unanswered from None
    except asyncio.IncompleteReadError as cut:
        if not cut.partial:
            raise Unanswered from None
        if not b"HTTP/1.1 ".startswith(cut.partial[:7]):
            raise ValueError("the answer is not HTTP") from None
        raise


async def read_response(reader, method):
    """Status, and whether the connection may be used again; the body is read and dropped (RFC 9112, section 6)."""
    status = 100
    while status < 200:
        head = (await read_head(reader)).decode("latin-1").split("\r\n")
        version, status = head[0].split(" ")[0], int(head[0].split(" ")[1])
    fields = {name.strip().lower(): value.strip().lower() for name, _, value in (line.partition(":") for line in head[1:])}
    keep = version == "HTTP/1.1" and fields.get("connection") != "close"
    if method == "HEAD" or status in (204, 304):
        pass
    elif "chunked" in fields.get("transfer-encoding", ""):
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            await reader.readexactly(size + 2) if size else None
            if not size:
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass
                break
    elif "content-length" in fields:
        await reader.readexactly(int(fields["content-length"]))
    else:
        await reader.read()
        keep = False
    return status, keep


def split_url(url):
    """(scheme, host, port), the `Host` field, and the path with its query."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (parts.scheme, parts.hostname, port), parts.netloc.rpartition("@")[2], path


# ---------------------------------------------------------------------------------------------------------------------
# 3. The trace: a memory-mapped file that survives the death of whoever writes it (`crates/wire/src/trace_file.rs`).

WORKER, LOOP, PROCESS = 0, 1, 2
DONE, FAILED = 1, 2
LANE_BYTES, TASK_BYTES, SPAN_BYTES = 64, 32, 24
LANE_WORDS, TASK_WORDS, SPAN_WORDS = 8, 4, 3
UNKNOWN = 2**64 - 1  # what a lane writes for a figure that nobody read


class Trace:
    """Where the parts of the file lie."""

    def __init__(self, path):
        self.map = map_file(path)
        header = Struct("<8sIIIIQQQQ").unpack_from(self.map)
        magic, version, self.lanes, self.tasks, self.room, self.lanes_at, self.tasks_at, self.spans_at, size = header
        if magic != b"MAITREDT" or version != PROTOCOL or size > len(self.map):
            raise Refusal("protocol", f"`{path}` is not a trace file of version {PROTOCOL}: use the runner of this maitred")

    def task(self, number):
        """When the task began and ended, its lane, the step that it is at (None: none), its outcome."""
        begun, ended, lane, step, outcome = Struct("<QQIII").unpack_from(self.map, self.tasks_at + number * TASK_BYTES)
        return begun, ended, lane, step - 1 if step else None, outcome

    def last_end(self):
        """When the last task ended; 0: none has."""
        words = memoryview(self.map)[self.tasks_at : self.tasks_at + self.tasks * TASK_BYTES].cast("Q")
        return max(words[1::4], default=0)

    def pid(self, lane):
        """The process of a lane; 0: it was never used."""
        return Struct("<I").unpack_from(self.map, self.lanes_at + lane * LANE_BYTES)[0]

    def end(self, number):
        """Ends a task, or what was thought to be one, as failed."""
        at = self.tasks_at + number * TASK_BYTES
        if not self.task(number)[1]:
            Struct("<Q").pack_into(self.map, at + 8, clock())
        Struct("<I").pack_into(self.map, at + 24, FAILED)


class Lane:
    """A thread that executes steps, and its part of the trace, into which it alone writes: no lock is needed.

    It has a view of its own, because threads without a GIL would slow each other down by counting references to a
    shared one.
    """

    def __init__(self, work, role, fresh=False, delays=True):
        self.work, self.trace, self.delays = work, work.trace, delays
        self.index = work.enrol(self)
        self.connections, self.loop, self.thread = {}, None, threading.get_ident()
        self.flying = self.ended = 0  # tasks begun and not ended, tasks ended
        self.notes = work.commons is not None  # whether others look at the two in shared memory
        self.words = memoryview(self.trace.map).cast("Q")  # all fields lie in words of eight bytes: nothing is faster to write
        self.spans = self.dropped = 0
        self.recorded = self.index < self.trace.lanes  # a lane too many leaves tasks, but no spans
        self.record = self.trace.lanes_at // 8 + self.index * LANE_WORDS
        self.role = role
        self.next = self.trace.spans_at // 8 + self.index * self.trace.room * SPAN_WORDS
        self.stop = self.next + self.recorded * self.trace.room * SPAN_WORDS
        if self.recorded:
            self.words[self.record] = os.getpid() | threading.get_native_id() << 32
            self.words[self.record + 1] = role
        self.before = (0, 0, 0, 0) if fresh else counters(delays)

    def begin(self, task, step, now):
        """Opens a span and returns where it lies; 0: there was no room."""
        words = self.words
        words[task.record + 2] = task.home | step + 1 << 32
        at = self.next
        if at >= self.stop:
            return self.drop()
        self.next = at + SPAN_WORDS
        words[at] = task.number | step << 32
        words[at + 1] = now
        self.spans = spans = self.spans + 1
        words[self.record + 2] = spans
        return at

    def end(self, at):
        """Closes the span and returns when."""
        now = clock()
        if at:
            self.words[at + 2] = now
        return now

    def drop(self):
        self.dropped += 1
        if self.recorded:
            self.words[self.record + 3] = self.dropped
        return 0

    def begin_task(self, task):
        """Opens a task and returns when."""
        self.flying += 1
        if self.notes:
            self.work.note_flying(self)
        task.lane = self
        words, at = self.words, task.record
        task.home = words[at + 2] = self.index
        now = clock()
        words[at] = now
        return now

    def end_task(self, task, now, outcome):
        """Closes a task: the outcome first, then the time, by which others see that it has ended."""
        words, at = self.words, task.record
        words[at + 3] = outcome
        words[at + 1] = now
        self.flying -= 1
        self.ended = ended = self.ended + 1
        if self.notes:
            self.work.note_flying(self)
        if self.recorded:
            words[self.record + 1] = self.role | ended << 32

    def close(self):
        """Writes what the kernel counted for this thread; only the thread itself can ask."""
        if self.loop:
            self.loop.close()
        for connection in itertools.chain(*self.connections.values()):
            connection.close()
        if self.recorded:
            pairs = zip(counters(self.delays), self.before)
            spent = [UNKNOWN if None in pair else pair[0] - pair[1] for pair in pairs]
            Struct("<QQIII").pack_into(self.trace.map, self.record * 8 + 32, *spent, 1)


def counters(delays):
    """Of this thread: CPU time and time ready but not running (ns; None: not known), voluntary and involuntary switches."""
    usage = resource.getrusage(1)  # RUSAGE_THREAD, which PyPy has no name for
    delay = None
    if delays:
        try:
            with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
                delay = int(file.read().split()[1])
        except OSError:
            pass
    return time.thread_time_ns(), delay, usage.ru_nvcsw, usage.ru_nivcsw


def map_file(path):
    fd = os.open(path, os.O_RDWR)
    try:
        return mmap.mmap(fd, 0)
    finally:
        os.close(fd)


# ---------------------------------------------------------------------------------------------------------------------
# 4. Semaphores, first come first served. The library's own let a newcomer overtake those who wait; here a unit that is
#    given back goes straight to the one who has waited longest. A channel is two: free slots and items.


class Semaphore:
    """Between threads. Who must wait queues with a lock that is already taken; the next `release` opens it."""

    def __init__(self, units):
        self.units, self.queue, self.door = units, deque(), threading.Lock()

    def acquire(self, task):
        with self.door:
            if self.units:
                self.units -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self.queue.append((turn, task))
        turn.acquire()

    def release(self):
        with self.door:
            if self.queue:
                self.queue.popleft()[0].release()
            else:
                self.units += 1


class LoopSemaphore:
    """Between tasks on one loop: nothing can come between two lines, so there is no lock."""

    def __init__(self, units):
        self.units, self.queue = units, deque()

    async def acquire(self, task):
        if self.units:
            self.units -= 1
            return
        import asyncio

        turn = asyncio.get_running_loop().create_future()
        self.queue.append((turn, task))
        await turn

    def release(self):
        if self.queue:
            self.queue.popleft()[0].set_result(None)
        else:
            self.units += 1


class SharedSemaphore:
    """Between processes, and between interpreters: the state is words in the `Commons`."""

    def __init__(self, commons, index):
        self.commons, self.index = commons, index

    def acquire(self, task):
        if self.commons.take(self.index, task.number):
            self.commons.sleep()

    def release(self):
        self.commons.give(self.index)


class Commons:
    """Memory that workers who live apart share: 64-bit words in a file that has no name, under one file lock.

    `flock` belongs to an open file, so it excludes both processes and interpreters, and the kernel takes it away from
    a worker that dies. Who waits sleeps on a socket of its own, in Linux's abstract namespace (unix(7)).
    """

    ENROLLED, HALTED, TICKETS, UNITS = 0, 1, 2, 3
    FLYING, ENDED, WAITS, TICKET, TASK, VARS = 0, 1, 2, 3, 4, 5  # of each worker

    def __init__(self, path, token, semaphores, variables):
        self.path, self.token = path, token
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.words = memoryview(mmap.mmap(self.fd, 0)).cast("q")
        self.base = self.UNITS + semaphores
        self.stride = self.VARS + variables
        self.mine = self.base
        self.socket = None

    @classmethod
    def make(cls, workers, units, initial):
        """A new one, as large as needed; `units` by semaphore, `initial` values by variable."""
        words = cls.UNITS + len(units) + workers * (cls.VARS + len(initial))
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("maitred-commons")
        else:
            import tempfile

            fd = os.dup(tempfile.TemporaryFile().fileno())
        os.ftruncate(fd, words * 8)
        commons = cls(f"/proc/{os.getpid()}/fd/{fd}", os.urandom(8).hex(), len(units), len(initial))
        for index, count in enumerate(units):
            commons.words[cls.UNITS + index] = count
        for worker in range(workers):
            for var, value in enumerate(initial):
                commons.words[commons.worker(worker) + cls.VARS + var] = value
        return commons

    def worker(self, index):
        return self.base + index * self.stride

    def enrol(self, needs_socket):
        """Takes the next free place among the workers."""
        with self:
            index = self.words[self.ENROLLED]
            self.words[self.ENROLLED] = index + 1
        self.mine = self.worker(index)
        if needs_socket:
            import socket

            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(self.address(index))
        return index

    def address(self, index):
        return f"\0maitred-{self.token}-{index}"

    def variables(self):
        """This worker's own."""
        return self.words[self.mine + self.VARS : self.mine + self.stride]

    def __enter__(self):
        import fcntl

        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def __exit__(self, *problem):
        import fcntl

        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def take(self, semaphore, task):
        """Takes a unit, or queues and says so."""
        words, at = self.words, self.UNITS + semaphore
        with self:
            if words[at]:
                words[at] -= 1
                return False
            words[self.TICKETS] += 1
            words[self.mine + self.TICKET] = words[self.TICKETS]
            words[self.mine + self.TASK] = task
            words[self.mine + self.WAITS] = semaphore + 1
            return True

    def sleep(self):
        self.socket.recv(1)

    def give(self, semaphore):
        """Hands a unit to the one who has waited longest, or puts it back."""
        words = self.words
        with self:
            queue = [
                (words[at + self.TICKET], index, at)
                for index, at in self.places()
                if words[at + self.WAITS] == semaphore + 1
            ]
            if not queue:
                words[self.UNITS + semaphore] += 1
                return
            _, index, at = min(queue)
            words[at + self.WAITS] = 0
        self.socket.sendto(b".", self.address(index))

    def places(self):
        return [(index, self.worker(index)) for index in range(self.words[self.ENROLLED])]

    def look(self):
        """Tasks under way, tasks ended, and who waits with which ticket."""
        words, places = self.words, [at for _, at in self.places()]
        return (
            sum(words[at + self.FLYING] for at in places),
            sum(words[at + self.ENDED] for at in places),
            sorted((words[at + self.TICKET], words[at + self.TASK]) for at in places if words[at + self.WAITS]),
        )


# ---------------------------------------------------------------------------------------------------------------------
# 5. The work: the plan made ready to be carried out, the user's functions, failures and results.


class Task:
    """One task under way."""

    __slots__ = ("number", "program", "record", "lane", "home", "register", "turns", "kept", "input", "positional", "named", "results")

    def __init__(self, work, number, given):
        self.number = number
        self.record = work.tasks_at + number * TASK_WORDS
        group = work.group(number)
        self.program = group["program"]
        self.register, self.turns, self.kept, self.results = 0, None, None, None
        if work.has_input:
            self.input = work.given(number) if work.inputs else given
            self.positional, self.named = work.arguments(group, self.input)

    def fill(self, text):
        """The text with `$input` replaced by the task's input."""
        return text.replace("$input", str(self.input)) if "$input" in text else text

    def keep(self, value):
        """Remembers what a function returned."""
        if self.results is None:
            self.results = [value]
        else:
            self.results.append(value)


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
        self.unshared, self.parameters = [], None
        self.actions = list(walk(plan["programs"]))
        self.calls = sorted({value["function"] for _, name, value in self.actions if name == "call"})
        self.has_input = bool(self.calls) or any(group.get("inputs") for group in self.groups)
        self.keeps = self.options.get("results") != "discarded"
        SECURITY.update({name: self.options[name] for name in ("tls-insecure", "tls-authority") if name in self.options})
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
            return self.place if self.commons else len(self.lanes) - 1

    def note_flying(self, lane):
        if self.commons:
            words, at = self.commons.words, self.commons.mine
            words[at], words[at + 1] = lane.flying, lane.ended

    def halted(self):
        return bool(self.commons.words[Commons.HALTED]) if self.commons else self.halt.is_set()

    def stop(self):
        """Lets no further task start."""
        if self.commons:
            self.commons.words[Commons.HALTED] = 1
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
        with forbidden_processes(self.commons is not None and self.strategy == "processes"):
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
        other = "process" if self.strategy == "processes" else "interpreter"
        return kind, f"what the task took or returned cannot be handed to another {other}: {text}", None

    def mourn(self, exits):
        """Says honestly what a dead worker took with it; `exits` are exit codes by process id."""
        tasks = [self.trace.task(number) for number in range(self.count)]
        lost = [number for number, (begun, ended, *_) in enumerate(tasks) if begun and not ended]
        unstarted = sum(not begun for begun, *_ in tasks)
        how, first = "a worker process ended with exit code 0, as by os._exit(0)", lost[:1] or [0]
        for pid, code in exits.items():
            if code in (0, None, -signal.SIGTERM):  # it ended well, or the pool ended it
                continue
            how = f"worker process {pid} " + (f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}")
            its = [number for number in lost if self.trace.pid(tasks[number][2]) == pid]
            if its:
                how, first = f"{how} during task {its[0]}", its
        text = f"{how}; the pool then ended the other workers: {len(lost)} tasks lost under way, {unstarted} never started"
        self.failures["BrokenProcessPool", None] = [len(lost), text, first[0]]

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


def read_inputs(path, count):
    """The values of a file of JSON lines."""
    try:
        with open(path, encoding="utf-8") as file:
            values = [json.loads(line) for line in file if line.strip()]
    except (OSError, ValueError) as problem:
        raise Refusal("load", f"the inputs cannot be read: {problem}", path) from None
    if len(values) < count:
        raise Refusal("load", f"the inputs are {len(values)} lines for {count} tasks: give one line a task", path)
    return values


def throw(problem):
    raise problem


def make_inputs(name):
    """The inputs that a function of the user's makes."""
    made = load_function(name)
    try:
        return list(finish(made(), None))
    except BaseException as problem:
        raise Refusal("load", f"`{name}` made no inputs: {': '.join(explain(problem)[:2])}") from None


def count_inputs(name):
    """For maitred, which plans a task for each: how many there are, as a line of JSON."""
    conversation.open()
    sys.argv[:] = [""]
    try:
        conversation.say({"inputs": len(make_inputs(name))})
    except Refusal as refusal:
        conversation.say(refusal.message)
    sys.stdout.flush()
    os._exit(0)


def load_function(name):
    """The user's function: `file.py:function` or `package.module:function`, found as pytest would."""
    import importlib

    where, _, path = name.rpartition(":")
    if sys.argv[:1] in (["-c"], [""], []):
        sys.argv[:] = [where]  # as the user's own program would have it
    try:
        if where.endswith(".py"):
            module = import_file(where)
        else:
            if "" not in sys.path and os.getcwd() not in sys.path:
                sys.path.insert(0, os.getcwd())
            module = importlib.import_module(where)
        found = module
        for part in path.split("."):
            owner, found = found, getattr(found, part)
    except BaseException as problem:
        kind, text, place = explain(problem)
        if "bootstrapping phase" in text:
            text = f"it starts processes when it is imported, which each worker would do again ({place}): put that under `if __name__ == \"__main__\":`"
            raise Refusal("load", f"`{name}` cannot be loaded by a worker process: {text}", where) from None
        raise Refusal("load", f"`{name}` cannot be loaded: {kind}: {text}", where) from None
    if isinstance(owner, type) and not isinstance(owner.__dict__.get(part), (staticmethod, classmethod)):
        try:
            found = getattr(owner(), part)  # a method: of an object made without arguments
        except BaseException as problem:
            text = explain(problem)[1]
            raise Refusal("load", f"`{name}` is a method, and no `{owner.__name__}()` can be made for it: {text}", where) from None
    if not callable(found):
        raise Refusal("load", f"`{name}` is not a function but {type(found).__name__}: name a function", where)
    return found


@contextmanager
def forbidden_processes(forbid):
    """While a worker imports the user's module, no process can be started, as multiprocessing has it for the main module:
    a pool that is made on import would make one in each of its own workers, without end."""
    if not forbid:
        yield
        return
    import multiprocessing

    me = multiprocessing.current_process()
    before = getattr(me, "_inheriting", False)
    me._inheriting = True  # asked by multiprocessing.spawn before it starts anything
    try:
        yield
    finally:
        me._inheriting = before


def import_file(path):
    """The module of a file, by the name that it has within its package, with the folder above on the path."""
    import importlib

    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise FileNotFoundError(f"there is no file `{path}`")
    folder, name = os.path.dirname(path), os.path.basename(path)[:-3]
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, name = os.path.dirname(folder), f"{os.path.basename(folder)}.{name}"
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = sys.modules.get(name)
    if module is not None and os.path.abspath(getattr(module, "__file__", None) or "") != path:
        raise ImportError(f"a module named `{name}` is already there ({getattr(module, '__file__', 'built in')}): rename the file")
    return importlib.import_module(name)


def is_async(function):
    """Whether calling it gives something to await (inspect.CO_COROUTINE, CO_ASYNC_GENERATOR)."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return bool(code and code.co_flags & (0x80 | 0x200))


PLAIN = frozenset([type(None), bool, int, float, str, bytes, tuple, list, dict, set])  # returned values that are ready as they are


def finish(value, lane):
    """What a function returned, run to its end: a generator is exhausted, a coroutine run on the worker's own loop."""
    if hasattr(value, "__await__") or hasattr(value, "__aiter__"):
        import asyncio

        loop = lane.loop if lane else None
        if loop is None:
            loop = asyncio.new_event_loop()
            if lane:
                lane.loop = loop
        return loop.run_until_complete(finish_awaited(value))
    return list(value) if type(value).__name__ == "generator" else value


async def finish_awaited(value):
    """The same on a loop."""
    if hasattr(value, "__await__"):
        value = await value
    if hasattr(value, "__aiter__"):
        return [item async for item in value]
    return list(value) if type(value).__name__ == "generator" else value


def explain(problem):
    """Kind, text and the user's own line of what went wrong."""
    if isinstance(problem, StepFailed):
        return problem.kind, str(problem), None
    kind, text = type(problem).__qualname__, shown(str, problem) or "no message"
    if isinstance(problem, MemoryError):
        kind = "memory"
    elif isinstance(problem, SystemExit):
        kind, text = "exit", f"called sys.exit({problem.code!r})"
    elif isinstance(problem, EOFError) or type(problem).__name__ == "error" and type(problem).__module__ == "termios" or (
        isinstance(problem, OSError) and problem.errno == 25  # ENOTTY
    ):
        text += "; a task has no terminal, and its standard input is empty"
    place = own_line(problem)
    return kind, f"{text} ({place})" if place else text, place


def shown(how, value):
    """str or repr of the user's value, whose own method for it may fail."""
    from maitred_results import text_of

    return text_of(how, value)


def own_line(problem):
    """The last line of the user's own code that the exception went through."""
    if isinstance(problem, SyntaxError):
        return f"{problem.filename}:{problem.lineno}"
    library = os.path.dirname(os.__file__)
    last, step = None, problem.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if file != __file__ and not file.startswith((library, "<frozen")) and "site-packages" not in file:
            last = step
        step = step.tb_next
    if last is None:
        return None
    # Once, and not for each of the thousand frames of an endless recursion: that took longer than the work.
    code = last.tb_frame.f_code
    file = code.co_filename
    if file.startswith(os.getcwd() + os.sep):
        file = os.path.relpath(file)
    return f"{file}:{last.tb_lineno} in {code.co_name}"


# ---------------------------------------------------------------------------------------------------------------------
# 6. The conversation.


class Refusal(Exception):
    """Why the plan cannot be carried out: the `error` message. Codes: protocol, unsupported, refused, load."""

    def __init__(self, code, text, place=None):
        super().__init__(code, text, place)  # as they were given: it may travel here from a worker
        self.message = {"error": {"code": code, "text": text, "place": place}}


class Conversation:
    """The lines between maitred and us, on descriptors moved out of reach of whatever the user's code prints or reads."""

    def __init__(self):
        self.commands = self.replies = None
        self.buffer = b""
        self.lock = threading.Lock()

    def open(self):
        self.commands, self.replies = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(line_buffering=True)

    def leave(self):
        """In a forked worker: lets go of what is not its own."""
        for fd in (self.commands, self.replies):
            if fd is not None:
                os.close(fd)
        self.commands = self.replies = None

    def hear(self):
        """The next command: its name and value. There is none any more: end of everything."""
        while b"\n" not in self.buffer:
            more = os.read(self.commands, 1 << 20)
            if not more:
                vanish()
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        try:
            ((name, value),) = json.loads(line).items()
        except (ValueError, AttributeError):
            raise Refusal("protocol", f"this line is not a command: {line[:200].decode(errors='replace')}") from None
        return name, value

    def waits(self, timeout):
        """Whether there is something to hear, within so many seconds (None: for ever)."""
        return b"\n" in self.buffer or bool(select.select([self.commands], [], [], timeout)[0])

    def say(self, message):
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.replies, data) :]
        except OSError:
            vanish()


conversation = Conversation()


class Run:
    """One plan, from `go` to `done`."""

    LOOK_S = 0.1  # how often a possible deadlock is looked for

    def __init__(self, work):
        self.work = work
        self.marks = []  # (time, CPU time): before set-up, after it, after work, after tear-down
        self.stuck = []
        self.gave_up, self.once = False, threading.Lock()

    def go(self):
        parts = STRATEGIES[self.work.strategy](self.work)
        self.mark()
        self.set_up(parts)
        children = sys.modules["multiprocessing"].active_children() if self.work.strategy == "processes" else []
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

    def watch(self):
        """A thread that listens during the run. It waits in the kernel without the GIL; only where tasks wait for each
        other does it look round now and then."""
        before, deadline = None, None
        can_lock = bool(self.work.units())
        has_loops = self.work.commons is None and any(map(is_async, self.work.functions.values()))
        asleep = None
        while True:
            pause = self.LOOK_S if can_lock or has_loops else None
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
            "unshared": work.unshared,
            "expected": expected,
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
        if self.work.strategy == "processes":
            for pid in set(map(self.work.trace.pid, range(self.work.trace.lanes))) - {0, os.getpid()}:
                try:
                    spent = worker_cpu(pid)
                except (OSError, ValueError):
                    continue  # it has ended, and is among the children
                user += spent[0]
                system += spent[1]
        return {"user_ns": user, "system_ns": system}


def processors():
    """How many this process may use; PyPy can only say how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_cpu(pid):
    """User and system time of another process: its CPU clock (clock_getcpuclockid(3)), divided in the ratio that
    /proc/PID/stat gives in ticks, and what its own children took."""
    total = int(time.clock_gettime((~pid << 3) | 2) * 1e9)
    with open(f"/proc/{pid}/stat", "rb") as file:
        user, system, child_user, child_system = map(int, file.read().rpartition(b")")[2].split()[11:15])
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    share = total * system // (user + system) if user + system else 0
    return total - share + child_user * tick, share + child_system * tick


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
    """Compiles this file for the runs to come, also where PYTHONDONTWRITEBYTECODE keeps the interpreter from it: that
    takes as long as the interpreter's own start."""
    import py_compile

    try:
        py_compile.compile(__file__, doraise=True)
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


def offered():
    """The strategies that this interpreter has."""
    return [name for name in STRATEGIES if not unoffered(name)]


def unoffered(name):
    """Why this interpreter has not this strategy; None: it has."""
    if name not in STRATEGIES:
        return f"Python has no strategy `{name}`: use one of {', '.join(offered())}"
    needed = {"interpreters": "_interpreters", "processes": "_multiprocessing"}.get(name)
    if name == "interpreters" and (sys.version_info < (3, 14) or sys.implementation.name != "cpython"):
        return "interpreters need CPython 3.14 or later: use processes"
    try:
        __import__(needed or "sys")
    except ImportError:
        return f"this Python was built without {needed}: use threads"
    return None


def start_methods():
    """How a process pool can start its workers here."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    if hasattr(ProcessPoolExecutor, "_adjust_process_count_cpython"):  # PyPy 3.9 renamed what its own pool then calls
        return ["fork"]
    return multiprocessing.get_all_start_methods()


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


def interpreter_state():
    """Where the state of the interpreter lies in memory, in which the GIL has its place: address and length. A thread that
    waits for the GIL waits on a futex within it, which whoever looks at the thread can see. None: it is not known."""
    try:
        import ctypes

        address = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    except (ImportError, ValueError, AttributeError):
        return None
    # The main interpreter's state, and so its lock, lies within from 3.12 on, the lock itself before.
    return f"{address} {200_000 if sys.version_info >= (3, 12) else 4_000}"


def describe_more():
    """Facts for `maitred runtimes` and `maitred doctor`, too slow to be asked before every run."""
    import importlib.util
    import multiprocessing
    import sysconfig

    missing = {name: unoffered(name) for name in STRATEGIES}
    return [
        ["language", ".".join(map(str, sys.version_info[:3]))],
        # By so many the executors of the standard library go.
        ["processors", str(getattr(os, "process_cpu_count", os.cpu_count)() or 1)],
        ["flags", str(sysconfig.get_config_var("CONFIG_ARGS") or "")],
        ["free-threaded build", "yes" if sysconfig.get_config_var("Py_GIL_DISABLED") else "no"],
        ["virtual environment", sys.prefix if sys.prefix != sys.base_prefix else "no"],
        ["start methods", " ".join(start_methods())],
        ["default start method", multiprocessing.get_start_method()],
        ["uvloop", "yes" if importlib.util.find_spec("uvloop") else "no"],
        ["switch interval", f"{sys.getswitchinterval() * 1000:g} ms"],
        *[[f"no {name}", why] for name, why in missing.items() if why],
    ]


class Paper:
    """A trace in memory that nobody reads: on it the cost of recording is measured."""

    def __init__(self, tasks, room, lanes=1):
        self.lanes, self.tasks, self.room = lanes, tasks, room
        self.lanes_at, self.tasks_at = 0, lanes * LANE_BYTES
        self.spans_at = self.tasks_at + tasks * TASK_BYTES
        self.map = bytearray(self.spans_at + lanes * room * SPAN_BYTES)


def span_cost_ns():
    """What recording one span costs, its clock readings included, in nanoseconds: the least of several tries."""
    count = 2000
    work = type("Rehearsal", (), {"commons": None, "enrol": lambda self, lane: 0, "trace": Paper(1, count * 10)})()
    lane, task, best = Lane(work, WORKER), type("Only", (), {"number": 0, "record": LANE_WORDS, "home": 0})(), float("inf")
    for _ in range(10):
        begun = now = clock()
        for _ in range(count):
            now = lane.end(lane.begin(task, 1, now))
        best = min(best, (clock() - begun) / count)
    return best


def die_with_parent(at_once):
    """Has the kernel end this process when its parent ends, however it does (prctl(2), PR_SET_PDEATHSIG).

    A worker dies at once. The runner must first kill what it started, which it does at the end of its input; a C call
    that keeps the GIL could prevent that, so that a signal handler in C gives it some seconds more: `alarm`, called
    with the number of the signal, has SIGALRM end the process that many seconds later.
    """
    try:
        import ctypes

        libc = ctypes.CDLL(None)
        if not at_once:
            libc.signal(signal.SIGUSR2, ctypes.cast(libc.alarm, ctypes.c_void_p))
        libc.prctl(1, signal.SIGKILL if at_once else signal.SIGUSR2)
    except (ImportError, OSError, AttributeError):
        pass  # then the end of our input must do


def name_hangs():
    """A segmentation fault, or SIGUSR1, prints where each thread is: on standard error, with the user's own lines."""
    try:
        import faulthandler

        gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        faulthandler.enable(file=2, all_threads=gil)  # without a GIL the others go on, and looking at them can crash again
        faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
    except (ImportError, OSError, AttributeError, ValueError):
        pass


def vanish():
    """Ends everything that we started, and ourselves, at once: we lead the process group that holds it all."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


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


if __name__ == "__main__":
    main()
