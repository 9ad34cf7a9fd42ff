"""What tasks on a cluster of Dask have in common, kept by its scheduler, so that it is one for all workers wherever they are, and
each use of it a message or two, as in a program of one's own. A resource is a `Semaphore` of Dask's: what a worker held that died
is given back when its lease runs out (`distributed.scheduler.locks`). A channel is a `Queue`. A variable is a `Variable`, which
can be read and be set, and not both at once, so that who changes it holds a `Lock`.
"""

import itertools
import sys
import threading
from collections import Counter

from distributed import Lock, Queue, Semaphore, Variable
from maitred_steps import Blocking

PATIENCE_S = 2  # for the last values, where a run is given up


def names_of(work, token):
    """On the scheduler, where others may have such too: by kind, in the order of the plan."""
    return {kind: [f"maitred-{token}-{kind}-{one['name']}" for one in work.plan[kind]] for kind in ("resources", "channels", "vars")}


# What happens in a worker.

waiting, held = {}, {}  # by thread: which request of which task at which place; how many units
requests = itertools.count()


class Coordinating(Blocking):
    """Steps of tasks that have something in common with those of other workers."""

    def __init__(self, work, token):
        self.work = work
        names, plan = names_of(work, token), work.plan
        self.resources = [Permits(name, one["capacity"]) for name, one in zip(names["resources"], plan["resources"])]
        self.channels = [Channel(name, one["capacity"]) for name, one in zip(names["channels"], plan["channels"])]
        self.variables = [Shared(name) for name in names["vars"]]

    def do_send(self, id, value):
        return self.waiting(id, self.channels[value["channel"]].send)

    def do_receive(self, id, value):
        return self.waiting(id, self.channels[value["channel"]].receive)

    def do_read(self, id, value):
        return self.leaf(id, self.variables[value["var"]].read)

    def do_write(self, id, value):
        variable, add = self.variables[value["var"]], value["add"]
        return self.leaf(id, lambda task: variable.write(task, add))

    def do_update(self, id, value):
        variable, add = self.variables[value["var"]], value["add"]
        return self.leaf(id, lambda task: variable.update(task, add))


class Permits:
    """The units of a resource."""

    def __init__(self, name, units):
        self.semaphore = Semaphore(max_leases=units, name=name)

    def acquire(self, task):
        me = threading.get_ident()
        waiting[me] = next(requests), task, (self.semaphore.name, "hold")
        try:
            self.semaphore.acquire()
            held[me] = held.get(me, 0) + 1
        finally:
            del waiting[me]

    def release(self):
        self.semaphore.release()
        held[threading.get_ident()] -= 1


class Channel:
    """A queue with so many places; what is in it is nothing in particular."""

    def __init__(self, name, places):
        self.queue = Queue(name, maxsize=places)

    def send(self, task):
        self.ask(task, "send", lambda: self.queue.put(None))

    def receive(self, task):
        self.ask(task, "receive", self.queue.get)

    def ask(self, task, step, request):
        me = threading.get_ident()
        waiting[me] = next(requests), task, (self.queue.name, step)
        try:
            while True:
                try:
                    return request()
                except InterruptedError:  # a worker is lost, and who waits asks again (plugins.py)
                    continue
        finally:
            del waiting[me]


class Shared:
    """A variable, of which no change is lost between reading and setting it but where a task does these by itself."""

    def __init__(self, name):
        self.variable, self.lock = Variable(name), Lock(f"{name}-lock")
        self.lock.register()

    def read(self, task):
        task.register = self.variable.get()

    def write(self, task, add):
        with self.lock:
            self.variable.set(task.register + add)

    def update(self, task, add):
        with self.lock:
            task.register = self.variable.get() + add
            self.variable.set(task.register)


def seen():
    """Who waits here and for what, with the step and when the task began by the clock of this host; and how many units are held."""
    here = []
    for request, task, place in list(waiting.values()):
        begun, _, _, step, _ = task.lane.trace.task(task.number)
        here.append((request, task.number, place, step, begun))
    return here, sum(list(held.values()))


