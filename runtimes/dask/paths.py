"""The way of each task over a cluster of Dask: when it was sent, received, given to a worker, taken in there, begun and ended, all
by our clock, and what follows for each host."""

import pickle

PARTS = ("in the client", "in the scheduler", "on the wire", "in the worker's queue", "running")
SAMPLE = 100  # inputs whose size is looked at


class Paths:
    """`moments` of a task: at the client, at the scheduler twice, and at its worker three times; between two of them it was
    in one place."""

    def __init__(self):
        self.by_host = {}

    def add(self, host, moments):
        # Two clocks agree no better than is said of them: what would take less than no time took none.
        self.by_host.setdefault(host, []).append([max(0, later - earlier) for earlier, later in zip(moments, moments[1:])])

    def sentences(self, names, sent_bytes, returned_bytes):
        for host, tasks in sorted(self.by_host.items()):
            each = (f"{name} {shown(sorted(part))}" for name, part in zip(PARTS, zip(*tasks)))
            yield (
                f"the way of {len(tasks)} tasks of {names.get(host, host)}, median, of nine in ten at most, at most: {', '.join(each)}; "
                f"{size(sent_bytes)} to a task and {size(returned_bytes)} back"
            )


def shown(values):
    last = len(values) - 1
    return " / ".join(f"{value / 1e6:.3g}" for value in (values[last // 2], values[last * 9 // 10], values[last])) + " ms"


def size(count):
    return f"{count / 1000:.3g} kB" if count < 1e6 else f"{count / 1e6:.3g} MB"


def mean_size(values):
    """Bytes of a value as it is pickled: the mean of the first so many."""
    sample = values[:SAMPLE]
    return sum(len(pickle.dumps(value, protocol=5)) for value in sample) / max(1, len(sample))
