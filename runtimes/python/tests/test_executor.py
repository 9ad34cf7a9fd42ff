"""Executors of the user's own: pools of the library and by hand, in threads and in processes, and what is no executor."""

import os

from .cases import PythonCase, on_every_python

POOLS = """
import multiprocessing, os, queue, threading, time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))

def note(what):
    with open(os.path.join(HERE, "log"), "a") as file:
        file.write(what + "\\n")

def threads(max_workers=3):
    return ThreadPoolExecutor(max_workers)

def forked():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork"))

def spawned():
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn"))

class Inline:
    def submit(self, function, *args):
        future = Future()
        future.set_result(function(*args))
        return future

class Pair:
    \"\"\"Two threads and a queue, and results that are got, as multiprocessing has them.\"\"\"

    class Later:
        def __init__(self):
            self.done, self.value, self.error = threading.Event(), None, None

        def get(self):
            self.done.wait()
            if self.error:
                raise self.error
            return self.value

    def __init__(self):
        self.jobs = queue.Queue()

    def __enter__(self):
        note("enter")
        self.workers = [threading.Thread(target=self.work) for _ in range(2)]
        for worker in self.workers:
            worker.start()
        return self

    def __exit__(self, *problem):
        for _ in self.workers:
            self.jobs.put(None)
        for worker in self.workers:
            worker.join()
        note("exit")

    def submit(self, function, *args):
        later = self.Later()
        self.jobs.put((later, function, args))
        return later

    def work(self):
        for later, function, args in iter(self.jobs.get, None):
            try:
                later.value = function(*args)
            except BaseException as error:
                later.error = error
            later.done.set()

def leaving():
    # A process that goes on, and has the pipe of the library's tracker.
    multiprocessing.get_context("spawn").Process(target=time.sleep, args=(3600,), daemon=True).start()
    return ThreadPoolExecutor(2)

def nothing():
    return object()

def broken():
    raise OSError("no pool today")

local = threading.local()
gate = threading.Lock()

def connect():
    local.thread = threading.get_ident()
    note("up")

def close():
    note("down")

def uses(n):
    return local.thread == threading.get_ident()

def where(n):
    return os.getpid()

def double(n):
    return 2 * n

def fails(n):
    raise ValueError(n)

def locked(n):
    with gate:
        return n

def dies(n):
    os.kill(os.getpid(), 9)

def returns_a_lock(n):
    return threading.Lock()
"""

KINDS = {"threads": 3, "forked": 2, "spawned": 2, "Inline": None, "Pair": None}


