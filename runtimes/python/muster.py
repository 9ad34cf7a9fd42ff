"""Has every worker of a pool do the same job once."""

import os
import select
import time


def muster(pool, workers, job, *args, patience=None):
    """Has every worker of the pool do the job once, and returns what each returned: none can take two, because none returns
    before all have begun, or so many seconds are over."""
    begun, begin = os.pipe()
    leave, let_go = os.pipe()
    mouth, gate = (f"/proc/{os.getpid()}/fd/{fd}" for fd in (begin, leave))
    futures = [pool.submit(attend, mouth, gate, job, args) for _ in range(workers)]
    waiting = workers
    until = None if patience is None else time.monotonic() + patience
    while waiting and (until is None or time.monotonic() < until):
        if select.select([begun], [], [], 0.05)[0]:
            waiting -= len(os.read(begun, waiting))
        for future in futures:
            if hasattr(future, "done") and future.done():
                future.result()  # none can be done yet: it failed, and this says how
    os.write(let_go, b"." * workers)
    returned = [(future.result if hasattr(future, "result") else future.get)() for future in futures]
    for fd in (begun, begin, leave, let_go):
        os.close(fd)
    return returned


def attend(mouth, gate, job, args):
    """In a worker: the job, a sign that it is done, and a wait for the others."""
    returned = job(*args)
    with open(mouth, "wb", buffering=0) as pipe:
        pipe.write(b".")
    with open(gate, "rb", buffering=0) as pipe:
        pipe.read(1)
    return returned
