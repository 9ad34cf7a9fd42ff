"""A cluster of Ray's that is there already, by the address of its client server: only connecting is set-up, and nothing of it is ended.

So many of its processors as there are workers are reserved, from all nodes in turn (a placement group), and each task takes one. Workers
record for themselves, and what they recorded travels with the results; the times of each node are set by our clock, which is compared with
its own before the work. What they need of us and of the user travels as the `working_dir` of Ray's runtime environment.
"""

import json
import logging
import os
import re
import shutil
import sys
import threading
import warnings

import maitred_ray_worker as there
import ray
from maitred_conversation import conversation
from maitred_failures import Refusal
from maitred_hosts import Clocks, Lanes
from maitred_library import scratch
from maitred_luggage import ours, plan_elsewhere, theirs
from maitred_trace_file import clock
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

PATIENCE_S = 120
CONNECT_S = 240  # Ray has no limit of its own where its server dies while it is being asked
LOOK_S = 5
TRIES = 3
UNSTARTED = "Starting Ray client server failed", "Proxy failed to Connect to backend"  # as Ray says it (its proxier.py)
DIED = "the server that the cluster at {} starts for a client died before it was there"
REMEDY = "GRPC_ENABLE_FORK_SUPPORT=0 in the environment of `ray start --head` keeps it from that"
for _name in ("INITIAL", "MAX"):  # it tries three times
    os.environ.setdefault(f"RAY_CLIENT_{_name}_CONNECTION_TIMEOUT_S", "5")


def on_given(work, address, runner):
    """Set-up, work and tear-down on this cluster; `runner`: what is done alike on one that is started here."""
    with scratch("ray") as folder:  # as soon as there is a connection the cluster has a copy
        pack(work, folder)
        connect(work, address, folder)
    try:
        reserved, lanes = make_ready(work, address)
    except Exception as problem:
        raise not_ready(address, problem) from problem
    work.hosts = lanes.clocks.told(lanes)  # for the case that it is stopped and not waited for
    remote = lambda job: ray.remote(num_cpus=1)(job).options(scheduling_strategy=PlacementGroupSchedulingStrategy(reserved))
    yield
    sent, outcomes = do_all(work, remote(there.do), reserved, lanes, runner.gather)
    is_lost = not lanes.end(outcomes.values())
    lanes.settle(outcomes, sent)
    if not work.halted():
        for number in outcomes.keys() - lanes.settled:
            lanes.lose(number, *why(outcomes[number], address, is_lost, runner))
    yield
    work.hosts = lanes.clocks.told(lanes)
    work.attempts = sorted([number, times] for number, times in lanes.times.items() if times and times > 1)
    work.notes += [lanes.clocks.shown(), "processor time and memory are those of this process: what the workers of the cluster use is not seen from here"]
    if is_lost:
        work.notes.append(f"the cluster at {address} was lost before the work was done")
        return
    gone = lanes.gone()
    if gone:
        work.notes.append(f"lost during the work: {', '.join(f'the node at {host}' for host in gone)}")
    try:
        if not work.halted() and not gone:  # those who are left are fewer than it would be told of
            work.handover = runner.handover(work, remote(there.idle))
        remove_placement_group(reserved)
        ray.shutdown()
    except ConnectionError:
        work.notes.append(f"the cluster at {address} was lost after the work")


def do_all(work, serve, reserved, lanes, gather):
    """When each task was sent; and of each what it left, or the problem."""
    tasks, sent, unsent, over = {}, {}, {}, threading.Event()
    threading.Thread(target=take_back, args=(work, tasks, sent, lanes, reserved, over), daemon=True).start()
    threading.Thread(target=watch, args=(reserved, tasks, over), daemon=True).start()
    for number in work.arriving():
        sent[number] = clock()
        try:
            tasks[number] = serve.remote(number, work.given(number))
        except ConnectionError as problem:
            unsent[number] = problem
    outcomes = gather(list(tasks.values()))
    over.set()
    return sent, {**dict(zip(tasks, outcomes)), **unsent}


def why(problem, address, is_lost, runner):
    """Kind and text of why a task was given up."""
    if is_lost:
        return "lost", f"the cluster at {address} was lost before it was done"
    if isinstance(problem, ray.exceptions.TaskCancelledError):
        return "lost", "the nodes that were to do it are lost, and no other has a processor that is free"
    if is_of_task(problem):
        return type(problem.cause).__name__, shown(problem)
    return type(problem).__name__, runner.why(problem)


