"""Every strategy does the same work, within the conservation laws, in the time that arithmetic says."""

import collections
import random

from . import driver
from .cases import ALL, APART, CONCURRENT, ON_A_LOOP, SHARING, PythonCase, on_every_python
from .driver import MS

SCALE = 25  # the talk's seconds, divided


def s(seconds):
    return {"ns": int(seconds * 1000 * MS / SCALE)}


WAITERS = [{"wait": s(4)}, {"hold": {"resource": 0, "steps": [{"wait": s(1)}]}}]


class Waiters(PythonCase):
    """Five tables think for 4 s; a waiter writes an order down in 1 s."""

    def serve(self, strategy, waiters):
        outcome = self.finish(strategy, WAITERS, 5, workers=5 if strategy not in ("sequential", "event-loop") else None,
                              resources=[("waiter", waiters)])
        self.assertEqual([task.outcome for task in outcome.tasks], [1] * 5)
        return outcome

    def test_one_after_another_takes_25_s(self):
        outcome = self.serve("sequential", 1)
        self.assertGreaterEqual(outcome.work_s() * SCALE, 25)
        self.assertEqual(outcome.together(), 1)

    def test_together_they_wait_at_the_same_time(self):
        for strategy in self.each(CONCURRENT):
            outcome = self.serve(strategy, 1)
            self.assertLess(9, outcome.work_s() * SCALE)
            # On a machine that is busy each may come when the one before has left, but not every time.
            self.assertTrue(outcome.together() > 1 or any(self.serve(strategy, 1).together() > 1 for _ in range(20)))

    def test_more_waiters_shorten_the_queue(self):
        for strategy in self.each(["threads", "processes", "event-loop"]):
            self.assertGreaterEqual(self.serve(strategy, 2).work_s() * SCALE, 7)
            self.assertGreaterEqual(self.serve(strategy, 5).work_s() * SCALE, 5)
            # On a machine that is busy they may come to the waiters one by one, but not every time.
            self.assertTrue(any(self.write_at_once(self.serve(strategy, 5)) > 1 for _ in range(20)))

    def write_at_once(self, outcome):
        written = [span for span in outcome.spans if span.step == 2]
        return max(sum(other.start <= span.start < other.end for other in written) for span in written)

    def test_blocking_call_stops_the_loop(self):
        self.assertGreaterEqual(self.finish("event-loop", [{"block": {"ns": 20 * MS}}], 5).work_s(), 0.1)
        self.assertTrue(any(self.is_blocked_at_once() for _ in range(20)))

    def is_blocked_at_once(self):
        outcome = self.finish("hybrid", [{"block": {"ns": 300 * MS}}], 5, workers=5)
        return any(a.start < b.end and b.start < a.end for a in outcome.spans for b in outcome.spans if a is not b)


def random_program(draw, depth=0, lowest=0):
    """Steps that always come to an end: resources are nested in one order only."""
    steps = []
    for _ in range(draw.randint(1, 4)):
        kind = draw.choice(["cpu", "wait", "block", "yield", "update", "read", "write", "allocate", "hold", "repeat"])
        if kind in ("cpu", "wait", "block"):
            steps.append({kind: {"ns": draw.randint(0, 500_000)}})
        elif kind == "yield":
            steps.append("yield")
        elif kind == "read":
            steps.append({"read": {"var": 0}})
        elif kind in ("update", "write"):
            steps.append({kind: {"var": 0, "add": 1}})
        elif kind == "allocate":
            steps.append({"allocate": {"bytes": draw.randint(0, 20_000)}})
        elif kind == "hold" and depth < 2 and lowest < 3:
            resource = draw.randint(lowest, 2)
            steps.append({"hold": {"resource": resource, "steps": random_program(draw, depth + 1, resource + 1)}})
        elif kind == "repeat" and depth < 2:
            steps.append({"repeat": {"count": draw.randint(0, 3), "steps": random_program(draw, depth + 1, lowest)}})
    return steps or ["yield"]


def expected(plan):
    """How often each (task, step) must be recorded."""
    count = collections.Counter()

    def visit(task, steps, times):
        for step in steps:
            action = step["action"]
            if "repeat" in action:
                visit(task, action["repeat"]["steps"], times * action["repeat"]["count"])
            elif times:
                count[task, step["id"]] += times
                if "hold" in action:
                    count[task, step["id"] + 1] += times
                    visit(task, action["hold"]["steps"], times)

    for group in plan["groups"]:
        for task in range(group["first"], group["first"] + group["count"]):
            visit(task, plan["programs"][group["program"]]["steps"], 1)
    return count


