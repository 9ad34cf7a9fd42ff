"""The joblib runner of maitred: the steps of the Python runner, handed to the pool of processes that joblib starts (loky).

Its workers are started by fork and exec and import what they need, so that they share neither open files nor a half-held lock
with us; what is handed over is pickled by cloudpickle where pickle cannot. Tasks travel several at a time as in
`python3/processes`, so that between the two only the pool is another.
"""

import os
import sys

import maitred_runner as base
from maitred_trace_file import PROCESS

try:
    import joblib
    from joblib.externals.loky.process_executor import ProcessPoolExecutor
except ImportError:
    joblib = None


def processes(work):
    """A fixed number of loky's processes takes tasks from one queue."""
    from joblib.externals.loky.backend import resource_tracker
    from maitred_workers import apart

    yield from apart(work, ProcessPoolExecutor(work.workers), PROCESS)
    resource_tracker._resource_tracker._stop()  # loky's own process: waited for, it counts as ours


def offered():
    return ["processes"]


def unoffered(name):
    return None if name in offered() else f"joblib has no strategy `{name}`: use {', '.join(offered())}"


def announced(message):
    """`ready` as the Python runner says it, as this library."""
    if "ready" in message:
        ready = message["ready"]
        facts = [*ready["facts"], ["python", ready["version"]]]
        ready.update(runtime="joblib", version=joblib.__version__, strategies=offered(), facts=facts)
    return message


def main():
    said = base.conversation.say
    base.conversation.say = lambda message: said(announced(message))
    base.STRATEGIES.clear()
    base.STRATEGIES["processes"] = processes
    base.offered, base.unoffered, base.Run.SLOW_SET_UP = offered, unoffered, True
    if joblib is None:
        base.conversation.open()
        said({"error": {"code": "unsupported", "text": f"joblib is not installed for {sys.executable}: `pip install joblib`", "place": None}})
        os._exit(1)
    base.main()
