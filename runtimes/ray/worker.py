"""What a worker of a cluster of Ray's does of our work. It finds the plan beside this file, where Ray has put both (`working_dir`)."""

import asyncio
import json
import os
import socket
import tempfile
import time

import ray
from maitred_outpost import Outpost
from maitred_steps import Blocking, calibrate

PLAN, COLUMNS = "maitred_plan.json", "maitred_columns"
mine = {}


class Gate:
    """Lets nobody pass before so many are there."""

    def __init__(self, count):
        self.missing, self.opened = count, asyncio.Event()

    async def enter(self):
        self.missing -= 1
        if self.missing <= 0:
            self.opened.set()
        await self.opened.wait()


def its_clock():
    return time.monotonic_ns(), socket.gethostname()


def here():
    """The plan made ready, once in each process."""
    if "outpost" not in mine:
        beside = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(beside, PLAN), encoding="utf-8") as file:
            plan = json.load(file)
        with open(os.path.join(beside, COLUMNS), "rb") as file:
            columns = file.read()
        with tempfile.TemporaryDirectory(prefix="maitred-") as folder:  # what lies in it is mapped, and needs no name any more
            mine["outpost"] = Outpost(folder, 0, plan, calibrate(), columns, Blocking)
        mine["node"] = ray.get_runtime_context().get_node_id()
    return mine["outpost"]


def attend(gate):
    here()
    ray.get(gate.enter.remote())


def do(number, given):
    """One task; what was recorded of it travels back beside what it left, and how often Ray has begun it."""
    told, outcome = here().do(number, given)
    return mine["node"], times_begun(), told, outcome


def times_begun():
    """None: this Ray does not tell, which it does by no interface that it has documented."""
    ask = getattr(ray._private.worker.global_worker.core_worker, "get_current_task_attempt_number", None)
    return ask and ask() + 1


def idle():
    pass
