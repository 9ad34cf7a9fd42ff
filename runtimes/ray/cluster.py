"""A cluster of Ray's that is there already, by the address of its client server: only connecting is set-up, and nothing of it is ended.

So many of its processors as there are workers are reserved, from all nodes in turn (a placement group), and each task takes one. Workers
record for themselves, and what they recorded travels with the results; the times of each node are set by our clock, which is compared with
its own before the work. What they need of us and of the user travels as the `working_dir` of Ray's runtime environment.
"""

import json
import os
import re
import shutil
import threading

import maitred_ray_worker as there
import ray
from maitred_failures import Refusal
from maitred_hosts import Clocks, Lanes
from maitred_library import scratch
from maitred_luggage import ours, plan_elsewhere, theirs
from maitred_trace_file import clock
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

PATIENCE_S = 60
for _name in ("INITIAL", "MAX"):  # it tries three times
    os.environ.setdefault(f"RAY_CLIENT_{_name}_CONNECTION_TIMEOUT_S", "5")


def on_given(work, address, runner):
    """Set-up, work and tear-down on this cluster; `runner`: what is done alike on one that is started here."""
    folder = scratch("ray")
    pack(work, folder.name)
    connect(address, folder.name)
    try:
        reserved, homes, clocks = make_ready(work, address)
    except Refusal:
        raise
    except Exception as problem:
        raise Refusal("load", f"a worker of the cluster at {address} cannot do this work ({shown(problem)}): the logs of its node say more") from problem
    serve = ray.remote(num_cpus=1)(there.do).options(scheduling_strategy=PlacementGroupSchedulingStrategy(reserved))
    yield
    tasks, sent = {}, {}
    threading.Thread(target=take_back, args=(work, tasks), daemon=True).start()
    for number in work.arriving():
        sent[number] = clock()
        tasks[number] = serve.remote(number, work.given(number))
    outcomes = dict(zip(tasks, runner.gather(list(tasks.values()))))
    is_lost = any(isinstance(outcome, ConnectionError) for outcome in outcomes.values())
    alive = {} if is_lost else nodes()
    lanes = Placed(work, clocks, homes, alive)
    for number, outcome in sorted(outcomes.items(), key=lambda one: begun_at(one[1])):
        if not isinstance(outcome, Exception):
            lanes.settle(number, outcome, sent[number])
        elif isinstance(outcome, ConnectionError):
            lanes.lose(number, "lost", f"the cluster at {address} was lost before it was done")
        elif not (isinstance(outcome, ray.exceptions.TaskCancelledError) and work.halted()):
            lanes.lose(number, type(outcome).__name__, runner.why(outcome))
    yield
    work.hosts = clocks.told(lanes)
    work.notes += [clocks.shown(), "processor time and memory are those of this process: what the workers of the cluster use is not seen from here"]
    if is_lost:
        work.notes.append(f"the cluster at {address} was lost before the work was done")
        return
    if gone := sorted(set(homes) - set(alive.values())):
        work.notes.append(f"lost during the work: {', '.join(f'the node at {host}' for host in gone)}")
    if not work.halted():
        nothing = ray.remote(num_cpus=1)(there.idle).options(scheduling_strategy=PlacementGroupSchedulingStrategy(reserved))
        work.handover = runner.handover(work, nothing)
    remove_placement_group(reserved)
    ray.shutdown()
    folder.cleanup()


