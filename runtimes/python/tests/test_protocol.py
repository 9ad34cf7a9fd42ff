"""The conversation: what is said, when, and that nothing a user's program does can disturb it."""

import json
import os
import subprocess
import sys
import time

from . import driver
from .cases import CONCURRENT, PythonCase, on_every_python, ready
from .driver import MS

NOISE = """
import ctypes, os, subprocess, sys

def shouts(n):
    print("printed %d" % n)
    os.write(1, b"written\\n")
    ctypes.CDLL(None).puts(b"put")
    ctypes.CDLL(None).fflush(None)
    subprocess.run(["echo", "echoed"])
    print('{"done": {}}')

def listens(n):
    return input("what? ")
"""

ROOT = os.path.join(driver.HERE, "..")
PARENT = """
import json, sys, time
from tests import driver
runner = driver.Runner(sys.argv[1])
assert runner.prepare(json.loads(sys.argv[2]))[0] == "ready"
runner.say({"go": {}})
while not any(task.start for task in runner.trace.tasks()):
    time.sleep(0.01)
time.sleep(0.1)
print(runner.process.pid, flush=True)
time.sleep(6000)
"""


def processes_of(group):
    """How many processes of the process group live."""
    count = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as file:
                state, _, pgrp = file.read().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        count += int(pgrp) == group and state != "Z"
    return count


STAYS = """trap 'echo x > cleaned; exit 0' TERM; echo x > ready; while :; do sleep 0.01; done"""


class Ending(PythonCase):
    def test_asks_what_steps_started_to_end_before_it_is_killed(self):
        # The time that it has is short: on a busy machine it may not get a processor in it, but not every time.
        for strategy in self.each(["threads", "processes", "event-loop"]):
            self.assertTrue(any(self.cleans_up(strategy) for _ in range(20)))

    def cleans_up(self, strategy):
        folder = self.folder({})
        plan = driver.plan(strategy, [{"run": {"program": "sh", "args": ["-c", STAYS]}}])
        with driver.Runner(self.python, folder) as runner:
            self.assertEqual(runner.prepare(plan)[0], "ready")
            runner.say({"go": {}})
            while not os.path.exists(os.path.join(folder, "ready")):
                self.assertIsNone(runner.process.poll(), runner.read_log())
                time.sleep(0.01)
            runner.process.stdin.close()
            runner.process.wait()
        return os.path.exists(os.path.join(folder, "cleaned"))


