"""What can go wrong is a result, told in the user's own lines, and takes down no more than it must."""

from . import driver
from .cases import ALL, APART, CONCURRENT, PythonCase, on_every_python, ready
from .driver import MS

FAULTS = """
import ctypes, os, signal, sys, threading

def divides(n):
    return helper(n) / 0

def helper(n):
    return n

def leaves(n):
    if n % 2:
        sys.exit(3)

def sinks(n):
    return sinks(n + 1)

def hoards(n):
    raise MemoryError

def returns_a_lock(n):
    return threading.Lock()

def takes_none():
    pass

def crashes(n):
    if n == 1:
        if sys.implementation.name == "pypy":  # whose ctypes knows a null pointer when it sees one
            signal.raise_signal(signal.SIGSEGV)
        ctypes.string_at(0)

def sleeps(n):
    import time
    time.sleep(3000)

def asks(n):
    return input()

class Picky:
    def __init__(self, needed):
        pass

    def method(self, n):
        return n

number = 7
"""

STARTS = """
import multiprocessing

def nothing():
    pass

child = multiprocessing.Process(target=nothing)
child.start()
child.join()

def f(n):
    return n
"""


class UserCode(PythonCase):
    def call(self, strategy, function, count=3, **options):
        folder = self.folder({"faults.py": FAULTS})
        steps = [{"call": {"function": "%s/faults.py:%s" % (folder, function)}}]
        return self.run_plan(strategy, steps, count, inputs=self.inputs(range(count)), **options)

    def only(self, outcome):
        self.assertEqual(outcome.name, "done", (outcome.done, outcome.log))
        self.assertEqual(driver.laws(outcome), [])
        (failure,) = outcome.done["failures"]
        return failure

    def test_a_question_to_a_terminal_says_that_there_is_none(self):
        failure = self.only(self.call("sequential", "asks"))
        self.assertEqual(failure["kind"], "EOFError")
        self.assertIn("a task has no terminal", failure["text"])

    def test_a_method_whose_object_cannot_be_made(self):
        outcome = self.call("sequential", "Picky.method")
        self.assertEqual((outcome.name, outcome.done["code"]), ("error", "load"))
        self.assertIn("no `Picky()` can be made for it", outcome.done["text"])

    def test_a_module_that_starts_processes_where_each_worker_imports_it(self):
        folder = self.folder({"starts.py": STARTS})
        for method in {"spawn", "forkserver"} & set(dict(ready(self.python)["facts"])["start methods"].split()):
            steps = [{"call": {"function": folder + "/starts.py:f"}}]
            outcome = self.run_plan("processes", steps, 3, inputs=self.inputs(range(3)), start_method=method)
            self.assertEqual((outcome.name, outcome.done["code"]), ("error", "load"), outcome.log)
            self.assertIn("it starts processes when it is imported", outcome.done["text"])
            self.assertIn("starts.py:8", outcome.done["text"])

    def test_exception_names_the_users_own_line(self):
        for strategy in self.each():
            failure = self.only(self.call(strategy, "divides"))
            self.assertEqual((failure["kind"], failure["count"], failure["step"]), ("ZeroDivisionError", 3, 0))
            self.assertRegex(failure["text"], r"division by zero \(.*faults\.py:5 in divides\)")

    def test_exit_fails_the_task_and_not_the_run(self):
        for strategy in self.each():
            outcome = self.call(strategy, "leaves", 6)
            failure = self.only(outcome)
            self.assertEqual((failure["kind"], failure["count"], failure["task"] % 2), ("exit", 3, 1))
            self.assertIn("sys.exit(3)", failure["text"])
            self.assertEqual([task.outcome for task in outcome.tasks], [1, 2] * 3)

    def test_recursion_and_memory(self):
        for strategy in self.each(["sequential", "threads", "event-loop", "processes"]):
            self.assertEqual(set(self.call(strategy, "sinks").failures()), {"RecursionError"})
            self.assertEqual(self.only(self.call(strategy, "hoards"))["kind"], "memory")

    def test_wrong_number_of_arguments(self):
        failure = self.only(self.call("sequential", "takes_none"))
        self.assertEqual(failure["kind"], "TypeError")

    def test_what_cannot_be_handed_over_fails_where_it_must_be_handed_over(self):
        for strategy in self.each():
            outcome = self.call(strategy, "returns_a_lock")
            if strategy in APART:
                failure = self.only(outcome)
                self.assertEqual(failure["count"], 3)
                self.assertIn("cannot be handed to another", failure["text"])
                self.assertEqual([task.outcome for task in outcome.tasks], [2] * 3)
            else:
                self.assertEqual(outcome.done["failures"], [])

    def test_segmentation_fault_shows_the_users_line_in_the_log(self):
        for strategy in self.each(["sequential", "threads", "event-loop"]):
            outcome = self.call(strategy, "crashes")
            self.assertIsNone(outcome.name)
            self.assertIn("faults.py", outcome.log)

    def test_what_cannot_be_loaded_is_said_before_the_run(self):
        folder = self.folder({"bad.py": "import no_such_module", "worse.py": "def (", "quits.py": "import sys; sys.exit(1)", "fine.py": "x = 3"})
        for function, text in [
            ("bad.py:f", "no_such_module"), ("worse.py:f", "worse.py:1"), ("quits.py:f", "sys.exit"),
            ("fine.py:f", "f"), ("fine.py:x", "not a function"), ("gone.py:f", "there is no file"),
            ("no_such_package.module:f", "no_such_package"), ("nothing", "nothing"),
        ]:
            name = function if not function.partition(":")[0].endswith(".py") else "%s/%s" % (folder, function)
            with driver.Runner(self.python) as runner:
                reply, error = runner.prepare(driver.plan("threads", [{"call": {"function": name}}]))
            self.assertEqual((reply, error["code"]), ("error", "load"), error)
            self.assertIn(text, error["text"])

    def test_a_hang_can_be_located(self):
        import os, signal, time

        folder = self.folder({"faults.py": FAULTS})
        with driver.Runner(self.python) as runner:
            steps = [{"wait": {"ns": MS}}, {"call": {"function": folder + "/faults.py:sleeps"}}]
            runner.prepare(driver.plan("threads", steps, 2, inputs=self.inputs([1, 2])))
            runner.say({"go": {}})
            until = time.monotonic() + driver.PATIENCE_S
            while [task.step for task in runner.trace.tasks()] != [1, 1] and time.monotonic() < until:
                time.sleep(0.01)
            self.assertEqual([task.step for task in runner.trace.tasks()], [1, 1])
            while "in sleeps" not in runner.read_log() and time.monotonic() < until:
                os.kill(runner.process.pid, signal.SIGUSR1)
                time.sleep(0.1)
            self.assertIn("in sleeps", runner.read_log())


