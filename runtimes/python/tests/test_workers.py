"""What workers do beside the work: set-up and tear-down of their own, warm-up calls; what they share and what they do not; and
loops that sleep for ever."""

import os

from . import driver
from .cases import CONCURRENT, PythonCase, on_every_python

SUBJECT = """
import asyncio, os, queue, sqlite3, threading, time

local = threading.local()
gate = threading.Lock()
all_there = threading.Barrier(3)
lazy = None
count = 0
calls = []
HERE = os.path.dirname(os.path.abspath(__file__))

def note(what):
    with open(os.path.join(HERE, "log"), "a") as file:
        file.write(what + "\\n")

def connect():
    local.thread = threading.get_ident()
    note("up")

def close():
    note("down" if local.thread == threading.get_ident() else "down elsewhere")

async def connect_awaited():
    await asyncio.sleep(0)
    local.loop = asyncio.get_running_loop()
    note("up")

def uses(n):
    return local.thread == threading.get_ident()

async def uses_awaited(n):
    return local.loop is asyncio.get_running_loop()

def fails():
    raise OSError("no connection")

def counts(n):
    calls.append(n)
    return len(calls)

def locked(n):
    with gate:
        return n

def increments(n):
    global count
    count += n

def inner(n):
    return locked(n)

class Shop:
    def __init__(self):
        self.orders = queue.Queue()
    def __reduce__(self):
        return Shop, ()
    def order(self, n):
        self.orders.put(n)

def plain(n):
    return len(str(n)) + len([m for m in range(3)])

lambdas = lambda n: n

async def two_loops(n):
    global lazy
    lazy = lazy or asyncio.Lock()
    all_there.wait()
    async with lazy:
        await asyncio.sleep(1)

async def nobody_comes(n):
    await asyncio.get_running_loop().create_future()

async def in_a_thread(n):
    return await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.3)

def ordered(results):
    assert results == sorted(results), "out of order"

def refused(results):
    return False

def make():
    return [{1, 2}, b"bytes", range(3)]

def kind(value, more=0):
    return type(value).__name__

def pair(a, b):
    return [a, b]
"""


