"""The user's own function: how it is found, what it is given, what it returns."""

from . import driver
from .cases import ALL, CONCURRENT, ON_A_LOOP, SHARING, PythonCase, on_every_python, ready
from .driver import MS

SUBJECT = """
import asyncio, threading, time
from dataclasses import dataclass

ready = []

def prepare():
    ready.append(1)

def needs_setup(n):
    return ready[0] + n

def double(n):
    return 2 * n

def named(a, b=0, *more):
    return [a, b, *more]

async def naps(seconds):
    await asyncio.sleep(seconds)
    return seconds

def starts_a_process(n):
    import subprocess, sys
    subprocess.run([sys.executable, "-S", "-c", "sum(range(2000000))"], check=True)
    return n

def sleeps(seconds):
    time.sleep(seconds)
    return seconds

def counts(n):
    for i in range(n):
        yield i

async def drips(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i

class Maker:
    def __init__(self):
        self.base = 10

    def add(self, n):
        return self.base + n

    @staticmethod
    def plain(n):
        return n

@dataclass
class Point:
    x: int
    y: set

class Opaque:
    def __init__(self, n):
        self.n = n

def structures(n):
    return {"z": {str(i) for i in range(n + 5)}, "a": (1.5, None, Point(n, {"x", "y"}), Opaque(n))}

def swapped(n):
    return dict(reversed(list(structures(n).items())))

calls = []

def races(n):
    time.sleep(0.03)  # long enough for every worker to get one
    calls.append(n)
    return len(calls)

def shared(n):
    text = "shared %d" % n
    return [text, text]

def copied(n):
    return ["shared %d" % n, "".join(["shared ", str(n)])]
"""


