"""What handing tasks to Dask costs by way of `maitred`, beside the same by hand: python3 bench/cluster/peer.py [--whole]

By hand is `Client.map` of the same function over the same inputs, on a scheduler and workers that are started the same way;
its time is that from the call of `map` to the end of the last task, by the clock of the tasks, as `maitred` counts it. Both
take turns; a ratio is the median of those of neighbours. The last columns are what Dask itself took down of our tasks
(`startstops`) beside what our trace has of them. Needs target/release/maitred (or $MAITRED) and an interpreter with
`distributed` ($MAITRED_DASK, or python3). Exits with 1 where a bar is missed.
"""

import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile

MAITRED = os.environ.get("MAITRED") or os.path.abspath(os.path.join(os.path.dirname(__file__), "../../target/release/maitred"))
PYTHON = os.environ.get("MAITRED_DASK", sys.executable)
TURNS, BAR, AGREE = 3, 1.05, 1.05
PROCESSES, THREADS = "dask/processes:2", "dask/thread-pool:64"
# Tasks, milliseconds of each, bytes of its input, and on what. What waits for long does so on many threads.
CELLS = [(1_000, ms, 1_000, PROCESSES) for ms in (0, 1, 10)] + [(1_000, 100, 1_000, THREADS)]
CELLS += [(100, 10, 1_000_000, PROCESSES), (20, 10, 10_000_000, PROCESSES)]
WHOLE = CELLS + [(10_000, 0, 1_000, PROCESSES), (10_000, 1, 1_000, PROCESSES), (10_000, 10, 1_000, THREADS), (10_000, 100, 1_000, THREADS)]

WORK = """
import time

def work(text):
    if {seconds}:
        time.sleep({seconds})
    return len(text)
"""
BY_HAND = """
import json, sys, time
sys.path.insert(0, "")
from distributed import Client, wait
from work import work

def timed(text):
    work(text)
    return time.monotonic()

if __name__ == "__main__":
    inputs = [json.loads(line) for line in open("inputs.jsonl")]
    client = Client(sys.argv[1])
    client.gather(client.map(abs, range(100), pure=False))
    begun = time.monotonic()
    futures = client.map(timed, inputs, pure=False)
    wait(futures)
    print(max(client.gather(futures)) - begun)
"""


@contextlib.contextmanager
def cluster(folder, model):
    """A scheduler and what the model has of workers; the address."""
    number = model.rpartition(":")[2]
    count, threads = (number, "1") if model.startswith(PROCESSES.partition(":")[0]) else ("1", number)
    file = os.path.join(folder, "scheduler.json")
    quiet = dict(cwd=folder, env=dict(os.environ, PYTHONPATH=folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run = [PYTHON, "-m"]
    scheduler = subprocess.Popen([*run, "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", file, "--no-dashboard"], **quiet)
    workers = subprocess.Popen([*run, "distributed.cli.dask_worker", "--scheduler-file", file, "--nworkers", count, "--nthreads", threads, "--no-dashboard"], **quiet)
    wait = f"from distributed import Client; c = Client(scheduler_file={file!r}, timeout=60); c.wait_for_workers({count}, timeout=60); print(c.scheduler.address)"
    try:
        yield subprocess.run([PYTHON, "-c", wait], check=True, capture_output=True, text=True).stdout.strip()
    finally:
        for process in (workers, scheduler):
            process.terminate()
            process.wait()


def by_hand(folder, model):
    with cluster(folder, model) as address:
        return float(subprocess.run([PYTHON, "by_hand.py", address], cwd=folder, check=True, capture_output=True, text=True).stdout)


def ours(folder, model, *more):
    """Seconds of the work, and all that was said."""
    events = os.path.join(folder, "events.jsonl")
    line = [MAITRED, "run", "work.py:work", "--inputs", "inputs.jsonl", "--model", model, "--python", PYTHON, "--no-scheduling", "--no-keep", "--events", events, *more]
    said = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    with open(events) as file:
        ends = [event["run"] for event in map(json.loads, file) if event["event"] == "run-ended"]
    if len(ends) != 1 or ends[0]["end"] != "finished" or ends[0]["tasks"]["done"] != sum(ends[0]["tasks"].values()):
        raise SystemExit(f"{said.stdout}{said.stderr}")
    return ends[0]["work_ns"] / 1e9, " ".join(said.stdout.split())


def running_ms(folder, model):
    """The mean time of a task in which it ran: by Dask's figures, and by the spans of our trace."""
    with cluster(folder, model) as address:
        _, text = ours(folder, model, "--cluster", address, "--export-chrome", "trace.json", "--details")
    by_dask = float(re.search(r"([\d.e+-]+) ms running, by Dask's own", text)[1])
    with open(os.path.join(folder, "trace.json")) as file:
        events = json.load(file)["traceEvents"]
    spans = [event["dur"] / 1000 for event in events if event.get("ph") == "X" and event["name"].startswith("call ")]
    return by_dask, statistics.mean(spans)


HEADING = f"{'tasks':>6} {'length':>7} {'input':>8} {'on':>20} {'by hand':>9} {'ours':>9} {'ratio':>6}   {'running by Dask':>15} {'by our trace':>12}"


@contextlib.contextmanager
def prepared(cell):
    """A folder with the work of a cell."""
    tasks, ms, size, _ = cell
    with tempfile.TemporaryDirectory() as folder:
        for name, text in {"work.py": WORK.format(seconds=ms / 1000), "by_hand.py": BY_HAND}.items():
            with open(os.path.join(folder, name), "w") as file:
                file.write(text)
        with open(os.path.join(folder, "inputs.jsonl"), "w") as file:
            file.writelines(json.dumps("x" * size) + "\n" for _ in range(tasks))
        yield folder


def pair(cell):
    """Seconds by hand, and ours."""
    with prepared(cell) as folder:
        return by_hand(folder, cell[3]), ours(folder, cell[3])[0]


def agreement(cell):
    with prepared(cell) as folder:
        return running_ms(folder, cell[3])


def row(cell, pairs, running):
    """What is said of a cell, and whether a bar was missed."""
    (tasks, ms, size, model), (by_dask, by_trace) = cell, running
    ratio = statistics.median(own / peer for peer, own in pairs)
    peer, own = (statistics.median(pair[who] for pair in pairs) for who in (0, 1))
    # What runs for microseconds is lost in the tenth of a millisecond that calling a function takes there.
    apart = abs(by_dask - by_trace) > max(by_trace * (AGREE - 1), 0.5)
    verdict = f"{'  TIME MISSED' * (ratio > BAR)}{'  FIGURES APART' * apart}"
    text = f"{tasks:>6} {ms:>4} ms {size / 1000:>5.0f} kB {model:>20} {peer:>7.3f} s {own:>7.3f} s {ratio:>6.2f}   {by_dask:>12.2f} ms {by_trace:>9.2f} ms{verdict}"
    return text, bool(verdict)


def main():
    missed = False
    print(HEADING)
    for cell in WHOLE if "--whole" in sys.argv else CELLS:
        text, bad = row(cell, [pair(cell) for _ in range(TURNS)], agreement(cell))
        missed |= bad
        print(text, flush=True)
    sys.exit(missed)


if __name__ == "__main__":
    main()
