"""The talk as a notebook, executed by a real kernel; what it shows survives saving."""

import pathlib
import unittest

try:
    import nbclient
    import nbformat
except ImportError:
    nbclient = nbformat = None

NOTEBOOK = pathlib.Path(__file__).parents[2] / "notebooks" / "talk.ipynb"


@unittest.skipIf(nbclient is None, "needs nbclient, nbformat and ipykernel")
class Talk(unittest.TestCase):
    def test_every_cell_runs_and_shows_what_it_found(self):
        notebook = nbformat.read(NOTEBOOK, as_version=4)
        nbclient.NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
        saved = nbformat.reads(nbformat.writes(notebook), as_version=4)
        nbformat.validate(saved)
        drawn = 0
        for cell in saved.cells:
            for output in cell.get("outputs", []):
                self.assertNotEqual(output.output_type, "error", cell.source)
                # What was shown while it ran is gone.
                self.assertNotIn("\r", output.get("text", ""))
                if output.output_type == "display_data":
                    self.assertEqual(output.data, {"text/plain": ""})
                html = output.get("data", {}).get("text/html", "")
                self.assertNotIn("<script", html)
                drawn += "data:image/svg+xml," in html
        self.assertGreaterEqual(drawn, 8)


if __name__ == "__main__":
    unittest.main()