class Conversation(PythonCase):
    def test_says_what_it_is(self):
        said = ready(self.python)
        code = "import sys; print(sys.implementation.name, getattr(sys, '_is_gil_enabled', lambda: True)(), sys.executable)"
        name, gil, executable = subprocess.check_output([self.python, "-c", code], text=True).split()
        self.assertEqual((said["protocol"], said["runtime"], str(said["gil"])), (2, name, gil))
        self.assertIn(["executable", executable], said["facts"])
        self.assertGreater(said["calibration"], 0)
        self.assertGreater(said["span_cost_ns"], 0)
        self.assertNotIn("async-pool", said["strategies"])
        facts = dict(said["facts"])
        self.assertEqual("interpreters" in said["strategies"], "no interpreters" not in facts)

    def test_describe_does_not_end_the_conversation(self):
        with driver.Runner(self.python) as runner:
            runner.say({"describe": {}})
            runner.hear()
            self.assertEqual(runner.prepare(driver.plan("sequential", ["yield"]))[0], "ready")

    def test_calibrates_when_the_plan_does_not_say(self):
        with driver.Runner(self.python) as runner:
            self.assertGreater(runner.prepare(driver.plan("sequential", [], calibration=None))[1]["calibration"], 1000)

    def test_what_is_no_command_is_quoted(self):
        for line, text in [(b"hello", "hello"), (b"[1]", "[1]"), (b'{"go": {}}', "go"), (b'{"dance": {}}', "dance")]:
            with driver.Runner(self.python) as runner:
                runner.say(line)
                reply, error = runner.hear()
                self.assertEqual((reply, error["code"]), ("error", "protocol"))
                self.assertIn(text, error["text"])

    def test_what_it_cannot_do_is_said_before_the_run(self):
        for change, code, text in [
            ({"strategy": "async-pool"}, "unsupported", "async-pool"),
            ({"protocol": 99}, "protocol", "99"),
            ({"options": {"loop": "uvloop"}, "strategy": "event-loop"}, "unsupported", "uvloop"),
            ({"options": {"start-method": "clone"}, "strategy": "processes"}, "unsupported", "clone"),
            ({"programs": [{"name": "t", "steps": [{"id": 0, "action": {"dance": {}}}]}]}, "unsupported", "dance"),
        ]:
            if change.get("options") == {"loop": "uvloop"} and dict(ready(self.python)["facts"])["uvloop"] == "yes":
                continue
            with driver.Runner(self.python) as runner:
                reply, error = runner.prepare(dict(driver.plan("threads", ["yield"]), **change))
            self.assertEqual((reply, error["code"]), ("error", code), error)
            self.assertIn(text, error["text"])

    def test_unknown_fields_are_ignored(self):
        outcome = driver.run(self.python, dict(driver.plan("threads", ["yield"], 2), novelty={"a": 1}))
        self.assertEqual(outcome.name, "done")

    def test_prints_go_to_the_log(self):
        folder = self.folder({"noise.py": NOISE})
        for strategy in self.each():
            outcome = self.finish(strategy, [{"call": {"function": folder + "/noise.py:shouts"}}], 3, inputs=self.inputs([1, 2, 3]))
            self.assertEqual(outcome.done["failures"], [])
            for text in ("printed 2", "written", "put", "echoed", '{"done": {}}'):
                self.assertIn(text, outcome.log)

    def test_there_is_nothing_to_read_for_the_users_code(self):
        folder = self.folder({"noise.py": NOISE})
        for strategy in self.each(["sequential", "threads", "processes"]):
            outcome = self.finish(strategy, [{"call": {"function": folder + "/noise.py:listens"}}], 1, inputs=self.inputs([1]))
            self.assertEqual(list(outcome.failures()), ["EOFError"])

    def test_phases_follow_each_other(self):
        for strategy in self.each():
            outcome = self.finish(strategy, [{"wait": {"ns": MS}}], 4)
            phases = outcome.done["phases"]
            edges = [phases[name][edge] for name in ("setup", "work", "teardown") for edge in ("start_ns", "end_ns")]
            self.assertEqual(edges, sorted(edges))
            self.assertEqual(edges[3], max(task.end for task in outcome.tasks))

    def test_work_of_other_processes_is_counted(self):
        cpu = None
        while cpu is None:  # it is not known of work whose end was noticed late
            outcome = self.finish("processes", [{"cpu": {"ns": 200 * MS}}], 2, workers=2, calibration=ready(self.python)["calibration"])
            cpu = outcome.done["phases"]["work"]["cpu"]
        lanes = sum(lane.cpu for lane in outcome.lanes.values())
        self.assertGreater(cpu["user_ns"] + cpu["system_ns"], 0.5 * lanes)


