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
`check` tests claims.

The package holds no measuring of its own: it starts the program ``maitred`` that was installed
with it, and reads what that says.
"""

from ._compare import check, compare, run, scale
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
    "compare",
    "load_ipython_extension",
    "program",
    "run",
    "scale",
]


def load_ipython_extension(ipython: object) -> None:
    """``%load_ext maitred``: the magics ``%maitred`` and ``%%maitred``."""
    from ._jupyter import load

    load(ipython)
