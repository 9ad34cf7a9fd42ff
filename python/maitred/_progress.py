"""Progress from the program's events: a bar of tqdm where that is installed, else a line; in a notebook
one output that is taken back in the end, so that nothing of it is saved."""

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
    notebook = _in_notebook()
    shown = progress if progress is not None else (sys.stderr.isatty() or notebook)
    return (_Cell() if notebook else _Bar()) if shown else _nothing


def _nothing(_: Event) -> None:
    pass


def _in_notebook() -> bool:
    # What nobody imported is not what runs us.
    shell = sys.modules.get("IPython")
    get = getattr(shell, "get_ipython", None)
    return get is not None and type(get()).__name__ == "ZMQInteractiveShell"


def _told(event: Event) -> str:
    """Which run of which model has begun."""
    purpose, number = str(event.get("purpose", "")), event.get("round")
    text = purpose if number is None or purpose != "round" else f"round {number + 1}"
    return f"{text} · {event.get('model', '')}"


class _Cell:
    """One line below the cell, written over again and again, and emptied in the end."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._text = ""

    def __call__(self, event: Event) -> None:
        kind = event.get("event")
        if kind == "run-begun":
            self._text = _told(event)
            self._show(self._text)
        elif kind == "waiting":
            self._show("waiting for another run on this machine to end")
        elif kind == "progress":
            tasks: Event = event.get("tasks") or {}
            self._show(f"{self._text} · {tasks.get('ended', 0)} of {tasks.get('total', '?')} tasks")
        elif kind in ("result", "said") and self._handle is not None:
            self._show("")
            self._handle = None

    def _show(self, text: str) -> None:
        from IPython.display import display  # pyright: ignore

        bundle = {"text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)  # pyright: ignore
        else:
            self._handle.update(bundle, raw=True)


class _Bar:
    """One bar for the run of one model after another; nothing of it remains."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._line = 0

    def __call__(self, event: Event) -> None:
        kind = event.get("event")
        if kind == "run-begun":
            self._describe(_told(event))
        elif kind == "waiting":
            self._describe("waiting for another run on this machine to end")
        elif kind == "progress":
            self._advance(event)
        elif kind in ("result", "said"):
            self.close()

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