class SameWork(PythonCase):
    def test_random_workloads_leave_the_same_steps_everywhere(self):
        for seed in range(4):
            draw = random.Random(seed)
            first, second = random_program(draw), random_program(draw)
            for strategy in self.each():
                outcome = self.finish(strategy, first, 7, more=[(second, 4)], variables=[("v", 3)], resources=[("a", 1), ("b", 2), ("c", 1)])
                seen = collections.Counter((span.task, span.step) for span in outcome.spans)
                self.assertEqual(seen, expected(outcome.plan), "seed %d" % seed)
                self.assertTrue(all(task.outcome == 1 for task in outcome.tasks))
                self.assertTrue(all(span.end for span in outcome.spans))

    def test_no_steps_at_all(self):
        for strategy in self.each():
            outcome = self.finish(strategy, [], 3)
            self.assertEqual([task.outcome for task in outcome.tasks], [1] * 3)

    def test_columns_give_each_task_and_turn_its_own_duration(self):
        waits = [(1 + n) * MS for n in range(6)]
        file, side = driver.columns(waits, per_task=2)
        with file:
            for strategy in self.each():
                outcome = self.finish(strategy, [{"repeat": {"count": 2, "steps": [{"wait": {"column": 0}}]}}], 3, side=side)
                lengths = collections.defaultdict(list)
                for span in sorted(outcome.spans, key=lambda span: span.start):
                    lengths[span.task].append(span.end - span.start)
                for task, (one, two) in lengths.items():
                    self.assertGreaterEqual(one, waits[2 * task])
                    self.assertGreaterEqual(two, waits[2 * task + 1])

    def test_cpu_work_is_what_the_calibration_says(self):
        # Twice the work takes more CPU time, whatever else the machine does.
        for strategy in self.each(["sequential", "threads"]):
            spent = []
            for ns in (5 * MS, 20 * MS):
                cpu = None
                while cpu is None:  # it is not known of work whose end was noticed late
                    outcome = self.finish(strategy, [{"cpu": {"ns": ns}}], 1, calibration=ready_rate(self.python))
                    cpu = outcome.done["phases"]["work"]["cpu"]
                spent.append(cpu["user_ns"] + cpu["system_ns"])
            self.assertLess(spent[0], spent[1])

    def test_late_arrivals_do_not_come_early(self):
        for strategy in self.each():
            outcome = self.finish(strategy, ["yield"], 4, arrivals={"every-ns": 10 * MS})
            begun = outcome.done["phases"]["work"]["start_ns"]
            for number, task in enumerate(outcome.tasks):
                self.assertGreaterEqual(task.start - begun, number * 10 * MS)

    def test_lanes_tell_who_they_are(self):
        for strategy in self.each():
            outcome = self.finish(strategy, [{"wait": {"ns": MS}}], 4)
            lanes = list(outcome.lanes.values())
            self.assertEqual({lane.closed for lane in lanes}, {1})
            self.assertEqual(len({lane.tid for lane in lanes}), len(lanes), "one kernel thread a lane")
            self.assertEqual(len({lane.pid for lane in lanes}), 4 if strategy == "processes" else 1)
            roles = {"processes": [2] * 4, "event-loop": [1], "hybrid": [0] * 4 + [1]}.get(strategy)
            if roles:
                self.assertEqual(sorted(lane.role for lane in lanes), roles)

    def test_full_lane_counts_what_it_drops(self):
        plan = driver.plan("sequential", [{"repeat": {"count": 10, "steps": ["yield"]}}], 2)
        outcome = driver.run(self.python, dict(plan, room=5))
        self.assertEqual([(lane.spans, lane.dropped) for lane in outcome.lanes.values()], [(5, 15)])
        self.assertEqual([task.outcome for task in outcome.tasks], [1, 1])


class WaitingForEachOther(PythonCase):
    def test_first_come_first_served(self):
        # Tasks come one by one while the only unit is held: they get it in the order of their requests. One that loses
        # its processor between the clock and the queue is overtaken, but not every time.
        for strategy in self.each(CONCURRENT):
            self.assertTrue(any(self.is_in_order(strategy) for _ in range(20)))

    def is_in_order(self, strategy):
        steps = [{"hold": {"resource": 0, "steps": [{"wait": {"ns": 40 * MS}}]}}]
        workers = None if strategy == "event-loop" else 6
        outcome = self.finish(strategy, steps, 6, workers=workers, resources=[("r", 1)], arrivals={"every-ns": 15 * MS})
        asked = {span.task: span.start for span in outcome.spans if span.step == 0}
        served = [span.task for span in sorted(outcome.spans, key=lambda span: span.start) if span.step == 1]
        return served == sorted(served, key=asked.get)

    def test_producers_and_consumers(self):
        send, receive = [{"repeat": {"count": 5, "steps": [{"send": {"channel": 0}}]}}], [{"repeat": {"count": 5, "steps": [{"receive": {"channel": 0}}]}}]
        for strategy in self.each(CONCURRENT):
            outcome = self.finish(strategy, send, 2, more=[(receive, 2)], channels=[("c", 2)])
            self.assertEqual([task.outcome for task in outcome.tasks], [1] * 4)
            # No item is received before it was sent, and never more than two lie between.
            sent = sorted(span.end for span in outcome.spans if span.step == 1)
            received = sorted(span.end for span in outcome.spans if span.step == 3)
            begun = sorted(span.start for span in outcome.spans if span.step == 1)
            self.assertEqual((len(sent), len(received)), (10, 10))
            self.assertTrue(all(start < end for start, end in zip(begun, received)))

    def test_a_resource_comes_back_after_a_failure(self):
        steps = [{"hold": {"resource": 0, "steps": [{"fail": {"why": "no"}}]}}]
        for strategy in self.each():
            outcome = self.finish(strategy, steps, 5, resources=[("r", 1)])
            self.assertEqual(outcome.failures()["fail"]["count"], 5)

    def test_deadlock_is_named(self):
        for strategy in self.each():
            outcome = self.run_plan(strategy, [{"wait": {"ns": MS}}, {"receive": {"channel": 0}}], 2, channels=[("c", 1)])
            stuck = {(blocked["task"], blocked["step"]) for blocked in outcome.done["deadlock"]}
            self.assertEqual(stuck, {(0, 1)} if strategy == "sequential" else {(0, 1), (1, 1)})

    def test_a_task_that_comes_late_prevents_a_deadlock(self):
        for strategy in self.each(["threads", "event-loop"]):
            outcome = self.finish(strategy, [{"receive": {"channel": 0}}], 1, channels=[("c", 1)], more=[([{"wait": {"ns": 400 * MS}}, {"send": {"channel": 0}}], 1)])
            self.assertEqual(outcome.done["deadlock"], [])


