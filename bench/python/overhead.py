"""What the Python runner costs: ratios to programs written by hand, taken in one session, run by run in turns.

usage: overhead.py [--tasks N] [--rounds N] [--strategies A,B] [PYTHON ...]

  work     N tasks of 1 ms of pure-Python work, runner ÷ by hand (by_hand.py), the least of the rounds each   bar 1.10
  cpu      the same in CPU time, which a busy machine disturbs less; not where other processes work, or where the end
           of the work was noticed late in each round
  span     recording one span, two clock readings included                                             bar 1.5 µs
  start    from spawn to `ready`, runner ÷ `python -c "import …"` of the same modules                   bar 1.3
"""

import argparse
import math
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "runtimes", "python"))
from tests import driver  # noqa: E402

BASE = "collections, heapq, json, mmap, os, resource, signal, struct, sys, threading, time, ctypes, faulthandler, select"
EXTRA = {
    "thread-pool": ", concurrent.futures.thread",
    "processes": ", concurrent.futures.process, multiprocessing",
    "event-loop": ", asyncio",
    "hybrid": ", asyncio, concurrent.futures.thread",
    "interpreters": ", concurrent.futures.interpreter",
}


def describe(python):
    with driver.Runner(python) as runner:
        runner.say({"describe": {}})
        return runner.hear()[1]


def measured(said):
    """The strategies that are there without more: an executor is made by a function of the user's."""
    return [strategy for strategy in said["strategies"] if strategy != "executor"]


def by_runner(python, strategy, tasks, rate, workers):
    plan = driver.plan(strategy, [{"cpu": {"ns": 1_000_000}}], tasks, calibration=rate, workers=workers)
    outcome = driver.run(python, plan)
    assert outcome.name == "done" and not outcome.done["failures"], (outcome.done, outcome.log)
    return outcome.work_s(), cpu_s(outcome.done["phases"]["work"]["cpu"])


def cpu_s(cpu):
    """CPU time in seconds. Of work whose end was noticed late the runner says none: then the other rounds count."""
    return (cpu["user_ns"] + cpu["system_ns"]) / 1e9 if cpu else math.inf


def by_hand(python, strategy, tasks, rate, workers):
    command = [python, os.path.join(HERE, "by_hand.py"), driver._folder.name, strategy, tasks, int(rate / 1000), workers]
    return tuple(map(float, subprocess.check_output(list(map(str, command))).split()))


def start_of_runner(python, strategy):
    begun = time.monotonic()
    with driver.Runner(python) as runner:
        assert runner.prepare(driver.plan(strategy, ["yield"], 1))[0] == "ready"
        return (time.monotonic() - begun,)


def start_of_imports(python, strategy):
    code = "import " + BASE + EXTRA.get(strategy, "") + "; print('ready', flush=True)"
    begun = time.monotonic()
    with subprocess.Popen([python, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline()
        return (time.monotonic() - begun,)


def ratio(rounds, ours, theirs):
    """Least time of each over rounds in which they take turns."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    mine, other = ([min(values) for values in zip(*column)] for column in zip(*pairs))
    return [(a, b, a / b) for a, b in zip(mine, other)]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--tasks", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--strategies", default="")
    options.add_argument("pythons", nargs="*")
    options = options.parse_args()
    named = {path: path for path in options.pythons}
    for name, python in (named or driver.interpreters()).items():
        if not python:
            print("%s: not found, not measured" % name)
            continue
        said = describe(python)
        print("%s: %s %s, span %.0f ns" % (name, said["runtime"], said["version"], said["span_cost_ns"]))
        for strategy in options.strategies.split(",") if options.strategies else measured(said):
            workers = {"sequential": 1, "event-loop": 1, "threads": options.tasks}.get(strategy, 6)
            args = (python, strategy, options.tasks, said["calibration"], workers)
            wall, cpu = ratio(options.rounds, lambda: by_runner(*args), lambda: by_hand(*args))
            (start,) = ratio(10, lambda: start_of_runner(python, strategy), lambda: start_of_imports(python, strategy))
            cpu = "cpu %.3f" % cpu[2] if strategy != "processes" and math.isfinite(cpu[2]) else "cpu     -"
            print("  %-12s work %6.3f s ÷ %6.3f s = %.3f  %s" % (strategy, *wall, cpu), end="    ")
            print("start %5.1f ms ÷ %5.1f ms = %.2f" % (start[0] * 1e3, start[1] * 1e3, start[2]), flush=True)


if __name__ == "__main__":
    main()