class Functions(PythonCase):
    def setUp(self):
        self.where = self.folder({
            "subject.py": SUBJECT,
            "pack/__init__.py": "",
            "pack/inner.py": "from . import other\ndef f(n):\n    return other.g(n)\n",
            "pack/other.py": "def g(n):\n    return n + 1\n",
        })

    def call(self, strategy, function, values, **options):
        where = function if ":" in function else "%s/subject.py:%s" % (self.where, function)
        outcome = self.finish(strategy, [{"call": {"function": where}}], len(values), inputs=self.inputs(values), cwd=self.where, **options)
        return outcome

    def hash(self, *args, **options):
        outcome = self.call(*args, **options)
        self.assertEqual(outcome.done["failures"], [])
        return outcome.done["result_hash"]

    def test_results_are_the_same_everywhere(self):
        for function, values in [("double", [1, 2, 3, 4]), ("structures", [1, 2, 3]), ("counts", [3, 4]), ("drips", [3, 4]),
                                 ("naps", [0.001, 0.002]), ("Maker.add", [1, 2]), ("Maker.plain", [1, 2])]:
            expected = self.hash("sequential", function, values)
            self.assertTrue(expected)
            for strategy in self.each(CONCURRENT):
                self.assertEqual(self.hash(strategy, function, values), expected, function)

    def test_start_methods_make_no_difference_to_results(self):
        hashes = {self.hash("processes", "structures", [1, 2], start_method=method) for method in dict(ready(self.python)["facts"])["start methods"].split()}
        self.assertEqual(len(hashes), 1)

    def test_equal_values_have_equal_hashes_and_others_have_not(self):
        self.assertEqual(self.hash("sequential", "structures", [1, 2]), self.hash("sequential", "swapped", [1, 2]))
        self.assertEqual(self.hash("sequential", "shared", [1, 2]), self.hash("sequential", "copied", [1, 2]))
        self.assertNotEqual(self.hash("sequential", "double", [1, 2]), self.hash("sequential", "double", [2, 1]))

    def test_the_tasks_whose_results_differ_can_be_told(self):
        folder = self.folder({"odd.py": "import os\nhome = os.getpid()\ndef f(n):\n    return [n, os.getpid() == home and n == 3]\n"})
        results = {}
        for strategy in ["sequential", *self.each(["processes"])]:
            steps = [{"call": {"function": folder + "/odd.py:f"}}]
            start = {} if strategy == "sequential" else {"start_method": "fork"}
            outcome = self.finish(strategy, steps, 40, inputs=self.inputs(list(range(40))), **start)
            told = outcome.done["results"]
            results[strategy] = [told["hashes"][at : at + 16] for at in range(0, len(told["hashes"]), 16)], told["shown"]
        for hashes, shown in results.values():
            self.assertEqual((len(hashes), len(set(hashes)), len(shown)), (40, 40, 40))
        if "processes" in results:
            one, other = results["sequential"], results["processes"]
            self.assertEqual([n for n in range(40) if one[0][n] != other[0][n]], [3])
            self.assertEqual([one[1][3], other[1][3]], [["3", "[3, True]"], ["3", "[3, False]"]])

    def test_what_is_handed_over_is_counted(self):
        for strategy in self.each(["processes", "interpreters"]):
            handover = self.call(strategy, "shared", list(range(100))).done["handover"]
            self.assertEqual(handover["tasks"], 100)
            self.assertTrue(4 < handover["parcels"] < 100, handover)  # several tasks a parcel, one at a time in the end
            self.assertTrue(handover["sent_bytes"] >= 100 and handover["returned_bytes"] >= 100 * 10, handover)
            self.assertGreater(handover["call_ns"], 0)
        self.assertIsNone(self.call("threads", "shared", [1]).done["handover"])

    def test_results_that_depend_on_shared_state_differ(self):
        self.assertNotEqual(self.hash("sequential", "races", list(range(8))), self.hash("processes", "races", list(range(8))))

    def test_what_processes_of_calls_used_is_told_apart(self):
        for strategy in self.each(["sequential", "threads"]):
            self.assertGreater(self.call(strategy, "starts_a_process", [1, 2]).done["children_cpu_ns"], 0)
            self.assertEqual(self.call(strategy, "double", [1, 2]).done["children_cpu_ns"], 0)
        for _ in self.each(["processes"]):
            self.assertIsNone(self.call("processes", "double", [1, 2]).done["children_cpu_ns"])

    def test_inputs_as_one_argument_or_several(self):
        one = self.hash("sequential", "named", [[1, 2]])
        self.assertNotEqual(one, self.hash("sequential", "named", [[1, 2]], arguments="spread"))
        self.assertEqual(self.hash("threads", "named", [{"a": 1, "b": 2}], arguments="spread"), self.hash("sequential", "named", [[1, 2]], arguments="spread"))
        self.assertEqual(self.hash("threads", "named", [1], args="[5, 6]"), self.hash("processes", "named", [[1, 5, 6]], arguments="spread"))

    def test_no_inputs_no_arguments(self):
        folder = self.folder({"alone.py": "def f():\n    return 1\n"})
        for strategy in self.each():
            outcome = self.finish(strategy, [{"call": {"function": folder + "/alone.py:f"}}], 3)
            self.assertEqual(outcome.done["failures"], [])

    def test_modules_and_packages_are_found(self):
        for strategy in self.each(["sequential", "processes", "interpreters"]):
            expected = self.hash(strategy, "pack.inner:f", [1, 2])
            self.assertEqual(self.hash(strategy, self.where + "/pack/inner.py:f", [1, 2]), expected)

    def test_setup_is_done_once_a_process(self):
        name = "%s/subject.py:prepare" % self.where
        for strategy in self.each():
            self.hash(strategy, "needs_setup", [1, 2, 3, 4], setup=name)

    def test_too_few_inputs(self):
        plan = driver.plan("threads", [{"call": {"function": self.where + "/subject.py:double"}}], 3, inputs=self.inputs([1]))
        with driver.Runner(self.python) as runner:
            reply, error = runner.prepare(plan)
        self.assertEqual((reply, error["code"]), ("error", "load"))
        self.assertIn("1 lines for 3 tasks", error["text"])

    def test_who_awaits_lets_others_go_on_and_who_blocks_does_not(self):
        # On a machine that is busy the second may come when the first has ended, but not every time.
        def overlap(strategy, function):
            return any(overlapping(self.call(strategy, function, [0.1] * 4)) for _ in range(20))

        for strategy in self.each(["threads", "event-loop", "hybrid"]):
            self.assertTrue(overlap(strategy, "naps"))
        self.assertTrue(overlap("hybrid", "sleeps"))
        self.assertFalse(overlapping(self.call("event-loop", "sleeps", [0.02] * 4)))

    def test_its_own_folder_is_where_it_imports_from(self):
        folder = self.folder({"main.py": "import beside\ndef f(n):\n    return beside.g(n)\n", "beside.py": "def g(n):\n    return n\n"})
        for strategy in self.each():
            outcome = self.finish(strategy, [{"call": {"function": folder + "/main.py:f"}}], 2, inputs=self.inputs([1, 2]))
            self.assertEqual(outcome.done["failures"], [])

    def test_files_named_like_the_library_do_not_disturb_the_runner(self):
        names = ["json", "socket", "threading", "queue", "select", "resource", "subprocess"]
        folder = self.folder({name + ".py": "raise RuntimeError('not me')" for name in names})
        outcome = self.finish("thread-pool", [{"wait": {"ns": MS}}], 2, cwd=folder)
        self.assertEqual(outcome.done["failures"], [])


def overlapping(outcome):
    spans = sorted(outcome.spans, key=lambda span: span.start)
    return any(b.start < a.end for a, b in zip(spans, spans[1:]))


on_every_python(globals())
