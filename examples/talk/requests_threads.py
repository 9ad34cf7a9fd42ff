"""Five requests to a slow server, a thread each: who waits for an answer needs no processor and no GIL."""

import time
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

import slow_server

URL = slow_server.url()


def fetch(number=0):
    with urlopen(URL) as response:
        return response.read().decode()


if __name__ == "__main__":
    begun = time.monotonic()
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(fetch, range(5)))
    print(f"{time.monotonic() - begun:.1f} s")
