"""Threads, processes or async? Run the work under each and see.

>>> import maitred
>>> def work(n):
...     return sum(range(n))
>>> result = maitred.compare(work, [1000] * 8, budget=5)  # doctest: +SKIP
>>> result.best  # doctest: +SKIP
'python3.11/sequential'

`compare` runs a function (or a workload file, an address, a command) under every model that suits
it, round by round, in processes of their own, and returns a :class:`Comparison`. `run` runs it once
under one model and keeps what every worker did. `scale` says how many workers to use, and why.
`check` tests claims in files, `claim` one that is written beside the function.

The package holds no measuring of its own: it starts the program ``maitred`` that was installed
with it, and reads what that says.
"""

from importlib import import_module

# Not that of `typing`, which takes longer to import than all else here together.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._compare import check, claim, compare, run, scale
    from ._program import MaitredError, NothingMeasured, UsageError, program
    from ._results import Check, Comparison, Recording, Row

__all__ = [
    "Check",
    "Comparison",
    "MaitredError",
    "NothingMeasured",
    "Recording",
    "Row",
    "UsageError",
    "check",
    "claim",
    "compare",
    "load_ipython_extension",
    "program",
    "run",
    "scale",
]

_MODULES = {
    "_compare": ("check", "claim", "compare", "run", "scale"),
    "_program": ("MaitredError", "NothingMeasured", "UsageError", "program"),
    "_results": ("Check", "Comparison", "Recording", "Row"),
}


def __getattr__(name: str) -> object:
    """What is asked for is imported then (PEP 562), so that a program which only may measure starts
    as fast as without."""
    for module, names in _MODULES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(f".{module}", __name__), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(ipython: object) -> None:
    """``%load_ext maitred``: the magics ``%maitred`` and ``%%maitred``."""
    from ._jupyter import load

    load(ipython)
