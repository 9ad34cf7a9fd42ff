"""What can be asked: `compare`, `run`, `scale`, `check`, `claim`. Arguments become those of the command line, under
the same names, so that the manual of the program is that of these functions too."""

from __future__ import annotations

import json
import os
import tempfile
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Sequence, Union

from ._further import commas, option_words
from ._program import Event, NothingMeasured, UsageError, follow, interpreter, search_path
from ._progress import Progress, follower
from ._results import Check, Comparison, Recording
from ._subjects import Function, Parcel, Subject, describe

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._further import Further

#: What a call is made of each of, a file or a function that makes them.
Inputs = Union[Iterable[Any], Callable[[], Iterable[Any]], str]

#: A time: seconds, or as on the command line (`"250ms"`).
Time = Union[int, float, str]


def compare(
    subject: Union[Subject, Sequence[Subject]],
    inputs: Optional[Inputs] = None,
    *,
    models: Union[None, str, Sequence[str]] = None,
    workers: Union[None, int, Sequence[int]] = None,
    count: Optional[int] = None,
    args: Optional[Sequence[Any]] = None,
    setup: Optional[Function] = None,
    concurrency: Optional[int] = None,
    rounds: Optional[int] = None,
    budget: Optional[Time] = None,
    timeout: Optional[Time] = None,
    baseline: Optional[str] = None,
    against: Union[None, Comparison, str, "os.PathLike[str]"] = None,
    pythons: Sequence[str] = (),
    options: Sequence[str] = (),
    progress: Progress = None,
    **further: Unpack[Further],
) -> Comparison:
    """Runs the work under several models and says which to use.

    ``subject``: a function (sync or async) that is called once for each of ``inputs``, or ``count``
    times; or, as on the command line, the name of a workload file, an address, ``FILE.py:NAME``; or
    a list of words, which is a command; or a list of functions that do one job, each compared under
    the models that suit it. ``inputs``: values, the name of a file, or a function that makes them.
    ``models``: as in ``--models``; without it those that suit.
    ``workers``: numbers of workers to try. ``args``: further arguments of the function.
    ``rounds``: so many clean ones, instead of stopping when it is decided or after ``budget``.
    ``timeout``: of one run. ``pythons``: further interpreters; a function that has to be sent by
    value runs on those of this version only. ``further``: see
    :class:`maitred._further.Further`; ``options``: any other ones of ``maitred compare``.

    Ctrl-C stops it and returns what was measured until then. Raises :class:`UsageError` for what is
    refused, :class:`NothingMeasured` where no model could run the work (its ``comparison`` says why).
    """
    given: Dict[str, Any] = {
        "--models": commas(models),
        "--workers": commas(workers),
        "--count": count,
        "--args": None if args is None else json.dumps(list(args)),
        "--setup": setup,
        **further,
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
        words = _words("compare", subject, inputs, given, pythons, options, Parcel(folder))
        result = _result(words, progress, folder)
    return _measured(result)


def scale(
    subject: Subject,
    inputs: Optional[Inputs] = None,
    *,
    models: Union[None, str, Sequence[str]] = None,
    workers: Union[None, int, Sequence[int]] = None,
    most: Optional[int] = None,
    count: Optional[int] = None,
    args: Optional[Sequence[Any]] = None,
    setup: Optional[Function] = None,
    rounds: Optional[int] = None,
    budget: Optional[Time] = None,
    timeout: Optional[Time] = None,
    pythons: Sequence[str] = (),
    options: Sequence[str] = (),
    progress: Progress = None,
    **further: Unpack[Further],
) -> Comparison:
    """Runs the work with more and more workers and says how many to use; the result's ``scaling``
    has the law behind them, and its ``svg("scaling")`` draws it.

    ``models``: whose workers, without numbers; without it pools of threads and of processes.
    ``workers``: exactly these numbers, instead of those around the knee; ``most``: no more than so
    many. All other arguments as those of :func:`compare`.
    """
    given: Dict[str, Any] = {
        "--models": commas(models),
        "--workers": commas(workers),
        "--most": most,
        "--count": count,
        "--args": None if args is None else json.dumps(list(args)),
        "--setup": setup,
        **further,
        "--runs": rounds,
        "--budget": _time(budget),
        "--timeout": _time(timeout),
    }
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        words = _words("scale", subject, inputs, given, pythons, options, Parcel(folder))
        return _measured(_result(words, progress, folder))


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
    inputs: Optional[Inputs] = None,
    *,
    model: Optional[str] = None,
    workers: Optional[int] = None,
    count: Optional[int] = None,
    args: Optional[Sequence[Any]] = None,
    setup: Optional[Function] = None,
    concurrency: Optional[int] = None,
    timeout: Optional[Time] = None,
    pythons: Sequence[str] = (),
    options: Sequence[str] = (),
    progress: Progress = None,
    **further: Unpack[Further],
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
        **further,
        "--concurrency": concurrency,
        "--timeout": _time(timeout),
    }
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        given["--trace"] = os.path.join(folder, "run.trace")
        words = _words("run", subject, inputs, given, pythons, options, Parcel(folder))
        result = _result(words, progress, folder)
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
    words += [] if budget is None else ["--budget", str(_time(budget))]
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        return _checked([*words, *options], progress, folder)


