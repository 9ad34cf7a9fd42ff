"""Whether the bars of the Python runner hold here: all of them in one run, interleaved, as ratios; exit code 1: one does not.

usage: bars.py [--tasks N] [--rounds N] [--maitred FILE] [--only overhead|speed] [PYTHON [PYTHON_WITHOUT_GIL]]

  overhead   N tasks of 1 ms of pure-Python work under every strategy ÷ a hand-written script of the same shape      ≤ 1.10
  span       recording one span, two clock readings included                                                    ≤ 1,500 ns
  start      from spawn to `ready` ÷ the interpreter's own start with the same imports                              ≤ 1.30
  lock       threads ÷ sequential, with a GIL (time)                                                                ≤ 1.10
  processes  speed-up over sequential ÷ that of native/thread-pool over native/sequential                           ≥ 0.90
  no lock    the same of python3.Nt/thread-pool with short tasks and of python3.Nt/threads with long ones           ≥ 0.75

The speed-ups are taken by `maitred compare` of workloads/cpu-bound.kdl, all models in shuffled rounds, at more than a
second of work, and with as many workers as processors (`threads`: two long tasks for each). On a machine where others work, they are theirs as much as ours:
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
    for strategy in overhead.measured(said):
        workers = {"sequential": 1, "event-loop": 1, "threads": tasks}.get(strategy, 6)
        args = (python, strategy, tasks, said["calibration"], workers)
        work, _ = overhead.ratio(rounds, lambda: overhead.by_runner(*args), lambda: overhead.by_hand(*args))
        check("overhead %s (%.2f s)" % (strategy, work[0]), work[2], 1.10)
        (start,) = overhead.ratio(10, lambda: overhead.start_of_runner(python, strategy), lambda: overhead.start_of_imports(python, strategy))
        check("start %s" % strategy, start[2], 1.30)


def named(file):
    facts = dict(overhead.describe(file)["facts"])
    version = ".".join(facts["language"].split(".")[:2])
    return "python%s%s" % (version, "t" if facts["free-threaded build"] == "yes" else "")


def compare(maitred, pythons, models, rounds, **parameters):
    """Seconds of work of each model, by its name without the number of workers."""
    words = [word for name, value in parameters.items() for word in ("--set", "%s=%s" % (name, value))]
    words += [word for file in pythons for word in ("--python", file)]
    workload = os.path.join(HERE, "..", "..", "workloads", "cpu-bound.kdl")
    with tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, "speeds.json")
        command = [maitred, "compare", "--no-keep", workload, "--runs", str(rounds), "--quiet", "--models", ",".join(models), "--save", saved]
        subprocess.run(command + words, check=True, stdout=subprocess.DEVNULL)
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
    print("  %-34s %8.2f" % ("native/thread-pool speeds up by", took["native/sequential"] / took["native/thread-pool"]))
    return took


def speeds(maitred, python, free, tasks, rounds):
    cores = len(os.sched_getaffinity(0))
    pool = "thread-pool:%d" % cores
    native = ["native/sequential", "native/" + pool]
    names = {file: named(file) for file in (python, free) if file}

    def share(took, name, strategy):
        native = took["native/sequential"] / took["native/thread-pool"]
        return took[name + "/sequential"] / took["%s/%s" % (name, strategy)] / native

    print("many short tasks: %d of 1 ms" % tasks)
    pools = ["%s/%s" % (name, one) for name in names.values() for one in ("sequential", "threads", pool, "processes:%d" % cores)]
    took = compare(maitred, names, native + pools, rounds, tasks=tasks)
    name = names[python]
    check("lock: %s threads ÷ sequential" % name, took[name + "/threads"] / took[name + "/sequential"], 1.10)
    check("lock: %s pool ÷ sequential" % name, took[name + "/thread-pool"] / took[name + "/sequential"], 1.10)
    check("processes: %s" % name, share(took, name, "processes"), 0.90, at_most=False)
    if free:
        check("no lock: %s thread-pool" % names[free], share(took, names[free], "thread-pool"), 0.75, at_most=False)

    # A new thread for each millisecond of work is Python's own price, whoever starts it: so threads are judged by long tasks.
    print("few long tasks: %d of 500 ms" % (2 * cores))
    threads = ["%s/%s" % (name, one) for name in names.values() for one in ("sequential", "threads")]
    took = compare(maitred, names, native + threads, rounds, tasks=2 * cores, work="500ms")
    check("lock: %s threads ÷ sequential" % name, took[name + "/threads"] / took[name + "/sequential"], 1.10)
    if free:
        check("no lock: %s threads" % names[free], share(took, names[free], "threads"), 0.75, at_most=False)


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
