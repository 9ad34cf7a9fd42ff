"""What the runner itself adds to each call of the user's function: measured in the same run, on a function that does nothing,
by the very code that carries out the work, beside a loop that somebody would write by hand."""

import copy
import threading
from time import thread_time_ns  # not wall time: what others do on this machine is no part of it

from maitred_functions import is_async
from maitred_steps import Blocking
from maitred_strategies import event_loop, new_loop
from maitred_tasks import perform
from maitred_trace_file import WORKER, Lane, Paper

TASKS = 64
REPEATS = 15


def cost(work):
    """Nanoseconds a task: the median of several tries, and the second least and second largest as an interval.
    None: the work is more than one call a task, or its tasks pass from one thread to another."""
    calls_only = all(name == "call" for _, name, _ in work.actions) and len(work.groups) == 1
    if not calls_only or not work.count or work.strategy == "hybrid":
        return None
    tasks = min(work.count, TASKS)
    on_loop = work.strategy == "event-loop"
    ours, by_hand = (loop, loop_by_hand) if on_loop else (calls, calls_by_hand)
    values = [work.given(number) if work.inputs else None for number in range(tasks)]
    ours(rehearsal(work, tasks), values)  # the first time everything is slower
    added = sorted((ours(rehearsal(work, tasks), values) - by_hand(work, values)) / tasks for _ in range(REPEATS))
    return {"call_ns": max(0.0, added[REPEATS // 2]), "low_ns": max(0.0, added[1]), "high_ns": max(0.0, added[-2])}


def rehearsal(work, tasks):
    """The same work with idle functions, recorded on paper."""
    idle = {name: idle_awaited if is_async(function) else idle_call for name, function in work.functions.items()}
    lanes = tasks if work.strategy == "threads" else 1
    rehearsed = copy.copy(work)
    rehearsed.trace = Paper(tasks, tasks * len(work.actions), lanes)
    rehearsed.tasks_at = rehearsed.trace.tasks_at // 8
    rehearsed.groups = [dict(work.groups[0], first=0, count=tasks)]
    rehearsed.count, rehearsed.due_at_once, rehearsed.functions = tasks, True, idle
    rehearsed.commons, rehearsed.lanes, rehearsed.failures, rehearsed.returned = None, [], {}, {}
    rehearsed.of_workers, rehearsed.options = {}, {key: value for key, value in work.options.items() if key == "loop"}
    rehearsed.door, rehearsed.halt = threading.Lock(), threading.Event()
    return rehearsed


def idle_call(*positional, **named):
    return None


async def idle_awaited(*positional, **named):
    return None


def calls(work, values):
    steps, role = Blocking(work).compile(), WORKER
    apart = not work.inputs
    one_each = work.strategy == "threads"
    lane = None if one_each else Lane(work, role)
    begun = thread_time_ns()
    for number in work.arriving():
        if one_each:
            lane = Lane(work, role, fresh=True, delays=work.few)
        work.settle(number, perform(work, steps, lane, number, values[number] if apart else None))
        if one_each:
            lane.close()
    return thread_time_ns() - begun


def calls_by_hand(work, values):
    kept = []
    begun = thread_time_ns()
    for value in values:
        kept.append(idle_call(value))
    return thread_time_ns() - begun


def loop(work, values):
    parts = event_loop(work)
    next(parts)
    begun = thread_time_ns()
    next(parts)
    took = thread_time_ns() - begun
    next(parts, None)
    return took


def loop_by_hand(work, values):
    import asyncio

    async def everything():
        begun = thread_time_ns()
        await asyncio.gather(*(idle_awaited(value) for value in values))
        return thread_time_ns() - begun

    by_hand = new_loop(work.options)
    took = by_hand.run_until_complete(everything())
    by_hand.close()
    return took
