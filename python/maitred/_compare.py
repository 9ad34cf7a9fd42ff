"""What can be asked: `compare`, `run`, `scale`, `check`. Arguments become those of the command line, under
the same names, so that the manual of the program is that of these functions too."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any, Dict, Iterable, List, Optional, Sequence, Union

from ._program import Event, NothingMeasured, follow, interpreter, search_path
from ._progress import Progress, follower
from ._results import Check, Comparison, Recording
from ._subjects import Subject, describe

#: A time: seconds, or as on the command line (`"250ms"`).
Time = Union[int, float, str]


def compare(
    subject: Union[Subject, Sequence[Subject]],
    inputs: Optional[Iterable[Any]] = None,
    *,
    models: Union[None, str, Sequence[str]] = None,
    workers: Union[None, int, Sequence[int]] = None,
    count: Optional[int] = None,
    args: Optional[Sequence[Any]] = None,
    setup: Optional[str] = None,
    concurrency: Optional[int] = None,
    rounds: Optional[int] = None,
    budget: Optional[Time] = None,
    timeout: Optional[Time] = None,
    baseline: Optional[str] = None,
    against: Union[None, Comparison, str, "os.PathLike[str]"] = None,
    pythons: Sequence[str] = (),
    options: Sequence[str] = (),
    progress: Progress = None,
) -> Comparison:
    """Runs the work under several models and says which to use.

    ``subject``: a function (sync or async) that is called once for each of ``inputs``, or ``count``
    times; or, as on the command line, the name of a workload file, an address, ``FILE.py:NAME``; or
    a list of words, which is a command. ``models``: as in ``--models``; without it those that suit.
    ``workers``: numbers of workers to try. ``args``: further arguments of the function.
    ``rounds``: so many clean ones, instead of stopping when it is decided or after ``budget``.
    ``timeout``: of one run. ``pythons``: further interpreters; a function that has to be sent by
    value runs on those of this version only. ``options``: any further ones of ``maitred compare``.

    Ctrl-C stops it and returns what was measured until then. Raises :class:`UsageError` for what is
    refused, :class:`NothingMeasured` where no model could run the work (its ``comparison`` says why).
    """
    given: Dict[str, Any] = {
        "--models": _commas(models),
        "--workers": _commas(workers),
        "--count": count,
        "--args": None if args is None else json.dumps(list(args)),
        "--setup": setup,
        "--concurrency": concurrency,
        "--runs": rounds,
        "--budget": _time(budget),
        "--timeout": _time(timeout),
        "--baseline": baseline,
    }
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        if isinstance(against, Comparison):
            path = os.path.join(folder, "before.json")
            against.save(path)
            given["--against"] = path
        elif against is not None:
            given["--against"] = os.fspath(against)
        words = _words("compare", subject, inputs, given, pythons, options, folder)
        result = _result(words, progress)
    return _measured(result)


def scale(
    subject: Subject,
    inputs: Optional[Iterable[Any]] = None,
    *,
    models: Union[None, str, Sequence[str]] = None,
    workers: Union[None, int, Sequence[int]] = None,
    most: Optional[int] = None,
    count: Optional[int] = None,
    args: Optional[Sequence[Any]] = None,
    setup: Optional[str] = None,
    rounds: Optional[int] = None,
    budget: Optional[Time] = None,
    timeout: Optional[Time] = None,
    pythons: Sequence[str] = (),
    options: Sequence[str] = (),
    progress: Progress = None,
) -> Comparison:
    """Runs the work with more and more workers and says how many to use; the result's ``scaling``
    has the law behind them, and its ``svg("scaling")`` draws it.

    ``models``: whose workers, without numbers; without it pools of threads and of processes.
    ``workers``: exactly these numbers, instead of those around the knee; ``most``: no more than so
    many. All other arguments as those of :func:`compare`.
    """
    given: Dict[str, Any] = {
        "--models": _commas(models),
        "--workers": _commas(workers),
        "--most": most,
        "--count": count,
        "--args": None if args is None else json.dumps(list(args)),
        "--setup": setup,
        "--runs": rounds,
        "--budget": _time(budget),
        "--timeout": _time(timeout),
    }
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        words = _words("scale", subject, inputs, given, pythons, options, folder)
        return _measured(_result(words, progress))


def _measured(result: Dict[str, Any]) -> Comparison:
    """The result, if there is any."""
    comparison = Comparison(result)
    if result.get("stopped") == "none-ran":
        why = [f"{row.model}: {row.verdict}" for row in comparison.table]
        error = NothingMeasured("; ".join(why) or "no model could run the work")
        error.comparison = comparison  # type: ignore[attr-defined]
        raise error
    return comparison


def run(
    subject: Subject,
    inputs: Optional[Iterable[Any]] = None,
    *,
    model: Optional[str] = None,
    workers: Optional[int] = None,
    count: Optional[int] = None,
    args: Optional[Sequence[Any]] = None,
    setup: Optional[str] = None,
    concurrency: Optional[int] = None,
    timeout: Optional[Time] = None,
    pythons: Sequence[str] = (),
    options: Sequence[str] = (),
    progress: Progress = None,
) -> Recording:
    """Runs the work once under one model and keeps what each worker did, and what the kernel saw.

    Arguments as those of :func:`compare`.
    """
    given: Dict[str, Any] = {
        "--model": model,
        "--workers": workers,
        "--count": count,
        "--args": None if args is None else json.dumps(list(args)),
        "--setup": setup,
        "--concurrency": concurrency,
        "--timeout": _time(timeout),
    }
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        given["--trace"] = os.path.join(folder, "run.trace")
        words = _words("run", subject, inputs, given, pythons, options, folder)
        result = _result(words, progress)
        with open(given["--trace"], "rb") as file:
            return Recording(file.read(), result["run"])


def check(
    *claims: Union[str, "os.PathLike[str]"],
    budget: Optional[Time] = None,
    pythons: Sequence[str] = (),
    options: Sequence[str] = (),
    progress: Progress = None,
) -> Check:
    """Tests claims on this machine: files, folders, or names of those that are built in; without
    any, all that are. The result is true where every claim holds."""
    words = ["check", *[os.fspath(one) for one in claims], *_pythons(pythons, default=False)]
    words += ["--budget", str(_time(budget))] if budget is not None else []
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        path = os.path.join(folder, "check.md")
        words += ["--export-markdown", path]
        result = _result([*words, *options], progress)
        with open(path, encoding="utf-8") as file:
            return Check(result, file.read())


def _words(
    command: str,
    subject: Union[Subject, Sequence[Subject]],
    inputs: Optional[Iterable[Any]],
    given: Dict[str, Any],
    pythons: Sequence[str],
    options: Sequence[str],
    folder: str,
) -> List[str]:
    named = describe(subject, inputs, folder)  # type: ignore[arg-type]
    words = [command, *named.before]
    for option, value in given.items():
        words += [] if value is None else [option, str(value)]
    words += _pythons(pythons, default=not named.behind)
    return [*words, *options, *named.behind]


def _result(words: List[str], progress: Progress) -> Dict[str, Any]:
    """Runs the program; what its last event holds."""
    found: List[Dict[str, Any]] = []
    said: List[str] = []
    show = follower(progress)

    def on_event(event: Event) -> None:
        if event.get("event") == "result":
            found.append(event)
        elif event.get("event") == "said":
            said.append(event["text"])
        show(event)

    place = words.index("--") if "--" in words else len(words)
    asked = [*words[:place], "--events", "-", "--quiet", *words[place:]]
    follow(asked, on_event, extra_path=search_path())
    if not found:
        raise NothingMeasured("\n".join(said) or "the run ended without a result")
    return next(value for key, value in found[-1].items() if key != "event")


def _pythons(further: Sequence[str], default: bool) -> List[str]:
    """The caller's own interpreter comes first: on it functions run."""
    own = interpreter() if default else None
    every = ([own] if own else []) + list(further)
    return [word for path in every for word in ("--python", path)]


def _commas(values: Any) -> Optional[str]:
    if values is None or isinstance(values, str):
        return values
    if isinstance(values, int):
        return str(values)
    return ",".join(map(str, values))


def _time(value: Optional[Time]) -> Optional[str]:
    if value is None or isinstance(value, str):
        return value
    return f"{round(value * 1e9)}ns"
