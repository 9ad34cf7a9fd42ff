"""A thread of a worker on another machine: it records into a file of its own, whose part of a task travels with the result."""

import os
from struct import Struct

from maitred_conversation import PROTOCOL
from maitred_semaphores import Commons
from maitred_tasks import perform
from maitred_trace_file import LANE_BYTES, PROCESS, SPAN_BYTES, TASK_BYTES, Lane
from maitred_work import Work

MOST_SPANS = 1 << 16  # of one task


class Outpost:
    """What such a thread keeps: the plan made ready, and a lane in a file of its own. `columns`: those of the plan, as bytes;
    `steps`: how steps are done."""

    def __init__(self, folder, thread, plan, rate, columns, steps):
        plan = dict(plan)
        count = sum(group["count"] for group in plan["groups"])
        plan["trace_path"] = os.path.join(folder, f"trace-{thread}")
        lanes_at, tasks_at = 64, 64 + LANE_BYTES
        spans_at = tasks_at + count * TASK_BYTES
        size = spans_at + MOST_SPANS * SPAN_BYTES
        with open(plan["trace_path"], "wb") as file:
            file.write(Struct("<8sIIIIQQQQ").pack(b"MAITREDT", PROTOCOL, 1, count, MOST_SPANS, lanes_at, tasks_at, spans_at, size))
            file.flush()
            # Where the disk is full, that is an error here and not the worker's death when it writes into the map.
            os.posix_fallocate(file.fileno(), 0, size)
        if plan["columns"]:
            path = os.path.join(folder, f"columns-{thread}")
            with open(path, "wb") as file:
                file.write(columns)
            plan["columns"] = dict(plan["columns"], path=path)
        self.work = work = Work(plan, rate)
        work.commons, work.place = Commons.make(1, [], work.variables), 0
        work.commons.mine = work.commons.worker(0)
        options = work.options
        work.options = {name: elsewhere(value) if name in ("setup", "worker-setup", "worker-teardown") else value for name, value in options.items() if name != "path"}
        work.load()
        self.steps = steps(work).compile()
        self.lane = Lane(work, PROCESS, delays=False)

    def do(self, number, given):
        """One task: what was recorded of it, and what it left."""
        lane, trace = self.lane, self.work.trace
        lane.spans, lane.next = 0, trace.spans_at // 8
        outcome = perform(self.work, self.steps, lane, number, given)
        begun, ended, _, step, result = trace.task(number)
        spans = bytes(trace.map[trace.spans_at : trace.spans_at + lane.spans * SPAN_BYTES])
        return (begun, ended, 0 if step is None else step + 1, result, spans), outcome


def elsewhere(name):
    """`a.b:function` of `…/a/b.py:function`."""
    where, _, path = name.rpartition(":")
    if not where.endswith(".py"):
        return name
    folder, module = os.path.split(os.path.abspath(where)[:-3])
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, package = os.path.split(folder)
        module = f"{package}.{module}"
    return f"{module}:{path}"
