"""An executor of the user's own: whatever their function makes that has `submit`. Nothing else is known of it: neither how many
workers it has, nor whether they are threads of ours or processes. So each worker takes part when the first task comes to it.
"""

import contextlib
import itertools
import json
import os
import threading
from collections import deque

from maitred_conversation import conversation
from maitred_failures import Refusal, explain
from maitred_functions import load_function
from maitred_interpreter import name_hangs
from maitred_muster import muster
from maitred_parcels import pickle_module, pickler
from maitred_semaphores import Commons
from maitred_steps import Blocking
from maitred_tasks import perform
from maitred_trace_file import PROCESS, WORKER, Lane
from maitred_work import Work

PATIENCE_S = 10  # an executor that says how many workers it has need not start them all
NUMBERS = ("max_workers", "workers", "n_workers", "processes")  # what such a parameter is called


def own(work):
    """The three parts of the strategy: what is submitted, as many calls as tasks or parcels, is all that we ask of it."""
    pool, close = opened(work.options["executor"], work.options.get("executor-workers"))
    size = known_size(pool)
    work.roll = Commons.make(work.trace.lanes, [], [])
    ticket = Ticket(work)
    home = stations[ticket.key()] = Station(work, is_home=True)
    pids = every(pool, size, enlist, ticket)
    if any(pid != os.getpid() for pid in pids):
        from maitred_workers import refuse_unpicklable

        refuse_unpicklable(work, PROCESS)
    if size is None:
        work.notes.append("this executor does not say how many workers it has (`_max_workers`): those that it starts late start within the work")
    yield
    hand_out(work, pool, ticket)
    yield
    away = [index for index in range(work.trace.lanes) if work.trace.pid(index) not in (0, os.getpid())]
    if away and work.broken is None:
        work.unshared = wait_for(pool.submit(look_back, ticket))
    if work.broken is None:
        counted = every(pool, size, dismiss, ticket)
        work.counted = counted if away else None
    close()
    home.dismiss()  # an executor that did tasks in the thread that submits them


def opened(name, workers=None):
    """The executor, and what closes it."""
    maker = load_function(name)
    number = numbered(name, maker, workers)
    try:
        made = maker(**number)
        if not callable(getattr(made, "submit", None)):
            raise Refusal("load", f"`{name}` made {type(made).__name__}, which has no `submit`: return an executor, as one of concurrent.futures")
        if hasattr(type(made), "__enter__") and hasattr(type(made), "__exit__"):
            pool = made.__enter__()
            return pool, lambda: made.__exit__(None, None, None)
        ends = (getattr(made, end, None) for end in ("shutdown", "close"))
        return made, next(filter(callable, ends), lambda: None)
    except Refusal:
        raise
    except BaseException as problem:
        raise Refusal("load", f"`{name}` made no executor: {': '.join(explain(problem)[:2])}") from None


def numbered(name, maker, workers):
    """The number of workers as the argument that takes it."""
    if workers is None:
        return {}
    import inspect

    with contextlib.suppress(TypeError, ValueError):
        parameters = inspect.signature(maker).parameters
        for parameter in NUMBERS:
            if parameter in parameters:
                return {parameter: int(workers)}
    raise Refusal("load", f"`{name}` takes no number of workers: give it a parameter `max_workers`, or name no number")


def known_size(pool):
    """How many workers it says that it has; None: it says nothing. Executors that follow concurrent.futures have it there."""
    size = getattr(pool, "_max_workers", None)
    return size if isinstance(size, int) and size > 0 else None


def count_workers(name):
    """For maitred, which plans a lane for each: how many there are, as a line of JSON; none: it does not say."""
    import sys

    conversation.open()
    sys.argv[:] = [""]
    try:
        pool, close = opened(name)
        conversation.say({"workers": known_size(pool)})
        close()
    except Refusal as refusal:
        conversation.say(refusal.message)
    sys.stdout.flush()
    os._exit(0)


def every(pool, size, job, *args):
    """What each worker returns that does the job; one of them, where nobody knows how many there are."""
    if size is None:
        return [wait_for(pool.submit(job, *args))]
    return muster(pool, size, job, *args, patience=PATIENCE_S)


