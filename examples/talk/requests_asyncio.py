"""Five requests to a slow server on one event loop: one thread asks five times, then waits for all answers."""

import asyncio
import time
from urllib.parse import urlsplit

import slow_server

URL = slow_server.url()


async def fetch(number=0):
    where = urlsplit(URL)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(f"GET {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nConnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2].decode()


async def main():
    await asyncio.gather(*(fetch(number) for number in range(5)))


if __name__ == "__main__":
    begun = time.monotonic()
    asyncio.run(main())
    print(f"{time.monotonic() - begun:.1f} s")
