"""The example for CI, run as its workflow runs it: claims, a baseline, and what CI servers read of them."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from maitred import _program

ROOT = pathlib.Path(__file__).parents[2]

# The program with less patience: how often something is measured is not what is tested here.
IMPATIENT = """#!/bin/sh
command=$1
shift
case $command in
    compare) exec "$MAITRED" compare --quiet --runs 3 --warmup 0 --no-trace --python "$PYTHON" "$@" ;;
    check) exec "$MAITRED" check --quiet --budget 1s --python "$PYTHON" "$@" ;;
esac
"""


def steps():
    """What the workflow runs, in order."""
    text = (ROOT / "examples" / "ci" / "workflow.yml").read_text(encoding="utf-8")
    return re.findall(r"^ +- run: (.*)$", text, re.MULTILINE)


class Workflow(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="maitred-test-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        shutil.copytree(ROOT / "examples" / "ci", self.folder / "examples" / "ci")
        stand_in = self.folder / "bin" / "maitred"
        stand_in.parent.mkdir()
        stand_in.write_text(IMPATIENT)
        stand_in.chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}",
            "MAITRED": _program.program(),
            "MAITRED_NO_KEEP": "1",
            "PYTHON": sys.executable,
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
        }

    def run_step(self, step):
        done = subprocess.run(
            ["sh", "-c", step], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        # Four is a verdict: on a busy machine there may be none, or another one.
        self.assertIn(done.returncode, (0, 4), (step, done.stderr))
        return done

    def verdicts(self, name):
        return re.findall(r"\b(regressed|same|better|inconclusive)\b", (self.folder / f"{name}.md").read_text())

    @unittest.skipIf(shutil.which("rustc") is None, "needs rustc")
    def test_every_step_does_what_it_is_for(self):
        install, check, build, against, summary = steps()
        self.assertEqual(install, "pip install maitred")
        claims = self.run_step(check)
        for line in claims.stdout.splitlines():
            if line.startswith("::"):
                self.assertRegex(line, r"^::(error|warning|notice) file=examples/ci/\w+\.\w+,")
        self.run_step(build)
        self.assertEqual(self.run_step(against).returncode, 0, "there is nothing to compare with yet")
        self.assertEqual(sorted(path.name for path in (self.folder / "baseline").iterdir()), ["service.json", "words.json"])
        again = self.run_step(against)
        for name in ("service", "words"):
            self.assertTrue(self.verdicts(name), name)
        regressed = any("regressed" in self.verdicts(name) for name in ("service", "words"))
        self.assertEqual(again.returncode, 4 if regressed else 0, again.stdout)
        for name in ("claims", "service", "words"):
            suites = xml.etree.ElementTree.parse(self.folder / f"{name}.xml").getroot()
            self.assertTrue(list(suites.iter("testcase")), name)
        self.run_step(summary)
        text = (self.folder / "summary.md").read_text()
        self.assertIn("| --- |", text)
        self.assertGreaterEqual(text.count("| experiment | claim | verdict |"), 1)


if __name__ == "__main__":
    unittest.main()
