"""A thousand small computations by a pool of processes, each with an interpreter and a GIL of its own."""

import time
from concurrent.futures import ProcessPoolExecutor


def compute(number=0):
    return sum(i * i for i in range(20_000))


if __name__ == "__main__":
    begun = time.monotonic()
    with ProcessPoolExecutor() as pool:
        list(pool.map(compute, range(1000), chunksize=25))  # handing over costs as much as computing: 25 at a time
    print(f"{time.monotonic() - begun:.2f} s")
