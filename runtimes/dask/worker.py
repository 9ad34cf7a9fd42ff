"""What a worker of a cluster of Dask does of our work: each of its threads records into a file of its own, whose part of a task
travels with the result."""

import os
import tempfile
import threading
from struct import Struct

from maitred_conversation import PROTOCOL
from maitred_coordination import Coordinating
from maitred_semaphores import Commons
from maitred_steps import calibrate
from maitred_tasks import perform
from maitred_trace_file import LANE_BYTES, PROCESS, SPAN_BYTES, TASK_BYTES, Lane
from maitred_work import Work

MOST_SPANS = 1 << 16  # of one task

common = {}
mine = threading.local()
door = threading.Lock()


def make_ready(worker, said):
    """In a worker: takes note of the plan; what an earlier one left is forgotten."""
    common.clear()
    common.update(said, folder=tempfile.mkdtemp(prefix="maitred-", dir=worker.local_directory), worker=worker.address, threads=worker.state.nthreads, rate=calibrate(), enlisted=0)


def clear_up():
    import shutil

    global mine
    mine = threading.local()  # with it the semaphores go, whose leases are renewed again and again
    shutil.rmtree(common.get("folder", ""), ignore_errors=True)


class Here:
    """What a thread of a worker keeps: the plan made ready, and a lane in a file of its own."""

    def __init__(self, thread):
        self.thread = thread
        plan = dict(common["plan"])
        count = sum(group["count"] for group in plan["groups"])
        plan["trace_path"] = os.path.join(common["folder"], f"trace-{thread}")
        lanes_at, tasks_at = 64, 64 + LANE_BYTES
        spans_at = tasks_at + count * TASK_BYTES
        size = spans_at + MOST_SPANS * SPAN_BYTES
        with open(plan["trace_path"], "wb") as file:
            file.write(Struct("<8sIIIIQQQQ").pack(b"MAITREDT", PROTOCOL, 1, count, MOST_SPANS, lanes_at, tasks_at, spans_at, size))
            file.flush()
            # Where the disk is full, that is an error here and not the worker's death when it writes into the map.
            os.posix_fallocate(file.fileno(), 0, size)
        if common["specs"]:
            path = os.path.join(common["folder"], f"columns-{thread}")
            with open(path, "wb") as file:
                file.write(common["columns"])
            plan["columns"] = dict(common["specs"], path=path)
        self.work = work = Work(plan, common["rate"])
        work.commons, work.place = Commons.make(1, [], work.variables), 0
        work.commons.mine = work.commons.worker(0)
        options = work.options
        work.options = {name: elsewhere(value) if name in ("setup", "worker-setup", "worker-teardown") else value for name, value in options.items() if name != "path"}
        work.load()
        self.steps = Coordinating(work, common["token"]).compile()
        self.lane = Lane(work, PROCESS, delays=False)


def here():
    if not hasattr(mine, "here"):
        with door:
            thread = common["enlisted"]
            common["enlisted"] = thread + 1
        mine.here = Here(thread % common["threads"])
    return mine.here


def attend(threads):
    with door:
        barrier = common.setdefault("barrier", threading.Barrier(threads))
    here()
    barrier.wait(60)


def do(number, given):
    """One task; what was recorded of it travels back beside what it left."""
    me = here()
    lane, trace = me.lane, me.work.trace
    lane.spans, lane.next = 0, trace.spans_at // 8
    outcome = perform(me.work, me.steps, lane, number, given)
    begun, ended, _, step, result = trace.task(number)
    spans = bytes(trace.map[trace.spans_at : trace.spans_at + lane.spans * SPAN_BYTES])
    return (common["worker"], me.thread, begun, ended, 0 if step is None else step + 1, result, spans), outcome


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
