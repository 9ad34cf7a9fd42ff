"""A thousand small computations by a pool of threads: with a GIL only one computes at a time, so nothing is won."""

import time
from concurrent.futures import ThreadPoolExecutor


def compute(number=0):
    return sum(i * i for i in range(20_000))


if __name__ == "__main__":
    begun = time.monotonic()
    with ThreadPoolExecutor() as pool:
        list(pool.map(compute, range(1000)))
    print(f"{time.monotonic() - begun:.2f} s")
