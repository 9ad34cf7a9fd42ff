"""As many changes of task as calls of a function that does nothing."""
import asyncio

TIMES = 20_000


async def switches():
    for _ in range(TIMES):
        await asyncio.sleep(0)


def nothing():
    pass


def calls():
    for _ in range(TIMES):
        nothing()
