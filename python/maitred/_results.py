"""What comes back: the saved result or trace, with what people ask of it first at hand."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set

from ._program import MaitredError, program

Json = Dict[str, Any]


class Row(NamedTuple):
    """One model, in the order of the ranking; one that could not be ranked stands last."""

    model: str
    #: Median time of the work, seconds; `None`: it was not ranked.
    seconds: Optional[float]
    #: 95 % interval of it, seconds.
    low: Optional[float]
    high: Optional[float]
    #: Its time over that of the fastest.
    ratio: Optional[float]
    #: `fastest`, `same`, `slower`, `inconclusive`, or why it was not ranked.
    verdict: str
    #: How many workers it had.
    workers: int


class _Shown:
    """What the program can draw of a saved file."""

    _ending = ""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._drawn: Dict[Sequence[str], str] = {}

    def _draw(self, command: str, *options: str) -> str:
        """The text that a command of the program writes of this file."""
        key = (command, *options)
        if key not in self._drawn:
            with tempfile.TemporaryDirectory(prefix="maitred-") as folder:
                path = os.path.join(folder, f"result{self._ending}")
                with open(path, "wb") as file:
                    file.write(self._content)
                out = os.path.join(folder, "drawn")
                words = [word.replace("OUT", out) for word in options]
                environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
                done = subprocess.run(
                    [program(), command, path, *words],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    env=environment,
                )
                if done.returncode != 0:
                    raise MaitredError(done.stderr.decode(errors="replace").strip())
                written = next((word for word in words if word.startswith(out)), None)
                if written is None:
                    text = done.stdout.decode(errors="replace")
                else:
                    with open(written, encoding="utf-8") as file:
                        text = file.read()
            self._drawn[key] = text
        return self._drawn[key]

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Writes the file that ``maitred show``, ``report`` and ``--against`` read."""
        with open(path, "wb") as file:
            file.write(self._content)

    def html(self) -> str:
        """The whole page of ``maitred report``."""
        return self._draw("report", "-o", "OUT.html")

    def _repr_html_(self) -> str:
        return self._draw("report", "--fragment", "-o", "OUT.html")

    def _repr_mimebundle_(
        self, include: Optional[object] = None, exclude: Optional[object] = None
    ) -> Dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": str(self)}

    def __str__(self) -> str:
        return self._draw("show").rstrip("\n")

    __repr__ = __str__