class Variables(PythonCase):
    RACE = [{"repeat": {"count": 30, "steps": [{"read": {"var": 0}}, {"wait": {"ns": MS}}, {"write": {"var": 0, "add": 1}}]}}]

    def value(self, outcome):
        return outcome.done["vars"][0]["value"]

    def test_read_then_write_loses_updates_when_the_processor_changes_hands_between(self):
        for strategy in self.each(["threads", "event-loop"]):
            self.assertLess(self.value(self.finish(strategy, self.RACE, 4, variables=[("x", 0)])), 120)

    def test_the_gil_does_not_protect_two_steps(self):
        # No yield between them: the interpreter takes the processor away where it likes (after 5 ms with a GIL).
        steps = [{"repeat": {"count": 40_000, "steps": [{"read": {"var": 0}}, {"write": {"var": 0, "add": 1}}]}}]
        self.assertLess(self.value(self.finish("threads", steps, 4, variables=[("x", 0)])), 160_000)

    def test_one_after_another_loses_none(self):
        self.assertEqual(self.value(self.finish("sequential", self.RACE, 4, variables=[("x", 0)])), 120)

    def test_update_loses_none(self):
        for strategy in self.each(SHARING):
            steps = [{"repeat": {"count": 300, "steps": [{"update": {"var": 0, "add": 1}}, "yield"]}}]
            self.assertEqual(self.value(self.finish(strategy, steps, 4, variables=[("x", 5)])), 1205)

    def test_a_guarded_race_loses_none(self):
        guarded = [{"repeat": {"count": 50, "steps": [{"hold": {"resource": 0, "steps": [{"read": {"var": 0}}, "yield", {"write": {"var": 0, "add": 1}}]}}]}}]
        for strategy in self.each(SHARING):
            self.assertEqual(self.value(self.finish(strategy, guarded, 4, variables=[("x", 0)], resources=[("lock", 1)])), 200)

    def test_workers_apart_have_variables_of_their_own(self):
        for strategy in self.each(APART):
            outcome = self.finish(strategy, [{"wait": {"ns": 5 * MS}}, {"update": {"var": 0, "add": 1}}], 8, variables=[("x", 0)])
            (var,) = outcome.done["vars"]
            self.assertEqual((var["value"], sum(var["by_process"]), len(var["by_process"])), (0, 8, 4))


class OtherSteps(PythonCase):
    def test_child_processes(self):
        for strategy in self.each():
            outcome = self.finish(strategy, [{"run": {"program": "true", "args": []}}], 2)
            self.assertEqual(outcome.done["failures"], [])
            outcome = self.finish(strategy, [{"run": {"program": "sh", "args": ["-c", "echo to the log; exit 3"]}}], 2)
            self.assertEqual(outcome.failures()["run"]["text"], "`sh` ended with exit code 3")
            self.assertIn("to the log", outcome.log)
            outcome = self.finish(strategy, [{"run": {"program": "no-such-program", "args": []}}])
            self.assertIn("cannot be started", outcome.failures()["run"]["text"])

    def test_memory_is_taken_and_given_back(self):
        for strategy in self.each(["sequential", "threads", "event-loop"]):
            self.finish(strategy, [{"allocate": {"bytes": 3_000_000}}, {"allocate": {"bytes": 0}}], 10)

    def test_concurrency_on_a_loop_can_be_limited(self):
        for strategy in self.each(ON_A_LOOP):
            outcome = self.finish(strategy, [{"wait": {"ns": 3 * MS}}], 9, concurrency="2")
            for task in outcome.tasks:
                together = sum(other.start <= task.start < other.end for other in outcome.tasks)
                self.assertLessEqual(together, 2)


def ready_rate(python):
    from .cases import ready

    return ready(python)["calibration"]


on_every_python(globals())
