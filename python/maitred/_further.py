"""What more can be said of a function, under the names that the options of the command line have."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, TypedDict

from ._subjects import Function, Parcel


class Further(TypedDict, total=False):
    """Keyword arguments of `compare`, `scale`, `run` and `claim` beside those that they name."""

    #: Called in each worker (thread, process, loop) before the work; what is async is awaited there.
    worker_setup: Function
    #: The same after the work.
    worker_teardown: Function
    #: Called with the list of all results: what it does not accept makes a model unranked.
    expect: Function
    #: So many calls in each worker before the work.
    warmup_calls: int
    #: So many calls in a parcel to a process.
    chunk: int
    #: A list becomes several arguments, a dictionary keyword arguments.
    spread: bool
    #: Results are dropped, not kept and compared.
    discard_results: bool
    #: `fork`, `forkserver` or `spawn`.
    start_method: str
    #: `asyncio` or `uvloop`.
    loop: str
    #: Executors of your own (anything with `submit`), each made by a function, by the name that it has
    #: in the table; a function that has a parameter `max_workers` is told the number of workers.
    executors: Mapping[str, Function]
    #: Threads of BLAS and OpenMP in each worker: numbers, or `"auto"`.
    inner_threads: Sequence[Any]
    #: Variables of the environment, each with the values under which every model is run.
    env: Mapping[str, Sequence[str]]


KNOWN = frozenset(Further.__annotations__)


def option_words(name: str, value: Any, parcel: Parcel) -> List[str]:
    """An argument as words of the command line.

    Raises :class:`TypeError` for a name that no argument has.
    """
    if not name.startswith("-"):
        if name not in KNOWN:
            raise TypeError(f"unexpected keyword argument {name!r}; there are {', '.join(sorted(KNOWN))}")
        name = "--" + name.replace("_", "-")
    if value is None or value is False:
        return []
    if value is True:
        return [name]
    if isinstance(value, Mapping):
        pairs: Dict[Any, Any] = dict(value)  # pyright: ignore
        option = "--executor" if name == "--executors" else name
        return [word for key, one in pairs.items() for word in (option, f"{key}={_text(one, parcel)}")]
    return [name, _text(value, parcel)]


def _text(value: Any, parcel: Parcel) -> str:
    return parcel.name(value) if callable(value) else str(commas(value))


def commas(values: Any) -> Optional[str]:
    """As lists are written on the command line."""
    if values is None or isinstance(values, str):
        return values
    if isinstance(values, Sequence):
        return ",".join(map(str, values))  # pyright: ignore
    return str(values)
