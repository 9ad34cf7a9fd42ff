"""The program: where it is, how it is run, how its events are followed, what its endings mean."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from typing import Any, Callable, Dict, List, Optional, Sequence

Event = Dict[str, Any]


class MaitredError(Exception):
    """The program did not do what it was asked; the text is its own sentence."""


class UsageError(MaitredError, ValueError):
    """What was asked for is wrong, or this machine forbids it. Nothing was started."""


class NothingMeasured(MaitredError, RuntimeError):
    """No model could run the work."""


def program() -> str:
    """The path of the program: ``$MAITRED``, else beside this interpreter, else in the ``PATH``.

    Raises :class:`MaitredError` where there is none.
    """
    named = os.environ.get("MAITRED")
    if named:
        return named
    folders = [sysconfig.get_path("scripts"), os.path.dirname(sys.executable)]
    try:
        folders.append(sysconfig.get_path("scripts", f"{os.name}_user"))
    except KeyError:  # An interpreter without a user scheme.
        pass
    for folder in folders:
        path = os.path.join(folder, "maitred")
        if os.access(path, os.X_OK):
            return path
    found = shutil.which("maitred")
    if found is None:
        raise MaitredError(
            "the program maitred was not found beside this interpreter, nor in the PATH; "
            "`pip install maitred` brings it, and the environment variable MAITRED names another"
        )
    return found


def follow(
    arguments: Sequence[str],
    on_event: Callable[[Event], None],
    extra_path: Sequence[str] = (),
) -> int:
    """Runs the program to its end, handing on each event as it happens; returns its exit code.

    A first KeyboardInterrupt asks the program to stop and keep what it has, a second one ends it.

    Raises :class:`UsageError` where the program refuses what was asked.
    """
    environment = dict(os.environ)
    if extra_path:
        environment["PYTHONPATH"] = os.pathsep.join(extra_path)
    # Its own session: a Ctrl-C of the terminal reaches this interpreter alone, which passes it on,
    # so that it is the same in a terminal and in a notebook.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as words:
        child = subprocess.Popen(
            [program(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=words,
            env=environment,
            start_new_session=True,
        )
        assert child.stdout is not None
        try:
            code = _read(child, child.stdout.fileno(), on_event)
        finally:
            child.stdout.close()
            if child.poll() is None:
                child.kill()
                child.wait()
        words.seek(0)
        text = words.read().strip()
    if code == 2:
        raise UsageError(text.replace("error: ", "", 1) or "the program refused its arguments")
    if code == 70:
        raise MaitredError(text)
    if code not in (0, 1, 4) and code < 128:
        raise MaitredError(text or f"maitred ended with exit code {code}")
    if code == 1 and text:
        on_event({"event": "said", "text": text})
    return code


def _read(
    child: "subprocess.Popen[bytes]", stream: int, on_event: Callable[[Event], None]
) -> int:
    # By hand, for a reader of lines that is interrupted loses what it had of one.
    asked, rest = False, b""
    while True:
        try:
            while True:
                line, end, after = rest.partition(b"\n")
                if end:
                    rest = after
                    on_event(json.loads(line))
                elif more := os.read(stream, 1 << 16):
                    rest += more
                else:
                    return child.wait()
        except KeyboardInterrupt:
            if asked:
                raise
            asked = True
            child.send_signal(signal.SIGINT)


def search_path() -> List[str]:
    """The caller's ``sys.path``, as the interpreters that are started shall have it."""
    return [os.path.abspath(folder) if folder else os.getcwd() for folder in sys.path]


def interpreter() -> Optional[str]:
    """The caller's interpreter, where it is one that can be started."""
    return sys.executable or None
