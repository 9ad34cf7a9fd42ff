"""Runs the talk's nine programs, one at a time, and shows how long each says that it took."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = {"waiters": ["sequential", "threads", "asyncio"], "requests": ["sequential", "threads", "asyncio"], "cpu": ["sequential", "threads", "processes"]}


def took(name):
    return subprocess.check_output([sys.executable, os.path.join(HERE, name + ".py")], text=True).strip()


if __name__ == "__main__":
    for program, ways in ROWS.items():
        line = " ".join(f"{way} {took(f'{program}_{way}'):<9}" for way in ways)
        print(f"{program:<9} {line}".rstrip(), flush=True)
