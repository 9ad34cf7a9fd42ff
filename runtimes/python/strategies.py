"""Strategies: who executes which task when. Each is a generator in three parts: set-up, work, tear-down, with a `yield`
between them.
"""

import os
import sys
import threading

from maitred_failures import Refusal
from maitred_semaphores import LoopSemaphore
from maitred_steps import Awaiting, Blocking, Handing
from maitred_tasks import Task, perform, perform_awaiting
from maitred_trace_file import FAILED, LOOP, PROCESS, WORKER, Lane, clock


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

    from maitred_muster import muster

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

    from maitred_workers import apart

    method = work.options.get("start-method") or multiprocessing.get_start_method()
    pool = ProcessPoolExecutor(work.workers, mp_context=multiprocessing.get_context(method))
    yield from apart(work, pool, PROCESS)
    end_helpers()


def end_helpers():
    for name in ("forkserver", "resource_tracker"):  # multiprocessing's own processes: wait for them, they count as ours
        helper = getattr(sys.modules.get(f"multiprocessing.{name}"), f"_{name}", None)
        getattr(helper, "_stop", int)()


def interpreters(work):
    """A fixed number of threads, each with an interpreter and a GIL of its own (Python 3.14 and later)."""
    from concurrent.futures import InterpreterPoolExecutor

    from maitred_workers import apart

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

    from maitred_muster import muster

    mine = threading.local()
    pool = ThreadPoolExecutor(work.workers)

    def enlist():
        mine.lane = Lane(work, WORKER)
        work.welcome(mine.lane, on_loop=False)

    muster(pool, work.workers, enlist)
    yield from on_a_loop(work, lambda work: Handing(work, pool, mine))
    muster(pool, work.workers, lambda: work.dismiss(mine.lane, on_loop=False))
    pool.shutdown()


def executor(work):
    """Whatever a function of the user's makes that has `submit`: the pool of a library, or one written by hand."""
    from maitred_executor import own

    yield from own(work)
    # What its maker leaves running ends with us; it has the other end of what the helpers wait for, so that these would not end.
    multiprocessing = sys.modules.get("multiprocessing")
    if not (multiprocessing and multiprocessing.active_children()):
        end_helpers()


STRATEGIES = {
    "sequential": sequential,
    "threads": threads,
    "thread-pool": thread_pool,
    "processes": processes,
    "event-loop": event_loop,
    "hybrid": hybrid,
    "interpreters": interpreters,
    "executor": executor,
}


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


def new_loop(options):
    """The event loop asked for: asyncio's own or uvloop."""
    if options.get("loop", "asyncio") == "uvloop":
        import uvloop

        return uvloop.new_event_loop()
    import asyncio

    return asyncio.new_event_loop()
