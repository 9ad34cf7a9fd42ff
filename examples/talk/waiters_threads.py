"""Five tables and one waiter, a thread a table: all read the menu at the same time, but order one at a time."""

import os
import threading
import time

SPEED = float(os.environ.get("SPEED", 1))
waiter = threading.Lock()


def table(number=0):
    time.sleep(4 / SPEED)  # reading the menu
    with waiter:
        time.sleep(1 / SPEED)  # the waiter writes the order down


if __name__ == "__main__":
    begun = time.monotonic()
    tables = [threading.Thread(target=table, args=(number,)) for number in range(5)]
    for thread in tables:
        thread.start()
    for thread in tables:
        thread.join()
    print(f"{time.monotonic() - begun:.1f} s")