def watch(reserved, tasks, over):
    """Where none is left of the nodes that are to do the work, and no other has taken over, tasks would wait for ever: they are given up."""
    before = True
    try:
        while not over.wait(LOOK_S):
            now = bool(nodes().keys() & placement_group_table(reserved)["bundles_to_node_id"].values())
            if not now and not before:
                for task in list(tasks.values()):
                    ray.cancel(task)
            before = now
    except Exception as problem:  # of a cluster that is lost those are told who wait for it
        print(f"the nodes are not watched any more: {problem}", file=sys.stderr)


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


def connect(work, address, folder):
    """Ray's server starts another one for each client, by a fork beside its own threads, and that one may die before it is there
    (ray-project/ray#63202): it is asked again."""
    logging.getLogger("ray").setLevel(logging.WARNING)  # each step is told otherwise
    late = threading.Timer(CONNECT_S, end_unconnected, [address])
    late.daemon = True
    late.start()
    try:
        for tries in range(TRIES):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of what it raises as well
                    ray.init(address, runtime_env={"working_dir": folder}, log_to_driver=False, configure_logging=False)
                break
            except Exception as problem:
                if tries + 1 == TRIES or not any(text in str(problem) for text in UNSTARTED):
                    raise unconnected(address, problem) from None
        if tries:
            work.notes.append(f"connected at try {tries + 1}, and set-up includes the others: {DIED.format(address)} ({REMEDY})")
    finally:
        late.cancel()


def unconnected(address, problem):
    """Why there is no connection, and what helps."""
    text = str(problem)
    versions = re.findall(r"(?:Ray|Python): *(\S+)", text)
    if "mismatch" in text and len(versions) == 4:
        told = "Python {1} with Ray {0} and this is Python {3} with Ray {2}".format(*versions)
        return Refusal("refused", f"the cluster at {address} runs {told}, and neither understands what the other pickles: name the same with --python")
    if "ray[client]" in text:
        return Refusal("unsupported", f"Ray as it is installed for {sys.executable} cannot reach a cluster: `pip install 'ray[client]'`")
    if any(one in text for one in UNSTARTED):
        return Refusal("refused", f"{DIED.format(address)}, at each of {TRIES} tries: look at ray_client_server.err among the logs of its head ({REMEDY})")
    return Refusal("refused", f"no cluster of Ray answers at {address} ({shown(problem)}): look at the address, as in ray://HOST:10001, and whether it can be reached from here")


def end_unconnected(address):
    """Nothing else ends a connection that is being made."""
    text = f"the cluster of Ray at {address} began to answer, and was not connected within {CONNECT_S} s: try again, or look at ray_client_server.err among the logs of its head"
    conversation.say(Refusal("refused", text).message)
    os._exit(1)


def make_ready(work, address):
    """The processors that were reserved, and the lanes that they are."""
    reserved = reserve(work, address)
    hosts = nodes()
    chosen = sorted(placement_group_table(reserved)["bundles_to_node_id"].values(), key=hosts.get)
    clocks = Clocks({hosts[node]: reading(node) for node in chosen})
    gate = ray.remote(num_cpus=0)(there.Gate).remote(work.workers)
    attend = ray.remote(num_cpus=1)(there.attend)
    on = [PlacementGroupSchedulingStrategy(reserved, placement_group_bundle_index=at) for at in range(work.workers)]
    try:
        ray.get([attend.options(scheduling_strategy=one).remote(gate) for one in on], timeout=PATIENCE_S)
    except ray.exceptions.GetTimeoutError:
        raise Refusal("refused", f"the workers of the cluster at {address} were not ready within {PATIENCE_S} s: look whether they do other work") from None
    return reserved, Placed(work, clocks, chosen, hosts)


def not_ready(address, problem):
    if isinstance(problem, Refusal) and not is_of_task(problem):
        return problem
    if is_loss(problem):
        return Refusal("refused", f"the cluster at {address} was lost in set-up: look whether it still runs, and at the logs of its nodes")
    return Refusal("load", f"a worker of the cluster at {address} cannot do this work ({shown(problem)}): the logs of its node say more")


def is_of_task(problem):
    """Whether it was raised there: then it is of this class beside its own."""
    return isinstance(problem, ray.exceptions.RayTaskError)


def is_loss(outcome):
    """Whether nobody is there any more who could be asked."""
    return isinstance(outcome, ConnectionError) and not is_of_task(outcome)


