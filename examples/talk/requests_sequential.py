"""Five requests to a slow server, one after another: each waits until the one before has its answer."""

import time
from urllib.request import urlopen

import slow_server

URL = slow_server.url()


def fetch(number=0):
    with urlopen(URL) as response:
        return response.read().decode()


if __name__ == "__main__":
    begun = time.monotonic()
    for number in range(5):
        fetch(number)
    print(f"{time.monotonic() - begun:.1f} s")
