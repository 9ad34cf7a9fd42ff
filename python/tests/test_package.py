"""The package beside the real program: `MAITRED` names it, else it lies where pip put it."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import unittest

import maitred
from maitred import _program, _subjects

# What the tests measure is nobody's result.
os.environ.setdefault("MAITRED_NO_KEEP", "1")

ROUNDS = {"rounds": 1, "options": ["--warmup", "0", "--no-trace"]}


class Subjects(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="maitred-test-")

    def given(self, subject, inputs=None):
        return _subjects.describe(subject, inputs, _subjects.Parcel(self.folder))

    def test_a_function_of_a_module_goes_by_its_name(self):
        self.assertEqual(self.given(textwrap.dedent).before, ["textwrap:dedent"])

    def test_one_that_was_replaced_in_its_module_goes_by_value(self):
        there = textwrap.dedent
        textwrap.dedent = lambda text: text
        try:
            self.assertEqual(self.given(there).before, ["maitred_sent:dedent"])
        finally:
            textwrap.dedent = there

    def test_values_that_json_keeps_travel_as_json(self):
        named = self.given(textwrap.dedent, [1, "a", [True, None], {"k": 1.5}]).before
        lines = pathlib.Path(named[-1]).read_text().splitlines()
        self.assertEqual([json.loads(line) for line in lines], [1, "a", [True, None], {"k": 1.5}])

    def test_values_that_json_would_change_travel_by_value(self):
        for value in [(1, 2), {1: 2}, float("nan"), b"bytes", True + 0j]:
            named = self.given(textwrap.dedent, [value]).before
            self.assertTrue(named[-1].endswith("maitred_sent_inputs.py:make"), value)

    def test_inputs_may_be_made_by_a_function(self):
        self.assertEqual(self.given(textwrap.dedent, tempfile.mkdtemp).before[-2:], ["--inputs", "tempfile:mkdtemp"])

    def test_functions_beside_each_other_keep_names_of_their_own(self):
        def make(step):
            def count(number):
                return number + step

            return count

        named = self.given([make(1), make(2), textwrap.dedent])
        self.assertEqual(named.before, ["maitred_sent:count", "maitred_sent:count_2", "textwrap:dedent"])

    def test_no_inputs_is_a_mistake(self):
        with self.assertRaisesRegex(maitred.UsageError, "there are no inputs"):
            self.given(textwrap.dedent, [])

    def test_words_are_a_command(self):
        self.assertEqual(self.given(["sleep", "0.1"]).behind, ["--", "sleep", "0.1"])
        with self.assertRaises(maitred.UsageError):
            self.given(["sleep"], [1])


class Runs(unittest.TestCase):
    """Each of these starts the program."""

    def test_a_function_of_main_is_compared_on_the_callers_interpreter(self):
        text = """
            import maitred, sys
            def triple(number, plus):
                return 3 * number + plus
            result = maitred.compare(
                triple, range(4), args=[1], models=["sequential", "thread-pool:2"], rounds=1,
                options=["--warmup", "0", "--no-trace"])
            names = sorted(row.model.split("/")[1] for row in result.table)
            assert names == ["sequential", "thread-pool:2"], names
            own = "python%d.%d" % sys.version_info[:2]
            assert all(row.model.startswith(own) for row in result.table), result.table
            assert result.to_dict()["subject"]["tasks"] == 4
            # As its author calls it, not as it travels.
            assert str(result).startswith("triple\\n"), str(result)
            print(result.best)
        """
        self.assertIn("/", self.script(text))

    def test_closures_and_coroutines(self):
        text = """
            import asyncio, maitred
            def make(factor):
                async def scaled(number):
                    await asyncio.sleep(0)
                    return factor * number
                return scaled
            result = maitred.compare(make(3), [1, 2], models=["event-loop"], rounds=1,
                                     options=["--warmup", "0", "--no-trace"])
            print(result.table[0].seconds > 0)
        """
        self.assertEqual(self.script(text), "True")

    def test_what_is_refused_is_one_sentence(self):
        with self.assertRaisesRegex(maitred.UsageError, "no-such.kdl"):
            maitred.compare("no-such.kdl")

    def test_a_command_and_its_table(self):
        result = maitred.compare(["true"], count=2, models="processes:1,processes:2", **ROUNDS)
        self.assertEqual(len(result.table), 2)
        self.assertIsNotNone(result.table[0].seconds)
        self.assertEqual(result.to_dict()["subject"]["name"], "true")

    def test_a_result_is_saved_and_compared_with(self):
        first = maitred.compare(["true"], count=2, models="processes:2", **ROUNDS)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "saved.json")
            first.save(path)
            self.assertEqual(maitred.Comparison.load(path).to_dict(), first.to_dict())
        maitred.compare(["true"], count=2, models="processes:2", against=first, **ROUNDS)

    def test_events_arrive_in_order(self):
        events = []
        maitred.compare(
            ["true"], count=2, models="processes:2", progress=events.append, **ROUNDS
        )
        kinds = [event["event"] for event in events]
        self.assertLess(kinds.index("contestants"), kinds.index("run-begun"))
        self.assertLess(kinds.index("run-begun"), kinds.index("run-ended"))
        self.assertEqual(kinds[-1], "result")

    def test_a_recording_draws_itself(self):
        recording = maitred.run(["true"], count=3, model="processes:2")
        self.assertGreater(recording.seconds, 0)
        self.assertIn("<svg", recording.svg())

    def test_html_stands_by_itself(self):
        result = maitred.compare(["true"], count=2, models="processes:2", **ROUNDS)
        bundle = result._repr_mimebundle_()
        self.assertIn("data:image/svg+xml,", bundle["text/html"])
        self.assertNotIn("<script", bundle["text/html"])
        self.assertNotIn("<html", bundle["text/html"])
        self.assertIn("processes:2", bundle["text/plain"])

    def test_ctrl_c_keeps_what_was_measured(self):
        text = """
            import _thread, maitred
            asked = []
            def on_event(event):
                # As soon as one round is there.
                if event["event"] == "rounds-ended" and not asked:
                    asked.append(event)
                    _thread.interrupt_main()
            result = maitred.compare(["sleep", "0.05"], count=1, models="processes:1", rounds=100000,
                                     progress=on_event, options=["--warmup", "0", "--no-trace"])
            print(result.interrupted, len(result.to_dict()["contestants"][0]["runs"]) > 0)
        """
        self.assertEqual(self.script(text), "True True")

    def test_python_m_is_the_program(self):
        done = subprocess.run(
            [sys.executable, "-m", "maitred", "--version"], capture_output=True, text=True, check=True
        )
        self.assertTrue(done.stdout.startswith("maitred "))

    def script(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "script.py")
            pathlib.Path(path).write_text(textwrap.dedent(text))
            package = str(pathlib.Path(maitred.__file__).parent.parent)
            environment = {**os.environ, "PYTHONPATH": package, "MAITRED": _program.program()}
            done = subprocess.run(
                [sys.executable, path], capture_output=True, text=True, env=environment
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout.strip()


if __name__ == "__main__":
    unittest.main()