def nodes(alive=True):
    """The address of each node that is there, or of those that are lost as well."""
    return {node["NodeID"]: node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"] or not alive}


def reserve(work, address):
    """So many processors, from all nodes in turn."""
    count = {}
    for node in ray.nodes():
        if node["Alive"]:
            count[node["NodeManagerAddress"]] = count.get(node["NodeManagerAddress"], 0) + int(node["Resources"].get("CPU", 0))
    there_are = sum(count.values())
    if work.workers <= there_are:
        group = placement_group([{"CPU": 1}] * work.workers, strategy="SPREAD")
        if group.wait(PATIENCE_S):
            return group
        remove_placement_group(group)
    by_node = "; ".join(f"{host}: {processors}" for host, processors in sorted(count.items()))
    raise Refusal("refused", f"the cluster at {address} has not {work.workers} processors for this; those of its nodes: {by_node}: ask for a number that is free, as in ray/processes:{max(1, there_are)}")


def reading(node):
    ask = ray.remote(num_cpus=0)(there.its_clock).options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False))
    return lambda: ray.get(ask.remote(), timeout=PATIENCE_S)


def take_back(work, tasks, sent, lanes, reserved, over):
    """When the run is stopped: what is done is written down first, since nobody waits for long. What Ray has begun, which are the first of
    those that are left, may go on for most of that time, the others need not begin; then what is reserved is given back."""
    work.halt.wait()
    until = clock() + work.plan["limits"]["grace_ns"] * 2 // 3
    try:
        known = dict(tasks)
        done = set(ray.wait(list(known.values()), num_returns=len(known), timeout=0)[0]) if known else set()
        lanes.settle(dict(zip([number for number in known if known[number] in done], ray.get([task for task in known.values() if task in done]))), sent)
        for task in [task for task in known.values() if task not in done][work.workers :]:
            if clock() < until:
                ray.cancel(task)
        if not over.wait(max(0, until - clock()) / 1e9):
            remove_placement_group(reserved)
    except Exception as problem:
        print(f"what is under way was not taken back: {problem}", file=sys.stderr)


def shown(problem):
    """The last line of what went wrong, also where it was raised elsewhere."""
    cause = getattr(problem, "cause", None) or problem
    return str(cause).strip().split("\n")[-1] or type(cause).__name__


class Placed(Lanes):
    """Which lane of the trace a task had: one of its node that was free. Ray gives a processor to one task at a time, and has more
    processes than that. `chosen`: the node of each lane; `hosts`: the address of each node."""

    def __init__(self, work, clocks, chosen, hosts):
        super().__init__(work, clocks, [hosts[node] for node in chosen])
        self.chosen, self.hosts, self.alive = chosen, hosts, hosts
        self.free, self.settled, self.door = [0] * len(chosen), set(), threading.Lock()
        self.times = {}  # how often each task was begun

    def end(self, outcomes):
        """Sees who is still there when the work is over, and compares the clocks of those who took over what others had. False: nobody is."""
        if any(map(is_loss, outcomes)):
            return False
        try:
            self.alive, self.hosts = nodes(), nodes(alive=False)
            for node in {outcome[0] for outcome in outcomes if not isinstance(outcome, Exception)} & self.alive.keys():
                if (host := self.alive[node]) not in self.clocks.by_host:
                    self.clocks.compare(host, reading(node))
        except ConnectionError:
            return False
        return True

    def gone(self):
        return sorted({self.hosts[node] for node in self.chosen if node not in self.alive})

    def settle(self, outcomes, sent):
        """Writes down those that are done, each once."""
        with self.door:
            latest = clock()
            done = {number: outcome for number, outcome in outcomes.items() if number not in self.settled and not isinstance(outcome, Exception)}
            for number, (node, times, told, left) in sorted(done.items(), key=lambda one: one[1][2]):
                host = self.hosts.get(node, node)
                self.times[number] = times
                lane = self.place(host, told[0])
                self.record(number, lane, host, told, sent[number], latest)
                if lane is not None:
                    self.free[lane] = self.clocks.here(host, told[1])
                self.work.settle(number, left)
            self.settled.update(done)

    def place(self, host, begun):
        """None: there is none, since a node took over what another one had that is there. Of several the one that was in use last, so that
        one is left for a task that was begun before and is written down later."""
        moment, there = self.clocks.here(host, begun), set(self.alive.values())
        free = [lane for lane, until in enumerate(self.free) if until <= moment and (self.homes[lane] == host or self.homes[lane] not in there)]
        lane = max(free, key=lambda lane: (self.homes[lane] == host, self.free[lane]), default=None)
        if lane is not None:
            self.homes[lane] = host
        return lane
