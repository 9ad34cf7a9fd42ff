"""A library of Python's as a runtime of its own: the Python runner, whose tasks are handed out by the strategies of that."""

import os
import shutil
import sys
import tempfile

import maitred_runner as base
from maitred_failures import Refusal

STEPS = ["cpu", "wait", "block", "http", "call", "run", "allocate", "repeat", "yield", "fail", "crash"]
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


class Runtime:
    """Such a library: its name as a runtime, as people write it, and as `pip` knows it; `module`: `None` where it is not installed.
    `steps`: what its tasks can do, where that is not all that the Python runner's can."""

    def __init__(self, name, title, package, module, strategies, steps=None):
        self.name, self.title, self.package, self.module, self.strategies, self.steps = name, title, package, module, strategies, steps
        self.work = None

    def offered(self):
        return list(self.strategies)

    def unoffered(self, name):
        return None if name in self.strategies else f"{self.title} has no strategy `{name}`: use {', '.join(self.strategies)}"

    def announced(self, message):
        """What the Python runner says, as this library."""
        if "ready" in message:
            ready = message["ready"]
            facts = [*ready["facts"], ["python", ready["version"]]]
            ready.update(runtime=self.name, version=self.module.__version__, strategies=self.offered(), facts=facts)
            if self.steps:
                ready["steps"] = self.steps
        if "done" in message and self.work is not None:
            message["done"].update(attempts=getattr(self.work, "attempts", []), hosts=getattr(self.work, "hosts", []), ways=getattr(self.work, "ways", None))
        return message

    def prepare(self, work):
        for id, name, _ in work.actions:
            if name not in self.steps:
                raise Refusal("unsupported", f"{self.title} has no `{name}` between its tasks here: use python3", f"step {id}")
        if "chunk" in work.options and self.title != "Dask":
            raise Refusal("unsupported", f"{self.title} hands out no parcels here (--chunk), which Dask does: omit it")
        self.work = work

    def main(self):
        said = base.conversation.say
        if self.module is None:
            base.conversation.open()
            said({"error": {"code": "unsupported", "text": f"{self.title} is not installed for {sys.executable}: `pip install {self.package}`", "place": None}})
            os._exit(1)
        base.conversation.say = lambda message: said(self.announced(message))
        base.STRATEGIES.clear()
        base.STRATEGIES.update(self.strategies)
        base.offered, base.unoffered, base.Run.SLOW_SET_UP = self.offered, self.unoffered, True
        if self.steps:
            base.prepare, base.Run.cpu = self.prepare, lambda run: tree_cpu()
            base.Run.LOOK_S = 0.5  # who waits is asked of other processes
        base.main()


def tree_cpu():
    """Processor time so far of this process and of all below it, with those that were waited for (proc_pid_stat(5))."""
    used, below = {}, {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it has ended meanwhile
        used[int(name)] = int(fields[11]) + int(fields[13]), int(fields[12]) + int(fields[14])
        below.setdefault(int(fields[1]), []).append(int(name))
    user = system = 0
    queue = [os.getpid()]
    for pid in queue:
        queue += below.get(pid, [])
        user += used.get(pid, (0, 0))[0] * TICK_NS
        system += used.get(pid, (0, 0))[1] * TICK_NS
    return {"user_ns": user, "system_ns": system}


def scratch(name, longest=None):
    """A folder for the files of a run; those of runs that were killed are removed. Where the folder for temporary files has
    a path of more than so many letters, it is in /tmp."""
    place, prefix = tempfile.gettempdir(), f"maitred-{name}-"
    if longest is not None and len(place) > longest:
        place = "/tmp"
    for other in os.listdir(place):
        owner = other[len(prefix) :].partition("-")[0] if other.startswith(prefix) else ""
        if owner.isdigit() and not os.path.exists(f"/proc/{owner}"):
            shutil.rmtree(os.path.join(place, other), ignore_errors=True)
    return tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-", dir=place, ignore_cleanup_errors=True)
