"""Whether `compare` from Python says what it says on the command line, and what Python's side adds: both in turn, paired.

    python3 bench/python/paired.py [--pairs 20]

Each pair runs one round of one function from Python and from the command line, in an order that alternates. Printed are the
paired ratio of the time of the work (its interval should hold 1) and, of the whole call, what Python's side takes more than
the program alone: what lies outside of the program's own life, from the call to the result. Then what `import maitred` takes
more than an interpreter that imports nothing. The bars are 5 ms and 50 ms. MAITRED names the program.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "python"))

import maitred
from maitred import _program

FUNCTION = "import time\n\ndef nap(number=0):\n    time.sleep(0.01)\n"
OPTIONS = ["--runs", "1", "--warmup", "0", "--no-trace", "--no-keep"]
COUNT, MODELS = 8, "sequential,thread-pool:4"


def figures(result):
    """Nanoseconds of the work by strategy."""
    return {one["model"].split("/")[1]: one["runs"][0]["work_ns"] for one in result["contestants"]}


def from_python(function):
    """The figures, and the seconds of the call that lie before the program was started and after its end."""
    program, spent = _program.subprocess.Popen, []

    class Timed(program):
        def __init__(self, *words, **named):
            self.begun = time.perf_counter()
            super().__init__(*words, **named)
            self.started = time.perf_counter()

        def wait(self, *words, **named):
            code = super().wait(*words, **named)
            spent.append((self.begun, self.started, time.perf_counter()))
            return code

    _program.subprocess.Popen = Timed
    begun = time.perf_counter()
    try:
        result = maitred.compare(function, count=COUNT, models=MODELS, options=OPTIONS)
        result.best
        ended = time.perf_counter()
    finally:
        _program.subprocess.Popen = program
    (starting, _, over) = spent[-1]
    return figures(result.to_dict()), (starting - begun) + (ended - over)


def from_command_line(function):
    with tempfile.TemporaryDirectory() as folder:
        saved = os.path.join(folder, "result.json")
        words = [_program.program(), "compare", function, "--count", str(COUNT), "--models", MODELS]
        own = ["--python", sys.executable, "--quiet", "--save", saved]
        subprocess.run([*words, *own, *OPTIONS], stdout=subprocess.DEVNULL, check=True)
        return figures(json.loads(pathlib.Path(saved).read_text()))


def interval(values):
    """The median, and the 95 % interval of it by the sign test's order statistics (of 20 values the 6th and the 15th)."""
    values = sorted(values)
    aside = max(0, int(len(values) / 2 - 0.98 * len(values) ** 0.5) - 1 + (len(values) == 20))
    return statistics.median(values), values[aside], values[-1 - aside]


def imported(text):
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", text], check=True)
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20)
    given = parser.parse_args()
    ratios, added = {}, []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "napping.py")
        pathlib.Path(path).write_text(FUNCTION)
        function = f"{path}:nap"
        from_python(function), from_command_line(function)
        for pair in range(given.pairs):
            if pair % 2:
                there = from_command_line(function)
                here, own = from_python(function)
            else:
                here, own = from_python(function)
                there = from_command_line(function)
            added.append(own)
            for model, ns in here.items():
                ratios.setdefault(model, []).append(ns / there[model])
    for model, values in ratios.items():
        middle, low, high = interval(values)
        print(f"{model:16} from Python over the command line: {middle:.3f} ({low:.3f} to {high:.3f}), {len(values)} pairs")
    middle, low, high = interval(added)
    print(f"Python's side of a call: {middle * 1e3:.2f} ms ({low * 1e3:.2f} to {high * 1e3:.2f}); bar 5 ms")
    os.environ["PYTHONPATH"] = sys.path[0]
    gains = [imported("import maitred") - imported("pass") for _ in range(given.pairs)]
    middle, low, high = interval(gains)
    print(f"import maitred: {middle * 1e3:.2f} ms ({low * 1e3:.2f} to {high * 1e3:.2f}); bar 50 ms")


if __name__ == "__main__":
    main()
