"""Progress from the program's events: a bar of tqdm where that is installed, else a line."""

from __future__ import annotations

import sys
from typing import Any, Callable, Union

from ._program import Event

#: ``None``: shown on a terminal and in a notebook; a function: called with every event.
Progress = Union[None, bool, Callable[[Event], None]]


def follower(progress: Progress) -> Callable[[Event], None]:
    """What is called with every event; it never raises into the run."""
    if callable(progress):
        return progress
    shown = progress if progress is not None else (sys.stderr.isatty() or _in_notebook())
    return _Bar() if shown else _nothing


def _nothing(_: Event) -> None:
    pass


def _in_notebook() -> bool:
    # What nobody imported is not what runs us.
    shell = sys.modules.get("IPython")
    get = getattr(shell, "get_ipython", None)
    return get is not None and type(get()).__name__ == "ZMQInteractiveShell"


class _Bar:
    """One bar for the run of one model after another; nothing of it remains."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._line = 0

    def __call__(self, event: Event) -> None:
        kind = event.get("event")
        if kind == "run-begun":
            self._show(str(event.get("purpose", "")), event)
        elif kind == "waiting":
            self._describe("waiting for another run on this machine to end")
        elif kind == "progress":
            self._advance(event)
        elif kind in ("result", "said"):
            self.close()

    def _show(self, purpose: str, event: Event) -> None:
        number = event.get("round")
        text = purpose if number is None or purpose != "round" else f"round {number + 1}"
        self._describe(f"{text} · {event.get('model', '')}")

    def _describe(self, text: str) -> None:
        bar = self._bar or self._begin()
        if bar is None:
            sys.stderr.write("\r" + text.ljust(self._line)[:100])
            sys.stderr.flush()
            self._line = len(text)
        else:
            bar.reset(total=bar.total)
            bar.set_description_str(text)

    def _advance(self, event: Event) -> None:
        tasks: Event = event.get("tasks") or {}
        if self._bar is not None:
            self._bar.total = tasks.get("total")
            self._bar.n = tasks.get("ended", 0)
            self._bar.refresh()

    def _begin(self) -> Any:
        try:
            from tqdm.auto import tqdm  # pyright: ignore
        except ImportError:
            return None
        self._bar = tqdm(total=1, leave=False, unit="task")
        return self._bar

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        elif self._line:
            sys.stderr.write("\r" + " " * self._line + "\r")
            self._line = 0