class Executor(PythonCase):
    strategy = "executor"

    def setUp(self):
        self.where = self.folder({"pools.py": POOLS})

    def name(self, function):
        return "%s/pools.py:%s" % (self.where, function)

    def call(self, maker, function, values=range(6), workers=4, **options):
        step = {"call": {"function": self.name(function)}}
        named = {key: self.name(options.pop(key)) for key in ("worker_setup", "worker_teardown") if key in options}
        return self.run_plan(
            "executor", [step], len(values), workers=workers, inputs=self.inputs(list(values)), executor=self.name(maker), **options, **named
        )

    def good(self, *args, **options):
        outcome = self.call(*args, **options)
        self.assertEqual((outcome.name, outcome.done.get("failures")), ("done", []), (outcome.done, outcome.log))
        return outcome

    def shown(self, outcome):
        return [text for _, text in outcome.done["results"]["shown"]]

    def log(self):
        with open(os.path.join(self.where, "log")) as file:
            return file.read().split()

    def test_every_kind_does_all_tasks_and_is_traced(self):
        from . import driver

        for maker, size in KINDS.items():
            outcome = self.good(maker, "double")
            self.assertEqual(driver.laws(outcome), [], maker)
            self.assertEqual(self.shown(outcome), ["0", "2", "4", "6", "8", "10"], maker)
            self.assertEqual(sum(lane.ended for lane in outcome.lanes.values()), 6, maker)
            if size is not None:
                self.assertEqual(len(outcome.lanes), size, maker)
                self.assertTrue(all(lane.closed for lane in outcome.lanes.values()), maker)
            self.assertEqual(size is None, any("does not say how many" in note for note in outcome.done["notes"]), maker)

    def test_workers_are_there_before_the_work_begins(self):
        # Who begins a task was made in set-up: its lane was there before any task began.
        for maker in ("threads", "forked", "spawned"):
            outcome = self.good(maker, "uses", worker_setup="connect", worker_teardown="close")
            self.assertEqual(set(self.shown(outcome)), {"True"}, maker)
            self.assertEqual(sorted(self.log()), ["down"] * KINDS[maker] + ["up"] * KINDS[maker], maker)
            phases = outcome.done["phases"]
            self.assertLessEqual(phases["setup"]["end_ns"], min(task.start for task in outcome.tasks), maker)
            os.remove(os.path.join(self.where, "log"))

    def test_processes_are_told_from_threads_by_their_lanes(self):
        for maker in ("forked", "spawned"):
            outcome = self.good(maker, "where")
            pids = {str(lane.pid) for lane in outcome.lanes.values()}
            self.assertLessEqual(set(self.shown(outcome)), pids, maker)
            self.assertEqual({lane.role for lane in outcome.lanes.values()}, {2}, maker)
        self.assertEqual({lane.role for lane in self.good("threads", "where").lanes.values()}, {0})

    def test_it_is_entered_and_left(self):
        self.good("Pair", "double")
        self.assertEqual(self.log(), ["enter", "exit"])

    def test_what_its_maker_leaves_running_keeps_nobody(self):
        self.assertEqual(self.shown(self.good("leaving", "double")), ["0", "2", "4", "6", "8", "10"])

    def test_a_number_of_workers_is_handed_on(self):
        outcome = self.good("threads", "double", executor_workers="2")
        self.assertEqual(len(outcome.lanes), 2)

    def test_parcels(self):
        for maker in ("threads", "forked"):
            self.assertEqual(self.shown(self.good(maker, "double", chunk="4")), ["0", "2", "4", "6", "8", "10"])

    def test_failures_of_tasks_are_theirs(self):
        for maker in KINDS:
            outcome = self.call(maker, "fails")
            self.assertEqual((outcome.name, outcome.failures()["ValueError"]["count"]), ("done", 6), maker)

    def test_what_cannot_come_back_is_a_failure(self):
        outcome = self.call("forked", "returns_a_lock")
        self.assertEqual(sum(one["count"] for one in outcome.done["failures"]), 6)
        self.assertIn("cannot be handed to another process", outcome.done["failures"][0]["text"])
        self.good("threads", "returns_a_lock")

    def test_state_that_processes_do_not_share_is_told(self):
        self.assertEqual(self.good("forked", "locked").done["unshared"], [["gate", "guard threading.Lock"]])
        self.assertEqual(self.good("threads", "locked").done["unshared"], [])

    def test_a_worker_that_dies_is_told(self):
        outcome = self.call("forked", "dies")
        self.assertEqual(outcome.name, "done")
        self.assertIn("BrokenProcessPool", outcome.failures())

    def test_what_is_no_executor_is_refused_with_the_next_step(self):
        for maker, code, text in (
            ("nothing", "load", "has no `submit`: return an executor"),
            ("broken", "load", "made no executor: OSError: no pool today"),
            ("missing", "load", "cannot be loaded"),
        ):
            outcome = self.call(maker, "double")
            self.assertEqual((outcome.name, outcome.done["code"]), ("error", code), maker)
            self.assertIn(text, outcome.done["text"])
        outcome = self.call("forked", "double", executor_workers="2")
        self.assertIn("takes no number of workers: give it a parameter `max_workers`", outcome.done["text"])
        outcome = self.run_plan("executor", [{"wait": {"ns": 1}}], 2)
        self.assertIn("name it, as in --executor", outcome.done["text"])

    def test_tasks_that_share_something_are_refused(self):
        step = {"hold": {"resource": 0, "steps": []}}
        outcome = self.run_plan("executor", [step], 2, resources=[("pen", 1)], executor=self.name("threads"))
        self.assertEqual((outcome.name, outcome.done["code"]), ("error", "unsupported"))
        self.assertIn("use thread-pool or processes", outcome.done["text"])


on_every_python(globals())