class Comparison(_Shown):
    """Several models on one piece of work: what ``maitred compare --save`` writes."""

    _ending = ".json"

    def __init__(self, result: Json) -> None:
        super().__init__(json.dumps(result).encode())
        self._result = result

    @classmethod
    def load(cls, path: "str | os.PathLike[str]") -> "Comparison":
        """Reads what was saved."""
        with open(path, "rb") as file:
            return cls(json.loads(file.read()))

    @property
    def best(self) -> Optional[str]:
        """The fastest model; the answer says where others are as good. `None`: none was ranked."""
        return next((row.model for row in self.table if row.seconds is not None), None)

    @property
    def answer(self) -> Optional[str]:
        """What a person would say who is asked which to use."""
        said: Optional[Json] = self._result["conclusion"]["answer"]
        return said["text"] if said else None

    @property
    def conclusion(self) -> List[str]:
        """What to conclude, in the order in which it is read: the answer, what makes it worth less,
        why, and the rest."""
        said: Json = self._result["conclusion"]
        parts = [[said["answer"]] if said["answer"] else []]
        parts += [said[part] for part in ("warnings", "reasons", "details")]
        return [sentence["text"] for part in parts for sentence in part]

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped by Ctrl-C; what was measured until then is here."""
        return self._result.get("stopped") == "interrupted"

    @property
    def table(self) -> List[Row]:
        """A row for each model, the fastest first."""
        result: Dict[str, List[Json]] = self._result
        contestants, ranking = result["contestants"], result["ranking"]
        rows = [_row(contestants[int(rank["contestant"])], rank) for rank in ranking]
        ranked: Set[int] = {rank["contestant"] for rank in ranking}
        rows += [_row(one, None) for index, one in enumerate(contestants) if index not in ranked]
        return rows

    def to_dict(self) -> Json:
        """Everything that was measured, as ``docs/result.schema.json`` describes it."""
        return json.loads(self._content)

    def to_pandas(self) -> Any:
        """A DataFrame with a row for each run of each model: model, round, seconds, CPU, memory."""
        import pandas  # pyright: ignore

        return pandas.DataFrame(list(self._runs()))  # pyright: ignore

    def _runs(self) -> Iterator[Json]:
        for one in self._result["contestants"]:
            for run in one["runs"]:
                cpu: Json = _known(run["work_cpu"]) or {}
                memory: Json = _known(run["memory"]) or {}
                yield {
                    "model": _name(one["model"]),
                    "workers": one["workers"],
                    "round": run["round"],
                    "seconds": run["work_ns"] / 1e9,
                    "cpu_seconds": sum(cpu.values()) / 1e9 if cpu else None,
                    "memory_bytes": memory.get("bytes"),
                    "done": run["tasks"]["done"],
                    "failed": run["tasks"]["failed"],
                    "clean": run["noise"].get("dirty") is None,
                }

    @property
    def scaling(self) -> Optional[List[Json]]:
        """Of :func:`scale`: for each model how many workers to use, and the law behind them, as
        ``docs/result.schema.json`` describes it; `None`: it was not asked for."""
        return self._result.get("scaling")

    def svg(self, chart: str = "bars") -> str:
        """A picture: `bars`, `scaling`, `latency` or `requests`."""
        return self._draw("show", "--chart", chart, "--export-svg", "OUT.svg")


class Recording(_Shown):
    """One run of one model, with what every worker did: what ``maitred run --trace`` writes."""

    _ending = ".trace"

    def __init__(self, content: bytes, run: Json) -> None:
        super().__init__(content)
        self._run = run

    @property
    def seconds(self) -> float:
        """How long the work took."""
        return self._run["work_ns"] / 1e9

    def to_dict(self) -> Json:
        """The figures of the run."""
        return dict(self._run)

    def svg(self) -> str:
        """What each worker did when."""
        return self._draw("show", "--export-svg", "OUT.svg")


class Check:
    """Claims and what became of them: what ``maitred check --export-json`` writes."""

    def __init__(self, result: Json, text: str) -> None:
        self._result = result
        self._text = text

    @property
    def verdicts(self) -> Dict[str, str]:
        """`holds`, `refuted`, `inconclusive` or `cannot-be-tested`, by what is claimed."""
        return {
            finding["says"]: finding["verdict"]
            for experiment in self._result["experiments"]
            for finding in experiment["claims"]
        }

    def __bool__(self) -> bool:
        """Whether every claim holds."""
        return all(verdict == "holds" for verdict in self.verdicts.values())

    def to_dict(self) -> Json:
        """Everything, as ``docs/check.schema.json`` describes it."""
        return dict(self._result)

    def _repr_markdown_(self) -> str:
        return self._text

    def __str__(self) -> str:
        return self._text.rstrip("\n")

    __repr__ = __str__


def _name(model: Any) -> str:
    return model if isinstance(model, str) else str(model.get("name", model))


def _known(observed: Any) -> Any:
    """The figure, where there is one and not a reason why there is none."""
    if isinstance(observed, dict):
        return observed.get("known")  # pyright: ignore
    return None


def _row(contestant: Json, rank: Optional[Json]) -> Row:
    summary = contestant.get("summary")
    name, workers = _name(contestant["model"]), contestant["workers"]
    if rank is None or summary is None:
        return Row(name, None, None, None, None, contestant.get("unranked") or "not run", workers)
    seconds = [summary[key] / 1e9 for key in ("work_ns", "work_low_ns", "work_high_ns")]
    return Row(name, seconds[0], seconds[1], seconds[2], rank["ratio"], rank["verdict"], workers)
