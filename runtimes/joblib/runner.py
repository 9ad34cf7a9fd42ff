"""The joblib runner of maitred: the steps of the Python runner, handed to the pool of processes that joblib starts (loky).

Its workers are started by fork and exec and import what they need, so that they share neither open files nor a half-held lock
with us; what is handed over is pickled by cloudpickle where pickle cannot. Tasks travel several at a time as in
`python3/processes`, so that between the two only the pool is another.
"""

from maitred_library import Runtime
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


runtime = Runtime("joblib", "joblib", "joblib", joblib, {"processes": processes})


def main():
    runtime.main()
