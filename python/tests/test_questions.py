"""What can be asked beside `compare`, and what a function needs: each of these starts the real program."""

import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

import maitred
from maitred import _program

os.environ.setdefault("MAITRED_NO_KEEP", "1")
PACKAGE = pathlib.Path(maitred.__file__).parent.parent


def script(text):
    """What a program of the user's prints, line by line; its functions are those of `__main__`."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "program.py")
        path.write_text(textwrap.dedent(text))
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "MAITRED": _program.program()}
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, env=environment)
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout.splitlines()


class Import(unittest.TestCase):
    def test_nothing_is_imported_before_it_is_asked_for(self):
        # What an interpreter has loaded by itself differs; what we add does not.
        text = """
            import importlib, sys
            before = set(sys.modules)
            import maitred
            print(sorted(set(sys.modules) - before))
            print(maitred.compare.__module__, maitred.Check.__name__)
            try:
                maitred.compute
            except AttributeError as error:
                print(error)
        """
        self.assertEqual(
            script(text),
            ["['maitred']", "maitred._compare Check", "module 'maitred' has no attribute 'compute'"],
        )

    def test_every_name_is_there(self):
        for name in maitred.__all__:
            self.assertTrue(callable(getattr(maitred, name)), name)


class Scale(unittest.TestCase):
    def test_numbers_of_workers_that_were_asked_for_are_swept(self):
        text = """
            import time, maitred
            def nap(number):
                time.sleep(0.01)
            result = maitred.scale(nap, range(6), models="thread-pool", workers=[1, 2, 3], rounds=2)
            (found,) = result.scaling
            print([point["workers"] for point in found["fit"]["points"]])
            print(found["model"].endswith("/thread-pool"), "<svg" in result.svg("scaling"))
            print("Next:" in str(result))
        """
        self.assertEqual(script(text), ["[1, 2, 3]", "True True", "False"])

    def test_most_is_not_exceeded(self):
        result = maitred.scale(["true"], most=2, count=2, rounds=1)
        (found,) = result.scaling
        self.assertEqual([point["workers"] for point in found["fit"]["points"]], [1, 2])


class Claim(unittest.TestCase):
    def test_what_holds_and_what_does_not(self):
        text = """
            import maitred
            def echo(number):
                if number == 3:
                    raise ValueError("three")
                return number
            holds = maitred.claim(echo, "failed of threads = 1", inputs=range(5), budget="1s")
            print(bool(holds), holds.verdicts)
            refuted = maitred.claim(echo, "failed of threads = 0", "done of threads = 4", inputs=range(5), budget="1s")
            print(bool(refuted), sorted(refuted.verdicts.values()))
            print("| failed of threads = 0 | refuted |" in refuted._repr_markdown_())
        """
        self.assertEqual(
            script(text),
            ["True {'failed of threads = 1': 'holds'}", "False ['holds', 'refuted']", "True"],
        )

    def test_a_command(self):
        found = maitred.claim(["false"], "failed of processes:2 = 3", count=3, budget="1s")
        self.assertTrue(found, str(found))

    def test_what_is_no_claim_is_refused_with_the_next_step(self):
        with self.assertRaisesRegex(maitred.UsageError, "nothing is claimed"):
            maitred.claim(["true"])
        with self.assertRaisesRegex(maitred.UsageError, "`of` is missing"):
            maitred.claim(["true"], "throughput")


class Needs(unittest.TestCase):
    def test_workers_are_set_up_and_share_what_their_function_reads(self):
        text = """
            import threading, maitred
            local = {}
            def connect():
                local[threading.get_ident()] = "open"
            def ask(number):
                return local[threading.get_ident()], number
            def whole(results):
                return [number for _, number in results] == [0, 1, 2, 3]
            result = maitred.compare(
                ask, range(4), models="sequential,thread-pool:2", rounds=1, worker_setup=connect, expect=whole,
                options=["--warmup", "0", "--no-trace"])
            print([row.verdict for row in result.table if row.seconds is None])
        """
        self.assertEqual(script(text), ["[]"])

    def test_two_implementations_each_under_what_suits_it(self):
        text = """
            import asyncio, time, maitred
            def get(number):
                time.sleep(0.001)
                return number
            async def get_awaited(number):
                await asyncio.sleep(0.001)
                return number
            result = maitred.compare([get, get_awaited], range(3), rounds=1, options=["--warmup", "0", "--no-trace"])
            loops = [row.model.split(" ")[1] for row in result.table if "/event-loop" in row.model]
            pools = sorted({row.model.split(" ")[1] for row in result.table if "/thread-pool" in row.model})
            print(loops, pools)
        """
        self.assertEqual(script(text), ["['call=get_awaited'] ['call=get', 'call=get_awaited']"])

    def test_functions_and_classes_of_main_go_to_processes_and_back(self):
        text = """
            import dataclasses, maitred
            @dataclasses.dataclass
            class Order:
                number: int
            @dataclasses.dataclass
            class Bill:
                sum: int
            def settle(order):
                return Bill(10 * order.number)
            def right(bills):
                return [bill.sum for bill in bills] == [0, 10, 20]
            for method in ("fork", "spawn"):
                result = maitred.compare(settle, [Order(n) for n in range(3)], models="sequential,processes:2", rounds=1,
                                         expect=right, start_method=method, options=["--warmup", "0", "--no-trace"])
                print([row.verdict for row in result.table if row.seconds is None])
        """
        self.assertEqual(script(text), ["[]", "[]"])

    def test_keyword_arguments(self):
        text = """
            import maitred
            def join(left, right="!"):
                assert (left, right) in [("a", "b"), ("c", "!")], (left, right)
            result = maitred.compare(join, [{"left": "a", "right": "b"}, {"left": "c"}], models="sequential",
                                     spread=True, rounds=1, options=["--warmup", "0", "--no-trace"])
            print(result.to_dict()["contestants"][0]["runs"][0]["tasks"]["failed"])
        """
        self.assertEqual(script(text), ["0"])

    def test_executors_of_the_users_own_are_contestants(self):
        text = """
            import maitred
            from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
            class Loud(ThreadPoolExecutor):
                pass
            def make(max_workers=3):
                return Loud(max_workers)
            def work(number):
                return number * number
            result = maitred.compare(
                work, range(8), models="sequential", rounds=1, options=["--warmup", "0", "--no-trace"],
                executors={"loud": make, "forked": ProcessPoolExecutor})
            print(sorted((row.model.split("/")[1], row.seconds is not None) for row in result.table))
            numbered = maitred.compare(
                work, range(8), models="executor", workers=[1, 2], rounds=1, options=["--warmup", "0", "--no-trace"],
                executors={"loud": make})
            print(sorted((row.model.split("/")[1], row.workers) for row in numbered.table))
            recording = maitred.run(work, range(8), executors={"loud": make})
            print("<svg" in recording.svg(), recording.seconds > 0)
        """
        printed = script(text)
        self.assertEqual(printed[0], "[('executor pool=forked', True), ('executor pool=loud', True), ('sequential', True)]")
        self.assertEqual(printed[1], "[('executor:1 pool=loud', 1), ('executor:2 pool=loud', 2)]")
        self.assertEqual(printed[2], "True True")

    def test_what_is_no_executor_is_said(self):
        text = """
            import maitred
            def work(number):
                return number
            try:
                maitred.compare(work, range(2), executors={"mine": object})
            except maitred.UsageError as error:
                print(error)
        """
        self.assertRegex(script(text)[0], "the executor `mine`: .* made object, which has no `submit`: return an executor")

    def test_an_argument_that_there_is_not(self):
        with self.assertRaisesRegex(TypeError, "'wokers'; there are .*worker_setup"):
            maitred.compare(["true"], wokers=3)


if __name__ == "__main__":
    unittest.main()
