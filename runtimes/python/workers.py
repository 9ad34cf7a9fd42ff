"""Workers that share no objects with the runner: processes, interpreters. They get the numbers and inputs of tasks, no more."""

import threading
from collections import deque

from maitred_conversation import conversation
from maitred_failures import Refusal
from maitred_interpreter import die_with_parent, name_hangs
from maitred_muster import muster
from maitred_parcels import FRAME, PICKLED, forking_pickler, pickle_module, pickler
from maitred_steps import Blocking
from maitred_tasks import perform
from maitred_trace_file import PROCESS, Lane, clock
from maitred_work import Work

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
        work.counted = muster(pool, work.workers, dismiss)
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
    return here.lane.answers
