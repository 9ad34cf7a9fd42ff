"""What tasks on a cluster of Dask wait for each other by: a resource is a `Semaphore` of Dask's, kept by its scheduler, so that it
is one for all workers wherever they are. To take a unit and to give it back is a message to the scheduler each, as in a
program of one's own; what a worker held that died is given back when its lease runs out (`distributed.scheduler.locks`).
"""

import itertools
import sys
import threading

from distributed import Semaphore
from maitred_steps import Blocking


def names_of(work, token):
    """Of each resource on the scheduler, where others may have such too."""
    return [f"maitred-{token}-{resource['name']}" for resource in work.plan["resources"]]


# What happens in a worker.

waiting, held = {}, {}  # by thread: which request of which task; how many units
requests = itertools.count()


class Coordinating(Blocking):
    """Steps of tasks that wait for those of other workers."""

    def __init__(self, work, token):
        self.work, self.channels = work, []
        capacities = [resource["capacity"] for resource in work.plan["resources"]]
        self.resources = [Permits(*one) for one in zip(names_of(work, token), capacities)]


class Permits:
    """The units of a resource."""

    def __init__(self, name, units):
        self.semaphore = Semaphore(max_leases=units, name=name)

    def acquire(self, task):
        me = threading.get_ident()
        waiting[me] = next(requests), task
        try:
            self.semaphore.acquire()
            held[me] = held.get(me, 0) + 1
        finally:
            del waiting[me]

    def release(self):
        self.semaphore.release()
        held[threading.get_ident()] -= 1


def seen():
    """Who waits here, with the step and when the task began by the clock of this host; and how many units are held."""
    here = []
    for request, task in list(waiting.values()):
        begun, _, _, step, _ = task.lane.trace.task(task.number)
        here.append((request, task.number, step, begun))
    return here, sum(list(held.values()))


# What happens in the client.


class Common:
    """What all tasks of a run have in common, and who waits for whom; `plugins`: what is asked of workers and scheduler;
    `only`: the workers that take part, where not all do; `note` hears who waits, where workers write into another trace."""

    def __init__(self, work, client, token, plugins, only=None, note=None):
        self.work, self.client, self.plugins, self.only, self.note = work, client, plugins, only, note
        self.names = names_of(work, token)
        self.futures, self.ended = [], 0
        capacities = [resource["capacity"] for resource in work.plan["resources"]]
        self.semaphores = [
            Semaphore(max_leases=units, name=name, scheduler_rpc=client.scheduler, loop=client.loop)
            for name, units in zip(self.names, capacities)
        ]
        for semaphore in self.semaphores:
            semaphore.register()
        work.look = self.look

    def look(self):
        """Tasks that wait, tasks ended, and who waits with which request: what a deadlock is found from. Workers are asked only
        where no task has ended since the last look; None: it could not be seen."""
        before, self.ended = self.ended, sum(future.done() for future in list(self.futures))
        if before != self.ended:
            return None
        try:
            on_workers = self.client.run(self.plugins.waiting_here, workers=self.only).items()
            requests, leases, is_full = self.client.run_on_scheduler(self.plugins.waiting_there, self.names)
        except Exception as problem:  # a worker is going away, or the scheduler
            print(f"who waits could not be seen: {problem}", file=sys.stderr)
            return None
        waits = sorted((worker, *one) for worker, (here, _, _) in on_workers for one in here)
        threads, held = (sum(each[at] for _, each in on_workers) for at in (2, 1))
        # A unit that is on its way to a worker, or was a worker's that is gone, will wake somebody; so may one task more.
        all_wait = len(waits) in (threads, self.work.count - self.ended)
        if not (all_wait and is_full and requests == len(waits) and leases == held):
            return None
        if self.note:
            for worker, _, number, step, begun in waits:
                self.note(worker, number, step, begun)
        return len(waits), self.ended, [((worker, request), number) for worker, request, number, _, _ in waits]

    def close(self):
        for semaphore in self.semaphores:
            semaphore.close()