def wait_for(future):
    """What was submitted returned: of a future, or of a result of multiprocessing's."""
    return (future.result if hasattr(future, "result") else future.get)()


def hand_out(work, pool, ticket):
    """Submits a task at a time, or so many as were asked for; where nobody knows how many there will be, few are queued."""
    chunk, most = int(work.options.get("chunk", 1)), 2 * work.workers
    numbers, futures = work.arriving(), deque()
    while batch := list(itertools.islice(numbers, chunk)):
        if work.timed and len(futures) >= most:
            take_back(work, *futures.popleft())
        try:
            futures.append((batch, pool.submit(serve, ticket, [(number, work.given(number)) for number in batch])))
        except Exception as problem:  # BrokenExecutor, or whatever a pool of somebody's says that goes on no more
            work.broken = problem
            break
    while futures:
        take_back(work, *futures.popleft())


def take_back(work, batch, future):
    try:
        outcomes = wait_for(future)
    except Refusal:
        raise
    except Exception as problem:
        for number in batch:
            work.unreturned(number, problem)
    else:
        for number, outcome in outcomes:
            work.settle(number, outcome)


class Ticket:
    """What travels with each call: where a worker that is no thread of ours finds what it must know."""

    def __init__(self, work):
        self.home, self.commons, self.token = os.getpid(), work.roll.path, work.roll.token
        file = os.memfd_create("maitred-plan") if hasattr(os, "memfd_create") else unnamed_file()
        os.write(file, json.dumps([work.plan, work.rate]).encode())
        self.plan = f"/proc/{self.home}/fd/{file}"
        try:
            self.warmers = pickler(PROCESS)(work.warmers())
        except Exception:
            self.warmers = pickler(PROCESS)([])  # inputs that cannot travel: so no task comes to another process

    def key(self):
        """Not the token alone: a forked process has what its parent had, and is another one."""
        return os.getpid(), self.token


def unnamed_file():
    """Where the interpreter has no memfd_create(2)."""
    import tempfile

    return os.dup(tempfile.TemporaryFile().fileno())


stations = {}  # of this process, by the key of the ticket
door = threading.Lock()


def open_door():
    global door
    door = threading.Lock()  # somebody else may have held it when we were forked


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=open_door)


def station(ticket):
    with door:
        found = stations.get(ticket.key())
        if found is None:
            found = stations[ticket.key()] = away(ticket)
        return found


def away(ticket):
    """Makes this process one in which tasks are done."""
    conversation.leave()
    name_hangs()
    with open(ticket.plan, "rb") as file:
        plan, rate = json.loads(file.read())
    work = Work(plan, rate)
    work.commons = work.roll = Commons(ticket.commons, ticket.token, 0, 0)
    work.load()
    return Station(work, is_home=False, warmers=pickle_module().loads(ticket.warmers))


class Station:
    """A process in which tasks are done, and the lanes of its threads."""

    def __init__(self, work, is_home, warmers=None):
        self.work, self.is_home, self.warmers = work, is_home, warmers
        self.steps = Blocking(work).compile()
        self.mine = threading.local()

    def lane(self):
        """This thread's own, which it has from its first task on."""
        lane = getattr(self.mine, "lane", None)
        if lane is None:
            lane = self.mine.lane = Lane(self.work, WORKER if self.is_home else PROCESS)
            lane.notes = False  # no task waits for another here, so nobody looks
            self.work.welcome(lane, self.warmers)
        return lane

    def dismiss(self):
        lane = self.mine.__dict__.pop("lane", None)
        if lane is None:
            return {}
        self.work.dismiss(lane)
        return lane.answers


def enlist(ticket):
    """In a worker: takes part. Says in which process."""
    station(ticket).lane()
    return os.getpid()


def serve(ticket, tasks):
    """In a worker: does tasks; what they leave, as pairs of number and outcome."""
    here = station(ticket)
    lane = here.lane()
    done = ((number, perform(here.work, here.steps, lane, number, given)) for number, given in tasks)
    return [(number, outcome) for number, outcome in done if outcome is not None]


def look_back(ticket):
    """In a worker, after the work: what it shared with no other."""
    from maitred_state import unshared

    return unshared(station(ticket).work.functions.values())


def dismiss(ticket):
    return station(ticket).dismiss()
