"""Tasks that an engine may begin more than once, because a worker died: what an earlier attempt left is struck out, and how
many there were is kept in the last word of a task's record, which the trace itself does not use."""

from struct import Struct

from maitred_tasks import perform
from maitred_trace_file import LANE_BYTES, SPAN_BYTES, TASK_BYTES, UNKNOWN, clock

COUNT, WORD, SPAN = Struct("<I"), Struct("<Q"), Struct("<IIQQ")


def attempt(work, steps, lane, number, given):
    """Begins a task, perhaps again; what it left is returned."""
    trace = work.trace
    at = trace.tasks_at + number * TASK_BYTES + 28
    times = COUNT.unpack_from(trace.map, at)[0]
    COUNT.pack_into(trace.map, at, times + 1)
    if times:
        forget(trace, number)
    outcome = perform(work, steps, lane, number, given)
    COUNT.pack_into(trace.map, at, times + 1)  # the end of a task clears what lies behind its outcome
    return outcome


def forget(trace, number):
    """Strikes out what an earlier attempt at a task left: its end, and its spans, for one without a start is none."""
    WORD.pack_into(trace.map, trace.tasks_at + number * TASK_BYTES + 8, 0)
    for lane in range(trace.lanes):
        first = trace.spans_at + lane * trace.room * SPAN_BYTES
        spans = min(trace.room, WORD.unpack_from(trace.map, trace.lanes_at + lane * LANE_BYTES + 16)[0])
        for at in range(first, first + spans * SPAN_BYTES, SPAN_BYTES):
            if SPAN.unpack_from(trace.map, at)[0] == number:
                WORD.pack_into(trace.map, at + 8, 0)


def resume(lane):
    """One that replaces another goes on behind what that one recorded."""
    trace = lane.trace
    lane.ended, lane.spans = Struct("<IQ").unpack_from(trace.map, trace.lanes_at + lane.index * LANE_BYTES + 12)
    lane.next = (trace.spans_at + (lane.index * trace.room + lane.spans) * SPAN_BYTES) // 8


def lose(work, number, kind, text):
    """A task that the engine gave up."""
    record = work.trace.tasks_at + number * TASK_BYTES
    if not WORD.unpack_from(work.trace.map, record)[0]:  # it never came to its first step
        WORD.pack_into(work.trace.map, record, clock())
    work.trace.end(number)
    work.fail(number, kind, text)


def repeated(work):
    """`[task, attempts]` of those that were begun more than once."""
    counts = [COUNT.unpack_from(work.trace.map, work.trace.tasks_at + number * TASK_BYTES + 28)[0] for number in range(work.count)]
    return [[number, times] for number, times in enumerate(counts) if times > 1]


def close_all(trace):
    """Lanes whose worker the engine has ended, or replaced: what the kernel counted for it is gone with it."""
    for lane in range(trace.lanes):
        at = trace.lanes_at + lane * LANE_BYTES
        if trace.pid(lane) and not COUNT.unpack_from(trace.map, at + 56)[0]:
            Struct("<QQIII").pack_into(trace.map, at + 32, UNKNOWN, UNKNOWN, 0, 0, 1)
