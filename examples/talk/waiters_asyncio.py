"""Five tables and one waiter on one event loop: a single thread, and yet nobody waits longer than with five."""

import asyncio
import os
import time

SPEED = float(os.environ.get("SPEED", 1))
waiter = None  # a lock belongs to the loop on which it is first used


async def table(number=0):
    global waiter
    waiter = waiter or asyncio.Lock()
    await asyncio.sleep(4 / SPEED)  # reading the menu
    async with waiter:
        await asyncio.sleep(1 / SPEED)  # the waiter writes the order down


async def main():
    await asyncio.gather(*(table(number) for number in range(5)))


if __name__ == "__main__":
    begun = time.monotonic()
    asyncio.run(main())
    print(f"{time.monotonic() - begun:.1f} s")
