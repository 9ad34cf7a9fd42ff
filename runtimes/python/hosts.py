"""Work on other machines, as the client of a cluster sees it: how the clock of each host stands to ours, on which lanes of the trace its
workers are, and what they recorded, which travels with the results."""

import os
from struct import Struct

from maitred_trace_file import LANE_BYTES, PROCESS, SPAN_BYTES, TASK_BYTES, clock

ROUND_TRIPS = 10
SPAN = Struct("<IIQQ")


def compared(ask):
    """By how much a clock is before ours, by how much that may be wrong, and what its host is called."""
    best = None
    for _ in range(ROUND_TRIPS):
        begun = clock()
        there, called = ask()
        took = clock() - begun
        if best is None or took < best[0]:
            best = took, there - (begun + took // 2)
    return best[1], best[0] // 2 + 1, called


class Clocks:
    """How the clock of each host stands to ours: found by round trips to it, of which the shortest counts. `asks`: by host, what
    reads its clock and says what it is called."""

    def __init__(self, asks):
        self.by_host, self.called = {}, {}
        for host, ask in asks.items():
            self.compare(host, ask)

    def compare(self, host, ask):
        *self.by_host[host], self.called[host] = compared(ask)

    def names(self):
        """By name, where that tells them apart."""
        names = self.called
        return names if len(set(names.values())) == len(names) > 1 else {host: host for host in names}

    def here(self, host, there):
        """A moment of a host's clock by ours."""
        return there - self.by_host[host][0] if host in self.by_host else there

    def shown(self):
        names = self.names()
        each = (f"{names[host]} {offset / 1e6:+.3f} ms ± {uncertainty / 1e6:.3f} ms" for host, (offset, uncertainty) in sorted(self.by_host.items()))
        return f"clocks, by ours, each found by the shortest of {ROUND_TRIPS} round trips: {'; '.join(each)}"

    def told(self, lanes):
        names = self.names()
        return [
            {"name": names[host], "lanes": lanes.of(host), "clock_offset_ns": -offset, "clock_uncertainty_ns": uncertainty}
            for host, (offset, uncertainty) in sorted(self.by_host.items())
        ]


class Lanes:
    """The lanes of the trace, each at home on a host; `homes`: which, by lane."""

    def __init__(self, work, clocks, homes):
        self.work, self.clocks, self.homes = work, clocks, homes
        self.spans, self.ended = [0] * len(homes), [0] * len(homes)
        trace = work.trace
        for lane in range(min(len(homes), trace.lanes)):
            # No thread of this machine: its number there would be taken for one of ours.
            Struct("<IIII").pack_into(trace.map, trace.lanes_at + lane * LANE_BYTES, os.getpid(), 0, PROCESS, 0)

    def of(self, host):
        return sorted(lane for lane, home in enumerate(self.homes) if home == host)

    def record(self, number, lane, host, told, earliest, latest):
        """Writes what a worker recorded of a task; no lane: it joined while all others were there. By another's clock it may have begun
        before it was sent, or ended after it was back: it did neither."""
        trace, (begun, ended, step, outcome, spans) = self.work.trace, told
        here = lambda there: min(max(self.clocks.here(host, there), earliest), latest)
        record = trace.tasks_at + number * TASK_BYTES
        first = trace.spans_at + (lane or 0) * trace.room * SPAN_BYTES
        counts = trace.lanes_at + (lane or 0) * LANE_BYTES
        for _, at, start, end in SPAN.iter_unpack(spans):
            if lane is None or self.spans[lane] == trace.room:
                dropped = Struct("<Q").unpack_from(trace.map, counts + 24)[0]
                Struct("<Q").pack_into(trace.map, counts + 24, dropped + 1)
                continue
            SPAN.pack_into(trace.map, first + self.spans[lane] * SPAN_BYTES, number, at, here(start), here(end))
            self.spans[lane] += 1
        lane = lane or 0
        Struct("<Q").pack_into(trace.map, counts + 16, self.spans[lane])
        Struct("<QQIII").pack_into(trace.map, record, here(begun), here(ended), lane, step, outcome)
        self.count(lane)

    def begin(self, host, number, step, begun):
        """Writes where a task is that waits, in case that it waits for ever."""
        record = self.work.trace.tasks_at + number * TASK_BYTES
        Struct("<Q").pack_into(self.work.trace.map, record, self.clocks.here(host, begun))
        Struct("<I").pack_into(self.work.trace.map, record + 20, step + 1)

    def count(self, lane):
        """One more task of this lane has ended; those that are lost count with the first."""
        self.ended[lane] += 1
        Struct("<I").pack_into(self.work.trace.map, self.work.trace.lanes_at + lane * LANE_BYTES + 12, self.ended[lane])

    def lose(self, number, kind, text):
        """A task that was given up, with why."""
        record = self.work.trace.tasks_at + number * TASK_BYTES
        Struct("<Q").pack_into(self.work.trace.map, record, clock())
        self.work.trace.end(number)
        self.work.fail(number, kind, text)
        self.count(0)