def claim(
    subject: Subject,
    *says: str,
    inputs: Optional[Inputs] = None,
    count: Optional[int] = None,
    args: Optional[Sequence[Any]] = None,
    setup: Optional[Function] = None,
    budget: Optional[Time] = None,
    timeout: Optional[Time] = None,
    pythons: Sequence[str] = (),
    options: Sequence[str] = (),
    progress: Progress = None,
    **further: Unpack[Further],
) -> Check:
    """Tests what is claimed of a function, an address or a command that has no file with claims.

    ``says``: each as in ``"throughput of thread-pool:8 over sequential >= 3"``: a figure, a model,
    perhaps another one, and a bound. All other arguments as those of :func:`compare`. The result is
    true where every claim holds::

        assert maitred.claim(fetch, "throughput of threads over sequential >= 3", inputs=urls)
    """
    if not says:
        raise UsageError(
            "nothing is claimed; add what must hold, as in "
            "'throughput of threads over sequential >= 3'"
        )
    given: Dict[str, Any] = {
        "--count": count,
        "--args": None if args is None else json.dumps(list(args)),
        "--setup": setup,
        **further,
        "--budget": _time(budget),
        "--timeout": _time(timeout),
    }
    with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
        words = _words("claim", subject, inputs, given, pythons, options, Parcel(folder), says)
        return _checked(words, progress, folder)


def _checked(words: List[str], progress: Progress, folder: str) -> Check:
    path = os.path.join(folder, "check.md")
    result = _result([words[0], "--export-markdown", path, *words[1:]], progress, folder)
    with open(path, encoding="utf-8") as file:
        return Check(result, file.read())


def _words(
    command: str,
    subject: Union[Subject, Sequence[Subject]],
    inputs: Optional[Inputs],
    given: Dict[str, Any],
    pythons: Sequence[str],
    options: Sequence[str],
    parcel: Parcel,
    says: Sequence[str] = (),
) -> List[str]:
    named = describe(subject, inputs, parcel)  # type: ignore[arg-type]
    words = [command, *named.before, *says]
    for option, value in given.items():
        words += option_words(option, value, parcel)
    words += _pythons(pythons, default=not named.behind)
    return [*words, *options, *named.behind]


def _result(words: List[str], progress: Progress, folder: Optional[str] = None) -> Dict[str, Any]:
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
    follow(asked, on_event, extra_path=[*([folder] if folder else []), *search_path()])
    if not found:
        raise NothingMeasured("\n".join(said) or "the run ended without a result")
    return next(value for key, value in found[-1].items() if key != "event")


def _pythons(further: Sequence[str], default: bool) -> List[str]:
    """The caller's own interpreter comes first: on it functions run."""
    own = interpreter() if default else None
    every = ([own] if own else []) + list(further)
    return [word for path in every for word in ("--python", path)]


def _time(value: Optional[Time]) -> Optional[str]:
    if value is None or isinstance(value, str):
        return value
    return f"{round(value * 1e9)}ns"
