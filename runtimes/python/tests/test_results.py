"""What functions returned is compared by value, when the clock has stopped; and what the runner adds to a call is known."""

import tempfile

from . import driver
from .cases import PythonCase, on_every_python, ready

SUBJECT = """
import os
from dataclasses import dataclass

class Grid:  # stands for arrays that have `==` by element and a shortened repr
    def __init__(self, cells):
        self.cells = cells
    def __eq__(self, other):
        return Grid([a == b for a, b in zip(self.cells, other.cells)])
    def all(self):
        return all(self.cells)
    def __repr__(self):
        return "Grid(...)"

@dataclass(eq=False)
class Row:
    name: str
    cells: Grid

class Plain:
    def __init__(self, n):
        self.n = n

BASE = 7  # changed by a test: what another run returns

def number(i): return i + BASE
def whole(i): return float(i) if BASE != 7 else i
def grid(i): return Grid([0] * 500 + [BASE] + [0] * 500)
def row(i): return [Row("a", Grid([BASE]))]
def plain(i): return {"x": Plain(BASE)}
def nan(i): return [float("nan"), {"y": float("nan")}]
def many(i): return {str(n) for n in range(20)}
def deep(i): return list(range(1000)) + [BASE]
def lambdas(i): return [lambda: i]
"""


# To compare two of them takes longer than there is time for looking at results.
LATE = """
import time
BASE = 7
class Slow:
    def __init__(self, n):
        self.n = n
    def __eq__(self, other):
        time.sleep(0.4)
        return self.n == other.n
def slow(i): return Slow(BASE)
"""


class Results(PythonCase):
    def run_twice(self, function, strategies=("sequential", "sequential"), other=7, **options):
        """Two runs that share a reference; the second one's module has another BASE."""
        where = self.folder({"subject.py": SUBJECT})
        reference = tempfile.NamedTemporaryFile()
        self.addCleanup(reference.close)
        done = []
        for strategy, base in zip(strategies, (7, other)):
            text = SUBJECT.replace("BASE = 7", "BASE = %d" % base)
            with open(where + "/subject.py", "w") as file:
                file.write(text)
            step = {"call": {"function": where + "/subject.py:" + function}}
            outcome = self.finish(strategy, [step], 3, inputs=self.inputs([1, 2, 3]), reference=reference.name, **options)
            self.assertEqual(outcome.done["failures"], [])
            done.append(outcome.done)
        return done

    def how(self, function, same=True, **kwargs):
        first, second = self.run_twice(function, **kwargs)
        compare = self.assertEqual if same else self.assertNotEqual
        compare(first["result_hash"], second["result_hash"])
        compare(first["results"]["hashes"], second["results"]["hashes"])
        return {name for name, _ in second["results"]["how"]}

    def test_equal_values_are_the_same_and_it_is_said_how_that_was_seen(self):
        self.assertEqual(self.how("number"), {"=="})
        self.assertEqual(self.how("whole", other=8), {"=="})
        self.assertEqual(self.how("grid"), {"=="})
        self.assertEqual(self.how("row"), {"==", "the fields of dataclasses"})
        self.assertEqual(self.how("plain"), {"attributes"})
        self.assertEqual(self.how("nan"), {"=="})
        self.assertEqual(self.how("many"), {"=="})

    def test_other_values_are_told_apart_even_where_their_repr_is_the_same(self):
        for function in ("number", "grid", "row", "plain", "deep"):
            self.how(function, same=False, other=8)

    def test_the_place_of_a_difference_is_shown(self):
        _, second = self.run_twice("deep", other=8)
        self.assertEqual(second["results"]["shown"][0], ["1", "[1000] = 8, not 7"])

    def test_results_travel_and_are_still_the_same(self):
        for strategy in self.each(["thread-pool", "processes", "event-loop"]):
            self.assertEqual(self.how("row", strategies=("sequential", strategy)), {"==", "the fields of dataclasses"})

    def test_what_cannot_be_kept_is_compared_by_hash(self):
        self.assertEqual(self.how("lambdas"), {"a hash"})

    def test_where_one_differs_all_are_compared_whatever_the_time(self):
        where = self.folder({"late.py": LATE})
        reference = tempfile.NamedTemporaryFile()
        self.addCleanup(reference.close)
        done = []
        for base in (7, 8, 8, 7):
            with open(where + "/late.py", "w") as file:
                file.write(LATE.replace("BASE = 7", "BASE = %d" % base))
            step = {"call": {"function": where + "/late.py:slow"}}
            outcome = self.finish("sequential", [step], 4, inputs=self.inputs([1, 2, 3, 4]), reference=reference.name)
            done.append(outcome.done)
        first, other, again, same = done
        self.assertEqual(other["results"]["how"], [["==", 4]])
        self.assertEqual(other["result_hash"], again["result_hash"])
        self.assertNotEqual(other["result_hash"], first["result_hash"])
        self.assertEqual(same["result_hash"], first["result_hash"])
        self.assertIn("not compared", dict(same["results"]["how"]))

    def test_results_can_be_dropped(self):
        first, second = self.run_twice("deep", results="discarded")
        self.assertEqual((first["result_hash"], second["results"]), (None, None))

    def test_what_the_runner_adds_to_a_call_is_measured(self):
        for strategy in self.each(["sequential", "threads", "thread-pool", "processes", "event-loop", "interpreters"]):
            first, _ = self.run_twice("number", strategies=(strategy, strategy))
            cost = first["harness"]
            self.assertTrue(0 <= cost["low_ns"] <= cost["call_ns"] <= cost["high_ns"], cost)
            self.assertGreater(cost["high_ns"], 0)


on_every_python(globals())
