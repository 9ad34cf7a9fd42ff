"""What a cluster of Dask's takes in for a run: it travels by value, since neither the scheduler nor a worker that starts
later knows a module of ours."""

import time

from distributed.diagnostics.plugin import SchedulerPlugin, WorkerPlugin


def its_clock():
    import socket

    return time.monotonic_ns(), socket.gethostname()


def attend(threads):
    from distributed import get_worker

    if (problem := get_worker().plugins[Enlisting.name].problem) is not None:
        raise problem
    import maitred_worker

    maitred_worker.attend(threads)


def do(number, given):
    import maitred_worker
    from distributed import get_worker

    arrived = get_worker().plugins[Enlisting.name].arrived.pop(f"maitred-{number}", 0)
    return (*maitred_worker.do(number, given), arrived)


def do_all(parcel):
    """The tasks of a parcel, which Dask does not look into."""
    import pickle

    return [do(number, given) for number, given in pickle.loads(parcel)]


def waiting_here(dask_worker):
    """In a worker: who waits, how many units are held, and how many threads it has."""
    import maitred_coordination

    return (*maitred_coordination.seen(), dask_worker.state.nthreads)


def waiting_there(names, dask_scheduler):
    """How many requests wait for what, how many units are lent, and that none of those who wait could go on."""
    from collections import Counter

    books = dask_scheduler.extensions["semaphores"]
    pending, lent, is_settled = Counter(), 0, True
    for name in names["resources"]:
        pending[name, "hold"] = waits = books.metrics["pending"][name]
        lent += (now := len(books.leases[name]))
        is_settled &= not waits or now >= books.max_leases[name]
    for name in names["channels"]:
        queue = dask_scheduler.extensions["queues"].queues[name]
        # Those who have been woken are no longer among them. asyncio tells them to nobody else.
        pending[name, "send"], pending[name, "receive"] = len(queue._putters), len(queue._getters)
        is_settled &= not (queue._putters and not queue.full() or queue._getters and not queue.empty())
    return +pending, lent, is_settled


def forget(names, dask_scheduler):
    """What the tasks had in common is no longer; nobody is left waiting for it, for whoever still asks is refused."""
    semaphores, queues = dask_scheduler.extensions["semaphores"], dask_scheduler.extensions["queues"]
    for name in [*names["resources"], *(f"{name}-lock" for name in names["vars"])]:
        returned = semaphores.events.get(name)
        semaphores.close(name)
        if returned is not None:
            returned.set()
    for name in names["channels"]:
        if name in queues.queues:
            wake(queues.queues[name], RuntimeError("the run is over"))
            queues.client_refcount[name] = 1  # whoever had it
            queues.release(name)
    for name in names["vars"]:
        dask_scheduler.extensions["variables"].variables.pop(name, None)


def wake(queue, problem):
    """Refuses all who wait at a queue."""
    for waiter in (*queue._getters, *queue._putters):
        if not waiter.done():
            waiter.set_exception(problem)


class Enlisting(WorkerPlugin):
    """Brings each worker our modules and the user's by Dask's own `upload_file`, and tells it of the plan; also one that
    replaces another."""

    name = "maitred-enlisting"

    def __init__(self, ours, users, modules, said):
        self.ours, self.users, self.modules, self.said = ours, users, modules, said
        self.problem = None
        self.arrived = {}

    async def setup(self, worker):
        import os
        import sys
        import traceback

        try:
            for archive in filter(None, (self.users, self.ours)):
                await worker.upload_file(filename=archive[0], data=archive[1], load=False)
                path = os.path.join(worker.local_directory, archive[0])
                sys.path[:] = [path, *(other for other in sys.path if other != path)]
            # Of a run before, which may have been others.
            for name in [name for name in sys.modules if name in self.modules or name.startswith("maitred_")]:
                del sys.modules[name]
            import maitred_worker

            maitred_worker.make_ready(worker, self.said)
        except Exception as problem:  # a worker that could not do our work may do that of others
            self.problem = problem
            traceback.print_exc()

    def transition(self, key, start, finish, **kwargs):
        """Takes down when the worker was told of one of our tasks."""
        if start == "released" and finish == "waiting" and isinstance(key, str) and key.startswith("maitred-"):
            self.arrived[key] = time.monotonic_ns()

    def teardown(self, worker):
        import sys

        if "maitred_worker" in sys.modules:
            sys.modules["maitred_worker"].clear_up()


class Following(SchedulerPlugin):
    """Takes down when each of our tasks changed its state there; `names`: of what is no longer when `client` is gone."""

    name = "maitred-following"

    def __init__(self, client, names):
        self.client, self.names = client, names
        self.since, self.attempts, self.waited, self.there, self.ran, self.moved, self.count = {}, {}, 0.0, 0.0, 0.0, 0.0, 0
        self.moments, self.returned = {}, 0  # nanoseconds at which a task was received and given to a worker; bytes of all results

    def transition(self, key, start, finish, *args, stimulus_id=None, **kwargs):
        if not isinstance(key, str) or not key.startswith("maitred-") or not key[8:].isdigit():
            return
        now = time.monotonic()
        number = int(key[8:])
        if start == "released":
            self.since[key] = now
            self.moments[number] = [time.monotonic_ns(), 0]
        if finish == "processing":
            self.waited += now - self.since.get(key, now)
            self.since[key] = now
            self.moments.setdefault(number, [0, 0])[1] = time.monotonic_ns()
            self.attempts[number] = self.attempts.get(number, 0) + 1
        if start == "processing" and finish == "memory":
            self.there += now - self.since.pop(key, now)
            self.count += 1
            self.returned += kwargs.get("nbytes") or 0
            for one in kwargs.get("startstops") or ():
                took = one["stop"] - one["start"]
                if one["action"] == "compute":
                    self.ran += took
                elif one["action"] == "transfer":
                    self.moved += took

    def remove_client(self, scheduler, client):
        """A run that was given up leaves nobody waiting."""
        if client != self.client:
            return
        forget(self.names, scheduler)
        scheduler.remove_plugin(self.name)

    def remove_worker(self, scheduler, worker, **kwargs):
        """A request of a worker that is lost would still take an item out of a queue, or put one in, when it is its turn. Whose each
        is is not known there: all are refused, and those who are left ask again."""
        for name in self.names["channels"]:
            if name in (queues := scheduler.extensions["queues"].queues):
                wake(queues[name], InterruptedError("a worker was lost"))


def followed_there(dask_scheduler):
    plugin = dask_scheduler.plugins[Following.name]
    return {name: getattr(plugin, name) for name in ("attempts", "waited", "there", "ran", "moved", "count", "moments", "returned")}
