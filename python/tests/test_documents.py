"""What the pages tell people to type in Python runs as it is written: all blocks of a page, one after another, as one program."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import maitred
from maitred import _program

ROOT = pathlib.Path(__file__).parents[2]


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


class Pages(unittest.TestCase):
    def test_every_example_runs(self):
        for page in (ROOT / "docs" / "python.md", ROOT / "python" / "README.md"):
            found = blocks(page.read_text(encoding="utf-8"))
            self.assertTrue(found, page)
            with self.subTest(page.name), tempfile.TemporaryDirectory() as folder:
                script = pathlib.Path(folder, "page.py")
                script.write_text("\n".join(found), encoding="utf-8")
                environment = {
                    **os.environ,
                    "PYTHONPATH": str(pathlib.Path(maitred.__file__).parent.parent),
                    "MAITRED": _program.program(),
                    "MAITRED_NO_KEEP": "1",
                }
                done = subprocess.run(
                    [sys.executable, script], cwd=folder, env=environment, capture_output=True, text=True
                )
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