def pack(work, folder):
    """What workers need, as a folder that is theirs to be in."""
    plan, columns = plan_elsewhere(work)
    for name, file in {**theirs(work)[0], **ours()}.items():
        place = os.path.join(folder, name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        shutil.copyfile(file, place)
    with open(os.path.join(folder, there.PLAN), "w", encoding="utf-8") as file:
        json.dump(plan, file)
    with open(os.path.join(folder, there.COLUMNS), "wb") as file:
        file.write(columns or b"")


def connect(address, folder):
    try:
        ray.init(address, runtime_env={"working_dir": folder}, log_to_driver=False)
    except Exception as problem:
        text = str(problem)
        versions = re.findall(r"(?:Ray|Python): *(\S+)", text)
        if "mismatch" in text and len(versions) == 4:
            told = "Python {1} with Ray {0} and this is Python {3} with Ray {2}".format(*versions)
            raise Refusal("refused", f"the cluster at {address} runs {told}, and neither understands what the other pickles: name the same with --python") from None
        if isinstance(problem, ImportError):
            raise Refusal("unsupported", f"Ray needs more than it has here to reach a cluster ({shown(problem)}): `pip install 'ray[client]'`") from None
        raise Refusal("refused", f"no cluster of Ray answers at {address} ({shown(problem)}): look at the address, as in ray://HOST:10001, and whether it can be reached from here") from None


def make_ready(work, address):
    """The processors that were reserved, where each lane is at home, and how clocks stand."""
    known = nodes()
    reserved = reserve(work, address)
    homes = sorted(known[node] for node in placement_group_table(reserved)["bundles_to_node_id"].values())
    clocks = Clocks({host: reading(node) for node, host in known.items() if host in homes})
    gate = ray.remote(num_cpus=0)(there.Gate).remote(work.workers)
    attend = ray.remote(num_cpus=1)(there.attend)
    on = [PlacementGroupSchedulingStrategy(reserved, placement_group_bundle_index=at) for at in range(work.workers)]
    try:
        ray.get([attend.options(scheduling_strategy=one).remote(gate) for one in on], timeout=PATIENCE_S)
    except ray.exceptions.GetTimeoutError:
        raise Refusal("refused", f"the workers of the cluster at {address} were not ready within {PATIENCE_S} s: look whether they do other work") from None
    return reserved, homes, clocks


def nodes():
    """The address of each node that is there."""
    return {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}


def reserve(work, address):
    """So many processors, from all nodes in turn."""
    group = placement_group([{"CPU": 1}] * work.workers, strategy="SPREAD")
    here = {node["NodeManagerAddress"]: int(node["Resources"].get("CPU", 0)) for node in ray.nodes() if node["Alive"]}
    if work.workers > sum(here.values()) or not group.wait(PATIENCE_S):
        remove_placement_group(group)
        there_are = "; ".join(f"{host}: {count}" for host, count in sorted(here.items()))
        raise Refusal("refused", f"the cluster at {address} has not {work.workers} processors for this; those of its nodes: {there_are}: ask for a number that is free, as in ray/processes:{max(1, sum(here.values()))}")
    return group


def reading(node):
    ask = ray.remote(num_cpus=0)(there.its_clock).options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
    return lambda: ray.get(ask.remote(), timeout=PATIENCE_S)


def take_back(work, tasks):
    """When the run is stopped: those that Ray has begun, which are the first, go on; the others need not begin."""
    work.halt.wait()
    waiting = list(tasks.values())
    done = set(ray.wait(waiting, num_returns=len(waiting), timeout=0)[0]) if waiting else set()
    for task in [task for task in waiting if task not in done][work.workers :]:
        ray.cancel(task)


def begun_at(outcome):
    return 0 if isinstance(outcome, Exception) else outcome[1][0]


def shown(problem):
    """The last line of what went wrong, also where it was raised elsewhere."""
    cause = getattr(problem, "cause", None) or problem
    return str(cause).strip().split("\n")[-1] or type(cause).__name__


class Placed(Lanes):
    """Which lane of the trace a task had: one of its node that was free. Ray gives a processor to one task at a time, and has more
    processes than that."""

    def __init__(self, work, clocks, homes, alive):
        super().__init__(work, clocks, homes)
        self.alive, self.free, self.latest = alive, [0] * len(homes), clock()

    def settle(self, number, outcome, sent):
        node, told, left = outcome
        host = self.alive.get(node, node)
        lane = self.place(host, told[0])
        self.record(number, lane, host, told, sent, self.latest)
        if lane is not None:
            self.free[lane] = self.clocks.here(host, told[1])
        self.work.settle(number, left)

    def place(self, host, begun):
        """None: there is none, since a node took over what another one had that is there."""
        moment, there = self.clocks.here(host, begun), set(self.alive.values())
        free = [lane for lane, until in enumerate(self.free) if until <= moment and (self.homes[lane] == host or self.homes[lane] not in there)]
        lane = min(free, key=lambda lane: (self.homes[lane] != host, self.free[lane]), default=None)
        if lane is not None:
            self.homes[lane] = host
        return lane
