"""The talk's nine programs: each runs by itself, and under every strategy."""

import os
import subprocess

from . import driver
from .cases import SHARING, PythonCase, on_every_python

TALK = os.path.abspath(os.path.join(driver.HERE, "..", "..", "..", "examples", "talk"))
SPEED = 20.0


class Talk(PythonCase):
    def alone(self, name):
        env = dict(os.environ, SPEED=str(SPEED))
        said = subprocess.check_output([self.python, os.path.join(TALK, name + ".py")], env=env, text=True, timeout=600)
        return float(said.split()[0]) * SPEED

    def under(self, strategy, function, count, **options):
        os.environ["SPEED"] = str(SPEED)
        file, _, function = function.partition(":")
        steps = [{"call": {"function": "%s/%s.py:%s" % (TALK, file, function)}}]
        outcome = self.finish(strategy, steps, count, workers=count if strategy not in ("sequential", "event-loop") else None, **options)
        return outcome, outcome.work_s() * SPEED

    def test_each_runs_by_itself(self):
        # Rounded to a tenth of a second, so half of one may be missing.
        self.assertGreaterEqual(self.alone("waiters_sequential"), 24)
        self.assertGreaterEqual(self.alone("requests_sequential"), 4)
        for name in ("waiters_threads", "waiters_asyncio"):
            # Somebody else may have the processors, but not every time.
            self.assertTrue(any(8 <= self.alone(name) < 25 for _ in range(20)), name)
        for name in ("requests_threads", "requests_asyncio", "cpu_sequential", "cpu_threads", "cpu_processes"):
            self.assertGreater(self.alone(name), 0, name)

    def test_all_nine_are_shown_in_a_table(self):
        env = dict(os.environ, SPEED="100")
        said = subprocess.check_output([self.python, os.path.join(TALK, "all.py")], env=env, text=True, timeout=600)
        self.assertEqual([line.split()[0] for line in said.splitlines()], ["waiters", "requests", "cpu"])
        self.assertEqual(sum(word == "s" for word in said.split()), 9, said)

    def test_waiters_under_every_strategy(self):
        for strategy in self.each():
            outcome, took = self.under(strategy, "waiters_threads:table", 5)
            self.assertEqual(outcome.done["failures"], [])
            # A plain function stops a loop; processes and interpreters each have a waiter of their own.
            least = {"sequential": 25, "event-loop": 25, "threads": 9, "thread-pool": 9, "hybrid": 9}.get(strategy, 5)
            self.assertGreaterEqual(took, least)
            if least < 25:
                self.assertGreater(outcome.together(), 1)

    def test_a_lock_of_one_loop_serves_one_loop(self):
        outcome, took = self.under("event-loop", "waiters_asyncio:table", 5)
        self.assertEqual(outcome.done["failures"], [])
        self.assertGreaterEqual(took, 9)
        self.assertGreater(outcome.together(), 1)

    def test_requests_and_computations_under_every_strategy(self):
        for function in ("requests_threads:fetch", "requests_asyncio:fetch", "cpu_sequential:compute"):
            hashes = set()
            for strategy in self.each():
                outcome, _ = self.under(strategy, function, 5)
                self.assertEqual(outcome.done["failures"], [], function)
                hashes.add(outcome.done["result_hash"])
            self.assertEqual(len(hashes), 1, function)


on_every_python(globals())
