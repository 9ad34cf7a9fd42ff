"""A cluster of Dask that is there already, by the address of its scheduler: only connecting is set-up, and nothing of it is ended.

Its workers may be on any machine, so that they record into files of their own, and what they recorded travels with the
results. The times of each host are set by the client's clock, which is compared with its own before the work. What the
workers need of us and of the user travels by Dask's own `upload_file` (plugins.py).
"""

import asyncio
import errno
import hashlib
import importlib.util
import io
import os
import sys
import tempfile
import threading
import time
import zipfile

import maitred_hosts as hosts
from distributed import Client
from distributed.client import _wait
from maitred_coordination import Common, names_of, workers_now
from maitred_failures import Refusal
from maitred_luggage import ours, plan_elsewhere, theirs
from maitred_paths import Sent, ways
from maitred_trace_file import clock


def as_main(file):
    """A module as if it were the program that was started: what is of that travels by value with all that pickles."""
    spec = importlib.util.spec_from_file_location("__main__", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


plugins = as_main(os.path.join(os.path.dirname(os.path.abspath(__file__)), "maitred_plugins.py"))

CONNECT_S = 10
READY_S = 60
LOOK_S = 0.25


def on_given(work, address, alone):
    """Set-up, work and tear-down on the cluster of this scheduler; `alone`: on the threads of a single worker."""
    client = connect(address)
    try:
        workers, clocks, lanes, where, shared = make_ready(work, client, address, alone)
    except Refusal:
        raise
    except Exception as problem:
        raise lost_in_set_up(address) if client.status != "running" else cannot("the cluster", problem) from problem
    yield
    sent = Sent(work, client, shared, plugins.do, plugins.do_all, **where)
    await_all(work, client, sent.futures, where.get("workers", []))
    lost = collect(work, client, sent, lanes, address)
    yield
    now = workers_now(client) if client.status == "running" else {}
    missing = [name for name, _ in workers if name not in now]
    if client.status != "running":
        work.notes.append(f"the scheduler at {address} was lost before the work was done")
    elif missing:
        work.notes.append(f"lost during the work: {', '.join(f'the worker at {name}' for name in missing)}")
    work.hosts = clocks.told(lanes)
    work.notes.append(clocks.shown())
    work.notes.append("processor time and memory are those of this process: what the workers of the cluster use is not seen from here")
    work.variable_list()  # before they are no longer
    if client.status == "running":
        followed = client.run_on_scheduler(plugins.followed_there)
        times = followed["attempts"]
        work.attempts = sorted([number, times[parcel[0]]] for parcel in sent.parcels if times.get(parcel[0], 0) > 1 for number in parcel)
        if (sentence := share_of_time(followed, sent)) and not lost:
            work.notes.append(sentence)
        work.ways = ways(work, followed, sent.when, lanes.arrived, clocks.scheduler, sent.size)
        for forget in (shared.close, lambda: client.unregister_worker_plugin(plugins.Enlisting.name), lambda: client.unregister_scheduler_plugin(plugins.Following.name)):
            try:
                forget()
            except Exception as problem:  # a worker that is going away
                print(f"what was brought was not taken back: {problem}", file=sys.stderr)
    client.close(timeout=5)


def make_ready(work, client, address, alone):
    """The workers that were chosen, with what they need of us and of the user; `where`: how tasks are kept to them."""
    refuse_other_pythons(client)
    workers = choose(client, address, work.workers, alone)
    clocks = Clocks(client, workers)
    plan, columns = plan_elsewhere(work)
    users, modules = theirs(work)
    token = os.urandom(8).hex()
    said = dict(plan=plan, columns=columns, token=token)
    client.register_plugin(plugins.Enlisting(archive(ours()), archive(users), modules, said))
    client.register_plugin(plugins.Following(client.id, names_of(work, token)))
    lanes = Lanes(work, client, workers, clocks)
    everywhere = len(workers) == len(workers_now(client))
    # Restricted to some, tasks would wait for these for ever where they are lost: that is looked for.
    where = {} if everywhere else {"workers": [name for name, _ in workers], "allow_other_workers": False}
    shared = Common(work, client, token, plugins, where.get("workers"), lambda worker, *seen: lanes.begin(host_of(worker), *seen))
    muster(client, workers, address)
    return workers, clocks, lanes, where, shared


def lost_in_set_up(address):
    return Refusal("refused", f"the scheduler at {address} was lost in set-up: look whether it still runs, and at its log")


def cannot(who, problem):
    text = str(problem).strip().split("\n")[0] or type(problem).__name__
    step = "make room in its scratch folder (--local-directory)" if getattr(problem, "errno", None) == errno.ENOSPC else "its log says more"
    return Refusal("load", f"{who} cannot do this work ({text}): {step}")


def connect(address):
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except Exception as problem:
        text = str(problem).strip().split("\n")[0] or type(problem).__name__
        raise Refusal("refused", f"no scheduler of Dask answers at {address} within {CONNECT_S} s ({text}): look at the address, and whether it can be reached from here") from None


def refuse_other_pythons(client):
    """What is pickled by one version of Python is not understood by another."""
    versions = client.get_versions()
    own = "%d.%d" % sys.version_info[:2]
    for place, one in [("the scheduler", versions["scheduler"]), *((f"the worker at {name}", one) for name, one in versions["workers"].items())]:
        there = ".".join(str(one["host"]["python"]).split(".")[:2])
        if there != own:
            raise Refusal("refused", f"{place} runs Python {there} and this is Python {own}, and neither understands what the other pickles: name the same with --python")


def choose(client, address, threads, alone):
    """Workers with so many threads in all, from all hosts in turn: `[(address, threads), …]`, by host. Some may be on their
    way: they are waited for."""
    until = time.monotonic() + CONNECT_S / 2
    while True:
        try:
            return choose_now(client, address, threads, alone)
        except Refusal:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


def choose_now(client, address, threads, alone):
    known = workers_now(client)
    by_host = {}
    for name in sorted(known):
        by_host.setdefault(host_of(name), []).append((name, known[name]["nthreads"]))
    turns = [one for turn in range(len(known)) for host in sorted(by_host) for one in by_host[host][turn : turn + 1]]
    chosen, total = [], 0
    for name, count in turns:
        if total + count <= threads and (not alone or count == threads and not chosen):
            chosen.append((name, count))
            total += count
    if total != threads:
        there = "; ".join(f"{host}: {', '.join(str(count) for _, count in all)}" for host, all in sorted(by_host.items())) or "none"
        what = f"one worker with {threads} threads" if alone else f"workers with {threads} threads in all"
        raise Refusal("refused", f"the cluster at {address} has not {what}; threads of its workers by host: {there}: ask for a number that they make up, as in dask/processes:{sum(count for _, count in turns) or 1}")
    return sorted(chosen, key=lambda one: (host_of(one[0]), one[0]))


def host_of(name):
    return name.partition("://")[2].rpartition(":")[0] or name


class Clocks(hosts.Clocks):
    """Those of the hosts of the workers, each read by one of these; and that of the scheduler."""

    def __init__(self, client, workers):
        on_hosts = {host_of(name): name for name, _ in reversed(workers)}
        super().__init__({host: self.asked(client, name) for host, name in sorted(on_hosts.items())})
        self.scheduler = hosts.compared(lambda: client.run_on_scheduler(plugins.its_clock))[0]

    def asked(self, client, name):
        return lambda: client.run(plugins.its_clock, workers=[name])[name]


def muster(client, workers, address):
    """Has every thread of every worker make itself ready: none can take two turns, because none returns before all have begun."""
    futures = {
        client.submit(plugins.attend, threads, pure=False, workers=[name], allow_other_workers=False, key=f"maitred-enlist-{name}-{n}"): name
        for name, threads in workers for n in range(threads)
    }
    until = time.monotonic() + READY_S
    # A future of a scheduler that is lost, or for a worker that is, is never done: nobody would be told.
    while not all(future.done() for future in futures):
        if client.status != "running":
            raise lost_in_set_up(address)
        there = workers_now(client)
        if gone := [name for name, _ in workers if name not in there]:
            raise Refusal("refused", f"lost in set-up: {', '.join(f'the worker at {name}' for name in gone)}: look at its log, or start it again")
        if time.monotonic() > until:
            raise Refusal("refused", f"the workers of the cluster at {address} were not ready within {READY_S} s: look whether they do other work")
        time.sleep(LOOK_S / 10)
    for future, name in futures.items():
        if future.status == "error":
            raise cannot(f"the worker at {name}", future.exception())
        if future.status != "finished":
            raise lost_in_set_up(address)


class Lanes(hosts.Lanes):
    """Which lane of the trace a thread of a worker is; one that replaces another has the lane of that one."""

    def __init__(self, work, client, workers, clocks):
        self.client, self.arrived = client, {}
        threads = [(name, thread) for name, count in workers for thread in range(count)]
        self.places = {place: lane for lane, place in enumerate(threads)}
        super().__init__(work, clocks, [host_of(name) for name, _ in threads])

    def place(self, worker, thread):
        """None: one that joined while all others were there."""
        if (worker, thread) not in self.places:
            now = workers_now(self.client)
            gone = [key for key in self.places if key[0] not in now]
            if not gone:
                return None
            lane = self.places.pop(min(gone, key=lambda key: host_of(key[0]) != host_of(worker)))
            self.places[worker, thread], self.homes[lane] = lane, host_of(worker)
        return self.places[worker, thread]


def await_all(work, client, futures, only):
    """Until all are done, the run is stopped, or nobody is left who could do them."""
    if not futures:
        return
    waiting = asyncio.run_coroutine_threadsafe(_wait(futures), client.loop.asyncio_loop)
    stopped = False
    while not waiting.done():
        time.sleep(LOOK_S if len(futures) > 50 else LOOK_S / 25)
        if client.status in ("closed", "closing"):
            break
        if work.halted() and not stopped and client.status == "running":
            stopped = True
            at_work = {key for on_worker in client.processing().values() for key in on_worker}
            client.cancel([future for future in futures if not future.done() and future.key not in at_work])
        if only and client.status == "running" and not set(only) & set(workers_now(client)):
            client.cancel([future for future in futures if not future.done()])
            break
    waiting.cancel()


def collect(work, client, sent, lanes, address):
    """Brings the results home and writes the trace; how many tasks were lost."""
    finished = [future for future in sent.futures if future.status == "finished"]
    try:
        told = dict(zip((future.key for future in finished), client.gather(finished))) if finished else {}
    except Exception:  # who held some of them is gone
        told = {}
        for future in finished:
            try:
                told[future.key] = future.result(timeout=CONNECT_S)
            except Exception as problem:
                print(f"task {future.key}: its result was lost ({problem})", file=sys.stderr)
    latest, lost = clock(), 0
    for parcel, future in zip(sent.parcels, sent.futures):
        if future.key in told:
            for number, (recorded, outcome, arrived) in zip(parcel, sent.each(told[future.key])):
                (worker, thread), told_there = recorded
                lanes.record(number, lanes.place(worker, thread), host_of(worker), told_there, sent.when(number), latest)
                if arrived:
                    lanes.arrived[number] = lanes.clocks.here(host_of(worker), arrived)
                work.settle(number, outcome)
        elif not work.halted():
            lost += len(parcel)
            reason = why(future, client, address)
            for number in parcel:
                lanes.lose(number, *reason)
    return lost


def why(future, client, address):
    """Kind and text of why a task was given up."""
    problem = future.exception(timeout=1) if future.status == "error" else None
    kind = type(problem).__name__ if problem is not None else "lost"
    if problem is not None and hasattr(problem, "allowed_failures"):
        text = f"its worker died {problem.allowed_failures + 1} times, as often as Dask tries (distributed.scheduler.allowed-failures)"
    elif problem is not None:
        text = str(problem)
    elif client.status != "running":
        text = f"the scheduler at {address} was lost before it was done"
    else:
        text = "the worker that had it, or its result, was lost, and none of those that were asked for is left"
    return kind, text


# What travels.


def archive(files):
    """A name that tells its contents apart, and the contents; None: there are none."""
    if not files:
        return None
    packed = io.BytesIO()
    digest = hashlib.sha256()
    with zipfile.ZipFile(packed, "w") as all_files:
        for name, file in sorted(files.items()):
            with open(file, "rb") as text:
                data = text.read()
            digest.update(name.encode() + b"\0" + data)
            all_files.writestr(zipfile.ZipInfo(name), data)
    return f"maitred-{digest.hexdigest()[:16]}.zip", packed.getvalue()


def share_of_time(followed, sent):
    """Where the time of a task went, or of a parcel of them; each part by one clock."""
    count = followed["count"]
    if not count:
        return None
    ms = lambda seconds: f"{seconds * 1000:.3g} ms"
    what = "a task" if sent.size == 1 else f"a parcel of up to {sent.size} tasks"
    on_the_way = max(0.0, followed["there"] - followed["ran"])
    return (
        f"of the time of {what} (mean of {count}): {ms(sent.took / 1e9 / max(1, len(sent.parcels)))} in the client until it was handed over, {ms(followed['waited'] / count)} in the scheduler, "
        f"{ms(on_the_way / count)} on the wire and in the worker's queue (of which {ms(followed['moved'] / count)} moved data between workers), {ms(followed['ran'] / count)} running, by Dask's own `startstops`"
    )
