"""One hands payloads to another, between threads and between processes: 10 and 21 of the claims."""
import multiprocessing
import queue
import threading

TIMES = 1000
SMALL, LARGE = 100, 100_000


def take_all(take):
    for _ in range(TIMES):
        take()


def hand_over(give, size):
    payload = bytes(size)
    for _ in range(TIMES):
        give(payload)


def between_threads(size):
    # The other thread begins when all is in the queue: what is to be seen is the price of handing
    # over, and not how two threads get the GIL from each other.
    items = queue.SimpleQueue()
    receiver = threading.Thread(target=take_all, args=(items.get,))
    hand_over(items.put, size)
    receiver.start()
    receiver.join()


def between_processes(size):
    fork = multiprocessing.get_context("fork")
    far, near = fork.Pipe(duplex=False)
    receiver = fork.Process(target=take_all, args=(far.recv,))
    receiver.start()
    hand_over(near.send, size)
    receiver.join()


def small_between_threads():
    between_threads(SMALL)


def large_between_threads():
    between_threads(LARGE)


def small_between_processes():
    between_processes(SMALL)


def large_between_processes():
    between_processes(LARGE)