class Ends(PythonCase):
    LONG = [{"wait": {"ns": 3_000_000 * MS}}]  # longer than anybody waits here

    def begin(self, runner, plan, under_way):
        """Starts the plan and waits until so many tasks have begun."""
        self.assertEqual(runner.prepare(plan)[0], "ready")
        runner.say({"go": {}})
        until = time.monotonic() + driver.PATIENCE_S
        while sum(bool(task.start) for task in runner.trace.tasks()) < under_way:
            self.assertLess(time.monotonic(), until, runner.read_log())
            time.sleep(0.01)

    def test_end_of_input_leaves_nothing_behind(self):
        for strategy in self.each():
            with driver.Runner(self.python) as runner:
                self.begin(runner, driver.plan(strategy, [{"run": {"program": "sleep", "args": ["3000"]}}], 2, more=[(self.LONG, 2)]), 1)
                self.gone(runner)

    def test_death_of_the_parent_leaves_nothing_behind(self):
        for strategy in self.each():
            plan = driver.plan(strategy, [{"run": {"program": "sleep", "args": ["3000"]}}], 2)
            self.orphan(plan)

    def test_death_of_the_parent_while_a_c_call_keeps_the_gil(self):
        folder = self.folder({"hog.py": "import re\ndef f():\n    re.match('(a+)+$', 'a' * 40 + 'b')\n"})
        plan = driver.plan("sequential", [{"call": {"function": folder + "/hog.py:f"}}])
        self.orphan(plan)

    def orphan(self, plan):
        """Kills who started the runner, and waits for the runner and all its children to follow."""
        env = dict(os.environ, TMPDIR=self.folder({}))
        parent = subprocess.Popen([sys.executable, "-c", PARENT, self.python, json.dumps(plan)], stdout=subprocess.PIPE, cwd=ROOT, env=env)
        with parent.stdout:
            group = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        self.empty(group)

    def gone(self, runner):
        runner.process.stdin.close()
        runner.process.wait(driver.PATIENCE_S)
        self.empty(runner.process.pid)

    def empty(self, group):
        until = time.monotonic() + driver.PATIENCE_S
        while processes_of(group):
            self.assertLess(time.monotonic(), until, "processes are left")
            time.sleep(0.01)

    def test_end_of_input_in_the_middle_of_computing(self):
        for strategy in self.each(["sequential", "threads", "processes", "event-loop"]):
            with driver.Runner(self.python) as runner:
                self.begin(runner, driver.plan(strategy, [{"cpu": {"ns": 3_000_000 * MS}}], 3), 1)
                self.gone(runner)

    def test_end_of_input_before_go(self):
        with driver.Runner(self.python) as runner:
            runner.prepare(driver.plan("processes", self.LONG, 2))
            self.gone(runner)

    def test_stop_lets_what_is_under_way_end_and_starts_no_more(self):
        for strategy in self.each(["sequential", "thread-pool", "processes", "interpreters"]):
            with driver.Runner(self.python) as runner:
                self.begin(runner, driver.plan(strategy, [{"wait": {"ns": 300 * MS}}], 100, workers=None if strategy == "sequential" else 2, grace_ns=3_000_000 * MS), 1)
                runner.say({"stop": {}})
                outcome = driver.Outcome(runner, runner.hear())
            self.assertEqual(outcome.name, "done")
            self.assertEqual(driver.laws(outcome), [])
            ended = [task for task in outcome.tasks if task.end]
            self.assertTrue(0 < len(ended) < 100)
            self.assertTrue(all(task.end for task in outcome.tasks if task.start))

    def test_stop_ends_the_wait_for_arrivals(self):
        for strategy in self.each(CONCURRENT):
            with driver.Runner(self.python) as runner:
                self.begin(runner, driver.plan(strategy, ["yield"], 3, arrivals={"every-ns": 3_000_000 * MS}, grace_ns=3_000_000 * MS), 1)
                runner.say({"stop": {}})
                name, _ = runner.hear()
                self.assertEqual(name, "done")

    def test_grace_is_not_for_ever(self):
        for strategy in self.each():
            with driver.Runner(self.python) as runner:
                self.begin(runner, driver.plan(strategy, self.LONG, 2, grace_ns=100 * MS), 1)
                runner.say({"stop": {}})
                outcome = driver.Outcome(runner, runner.hear())
                self.assertEqual(outcome.name, "done")
                self.assertTrue(outcome.done["notes"])
                self.assertFalse(any(task.end for task in outcome.tasks))
                self.gone(runner)


on_every_python(globals())
