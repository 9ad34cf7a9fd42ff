"""What is to be run, as the program is told: a function of Python becomes ``MODULE:NAME`` where an
interpreter can import it by that name, and a part of a small module of its own where it cannot."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import os
import pickle
import sys
import threading
from collections import ChainMap
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from ._program import UsageError

#: A function, the name of a subject as on the command line, or the words of a command.
Subject = Union[Callable[..., Any], str, "os.PathLike[str]", List[str], Tuple[str, ...]]

#: A function, or its name as on the command line.
Function = Union[Callable[..., Any], str]

#: Hides no module of the user's. The program suggests no command for what is in it, which is gone when
#: it could be typed.
_SENT = "maitred_sent"

_MODULE = '''\
"""Written by maitred: what was given in the calling program, as other interpreters import it."""
import os
import pickle

import __main__

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "sent.pickle"), "rb") as stream:
    _sent = pickle.load(stream)
globals().update(_sent)

# A pool pickles functions and objects by name: what was of the main module there is of this one's here.
for _name, _one in _sent.items():
    if getattr(_one, "__module__", None) == "__main__":
        for _known, _value in {_name: _one, **getattr(_one, "__globals__", {})}.items():
            if not _known.startswith("__"):  # with its `__file__` each process would run that program
                vars(__main__).setdefault(_known, _value)
'''

# The program looks into the file for whether a function is to be awaited.
_AWAITED = '''

async def {name}(*arguments, **named):
    return await _sent[{name!r}](*arguments, **named)
'''

_INPUTS = '''\
"""Written by maitred: the inputs that were given in the calling program."""
import os
import pickle


def make():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "inputs.pickle"), "rb") as stream:
        return pickle.load(stream)
'''


def _empty(_: threading.local) -> Tuple[Callable[[], threading.local], Tuple[()]]:
    return threading.local, ()


@dataclass
class Parcel:
    """What travels to other interpreters by value, in a folder that they have on their path. All of
    it is one pickle, so that functions which share a global variable do so there too."""

    folder: str
    sent: Dict[str, Callable[..., Any]] = field(default_factory=lambda: {})

    def name(self, function: Function) -> str:
        """By which the program finds it.

        Raises :class:`UsageError` for one that cannot be sent.
        """
        if isinstance(function, str):
            return function
        module = getattr(function, "__module__", None) or ""
        name = getattr(function, "__qualname__", "")
        if module not in ("", "__main__") and "<" not in name and _is_importable(module, name, function):
            return f"{module}:{name}"
        return f"{_SENT}:{self._send(function, name)}"

    def _send(self, function: Callable[..., Any], name: str) -> str:
        bare = name.rpartition(".")[2]
        free = bare = bare if bare.isidentifier() else "function"
        count = 1
        while self.sent.get(free, function) is not function:
            count += 1
            free = f"{bare}_{count}"
        self.sent[free] = function
        self._write(name or "this function")
        return free

    def _write(self, name: str) -> None:
        try:
            import cloudpickle  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
        except ImportError:
            raise UsageError(
                f"{name} cannot be imported by its name (it stands in a notebook, in __main__ or "
                "inside another function), so it has to be sent by value: `pip install cloudpickle`, "
                "or put it into a file of its own"
            ) from None
        try:
            content = self._pickled(cloudpickle.CloudPickler)  # pyright: ignore
        except Exception as error:
            raise UsageError(
                f"{name} cannot be sent to another process: {error}; create what cannot be pickled "
                "inside of it, or in a `setup` function"
            ) from error
        awaited = [one for one, function in self.sent.items() if inspect.iscoroutinefunction(function)]
        text = _MODULE + "".join(_AWAITED.format(name=one) for one in awaited)
        self._put("sent.pickle", content)
        self._put(f"{_SENT}.py", text.encode())

    def _pickled(self, base: Any) -> bytes:
        """All that is sent. What a thread keeps for itself (:class:`threading.local`) is empty elsewhere:
        the threads there have nothing yet."""
        stream = io.BytesIO()
        table = ChainMap({threading.local: _empty}, base.dispatch_table)
        type("Pickler", (base,), {"dispatch_table": table})(stream).dump(self.sent)
        return stream.getvalue()

    def inputs(self, inputs: Iterable[Any]) -> str:
        """The option's value: a file, or a function that makes them.

        Raises :class:`UsageError` for inputs that cannot be sent.
        """
        if isinstance(inputs, (str, os.PathLike)):
            return os.fspath(inputs)
        if callable(inputs):
            return self.name(inputs)
        values = list(inputs)
        if not values:
            raise UsageError("there are no inputs: give at least one, or `count` for a function without")
        lines = [_line(value) for value in values]
        if all(line is not None for line in lines):
            return self._put(f"{_SENT}.jsonl", "".join(f"{line}\n" for line in lines).encode())
        try:
            import cloudpickle as sender  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
        except ImportError:
            sender = pickle
        try:
            content: bytes = sender.dumps(values)  # pyright: ignore
        except Exception as error:
            raise UsageError(f"the inputs cannot be sent to another process: {error}") from error
        kinds: List[Any] = [type(value) for value in values]
        for kind in kinds:
            if kind.__module__ == "__main__" and kind.__qualname__.isidentifier():
                self._send(kind, kind.__qualname__)
        self._put("inputs.pickle", content)
        return self._put(f"{_SENT}_inputs.py", _INPUTS.encode()) + ":make"

    def _put(self, name: str, content: bytes) -> str:
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content)
        return path


@dataclass
class Given:
    """The arguments that name a subject, and what must stand behind all options."""

    before: List[str] = field(default_factory=lambda: [])
    behind: List[str] = field(default_factory=lambda: [])


def describe(
    subject: Union[Subject, Sequence[Subject]], inputs: Optional[Iterable[Any]], parcel: Parcel
) -> Given:
    """How the program is told the subject.

    Raises :class:`UsageError` for what cannot be told to another interpreter.
    """
    several: List[Any] = list(subject) if isinstance(subject, (list, tuple)) else [subject]  # pyright: ignore
    if isinstance(subject, (list, tuple)) and not any(map(callable, several)):
        if inputs is not None:
            raise UsageError("inputs are for functions; a command is given all that it needs in its words")
        return Given(behind=["--", *map(str, several)])
    named: List[str] = [parcel.name(one) if callable(one) else os.fspath(one) for one in several]
    return Given([*named, *([] if inputs is None else ["--inputs", parcel.inputs(inputs)])])


def _is_importable(module: str, name: str, function: Callable[..., Any]) -> bool:
    """Whether another interpreter finds the very same thing under its name: what was changed in a
    notebook, or wrapped, would be found as it stands in the file."""
    try:
        there: Any = importlib.import_module(module)
        for part in name.split("."):
            there = getattr(there, part)
    except (ImportError, AttributeError):
        return False
    spec = getattr(sys.modules.get(module), "__spec__", None)
    return there is function and spec is not None and spec.origin not in (None, "built-in")


def _line(value: Any) -> Optional[str]:
    """The JSON of a value that comes back as the same value, else nothing."""
    try:
        text = json.dumps(value, allow_nan=False)
        return text if _is_same(json.loads(text), value) else None
    except (TypeError, ValueError, RecursionError):
        return None


def _is_same(one: Any, other: Any) -> bool:
    """Equal and of the same types all through: a tuple does not come back as one."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_is_same, one, other))  # pyright: ignore
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)  # pyright: ignore
    return one == other
