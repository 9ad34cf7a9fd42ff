"""What somebody would write by hand for one strategy: TASKS pieces of pure-Python work. Prints how long the work took, and
the CPU time of this process in it, in seconds.

usage: by_hand.py FOLDER_OF_THE_RUNNER STRATEGY TASKS UNITS WORKERS
"""

import sys
import time

sys.path.insert(0, sys.argv[1])
strategy, tasks, units, workers = sys.argv[2], *map(int, sys.argv[3:])

from maitred_steps import compute  # noqa: E402  the same work as that of a `cpu` step


def task(number):
    compute(units)


async def awaiting(number):
    compute(units)


class now:
    """An instant, on the wall and in CPU time."""

    def __init__(self):
        self.clocks = time.monotonic(), time.process_time()

    def __sub__(self, other):
        return [a - b for a, b in zip(self.clocks, other.clocks)]


def ready():
    time.sleep(0.1)


def sequential():
    for number in range(tasks):
        task(number)


def threads():
    import threading

    alive = [threading.Thread(target=task, args=(number,)) for number in range(tasks)]
    for thread in alive:
        thread.start()
    for thread in alive:
        thread.join()


def pool(kind, chunk=1):
    with kind(workers) as executor:
        for future in [executor.submit(ready) for _ in range(workers)]:
            future.result()  # the pool is there before the work begins, as in the runner
        begun = now()
        list(executor.map(task, range(tasks), chunksize=chunk))
        return now() - begun


# What is handed to another process goes several at a time, with the chunks that multiprocessing.Pool.map makes of it.
chunk = max(1, tasks // (4 * workers))


def thread_pool():
    from concurrent.futures import ThreadPoolExecutor

    return pool(ThreadPoolExecutor)


def processes():
    from concurrent.futures import ProcessPoolExecutor

    return pool(ProcessPoolExecutor, chunk)


def event_loop():
    import asyncio

    async def main():
        begun = now()
        await asyncio.gather(*(awaiting(number) for number in range(tasks)))
        return now() - begun

    return asyncio.run(main())


def hybrid():
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(workers) as executor:
            for future in [executor.submit(ready) for _ in range(workers)]:
                future.result()

            async def one(number):
                await loop.run_in_executor(executor, task, number)

            begun = now()
            await asyncio.gather(*(one(number) for number in range(tasks)))
            return now() - begun

    return asyncio.run(main())


def interpreters():
    from concurrent.futures import InterpreterPoolExecutor

    return pool(InterpreterPoolExecutor, chunk)


if __name__ == "__main__":
    begun = now()
    took = globals()[strategy.replace("-", "_")]()
    print(*(took or now() - begun))
