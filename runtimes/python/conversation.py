"""The lines between maitred and the runner (`runtimes/PROTOCOL.md`), and the end of everything when nobody listens any more."""

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time

from maitred_failures import Refusal

PROTOCOL = 2


class Conversation:
    """The lines between maitred and us, on descriptors moved out of reach of whatever the user's code prints or reads."""

    def __init__(self):
        self.commands = self.replies = None
        self.buffer = b""
        self.lock = threading.Lock()

    def open(self):
        self.commands, self.replies = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(line_buffering=True)

    def leave(self):
        """In a forked worker: lets go of what is not its own."""
        for fd in (self.commands, self.replies):
            if fd is not None:
                os.close(fd)
        self.commands = self.replies = None

    def hear(self):
        """The next command: its name and value. There is none any more: end of everything."""
        while b"\n" not in self.buffer:
            more = os.read(self.commands, 1 << 20)
            if not more:
                vanish()
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        try:
            ((name, value),) = json.loads(line).items()
        except (ValueError, AttributeError):
            raise Refusal("protocol", f"this line is not a command: {line[:200].decode(errors='replace')}") from None
        return name, value

    def waits(self, timeout):
        """Whether there is something to hear, within so many seconds (None: for ever)."""
        return b"\n" in self.buffer or bool(select.select([self.commands], [], [], timeout)[0])

    def say(self, message):
        data = json.dumps(message).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self.replies, data) :]
        except OSError:
            vanish()


conversation = Conversation()


# Of what `run` steps start, in its environment: the number of the runner.
MARK = "MAITRED_STEP_OF"
PATIENCE_S = 0.5


def mark_children():
    """From now on what is started carries the mark."""
    os.environ[MARK] = str(os.getpgrp())


def marked_children():
    """The processes of `run` steps, wherever they are below us; what has ended has no environment."""
    mark = f"{MARK}={os.getpid()}".encode()
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:
            pass
    return found


def ask_children():
    """Asks what `run` steps started to end, and gives it time to clean up."""
    for pid in marked_children():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + PATIENCE_S
    while marked_children() and time.monotonic() < until:
        time.sleep(0.005)


def vanish():
    """Ends everything that we started, and ourselves: we lead the process group that holds it all. What is ours ends at
    once; what `run` steps started is asked first."""
    if os.getpgrp() == os.getpid():
        ask_children()
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
