"""Semaphores, first come first served. The library's own let a newcomer overtake those who wait; here a unit that is given
back goes straight to the one who has waited longest. A channel is two: free slots and items.
"""

import mmap
import os
import threading
from collections import deque


class Semaphore:
    """Between threads. Who must wait queues with a lock that is already taken; the next `release` opens it."""

    def __init__(self, units):
        self.units, self.queue, self.door = units, deque(), threading.Lock()

    def acquire(self, task):
        with self.door:
            if self.units:
                self.units -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self.queue.append((turn, task))
        turn.acquire()

    def release(self):
        with self.door:
            if self.queue:
                self.queue.popleft()[0].release()
            else:
                self.units += 1


class LoopSemaphore:
    """Between tasks on one loop: nothing can come between two lines, so there is no lock."""

    def __init__(self, units):
        self.units, self.queue = units, deque()

    async def acquire(self, task):
        if self.units:
            self.units -= 1
            return
        import asyncio

        turn = asyncio.get_running_loop().create_future()
        self.queue.append((turn, task))
        await turn

    def release(self):
        if self.queue:
            self.queue.popleft()[0].set_result(None)
        else:
            self.units += 1


class SharedSemaphore:
    """Between processes, and between interpreters: the state is words in the `Commons`."""

    def __init__(self, commons, index):
        self.commons, self.index = commons, index

    def acquire(self, task):
        if self.commons.take(self.index, task.number):
            self.commons.sleep()

    def release(self):
        self.commons.give(self.index)


class Commons:
    """Memory that workers who live apart share: 64-bit words in a file that has no name, under one file lock.

    `flock` belongs to an open file, so it excludes both processes and interpreters, and the kernel takes it away from
    a worker that dies. Who waits sleeps on a socket of its own, in Linux's abstract namespace (unix(7)).
    """

    ENROLLED, HALTED, TICKETS, UNITS = 0, 1, 2, 3
    FLYING, ENDED, WAITS, TICKET, TASK, VARS = 0, 1, 2, 3, 4, 5  # of each worker

    def __init__(self, path, token, semaphores, variables):
        self.path, self.token = path, token
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.words = memoryview(mmap.mmap(self.fd, 0)).cast("q")
        self.base = self.UNITS + semaphores
        self.stride = self.VARS + variables
        self.mine = self.base
        self.socket = None

    @classmethod
    def make(cls, workers, units, initial):
        """A new one, as large as needed; `units` by semaphore, `initial` values by variable."""
        words = cls.UNITS + len(units) + workers * (cls.VARS + len(initial))
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("maitred-commons")
        else:
            import tempfile

            fd = os.dup(tempfile.TemporaryFile().fileno())
        os.ftruncate(fd, words * 8)
        commons = cls(f"/proc/{os.getpid()}/fd/{fd}", os.urandom(8).hex(), len(units), len(initial))
        for index, count in enumerate(units):
            commons.words[cls.UNITS + index] = count
        for worker in range(workers):
            for var, value in enumerate(initial):
                commons.words[commons.worker(worker) + cls.VARS + var] = value
        return commons

    def worker(self, index):
        return self.base + index * self.stride

    def enrol(self, needs_socket):
        """Takes the next free place among the workers."""
        with self:
            index = self.words[self.ENROLLED]
            self.words[self.ENROLLED] = index + 1
        self.mine = self.worker(index)
        if needs_socket:
            import socket

            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(self.address(index))
        return index

    def address(self, index):
        return f"\0maitred-{self.token}-{index}"

    def variables(self):
        """This worker's own."""
        return self.words[self.mine + self.VARS : self.mine + self.stride]

    def __enter__(self):
        import fcntl

        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def __exit__(self, *problem):
        import fcntl

        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def take(self, semaphore, task):
        """Takes a unit, or queues and says so."""
        words, at = self.words, self.UNITS + semaphore
        with self:
            if words[at]:
                words[at] -= 1
                return False
            words[self.TICKETS] += 1
            words[self.mine + self.TICKET] = words[self.TICKETS]
            words[self.mine + self.TASK] = task
            words[self.mine + self.WAITS] = semaphore + 1
            return True

    def sleep(self):
        self.socket.recv(1)

    def give(self, semaphore):
        """Hands a unit to the one who has waited longest, or puts it back."""
        words = self.words
        with self:
            queue = [
                (words[at + self.TICKET], index, at)
                for index, at in self.places()
                if words[at + self.WAITS] == semaphore + 1
            ]
            if not queue:
                words[self.UNITS + semaphore] += 1
                return
            _, index, at = min(queue)
            words[at + self.WAITS] = 0
        self.socket.sendto(b".", self.address(index))

    def places(self):
        return [(index, self.worker(index)) for index in range(self.words[self.ENROLLED])]

    def look(self):
        """Tasks under way, tasks ended, and who waits with which ticket."""
        words, places = self.words, [at for _, at in self.places()]
        return (
            sum(words[at + self.FLYING] for at in places),
            sum(words[at + self.ENDED] for at in places),
            sorted((words[at + self.TICKET], words[at + self.TASK]) for at in places if words[at + self.WAITS]),
        )
