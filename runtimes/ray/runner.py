"""The Ray runner of maitred: the steps of the Python runner, handed out by Ray to its workers.

A local cluster is started for the run by `ray.init`, as a tree of processes of its own: that is set-up. A task is one call of a
remote function that takes one processor, as somebody who knows Ray writes it. Workers are on this machine, so that they
write into the mapped trace themselves. Ray may start more workers than processors, and has never more tasks under way: a
worker takes a lane for each task, by a lock that the kernel gives back when its owner dies.
"""

import fcntl
import json
import os
import sys
import threading
import time
from struct import Struct

from maitred_attempts import attempt, close_all, lose, repeated, resume
from maitred_failures import Refusal
from maitred_library import STEPS, Runtime, scratch
from maitred_semaphores import Commons
from maitred_steps import Blocking
from maitred_trace_file import LANE_BYTES, PROCESS, Lane, clock
from maitred_work import Work

os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"  # who has lost a cluster is not given another one without asking
try:
    import ray
except ImportError:
    ray = None

PATIENCE_S = 60
LONGEST = 14  # of the path of the folder in which it is made: that of a socket, with all that Ray adds, stays below 108 bytes (unix(7))
PLAN = "MAITRED_RAY_PLAN"  # where workers find it


def processes(work):
    """So many processors, each for one task at a time, of a cluster that is started here or was named by an address."""
    address = work.options.get("cluster", "")
    if address.startswith("ray://"):
        from maitred_ray_cluster import on_given

        yield from on_given(work, address, sys.modules[__name__])
        return
    work.commons = Commons.make(work.workers, [], work.variables)
    folder = scratch("ray", LONGEST)
    tell_workers(work, folder.name)
    start(work, folder.name)
    remote = ray.remote(num_cpus=1)
    serve = remote(do)
    muster(remote, work.workers, enlist, folder.name)
    yield
    tasks = {}
    threading.Thread(target=take_back, args=(work, tasks), daemon=True).start()
    for number in work.arriving():
        tasks[number] = serve.remote(number, work.given(number))
    for number, outcome in zip(tasks, gather(list(tasks.values()))):
        if isinstance(outcome, ray.exceptions.TaskCancelledError) and work.halted():
            continue  # taken back
        if isinstance(outcome, Exception):
            lose(work, number, type(outcome).__name__, why(outcome))
        else:
            work.settle(number, outcome)
    yield
    work.attempts = repeated(work)
    if not work.halted():  # who stops it waits, and on a busy machine Ray takes long for each
        work.handover = handover(work, remote(idle))
        muster(remote, work.workers, dismiss, folder.name)
    close_all(work.trace)
    ray.shutdown()
    folder.cleanup()


