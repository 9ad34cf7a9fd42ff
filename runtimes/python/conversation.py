"""The lines between maitred and the runner (`runtimes/PROTOCOL.md`), and the end of everything when nobody listens any more."""

import json
import os
import select
import signal
import sys
import threading

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


def vanish():
    """Ends everything that we started, and ourselves, at once: we lead the process group that holds it all."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)
