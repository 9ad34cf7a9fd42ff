"""The trace: a memory-mapped file that survives the death of whoever writes it (`crates/wire/src/trace_file.rs`)."""

import itertools
import mmap
import os
import resource
import threading
import time
from struct import Struct

from maitred_conversation import PROTOCOL
from maitred_failures import Refusal

clock = time.monotonic_ns  # CLOCK_MONOTONIC, the clock of everything that is recorded
WORKER, LOOP, PROCESS = 0, 1, 2
DONE, FAILED = 1, 2
LANE_BYTES, TASK_BYTES, SPAN_BYTES = 64, 32, 24
LANE_WORDS, TASK_WORDS, SPAN_WORDS = 8, 4, 3
UNKNOWN = 2**64 - 1  # what a lane writes for a figure that nobody read


class Trace:
    """Where the parts of the file lie."""

    def __init__(self, path):
        self.map = map_file(path)
        header = Struct("<8sIIIIQQQQ").unpack_from(self.map)
        magic, version, self.lanes, self.tasks, self.room, self.lanes_at, self.tasks_at, self.spans_at, size = header
        if magic != b"MAITREDT" or version != PROTOCOL or size > len(self.map):
            raise Refusal("protocol", f"`{path}` is not a trace file of version {PROTOCOL}: use the runner of this maitred")

    def task(self, number):
        """When the task began and ended, its lane, the step that it is at (None: none), its outcome."""
        begun, ended, lane, step, outcome = Struct("<QQIII").unpack_from(self.map, self.tasks_at + number * TASK_BYTES)
        return begun, ended, lane, step - 1 if step else None, outcome

    def last_end(self):
        """When the last task ended; 0: none has."""
        words = memoryview(self.map)[self.tasks_at : self.tasks_at + self.tasks * TASK_BYTES].cast("Q")
        return max(words[1::4], default=0)

    def pid(self, lane):
        """The process of a lane; 0: it was never used."""
        return Struct("<I").unpack_from(self.map, self.lanes_at + lane * LANE_BYTES)[0]

    def end(self, number):
        """Ends a task, or what was thought to be one, as failed."""
        at = self.tasks_at + number * TASK_BYTES
        if not self.task(number)[1]:
            Struct("<Q").pack_into(self.map, at + 8, clock())
        Struct("<I").pack_into(self.map, at + 24, FAILED)


class Lane:
    """A thread that executes steps, and its part of the trace, into which it alone writes: no lock is needed.

    It has a view of its own, because threads without a GIL would slow each other down by counting references to a
    shared one.
    """

    def __init__(self, work, role, fresh=False, delays=True):
        self.work, self.trace, self.delays = work, work.trace, delays
        self.index = work.enrol(self)
        self.connections, self.loop, self.thread = {}, None, threading.get_ident()
        self.answers = {}  # how many requests were answered with which status
        self.flying = self.ended = 0  # tasks begun and not ended, tasks ended
        self.notes = work.commons is not None  # whether others look at the two in shared memory
        self.words = memoryview(self.trace.map).cast("Q")  # all fields lie in words of eight bytes: nothing is faster to write
        self.spans = self.dropped = 0
        self.recorded = self.index < self.trace.lanes  # a lane too many leaves tasks, but no spans
        self.record = self.trace.lanes_at // 8 + self.index * LANE_WORDS
        self.role = role
        self.next = self.trace.spans_at // 8 + self.index * self.trace.room * SPAN_WORDS
        self.stop = self.next + self.recorded * self.trace.room * SPAN_WORDS
        if self.recorded:
            self.words[self.record] = os.getpid() | threading.get_native_id() << 32
            self.words[self.record + 1] = role
        self.before = (0, 0, 0, 0) if fresh else counters(delays)

    def begin(self, task, step, now):
        """Opens a span and returns where it lies; 0: there was no room."""
        words = self.words
        words[task.record + 2] = task.home | step + 1 << 32
        at = self.next
        if at >= self.stop:
            return self.drop()
        self.next = at + SPAN_WORDS
        words[at] = task.number | step << 32
        words[at + 1] = now
        self.spans = spans = self.spans + 1
        words[self.record + 2] = spans
        return at

    def end(self, at):
        """Closes the span and returns when."""
        now = clock()
        if at:
            self.words[at + 2] = now
        return now

    def drop(self):
        self.dropped += 1
        if self.recorded:
            self.words[self.record + 3] = self.dropped
        return 0

    def begin_task(self, task):
        """Opens a task and returns when."""
        self.flying += 1
        if self.notes:
            self.work.note_flying(self)
        task.lane = self
        words, at = self.words, task.record
        task.home = words[at + 2] = self.index
        now = clock()
        words[at] = now
        return now

    def end_task(self, task, now, outcome):
        """Closes a task: the outcome first, then the time, by which others see that it has ended."""
        words, at = self.words, task.record
        words[at + 3] = outcome
        words[at + 1] = now
        self.flying -= 1
        self.ended = ended = self.ended + 1
        if self.notes:
            self.work.note_flying(self)
        if self.recorded:
            words[self.record + 1] = self.role | ended << 32

    def close(self):
        """Writes what the kernel counted for this thread; only the thread itself can ask."""
        if self.loop:
            self.loop.close()
        for connection in itertools.chain(*self.connections.values()):
            connection.close()
        if self.recorded:
            pairs = zip(counters(self.delays), self.before)
            spent = [UNKNOWN if None in pair else pair[0] - pair[1] for pair in pairs]
            Struct("<QQIII").pack_into(self.trace.map, self.record * 8 + 32, *spent, 1)


def counters(delays):
    """Of this thread: CPU time and run-queue wait (ns; None: not known), voluntary and involuntary switches."""
    usage = resource.getrusage(1)  # RUSAGE_THREAD, which PyPy has no name for
    delay = None
    if delays:
        try:
            with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
                delay = int(file.read().split()[1])
        except OSError:
            pass
    return time.thread_time_ns(), delay, usage.ru_nvcsw, usage.ru_nivcsw


def map_file(path):
    fd = os.open(path, os.O_RDWR)
    try:
        return mmap.mmap(fd, 0)
    finally:
        os.close(fd)


class Paper:
    """A trace in memory that nobody reads: on it the cost of recording is measured."""

    def __init__(self, tasks, room, lanes=1):
        self.lanes, self.tasks, self.room = lanes, tasks, room
        self.lanes_at, self.tasks_at = 0, lanes * LANE_BYTES
        self.spans_at = self.tasks_at + tasks * TASK_BYTES
        self.map = bytearray(self.spans_at + lanes * room * SPAN_BYTES)


def span_cost_ns():
    """What recording one span costs, its clock readings included, in nanoseconds: the least of several tries."""
    count = 2000
    work = type("Rehearsal", (), {"commons": None, "enrol": lambda self, lane: 0, "trace": Paper(1, count * 10)})()
    lane, task, best = Lane(work, WORKER), type("Only", (), {"number": 0, "record": LANE_WORDS, "home": 0})(), float("inf")
    for _ in range(10):
        begun = now = clock()
        for _ in range(count):
            now = lane.end(lane.begin(task, 1, now))
        best = min(best, (clock() - begun) / count)
    return best