def tell_workers(work, folder):
    """Workers have our environment: there they find our modules, and the plan."""
    path = os.path.join(folder, "plan.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"plan": work.plan, "rate": work.rate, "path": work.commons.path, "token": work.commons.token, "folder": folder}, file)
    modules = os.pathsep.join([os.path.dirname(os.path.abspath(__file__)), *filter(None, sys.path)])
    os.environ.update({PLAN: path, "PYTHONPATH": modules, "RAY_USAGE_STATS_ENABLED": "0"})


def start(work, folder):
    try:
        ray.init(address="local", num_cpus=work.workers, num_gpus=0, include_dashboard=False, log_to_driver=False, configure_logging=False, _temp_dir=folder)
    except Exception as problem:
        text = str(problem).strip().split("\n")[0]
        raise Refusal("refused", f"Ray did not start here ({type(problem).__name__}: {text}): the log says more") from None


def take_back(work, tasks):
    """When the run is stopped: none begins any more, and those that have not begun need not be handed out for that."""
    work.halt.wait()
    for number, task in list(tasks.items()):
        if not work.trace.task(number)[0]:
            ray.cancel(task)


def gather(tasks):
    """Of each what it left, or the problem: all at once where none failed, since to ask for one takes as long as a task."""
    try:
        return ray.get(tasks)
    except ConnectionError as problem:  # nobody is there who could be asked
        return [problem] * len(tasks)
    except Exception:
        pass  # whose it is is found by asking each
    outcomes = []
    for task in tasks:
        try:
            outcomes.append(ray.get(task))
        except ConnectionError as problem:  # nobody is there who could be asked for the others
            return outcomes + [problem] * (len(tasks) - len(outcomes))
        except Exception as problem:
            outcomes.append(problem)
    return outcomes


def why(problem):
    if isinstance(problem, ray.exceptions.WorkerCrashedError):
        return "its worker died, and those that tried it again, as often as Ray tries (max_retries)"
    return str(problem).strip().split("\n")[0]


def handover(work, nothing):
    """What travels, and what a call costs that does nothing."""
    sample = range(min(100, work.count))
    sent = sum(len(repr(work.given(number))) for number in sample) // max(1, len(sample))
    return {
        "tasks": work.count, "parcels": work.count, "sent_bytes": sent * work.count, "returned_bytes": 0,
        "call_ns": cost_of_a_call(nothing, work.workers),
    }


def cost_of_a_call(nothing, workers):
    """Nanoseconds that Ray takes for a task that does nothing, while many are under way: the least of three tries."""
    calls, best = 20 * workers, None
    for _ in range(3):
        begun = clock()
        ray.get([nothing.remote() for _ in range(calls)])
        took = (clock() - begun) // calls
        best = min(best or took, took)
    return best


def idle():
    pass


def muster(remote, workers, job, folder):
    """Has so many workers do the job: none takes two turns, because none returns before all have begun."""
    place = os.path.join(folder, job.__name__)
    os.mkdir(place)
    ray.get([remote(attend).remote(job.__name__, place, workers) for _ in range(workers)])


# What happens in a worker.

mine = {}


def here():
    """The plan made ready, once in each process."""
    if not mine:
        with open(os.environ[PLAN], encoding="utf-8") as file:
            said = json.load(file)
        work = Work(said["plan"], said["rate"])
        work.commons = commons = Commons(said["path"], said["token"], 0, len(work.variables))
        commons.mine = commons.worker(0)
        work.load()
        doors = [os.open(os.path.join(said["folder"], f"lane-{index}"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for index in range(said["plan"]["workers"])]
        mine.update(work=work, steps=Blocking(work).compile(), doors=doors, lanes={}, last=0)
    return mine


def take_lane(me):
    """A lane that nobody has, that of the last task before others."""
    doors, order = me["doors"], [me["last"], *range(len(me["doors"]))]
    while True:
        for index in order:
            try:
                fcntl.flock(doors[index], fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            me["last"] = index
            return index
        time.sleep(0.001)


def on_lane(index, me):
    """That lane, behind what others recorded on it."""
    work, commons = me["work"], me["work"].commons
    commons.mine = commons.worker(index)
    commons.words[Commons.ENROLLED] = max(commons.words[Commons.ENROLLED], index + 1)
    if index not in me["lanes"]:
        work.place = index
        at = work.trace.lanes_at + index * LANE_BYTES + 12
        ended = Struct("<I").unpack_from(work.trace.map, at)[0]
        me["lanes"][index] = Lane(work, PROCESS)
        Struct("<I").pack_into(work.trace.map, at, ended)
    lane = me["lanes"][index]
    lane.words[lane.record] = os.getpid() | threading.get_native_id() << 32
    resume(lane)
    return lane


def do(number, given):
    """One task; what its functions returned travels back as Ray sends results."""
    me = here()
    index = take_lane(me)
    try:
        return attempt(me["work"], me["steps"], on_lane(index, me), number, given)
    finally:
        fcntl.flock(me["doors"][index], fcntl.LOCK_UN)


def enlist():
    me = here()
    on_lane(take_lane(me), me)


def dismiss():
    me = here()
    on_lane(take_lane(me), me).close()


def attend(job, place, workers):
    """The job, and a wait until so many have done it."""
    globals()[job]()
    open(os.path.join(place, str(os.getpid())), "w").close()
    until = time.monotonic() + PATIENCE_S
    while len(os.listdir(place)) < workers and time.monotonic() < until:
        time.sleep(0.005)
    for door in mine["doors"]:
        fcntl.flock(door, fcntl.LOCK_UN)


runtime = Runtime("ray", "Ray", "ray", ray, {"processes": processes}, STEPS)


def main():
    runtime.main()


if __name__ == "__main__":
    main()
