"""What is to be run, as the program is told: a function of Python becomes ``MODULE:NAME`` where an
interpreter can import it by that name, and a small module of its own where it cannot."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pickle
import sys
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, List, Optional, Tuple, Union

from ._program import UsageError

#: A function, the name of a subject as on the command line, or the words of a command.
Subject = Union[Callable[..., Any], str, "os.PathLike[str]", List[str], Tuple[str, ...]]

_STUB = '''\
"""Written by maitred: what was given in the calling program, as other interpreters import it."""
import os
import pickle

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), {file!r}), "rb") as stream:
    {name} = pickle.load(stream)
'''

_INPUTS = '''

def {name}():
    return inputs
'''


@dataclass
class Given:
    """The arguments that name a subject, and what must stand behind all options."""

    before: List[str] = field(default_factory=lambda: [])
    behind: List[str] = field(default_factory=lambda: [])


def describe(subject: Subject, inputs: Optional[Iterable[Any]], folder: str) -> Given:
    """How the program is told the subject; files that it needs are put into ``folder``.

    Raises :class:`UsageError` for what cannot be told to another interpreter.
    """
    if callable(subject):
        given = Given([_function(subject, folder)])
        if inputs is not None:
            given.before += ["--inputs", _inputs(inputs, folder)]
        return given
    if inputs is not None and not isinstance(subject, (str, os.PathLike)):
        raise UsageError("inputs are for functions; a command is given all that it needs in its words")
    if isinstance(subject, (list, tuple)):
        return Given(behind=["--", *map(str, subject)])
    given = Given([os.fspath(subject)])
    if inputs is not None:
        given.before += ["--inputs", _inputs(inputs, folder)]
    return given


def _function(function: Callable[..., Any], folder: str) -> str:
    module = getattr(function, "__module__", None) or ""
    name = getattr(function, "__qualname__", "")
    if module not in ("", "__main__") and "<" not in name and _is_importable(module, name, function):
        return f"{module}:{name}"
    return _carried(function, name, folder)


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


def _carried(function: Callable[..., Any], name: str, folder: str) -> str:
    """The function by value, for interpreters of this version."""
    try:
        import cloudpickle  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
    except ImportError:
        raise UsageError(
            f"{name or 'this function'} cannot be imported by its name (it stands in a notebook, in "
            "__main__ or inside another function), so it has to be sent by value: "
            "`pip install cloudpickle`, or put it into a file of its own"
        ) from None
    try:
        content: bytes = cloudpickle.dumps(function)  # pyright: ignore
    except Exception as error:
        raise UsageError(
            f"{name or 'this function'} cannot be sent to another process: {error}; "
            "create what cannot be pickled inside of it, or in a `setup` function"
        ) from error
    bare = name.rpartition(".")[2]
    bare = bare if bare.isidentifier() else "function"
    _put(folder, "carried.pickle", content)
    path = _put(folder, f"{_file(bare)}.py", _STUB.format(file="carried.pickle", name=bare).encode())
    if inspect.iscoroutinefunction(function):
        # The program looks into the file for whether it is to be awaited.
        with open(path, "a", encoding="utf-8") as stub:
            stub.write(f"\n_sent = {bare}\n\n\nasync def {bare}(*arguments):\n    return await _sent(*arguments)\n")
    return f"{path}:{bare}"


def _file(bare: str) -> str:
    """A name that hides no module of the user's."""
    return f"maitred_{bare}"


def _inputs(inputs: Iterable[Any], folder: str) -> str:
    if isinstance(inputs, (str, os.PathLike)):
        return os.fspath(inputs)
    values = list(inputs)
    if not values:
        raise UsageError("there are no inputs: give at least one, or `count` for a function without")
    lines = [_line(value) for value in values]
    if all(line is not None for line in lines):
        return _put(folder, "inputs.jsonl", "".join(f"{line}\n" for line in lines).encode())
    try:
        import cloudpickle as sender  # pyright: ignore[reportMissingImports, reportMissingTypeStubs]
    except ImportError:
        sender = pickle
    try:
        content: bytes = sender.dumps(values)  # pyright: ignore
    except Exception as error:
        raise UsageError(f"the inputs cannot be sent to another process: {error}") from error
    _put(folder, "inputs.pickle", content)
    text = _STUB.format(file="inputs.pickle", name="inputs") + _INPUTS.format(name="make")
    return _put(folder, "maitred_inputs.py", text.encode()) + ":make"


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


def _put(folder: str, name: str, content: bytes) -> str:
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path
