"""What this interpreter is and can do, asked of it and not guessed from its name; and what is arranged with it for its end."""

import os
import signal
import sys
import time

from maitred_strategies import STRATEGIES


def unoffered(name):
    """Why this interpreter has not this strategy; None: it has."""
    if name not in STRATEGIES:
        return f"Python has no strategy `{name}`: use one of {', '.join(offered())}"
    needed = {"interpreters": "_interpreters", "processes": "_multiprocessing"}.get(name)
    if name == "interpreters" and (sys.version_info < (3, 14) or sys.implementation.name != "cpython"):
        return "interpreters need CPython 3.14 or later: use processes"
    try:
        __import__(needed or "sys")
    except ImportError:
        return f"this Python was built without {needed}: use threads"
    return None


def offered():
    """The strategies that this interpreter has."""
    return [name for name in STRATEGIES if not unoffered(name)]


def start_methods():
    """How a process pool can start its workers here."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    if hasattr(ProcessPoolExecutor, "_adjust_process_count_cpython"):  # PyPy 3.9 renamed what its own pool then calls
        return ["fork"]
    return multiprocessing.get_all_start_methods()


def interpreter_state():
    """Where the state of the interpreter lies in memory, in which the GIL has its place: address and length. A thread that
    waits for the GIL waits on a futex within it, which whoever looks at the thread can see. None: it is not known."""
    try:
        import ctypes

        address = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, "_PyRuntime"))
    except (ImportError, ValueError, AttributeError):
        return None
    # The main interpreter's state, and so its lock, lies within from 3.12 on, the lock itself before.
    return f"{address} {200_000 if sys.version_info >= (3, 12) else 4_000}"


def describe_more():
    """Facts for `maitred runtimes` and `maitred doctor`, too slow to be asked before every run."""
    import importlib.util
    import multiprocessing
    import sysconfig

    missing = {name: unoffered(name) for name in STRATEGIES}
    return [
        ["language", ".".join(map(str, sys.version_info[:3]))],
        # By so many the executors of the standard library go.
        ["processors", str(getattr(os, "process_cpu_count", os.cpu_count)() or 1)],
        ["flags", str(sysconfig.get_config_var("CONFIG_ARGS") or "")],
        ["free-threaded build", "yes" if sysconfig.get_config_var("Py_GIL_DISABLED") else "no"],
        ["virtual environment", sys.prefix if sys.prefix != sys.base_prefix else "no"],
        ["start methods", " ".join(start_methods())],
        ["default start method", multiprocessing.get_start_method()],
        ["uvloop", "yes" if importlib.util.find_spec("uvloop") else "no"],
        ["switch interval", f"{sys.getswitchinterval() * 1000:g} ms"],
        *[[f"no {name}", why] for name, why in missing.items() if why],
    ]


def die_with_parent(at_once):
    """Has the kernel end this process when its parent ends, however it does (prctl(2), PR_SET_PDEATHSIG).

    A worker dies at once. The runner must first kill what it started, which it does at the end of its input; a C call
    that keeps the GIL could prevent that, so that a signal handler in C gives it some seconds more: `alarm`, called
    with the number of the signal, has SIGALRM end the process that many seconds later.
    """
    try:
        import ctypes

        libc = ctypes.CDLL(None)
        if not at_once:
            libc.signal(signal.SIGUSR2, ctypes.cast(libc.alarm, ctypes.c_void_p))
        libc.prctl(1, signal.SIGKILL if at_once else signal.SIGUSR2)
    except (ImportError, OSError, AttributeError):
        pass  # then the end of our input must do


def name_hangs():
    """A segmentation fault, or SIGUSR1, prints where each thread is: on standard error, with the user's own lines."""
    try:
        import faulthandler

        gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        faulthandler.enable(file=2, all_threads=gil)  # without a GIL the others go on, and looking at them can crash again
        faulthandler.register(signal.SIGUSR1, file=2, all_threads=True)
    except (ImportError, OSError, AttributeError, ValueError):
        pass


def processors():
    """How many this process may use; PyPy can only say how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worker_cpu(pid):
    """User and system time of another process: its CPU clock (clock_getcpuclockid(3)), divided in the ratio that
    /proc/PID/stat gives in ticks, and what its own children took."""
    total = int(time.clock_gettime((~pid << 3) | 2) * 1e9)
    with open(f"/proc/{pid}/stat", "rb") as file:
        user, system, child_user, child_system = map(int, file.read().rpartition(b")")[2].split()[11:15])
    tick = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    share = total * system // (user + system) if user + system else 0
    return total - share + child_user * tick, share + child_system * tick
