"""What a worker of a cluster of Dask does of our work: each of its threads records into a file of its own, whose part of a task
travels with the result."""

import tempfile
import threading

from maitred_coordination import Coordinating
from maitred_outpost import Outpost
from maitred_steps import calibrate

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


def here():
    if not hasattr(mine, "here"):
        with door:
            thread = common["enlisted"]
            common["enlisted"] = thread + 1
        mine.thread = thread % common["threads"]
        coordinating = lambda work: Coordinating(work, common["token"])
        mine.here = Outpost(common["folder"], mine.thread, common["plan"], common["rate"], common["columns"], coordinating)
    return mine.here


def attend(threads):
    with door:
        barrier = common.setdefault("barrier", threading.Barrier(threads))
    here()
    barrier.wait(60)


def do(number, given):
    """One task; what was recorded of it travels back beside what it left."""
    told, outcome = here().do(number, given)
    return ((common["worker"], mine.thread), told), outcome