class Crashes(PythonCase):
    STEPS = [{"wait": {"ns": 20 * MS}}, "crash"]

    def test_takes_down_the_process_that_it_happens_in(self):
        for strategy in self.each([name for name in ALL if name != "processes"]):
            outcome = self.run_plan(strategy, self.STEPS, 3)
            self.assertIsNone(outcome.name, "the runner died with its task")
            crashed = [task for task in outcome.tasks if task.step == 1]
            self.assertTrue(crashed and not any(task.end for task in crashed))

    def test_breaks_the_pool_and_says_what_was_lost(self):
        for method in self.each_method():
            outcome = self.finish("processes", [{"wait": {"ns": 200 * MS}}], 3, more=[(["crash"], 1), (["yield"], 50)], workers=2, start_method=method)
            failure = outcome.failures()["BrokenProcessPool"]
            lost = [number for number, task in enumerate(outcome.tasks) if task.start and not task.end]
            unstarted = sum(not task.start for task in outcome.tasks)
            self.assertIn(3, lost)
            self.assertEqual(failure["count"], len(lost))
            self.assertIn("killed by SIGKILL during task 3", failure["text"])
            self.assertIn("%d never started" % unstarted, failure["text"])
            work = outcome.done["phases"]["work"]
            self.assertTrue(all(max(span.start, span.end) <= work["end_ns"] for span in outcome.spans))
            self.assertIsNone(work["cpu"])

    def each_method(self):
        for self.strategy in dict(ready(self.python)["facts"])["start methods"].split():
            yield self.strategy


on_every_python(globals())
