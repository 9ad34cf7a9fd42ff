"""The magics: ``%maitred compare fetch --inputs urls`` and ``%%maitred`` over a workload."""

from __future__ import annotations

import os
import shlex
import tempfile
from itertools import takewhile
from typing import Any, Dict, List, Optional, Tuple

from ._compare import check, claim, compare, run, scale
from ._program import MaitredError, UsageError

_COMMANDS = {"compare": compare, "run": run, "scale": scale}
_KNOWN = "there are compare, run, scale, claim and check"


def load(ipython: Any) -> None:
    """Makes both known to the shell."""

    def maitred(line: str, cell: Optional[str] = None) -> Any:
        """%maitred COMMAND FUNCTION [--inputs NAME] [OPTION …]: as on the command line, where
        functions and inputs are those of the notebook. %%maitred [COMMAND] [OPTION …]: the cell is
        a workload (KDL), compared unless `run`, `scale` or `check` is written."""
        words = shlex.split(line)
        try:
            return _of_line(words, ipython.user_ns) if cell is None else _of_cell(words, cell)
        except MaitredError as error:
            # A sentence, not a traceback: it is the user's mistake or the machine's refusal.
            print(error)
            return None

    ipython.register_magic_function(maitred, "line_cell", "maitred")


def _of_line(words: List[str], names: Dict[str, Any]) -> Any:
    if not words:
        raise UsageError("write what to do: %maitred compare FUNCTION --inputs NAME")
    command, rest = words[0], words[1:]
    if command == "check":
        return check(options=rest)
    if command not in (*_COMMANDS, "claim"):
        raise UsageError(f"`{command}` is not for a notebook; {_KNOWN}")
    if not rest:
        raise UsageError(f"name a function of the notebook, as in %maitred {command} FUNCTION")
    if command == "claim":
        return _claimed(rest, names)
    if rest[0] == "--":
        return _COMMANDS[command](rest[1:])
    inputs, options = _inputs(rest[1:], names)
    return _COMMANDS[command](names.get(rest[0], rest[0]), inputs, options=options)


def _claimed(words: List[str], names: Dict[str, Any]) -> Any:
    """``FUNCTION 'CLAIM' … [--inputs NAME] [OPTION …]``: claims stand before all options."""
    inputs, options = _inputs(words[1:], names)
    says = list(takewhile(lambda word: not word.startswith("-"), options))
    return claim(names.get(words[0], words[0]), *says, inputs=inputs, options=options[len(says) :])


def _inputs(words: List[str], names: Dict[str, Any]) -> Tuple[Any, List[str]]:
    """The value that ``--inputs`` names in the notebook; a file's name stays one."""
    if "--inputs" not in words[:-1]:
        return None, words
    place = words.index("--inputs")
    name = words[place + 1]
    return names.get(name, name), words[:place] + words[place + 2 :]


def _of_cell(words: List[str], cell: str) -> Any:
    command = words[0] if words and not words[0].startswith("-") else "compare"
    options = words[1:] if words[:1] == [command] else words
    if command not in (*_COMMANDS, "check"):
        raise UsageError(f"`{command}` is not for a cell; there are compare, run, scale and check")
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        path = os.path.join(folder, "maitred_sent.kdl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(cell)
        if command == "check":
            return check(path, options=options)
        return _COMMANDS[command](path, options=options)