# What happens in the client.

known = {}


def workers_now(client):
    """The workers as the scheduler has them now, or as it last told them. The client's own `scheduler_info` returns what it keeps,
    which another thread may have replaced by one without workers meanwhile."""
    try:
        known[client.id] = client.sync(client.scheduler.identity, n_workers=-1)["workers"]
    except OSError as problem:
        print(f"the scheduler does not tell its workers: {problem}", file=sys.stderr)
    return known.get(client.id, {})


class Common:
    """What all tasks of a run have in common, and who waits for whom; `plugins`: what is asked of workers and scheduler;
    `only`: the workers that take part, where not all do; `note` hears who waits, where workers write into another trace."""

    def __init__(self, work, client, token, plugins, only=None, note=None):
        self.work, self.client, self.plugins, self.only, self.note = work, client, plugins, only, note
        self.names, self.values = names_of(work, token), None
        self.futures, self.ended = [], 0
        plan, there = work.plan, dict(scheduler_rpc=client.scheduler, loop=client.loop)
        semaphores = [
            *(Semaphore(max_leases=one["capacity"], name=name, **there) for name, one in zip(self.names["resources"], plan["resources"])),
            *(Lock(f"{name}-lock", **there) for name in self.names["vars"]),
        ]
        for semaphore in semaphores:
            semaphore.register()
        for name, one in zip(self.names["channels"], plan["channels"]):
            Queue(name, client, one["capacity"])
        self.variables = [Variable(name, client) for name in self.names["vars"]]
        for variable, one in zip(self.variables, plan["vars"]):
            variable.set(one["initial"])
        work.look, work.variable_list = self.look, self.variable_list

    def look(self):
        """Tasks that wait, tasks ended, and who waits with which request: what a deadlock is found from. Workers are asked only
        where no task has ended since the last look; None: it could not be seen."""
        before, self.ended = self.ended, sum(future.done() for future in list(self.futures))
        if before != self.ended:
            return None
        try:
            on_workers = self.client.run(self.plugins.waiting_here, workers=self.only).items()
            pending, leases, is_settled = self.client.run_on_scheduler(self.plugins.waiting_there, self.names)
        except Exception as problem:  # a worker is going away, or the scheduler
            print(f"who waits could not be seen: {problem}", file=sys.stderr)
            return None
        waits = sorted((worker, *one) for worker, (here, _, _) in on_workers for one in here)
        threads, held = (sum(each[at] for _, each in on_workers) for at in (2, 1))
        # What is on its way to a worker, or is lent to one that is gone, will wake somebody; so may one task more. What one that is
        # gone has asked of a semaphore wakes nobody.
        all_wait = len(waits) in (threads, self.work.count - self.ended)
        asked = Counter(place for _, _, _, place, _, _ in waits)
        are_theirs = not asked - pending and all(step == "hold" for _, step in pending - asked)
        if not (all_wait and is_settled and are_theirs and leases == held):
            return None
        if self.note:
            for worker, _, number, _, step, begun in waits:
                self.note(worker, number, step, begun)
        return len(waits), self.ended, [((worker, request), number) for worker, request, number, _, _, _ in waits]

    def variable_list(self):
        """The variables as `done` tells them, as long as the scheduler is there: no process has one of its own."""
        if self.values is None:
            try:
                values = [variable.get(callback_timeout=PATIENCE_S) for variable in self.variables]
            except Exception as problem:
                self.work.notes.append(f"the values of the variables are not known: the scheduler did not tell them ({type(problem).__name__})")
                values = []
            self.values = [{"name": one["name"], "value": value, "by_process": []} for one, value in zip(self.work.plan["vars"], values)]
        return self.values

    def close(self):
        self.client.run_on_scheduler(self.plugins.forget, self.names)