class Workers(PythonCase):
    def setUp(self):
        self.where = self.folder({"subject.py": SUBJECT})

    def name(self, function):
        return "%s/subject.py:%s" % (self.where, function)

    def call(self, strategy, function, values=(1, 2, 3), **options):
        inputs = None if "make" in options else self.inputs(values)
        step = {"call": {"function": self.name(function)}}
        return self.run_plan(strategy, [step], len(values), inputs=inputs, **options)

    def good(self, *args, **options):
        outcome = self.call(*args, **options)
        self.assertEqual((outcome.name, outcome.done.get("failures")), ("done", []), (outcome.done, outcome.log))
        return outcome

    def log(self):
        with open(os.path.join(self.where, "log")) as file:
            return file.read().split()

    def test_every_worker_has_its_own_set_up_and_tear_down(self):
        for strategy in self.each(["sequential", "threads", "thread-pool", "processes", "event-loop"]):
            outcome = self.good(strategy, "uses", worker_setup=self.name("connect"), worker_teardown=self.name("close"))
            self.assertEqual({shown for _, shown in outcome.done["results"]["shown"]}, {"True"})
            workers = 1 if strategy in ("sequential", "event-loop") else 3
            self.assertEqual(sorted(self.log()), ["down"] * workers + ["up"] * workers)
            os.remove(os.path.join(self.where, "log"))

    def test_what_awaits_is_set_up_on_the_loop_that_uses_it(self):
        for strategy in self.each(["sequential", "thread-pool", "processes", "event-loop", "hybrid"]):
            outcome = self.good(strategy, "uses_awaited", worker_setup=self.name("connect_awaited"))
            self.assertEqual({shown for _, shown in outcome.done["results"]["shown"]}, {"True"})

    def test_a_set_up_that_fails_is_said_once(self):
        for strategy in self.each(["sequential", "thread-pool", "processes", "event-loop"]):
            outcome = self.call(strategy, "uses", worker_setup=self.name("fails"))
            self.assertEqual((outcome.name, outcome.done["code"]), ("error", "load"))
            self.assertIn("set-up", outcome.done["text"])
            self.assertIn("no connection", outcome.done["text"])

    def test_warm_up_calls_come_before_the_work(self):
        for strategy, workers in (("sequential", 1), ("event-loop", 1), ("thread-pool", 2)):
            outcome = self.good(strategy, "counts", workers=workers, warmup_calls="2")
            shown = sorted(int(text) for _, text in outcome.done["results"]["shown"])
            self.assertEqual(shown, [2 * workers + n for n in (1, 2, 3)])

    def test_a_function_is_handed_over_as_a_pool_would(self):
        for strategy in self.each(["processes", "interpreters"]):
            outcome = self.call(strategy, "lambdas")
            self.assertEqual((outcome.name, outcome.done["code"]), ("error", "load"))
            self.assertIn("pickle", outcome.done["text"].lower())
        self.good("thread-pool", "lambdas")

    def test_state_that_processes_do_not_share_is_told(self):
        expected = {
            "locked": [["gate", "guard threading.Lock"]],
            "inner": [["gate", "guard threading.Lock"]],
            "increments": [["count", "written"]],
            "Shop.order": [["Shop.orders", "guard queue.Queue"]],
            "plain": [],
        }
        for strategy in self.each(["processes"]):
            for function, unshared in expected.items():
                self.assertEqual(self.good(strategy, function).done["unshared"], unshared, function)
        self.assertEqual(self.good("thread-pool", "locked").done["unshared"], [])

    def test_loops_that_nothing_can_wake_are_found(self):
        for function, strategies in (("two_loops", ["thread-pool", "threads"]), ("nobody_comes", ["event-loop", "thread-pool"])):
            for strategy in self.each(strategies):
                outcome = self.call(strategy, function)
                self.assertEqual(outcome.name, "done")
                self.assertTrue(outcome.done["deadlock"], function)
                self.assertIn("nothing can wake", " ".join(outcome.done["notes"]))

    def test_a_loop_that_a_thread_will_wake_is_not_stuck(self):
        for strategy in self.each(["event-loop", "thread-pool", "hybrid"]):
            self.assertEqual(self.good(strategy, "in_a_thread").done["deadlock"], [])

    def test_results_can_be_checked_by_the_user(self):
        for strategy in self.each(CONCURRENT):
            held = self.good(strategy, "locked", expect=self.name("ordered")).done["expected"]
            self.assertEqual((held["holds"], held["text"]), (True, "`%s` of all results" % self.name("ordered")))
        self.assertFalse(self.good("threads", "locked", expect=self.name("refused")).done["expected"]["holds"])
        wrong = self.good("sequential", "locked", (2, 1), expect=self.name("ordered")).done["expected"]
        self.assertEqual((wrong["holds"], wrong["actual"].split(" (")[0]), (False, "AssertionError: out of order"))

    def test_inputs_of_any_type_are_made_by_a_function(self):
        for strategy in self.each():
            outcome = self.good(strategy, "kind", make=self.name("make"))
            self.assertEqual([shown for _, shown in outcome.done["results"]["shown"]], ["'set'", "'bytes'", "'range'"])

    def test_objects_are_keyword_arguments_where_there_are_such_parameters(self):
        for values in ([{"b": 2, "a": 1}], [{"x": 1, "y": 2}], [[1, 2]]):
            outcome = self.good("sequential", "pair", values, arguments="spread")
            self.assertEqual(outcome.done["results"]["shown"][0][1], "[1, 2]", values)

    def test_a_call_without_its_arguments_is_refused_with_a_hint(self):
        outcome = self.run_plan("sequential", [{"call": {"function": self.name("pair")}}], 2)
        self.assertEqual((outcome.name, outcome.done["code"]), ("error", "load"))
        self.assertIn("--inputs", outcome.done["text"])

    def test_parcels_are_as_large_as_asked(self):
        for strategy in self.each(["processes"]):
            outcome = self.good(strategy, "plain", list(range(10)), chunk="5")
            self.assertEqual(outcome.done["handover"]["parcels"], 2)

    def test_the_program_has_the_arguments_of_a_script(self):
        folder = self.folder({"args.py": "import sys\nARGS = list(sys.argv)\ndef f():\n    return ARGS\n"})
        for strategy in self.each(["sequential", "processes"]):
            outcome = self.finish(strategy, [{"call": {"function": folder + "/args.py:f"}}], 1)
            self.assertIn(repr([folder + "/args.py"])[:40], outcome.done["results"]["shown"][0][1])


on_every_python(globals())
