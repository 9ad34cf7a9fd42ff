"""Five tables and one waiter, one table after another: each reads the menu for 4 s, then takes 1 s to order."""

import os
import time

SPEED = float(os.environ.get("SPEED", 1))


def table(number=0):
    time.sleep(4 / SPEED)  # reading the menu
    time.sleep(1 / SPEED)  # the waiter writes the order down


if __name__ == "__main__":
    begun = time.monotonic()
    for number in range(5):
        table(number)
    print(f"{time.monotonic() - begun:.1f} s")
