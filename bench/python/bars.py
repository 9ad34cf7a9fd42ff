"""Whether the bars of the Python runner hold here: all of them in one run, interleaved, as ratios; exit code 1: one does not.

usage: bars.py [--tasks N] [--rounds N] [--maitred FILE] [--only overhead|speed] [PYTHON [PYTHON_WITHOUT_GIL]]

  overhead   N tasks of 1 ms of pure-Python work under every strategy ÷ a hand-written script of the same shape      ≤ 1.10
  span       recording one span, two clock readings included                                                    ≤ 1,500 ns
  start      from spawn to `ready` ÷ the interpreter's own start with the same imports                              ≤ 1.30
  lock       threads ÷ sequential, with a GIL (time)                                                                ≤ 1.10
  processes  speed-up over sequential ÷ that of native/thread-pool over native/sequential                           ≥ 0.90
  no lock    the same of python3.Nt/thread-pool, which keeps its threads as the native pool does                    ≥ 0.75

The speed-ups are taken by `maitred compare` of workloads/cpu-bound.kdl, all models in shuffled rounds, at more than a
second of work, and with as many workers as processors. On a machine where others work, they are theirs as much as ours:
the load is printed first.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import overhead
from overhead import HERE, driver

missed = []


def check(name, value, bar, at_most=True):
    holds = value <= bar if at_most else value >= bar
    print("  %-34s %8.2f  %s %.2f  %s" % (name, value, "≤" if at_most else "≥", bar, "" if holds else "MISSED"), flush=True)
    if not holds:
        missed.append(name)


def costs(python, tasks, rounds):
    said = overhead.describe(python)
    check("span (ns)", said["span_cost_ns"], 1500)
    for strategy in said["strategies"]:
        workers = {"sequential": 1, "event-loop": 1, "threads": tasks}.get(strategy, 6)
        args = (python, strategy, tasks, said["calibration"], workers)
        work, _ = overhead.ratio(rounds, lambda: overhead.by_runner(*args), lambda: overhead.by_hand(*args))
        check("overhead %s (%.2f s)" % (strategy, work[0]), work[2], 1.10)
        (start,) = overhead.ratio(10, lambda: overhead.start_of_runner(python, strategy), lambda: overhead.start_of_imports(python, strategy))
        check("start %s" % strategy, start[2], 1.30)


def speeds(maitred, python, free, tasks, rounds):
    cores = len(os.sched_getaffinity(0))
    pool = "thread-pool:%d" % cores
    models = ["native/sequential", "native/" + pool]
    names = {}
    for file in filter(None, (python, free)):
        facts = dict(overhead.describe(file)["facts"])
        version = ".".join(facts["language"].split(".")[:2])
        names[file] = "python%s%s" % (version, "t" if facts["free-threaded build"] == "yes" else "")
        models += ["%s/%s" % (names[file], one) for one in ("sequential", "threads", pool, "processes:%d" % cores)]
    with tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, "speeds.json")
        subprocess.run(
            [maitred, "compare", os.path.join(HERE, "..", "..", "workloads", "cpu-bound.kdl"), "--set", "tasks=%d" % tasks,
             "--runs", str(rounds), "--quiet", "--models", ",".join(models), "--save", saved]
            + [word for file in names for word in ("--python", file)],
            check=True, stdout=subprocess.DEVNULL,
        )
        with open(saved) as file:
            result = json.load(file)
    took = {}
    for contestant in result["contestants"]:
        model = contestant["model"]
        model = "%s/%s" % (model["runtime"], model["strategy"]) if isinstance(model, dict) else model
        if contestant["summary"]:
            took[model.partition(":")[0]] = contestant["summary"]["work_ns"] / 1e9
    for model, seconds in took.items():
        print("  %-34s %8.3f s" % (model, seconds))
    native = took["native/sequential"] / took["native/thread-pool"]
    print("  %-34s %8.2f" % ("native/thread-pool speeds up by", native))

    def share(name, strategy):
        return took[name + "/sequential"] / took["%s/%s" % (name, strategy)] / native

    if python:
        name = names[python]
        check("lock: %s threads ÷ sequential" % name, took[name + "/threads"] / took[name + "/sequential"], 1.10)
        check("lock: %s pool ÷ sequential" % name, took[name + "/thread-pool"] / took[name + "/sequential"], 1.10)
        check("processes: %s" % name, share(name, "processes"), 0.90, at_most=False)
    if free:
        check("no lock: %s thread-pool" % names[free], share(names[free], "thread-pool"), 0.75, at_most=False)
        # A new thread for each millisecond of work is Python's own price: see `overhead threads`.
        print("  %-34s %8.2f" % ("no lock: %s threads" % names[free], share(names[free], "threads")))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--tasks", type=int, default=10_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--maitred", default=os.path.join(HERE, "..", "..", "target", "release", "maitred"))
    options.add_argument("--only", choices=["overhead", "speed"])
    options.add_argument("pythons", nargs="*")
    options = options.parse_args()
    found = driver.interpreters()
    python, free = (options.pythons + [found.get("python3.13") or sys.executable, found.get("python3.13t")][len(options.pythons) :])[:2]
    print("load %.1f, %d processors" % (os.getloadavg()[0], len(os.sched_getaffinity(0))))
    if not free:
        print("no interpreter without a GIL was found: not measured")
    if options.only != "speed":
        costs(python, options.tasks, options.rounds)
    if options.only != "overhead":
        speeds(options.maitred, python, free, max(1200, options.tasks // 5), options.rounds)
    print("load %.1f" % os.getloadavg()[0])
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
