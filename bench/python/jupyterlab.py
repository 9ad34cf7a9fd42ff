"""What a saved notebook shows in JupyterLab when it is opened without being run, looked at by Chromium.

    python3 bench/python/jupyterlab.py [--notebook FILE] [--keep FOLDER]

It executes the notebook by nbclient, opens what was saved in a real JupyterLab (untrusted, as somebody else's is), scrolls
through it, takes a picture of each screenful and says which outputs were shown: pictures that have a size, tables, and what
the page refused. It needs jupyterlab and nbclient beside the package, and chromium. MAITRED names the program.
"""

import argparse
import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

import nbclient
import nbformat
import websocket

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZE = (1280, 1000)
PATIENCE_S = 600

SEEN = """(() => {
    const area = [...document.querySelectorAll('.jp-OutputArea-output')];
    const pictures = area.flatMap(one => [...one.querySelectorAll('img')]);
    return {
        outputs: area.length,
        pictures: pictures.map(one => [one.src, one.complete && one.naturalWidth > 0]),
        tables: area.flatMap(one => [...one.querySelectorAll('table')]).length,
        errors: area.filter(one => one.innerText.includes('Traceback')).length,
    };
})()"""
# Of the notebook's boxes the one that can be scrolled.
SCROLLER = "[...document.querySelectorAll('.jp-WindowedPanel-outer, .jp-Notebook')].find(one => one.scrollHeight > one.clientHeight + 9)"
# A spinner turns above the cells until they are all there.
IS_THERE = f"!document.querySelector('.jp-Spinner') && !!document.querySelector('.jp-OutputArea-output img') && !!({SCROLLER})"


class Browser:
    """Chromium's page, asked over the DevTools protocol."""

    def __init__(self, folder):
        command = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if command is None:
            sys.exit("chromium was not found: apt-get install chromium")
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--hide-scrollbars"]
        self.process = subprocess.Popen(
            [command, *options, f"--window-size={SIZE[0]},{SIZE[1]}", f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        place = pathlib.Path(folder, "DevToolsActivePort")
        wait_until(lambda: place.exists() and place.read_text().count("\n"))
        port = place.read_text().splitlines()[0]
        pages = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/json").read())
        page = next(one for one in pages if one["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], suppress_origin=True, timeout=PATIENCE_S)
        self.number = 0

    def ask(self, method, **parameters):
        self.number += 1
        self.socket.send(json.dumps({"id": self.number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == self.number:
                return answer["result"]

    def value(self, expression):
        return self.ask("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def close(self):
        self.socket.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wait_until(there):
    until = time.monotonic() + PATIENCE_S
    while True:
        with contextlib.suppress(OSError, ValueError, StopIteration):
            found = there()
            if found:
                return found
        if time.monotonic() > until:
            sys.exit(f"nothing came within {PATIENCE_S} s")
        time.sleep(0.2)


@contextlib.contextmanager
def jupyterlab(folder, scratch):
    """The address of a JupyterLab over this folder; what it notes of itself lies in `scratch`, where none was before."""
    runtime = pathlib.Path(scratch, "runtime")
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(pathlib.Path(scratch, "config"))}
    words = ["-m", "jupyterlab", "--no-browser", "--allow-root", "--port=0", "--IdentityProvider.token=", "--ServerApp.open_browser=False"]
    with open(pathlib.Path(scratch, "server.log"), "w") as log:
        server = subprocess.Popen([sys.executable, *words], cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        said = wait_until(lambda: next(runtime.glob("jpserver-*.json")).read_text())
        yield json.loads(said)["url"]
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def execute(notebook, path):
    content = nbformat.read(notebook, as_version=4)
    nbclient.NotebookClient(content, timeout=900, kernel_name="python3").execute()
    # Who opens somebody else's notebook has never trusted it.
    for cell in content.cells:
        cell.metadata.pop("trusted", None)
    nbformat.write(content, path)
    outputs = (output for cell in content.cells for output in cell.get("outputs", []))
    return sum(output.get("data", {}).get("text/html", "").count("data:image/svg+xml") for output in outputs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebook", default=ROOT / "notebooks" / "talk.ipynb", type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path, help="where pictures and the executed notebook are left")
    parser.add_argument("--executed", action="store_true", help="the notebook has its outputs already")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="maitred-lab-") as scratch, contextlib.ExitStack() as ends:
        folder = given.keep or pathlib.Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "opened.ipynb"
        if given.executed:
            shutil.copy(given.notebook, path)
            expected = path.read_text().count("data:image/svg+xml")
        else:
            expected = execute(given.notebook, path)
        address = ends.enter_context(jupyterlab(str(folder), scratch))
        browser = Browser(os.path.join(scratch, "profile"))
        ends.callback(browser.close)
        browser.ask("Page.enable")
        browser.ask("Page.navigate", url=f"{address}lab/tree/{path.name}")
        wait_until(lambda: browser.value(IS_THERE))
        browser.value("[...document.querySelectorAll('button')].filter(one => /^(No|OK|Close)$/i.test(one.innerText.trim())).forEach(one => one.click())")
        shown, tables, errors, still = {}, 0, 0, 0
        for screen in range(400):
            time.sleep(0.5)
            seen = browser.value(SEEN)
            shown.update((source, shown.get(source) or there) for source, there in seen["pictures"])
            tables, errors = max(tables, seen["tables"]), max(errors, seen["errors"])
            if not still:
                browser.picture(folder / f"screen-{screen:02}.png")
            before = browser.value(f"{SCROLLER}.scrollTop")
            browser.value(f"{SCROLLER}.scrollBy(0, {SIZE[1] - 250})")
            # What lies further down is made when it is scrolled to, which may take a while.
            still = still + 1 if browser.value(f"{SCROLLER}.scrollTop") == before else 0
            if still > 5:
                break
        drawn = sum(shown.values())
        print(f"pictures in the file: {expected}; shown on opening without running: {drawn} of {len(shown)}; tables {tables}; errors {errors}")
        return 0 if drawn == len(shown) == expected and drawn and not errors else 1


if __name__ == "__main__":
    sys.exit(main())
