"""A thousand small computations, one after another."""

import time


def compute(number=0):
    return sum(i * i for i in range(20_000))


if __name__ == "__main__":
    begun = time.monotonic()
    for number in range(1000):
        compute(number)
    print(f"{time.monotonic() - begun:.2f} s")
