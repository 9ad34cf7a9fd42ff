"""The Dask runner of maitred: the steps of the Python runner, handed out by Dask's scheduler to Dask's workers.

A local cluster is started for the run as a tree of processes of its own: a scheduler, and workers with their nannies, as
`dask scheduler` and `dask worker` start them. Starting it and connecting is set-up; a task is one `Client.map` entry, as
somebody who knows Dask writes it, or so many are that are to travel together (`chunk`). Workers are on this machine, so that they write into the mapped trace themselves.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from struct import Struct

from maitred_attempts import attempt, close_all, lose, repeated, resume
from maitred_failures import Refusal
from maitred_library import STEPS, Runtime, scratch
from maitred_paths import Sent, ways
from maitred_semaphores import Commons
from maitred_trace_file import LANE_BYTES, PROCESS, WORKER, Lane, clock
from maitred_work import Work

try:
    import distributed
    from distributed import Client
    from distributed.diagnostics.plugin import WorkerPlugin
    import maitred_plugins as plugins
    from maitred_coordination import Common, Coordinating, names_of, workers_now
except ImportError:
    distributed, WorkerPlugin = None, object

PATIENCE_S = 600  # only what hangs meets it, however busy the machine: what ends is seen at once


def processes(work):
    """So many worker processes with one thread each."""
    yield from on_cluster(work, work.workers, 1, alone=False)


def thread_pool(work):
    """One worker process with so many threads."""
    yield from on_cluster(work, 1, work.workers, alone=True)


def on_cluster(work, count, threads, alone):
    """Set-up, work and tear-down on a cluster of `count` worker processes with `threads` threads each, or on the one that was
    named by an address."""
    address = work.options.get("cluster", "ray://")
    if not address.startswith("ray://"):  # which is Ray's
        from maitred_cluster import on_given

        yield from on_given(work, address, alone)
        return
    work.commons = Commons.make(work.workers, [], work.variables)
    cluster = Cluster(count, threads)
    try:
        client = Client(cluster.address, timeout=PATIENCE_S, set_as_default=False)
        cluster.wait_for_workers(client, count)
    except Exception as problem:
        cluster.close()
        raise Refusal("refused", f"no Dask cluster of {count} workers came up ({type(problem).__name__}: {problem}): the log says more") from None
    plan = Enlisting(work.plan, work.rate, work.commons.path, work.commons.token, threads)
    client.register_plugin(plan)
    client.register_plugin(plugins.Following(client.id, names_of(work, work.commons.token)))
    shared = Common(work, client, work.commons.token, plugins)
    names = sorted(workers_now(client))
    muster(client, names, threads, enlist)
    yield
    sent = Sent(work, client, shared, do, do_all)
    for parcel, (problem, outcomes) in zip(sent.parcels, gather(client, sent.futures)):
        if problem is None:
            for number, outcome in zip(parcel, sent.each(outcomes)):
                work.settle(number, outcome)
        else:
            for number in parcel:
                lose(work, number, type(problem).__name__, why(problem))
    yield
    work.attempts = repeated(work)
    work.variable_list()  # as long as there is a scheduler
    arrived = {number: there for seen in client.run(seen_arriving, on_error="ignore").values() for number, there in seen.items()}
    work.ways = ways(work, client.run_on_scheduler(plugins.followed_there), sent.when, arrived, size=sent.size)
    if not work.halted():  # who stops it waits
        sample = [number for parcel in sent.parcels[:100] for number in parcel]
        sent_bytes = sum(len(repr(work.given(number))) for number in sample) // max(1, len(sample))
        work.handover = {
            "tasks": work.count, "parcels": len(sent.parcels), "sent_bytes": sent_bytes * work.count, "returned_bytes": 0,
            "call_ns": cost_of_a_call(client, work.workers),
        }
    muster(client, sorted(workers_now(client)), threads, dismiss)
    close_all(work.trace)
    client.shutdown()  # the scheduler tells workers and nannies to end
    cluster.close()


def gather(client, futures):
    """Of each its problem, or `None` and its outcome: all at once where none failed, since to ask for one takes as long as a task."""
    try:
        return [(None, outcome) for outcome in client.gather(futures)]
    except Exception:
        pass  # whose it is is found by asking each
    each = []
    for future in futures:
        problem = future.exception()
        each.append((problem, None if problem is not None else future.result()))
    return each


def why(problem):
    """Why Dask gave a task up."""
    failures = getattr(problem, "allowed_failures", None)
    if failures is None:
        return str(problem)
    return f"its worker died {failures + 1} times, as often as Dask tries (distributed.scheduler.allowed-failures)"


def cost_of_a_call(client, workers):
    """Nanoseconds that the engine takes for a task that does nothing, while many are under way: the least of three tries."""
    calls, best = max(2 * workers, min(50 * workers, 500)), None  # of two hundred threads ten thousand took half a minute
    for turn in range(3):
        begun = clock()
        client.gather(client.map(int, [0] * calls, pure=False, key=[f"nothing-{turn}-{n}" for n in range(calls)]))
        took = (clock() - begun) // calls
        best = min(best or took, took)
    return best


def muster(client, names, threads, job):
    """Has every thread of every worker do the job once: none can take two, because none returns before all have begun."""
    futures = [
        client.submit(attend, job, threads, pure=False, workers=[name], allow_other_workers=False, key=f"{job.__name__}-{name}-{n}")
        for name in names for n in range(threads)
    ]
    client.gather(futures)


class Cluster:
    """A scheduler and its workers, as processes that are started by Dask's own commands."""

    def __init__(self, count, threads):
        self.folder = scratch("dask")
        file = os.path.join(self.folder.name, "scheduler.json")
        path = os.pathsep.join([os.path.dirname(os.path.abspath(__file__)), *filter(None, sys.path)])
        environment = dict(os.environ, PYTHONPATH=path, DASK_DISTRIBUTED__ADMIN__LARGE_GRAPH_WARNING_THRESHOLD="1GB")
        start = dict(stdin=subprocess.DEVNULL, stdout=2, cwd=os.getcwd(), env=environment)
        files = ["--local-directory", self.folder.name]
        quiet = ["--no-dashboard"]
        run = [sys.executable, "-m"]
        self.processes = [subprocess.Popen([*run, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", file, *quiet], **start)]
        until = time.monotonic() + PATIENCE_S
        while not (os.path.exists(file) and os.path.getsize(file)):
            if self.processes[0].poll() is not None or time.monotonic() > until:
                self.close()
                raise Refusal("refused", "the scheduler of Dask did not come up: the log says why")
            time.sleep(0.005)
        self.address = self.read(file)
        self.processes.append(subprocess.Popen(
            [*run, "distributed.cli.dask_worker", self.address, "--host", "127.0.0.1", "--nworkers", str(count), "--nthreads", str(threads), "--name", "maitred", *files, *quiet],
            **start,
        ))

    def wait_for_workers(self, client, count):
        """Until so many are there, or one of the cluster's own processes has ended, or for ever has passed."""
        until = time.monotonic() + PATIENCE_S
        while len(workers_now(client)) < count:
            if any(process.poll() is not None for process in self.processes):
                raise ChildProcessError("one of its processes has ended")
            if time.monotonic() > until:
                raise TimeoutError(f"not within {PATIENCE_S} s")
            time.sleep(0.05)

    def read(self, file):
        import json

        while True:
            try:
                with open(file, encoding="utf-8") as text:
                    return json.load(text)["address"]
            except ValueError:  # not wholly written yet
                time.sleep(0.005)

    def close(self):
        """Waits for their end, asks for it as the terminal would, and then ends them for sure."""
        for patience in (3, 10):
            for process in self.processes:
                try:
                    process.wait(patience)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.folder.cleanup()


# What happens in a worker.

mine = threading.local()
common = {}
door = threading.Lock()


class Enlisting(WorkerPlugin):
    """Tells each worker of the plan, also one that replaces another."""

    name = "maitred"

    def __init__(self, plan, rate, path, token, threads):
        self.said = dict(plan=plan, rate=rate, path=path, token=token, threads=threads)
        self.arrived = {}

    def setup(self, worker):
        number = str(worker.name).rpartition("-")[2]  # of several workers the names end in their numbers
        common.update(self.said, place=int(number) if number.isdigit() else 0)


    def transition(self, key, start, finish, **kwargs):
        """Takes down when the worker was told of one of our tasks."""
        if start == "released" and finish == "waiting" and isinstance(key, str) and key[:8] == "maitred-":
            self.arrived[int(key[8:])] = clock()


def seen_arriving(dask_worker):
    return dask_worker.plugins[Enlisting.name].arrived


class Here:
    """What a thread of a worker keeps: the plan made ready, and its lane."""

    def __init__(self, thread):
        plan, threads = common["plan"], common["threads"]
        self.work = work = Work(plan, common["rate"])
        work.commons = commons = Commons(common["path"], common["token"], 0, len(work.variables))
        work.place = common["place"] * threads + thread
        commons.mine = commons.worker(work.place)
        commons.words[commons.ENROLLED] = max(commons.words[commons.ENROLLED], work.place + 1)
        work.load()
        self.steps = Coordinating(work, common["token"]).compile()
        at = work.trace.lanes_at + work.place * LANE_BYTES + 12
        ended = Struct("<I").unpack_from(work.trace.map, at)[0]
        self.lane = Lane(work, PROCESS if threads == 1 else WORKER)
        Struct("<I").pack_into(work.trace.map, at, ended)
        resume(self.lane)


def here():
    if not hasattr(mine, "here"):
        with door:
            thread = common.setdefault("enlisted", 0)
            common["enlisted"] = thread + 1
            mine.here = Here(thread % common["threads"])
    return mine.here


def enlist():
    here()


def dismiss():
    here().lane.close()


def attend(job, threads):
    """The job, and a wait until all threads of this worker have begun it."""
    with door:
        barrier = common.setdefault(job.__name__, threading.Barrier(threads))
    job()
    barrier.wait(PATIENCE_S)


def do(number, given):
    """One task; what its functions returned travels back as Dask sends results."""
    me = here()
    return attempt(me.work, me.steps, me.lane, number, given)


def do_all(parcel):
    """The tasks of a parcel, which Dask does not look into."""
    return [do(number, given) for number, given in pickle.loads(parcel)]


runtime = Runtime("dask", "Dask", "distributed", distributed, {"processes": processes, "thread-pool": thread_pool}, [*STEPS, "hold", "send", "receive", "read", "write", "update"])


def main():
    runtime.main()


if __name__ == "__main__":
    main()
