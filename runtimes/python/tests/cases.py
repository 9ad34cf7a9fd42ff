"""Runs every test case on every interpreter that is here, and says which are not."""

import functools
import json
import os
import shutil
import tempfile
import unittest

from . import driver

ALL = ["sequential", "threads", "thread-pool", "processes", "event-loop", "hybrid", "interpreters"]
SHARING = ["sequential", "threads", "thread-pool", "event-loop", "hybrid"]  # all tasks see the same variables
APART = ["processes", "interpreters"]
ON_A_LOOP = ["event-loop", "hybrid"]
CONCURRENT = [name for name in ALL if name != "sequential"]


@functools.lru_cache(maxsize=None)
def ready(python):
    """What this interpreter says of itself."""
    with driver.Runner(python) as runner:
        runner.say({"describe": {}})
        return runner.hear()[1]


class PythonCase(unittest.TestCase):
    """A test of one interpreter; `python` is its path."""

    python = strategy = None
    maxDiff = 2000

    def offered(self, among=ALL):
        return [name for name in among if name in ready(self.python)["strategies"]]

    def each(self, among=ALL):
        """Each strategy that this interpreter has; a failure names it."""
        for self.strategy in self.offered(among):
            yield self.strategy

    def _formatMessage(self, *args):
        return "%s with %s: %s" % (self.strategy or "", self.python, super()._formatMessage(*args))

    def run_plan(self, *args, **kwargs):
        cwd = kwargs.pop("cwd", None)
        return driver.run(self.python, driver.plan(*args, **kwargs), cwd)

    def finish(self, *args, **kwargs):
        """Runs a plan that is expected to come to its end, within the laws."""
        outcome = self.run_plan(*args, **kwargs)
        self.assertEqual(outcome.name, "done", (outcome.done, outcome.log))
        self.assertEqual(driver.laws(outcome), [])
        return outcome

    def folder(self, files):
        """A folder with these files in it: texts by path."""
        folder = tempfile.mkdtemp(prefix="maitred-test-")
        self.addCleanup(shutil.rmtree, folder, True)
        for name, text in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        return folder

    def inputs(self, values):
        folder = self.folder({"inputs.jsonl": "".join(json.dumps(value) + "\n" for value in values)})
        return os.path.join(folder, "inputs.jsonl")


def on_every_python(scope):
    """Replaces each case of a module by one for every interpreter; a missing one is a test that is skipped aloud."""
    cases = {name: case for name, case in scope.items() if isinstance(case, type) and issubclass(case, PythonCase) and case is not PythonCase}
    for name, case in cases.items():
        del scope[name]
        for python, path in driver.interpreters().items():
            title = "%s_%s" % (name, python.replace(".", "_"))
            if path:
                scope[title] = type(title, (case,), {"python": path, "__module__": scope["__name__"]})
            else:
                missing = unittest.skip("%s was not found: NOT TESTED" % python)(lambda self: None)
                scope[title] = type(title, (unittest.TestCase,), {"test_is_here": missing, "__module__": scope["__name__"]})
