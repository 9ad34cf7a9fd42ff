"""Whether what `maitred` says of a function is what somebody finds who writes the same by hand: a row for each function and model,
and at the end whether both name the same model as the fastest.

usage: calls.py [--maitred FILE] [--rounds N] [PYTHON]

By hand means: the function imported by the script, inputs in a list, `list(map(...))`, a ThreadPoolExecutor and a
ProcessPoolExecutor of as many workers, which are there before the clock starts, and results in a list. The two take turns.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

FUNCTIONS = '''
import hashlib, threading, time

LOCK, DATA = threading.Lock(), b"x" * 2_000_000

def numbers(i):
    return list(range(300_000))

def nothing(i):
    return i

def loop(i):
    return sum(k * k for k in range(100_000))

def sleeps(i):
    time.sleep(0.01)
    return i

def digest(i):
    return hashlib.sha256(DATA).hexdigest()

def one_lock(i):
    with LOCK:
        return hashlib.sha256(DATA).hexdigest()
'''

BY_HAND = '''
import sys, time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
import functions

name, strategy, tasks, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
function, inputs = getattr(functions, name), [str(i) for i in range(tasks)]

def ready(i):
    time.sleep(0.1)

if __name__ == "__main__":
    if strategy == "sequential":
        begun = time.perf_counter()
        kept = list(map(function, inputs))
        print(time.perf_counter() - begun)
    else:
        kind = ThreadPoolExecutor if strategy == "thread-pool" else ProcessPoolExecutor
        chunk = 1 if strategy == "thread-pool" else max(1, tasks // (4 * workers))
        with kind(workers) as pool:
            list(pool.map(ready, range(workers)))
            begun = time.perf_counter()
            kept = list(pool.map(function, inputs, chunksize=chunk))
            print(time.perf_counter() - begun)
'''

ROWS = [("numbers", 20), ("nothing", 5000), ("loop", 40), ("sleeps", 40), ("digest", 60), ("one_lock", 60)]
STRATEGIES = ["sequential", "thread-pool", "processes"]
SURE = 1.10  # two models that lie closer are not said to differ


def by_hand(python, folder, name, strategy, tasks, workers):
    command = [python, "by_hand.py", name, strategy, str(tasks), str(workers)]
    return float(subprocess.check_output(command, cwd=folder))


def ours(maitred, python, folder, name, tasks, workers, rounds):
    """Seconds by strategy; whether `maitred` gave up ranking one is seen by its absence."""
    with open(os.path.join(folder, "inputs.txt"), "w") as file:
        file.writelines("%d\n" % i for i in range(tasks))
    models = ",".join("python3/" + (one if one == "sequential" else "%s:%d" % (one, workers)) for one in STRATEGIES)
    command = [maitred, "compare", "--no-keep", "functions.py:" + name, "--inputs", "inputs.txt", "--python", python, "--models", models,
               "--runs", str(rounds), "--no-trace", "--quiet", "--save", "result.json"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "result.json")) as file:
        contestants = json.load(file)["contestants"]
    ranked = [one for one in contestants if one["summary"] and not one["unranked"]]
    return {one["model"].split("/")[1].split(":")[0]: one["summary"]["work_min_ns"] / 1e9 for one in ranked}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--maitred", default=os.path.join(os.path.dirname(__file__), "../../target/release/maitred"))
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--only", default="")
    options.add_argument("python", nargs="?", default=sys.executable)
    options = options.parse_args()
    maitred, workers, differ = os.path.abspath(options.maitred), os.cpu_count() or 1, []
    print("load %.1f; the least of %d rounds each" % (os.getloadavg()[0], options.rounds))
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("functions.py", FUNCTIONS), ("by_hand.py", BY_HAND)):
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        for name, tasks in ROWS:
            if options.only and name not in options.only.split(","):
                continue
            hand = {one: min(by_hand(options.python, folder, name, one, tasks, workers) for _ in range(options.rounds)) for one in STRATEGIES}
            said = ours(maitred, options.python, folder, name, tasks, workers, options.rounds)
            for one in STRATEGIES:
                mine = said.get(one)
                told = "not ranked" if mine is None else "%9.2f ms %8.2f" % (mine * 1e3, mine / hand[one])
                print("  %-10s × %-5d %-12s by hand %9.2f ms   maitred %s" % (name, tasks, one, hand[one] * 1e3, told), flush=True)
            there = {one: hand[one] for one in said}
            best, chosen = min(there, key=there.get), min(said, key=said.get)
            if best != chosen and there[chosen] > SURE * there[best]:
                differ.append("%s: by hand %s, maitred %s" % (name, best, chosen))
    print("they differ in: " + "; ".join(differ) if differ else "both name the same models as the fastest")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
