"""A runner that behaves as its first argument says, to see whether maitred copes with it.

Standard library only. It does no work: it speaks the protocol, well or badly.
"""

import ctypes
import json
import mmap
import os
import resource
import signal
import struct
import subprocess
import sys
import time

HOW = sys.argv[1]
ARGS = sys.argv[2:]
MIB = 1 << 20


def read_command():
    line = sys.stdin.readline()
    if not line:
        os._exit(0)
    return json.loads(line)


def say(message):
    print(json.dumps(message), flush=True)


def phase():
    now = time.monotonic_ns()
    return {"start_ns": now, "end_ns": now}


def done(**more):
    say({"done": {"phases": {"setup": phase(), "work": phase(), "teardown": phase()}, **more}})


def wait_for_the_end():
    """What every runner does after `done`: it is held until its input ends."""
    while sys.stdin.readline():
        pass


def touch(mib):
    return b"x" * (mib * MIB)


def record_a_task_in_step(path, step):
    """Writes that lane 0 has ended one task and is at `step` of another."""
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as trace:
        lanes, tasks = struct.unpack_from("<QQ", trace, 24)
        struct.pack_into("<IIII", trace, lanes, os.getpid(), os.getpid(), 0, 1)
        now = time.monotonic_ns()
        struct.pack_into("<QQIII", trace, tasks, now, now, 0, 1, 1)
        struct.pack_into("<QQIII", trace, tasks + 32, now, 0, 0, step + 1, 0)


def orphan(seconds):
    """A process of its own session and group, deaf to SIGTERM, whose parent dies at once."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(1)
        os._exit(0)
    os.wait()


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def grandchild_burns(seconds):
    """The CPU time is used by a grandchild, and each parent waits for its child."""
    if os.fork() == 0:
        if os.fork() == 0:
            burn(seconds)
            os._exit(0)
        os.wait()
        os._exit(0)
    os.wait()


def child_that_holds(mib):
    """A child that has touched so much; gives the write end of a pipe that keeps it alive."""
    to_parent, from_child = os.pipe()
    to_child, from_parent = os.pipe()
    if os.fork() == 0:
        os.close(from_parent)
        memory = touch(mib)
        os.write(from_child, b"!")
        os.read(to_child, 1)
        os._exit(len(memory) % 1)
    os.read(to_parent, 1)
    return from_parent


def shared_memory(mib):
    memory = mmap.mmap(-1, mib * MIB)
    memory.write(bytes(mib * MIB))
    return memory


if HOW == "never-ready":
    time.sleep(600)
if HOW == "never-reads":
    signal.pause()

plan = read_command()
if "describe" in plan:
    plan = {"plan": {"trace_path": None}}
trace_path = plan["plan"]["trace_path"]

if HOW == "refuses":
    text = "there is no soup today"
    say({"error": {"code": "unsupported", "text": text}})
    wait_for_the_end()
if HOW == "dies-before-ready":
    print("the kitchen is on fire", file=sys.stderr)
    sys.exit(3)

# Before it says anything, so that it is there whenever somebody looks.
if HOW in ("hangs", "stops-when-told"):
    record_a_task_in_step(trace_path, step=4)
say(
    {
        "ready": {
            "protocol": 99 if HOW == "other-protocol" else 2,
            "runtime": "badly-behaved",
            "version": HOW,
            "strategies": ["sequential"],
            "pid": os.getpid(),
            "calibration": 1e9,
        }
    }
)
if HOW == "ready-twice":
    say({"ready": {"protocol": 2, "runtime": "x", "version": "", "strategies": [], "pid": 1, "calibration": 1}})
assert "go" in read_command()

if HOW == "finishes":
    done(notes=["as ordered"])
elif HOW == "deadlocks":
    done(deadlock=[{"task": 1, "step": 2}])
elif HOW == "hangs":
    wait_for_the_end()
elif HOW == "stops-when-told":
    assert "stop" in read_command()
    done()
elif HOW == "ignores-everything":
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(1)
elif HOW == "dies":
    print("the last thing it said", file=sys.stderr)
    sys.stderr.flush()
    os.kill(os.getpid(), int(ARGS[0]))
elif HOW == "exits":
    os._exit(int(ARGS[0]))
elif HOW == "says":
    os.write(1, ARGS[0].encode() + b"\n")
elif HOW == "huge-line":
    chunk = b"x" * MIB
    for _ in range(1000):
        os.write(1, chunk)
elif HOW == "huge-log":
    for number in range(200_000):
        print("line", number, file=sys.stderr)
    done()
elif HOW == "closes-stdout":
    os.close(1)
    time.sleep(600)
elif HOW == "orphans":
    for _ in range(3):
        orphan(600)
    done()
elif HOW == "orphans-and-dies":
    for _ in range(3):
        orphan(600)
    os.kill(os.getpid(), signal.SIGKILL)
elif HOW == "children":
    # A shell in between: the sleepers are nobody's direct child but the shell's.
    shell = ["sh", "-c", "sleep 600 & sleep 600 & echo both are started; wait"]
    subprocess.Popen(shell, stdout=subprocess.PIPE).stdout.readline()
    record_a_task_in_step(trace_path, step=0)
elif HOW == "burns":
    grandchild_burns(float(ARGS[0]))
    done()
elif HOW == "burning-orphan":
    burnt, burning = os.pipe()
    if os.fork() == 0:
        if os.fork() == 0:
            burn(float(ARGS[0]))
            os.write(burning, b"!")
        os._exit(0)
    os.wait()
    os.read(burnt, 1)
    done()
elif HOW == "holds":
    mine = touch(int(ARGS[0]))
    child = child_that_holds(int(ARGS[1]))
    done()
elif HOW == "holds-shared":
    memory = shared_memory(int(ARGS[0]))
    touched, touching = os.pipe()
    if os.fork() == 0:
        len(bytes(memory))
        os.write(touching, b"!")
        time.sleep(600)
    os.read(touched, 1)
    done()
elif HOW == "fills-the-trace":
    with open(trace_path, "r+b") as file:
        trace = mmap.mmap(file.fileno(), 0)
        trace[4096:] = bytes(len(trace) - 4096)
    done()
elif HOW == "allocates":
    hoard = []
    while True:
        hoard.append(touch(8))
        time.sleep(0.01)
elif HOW == "stays-after-done":
    done()
    time.sleep(600)
elif HOW == "dispositions":
    ignored = [n for n in range(1, 32) if signal.getsignal(n) == signal.SIG_IGN]
    blocked = [int(n) for n in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
    death = ctypes.c_int()
    ctypes.CDLL(None).prctl(2, ctypes.byref(death))
    with open("/proc/self/oom_score_adj") as file:
        oom = file.read().strip()
    may_open, at_most = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = [int(n) for n in os.listdir("/proc/self/fd")]
    facts = {
        # Python itself ignores SIGPIPE (13) and SIGXFSZ (25).
        "ignored": [n for n in ignored if n not in (13, 25)],
        "blocked": blocked,
        "death_signal": death.value,
        "oom": oom,
        "group": os.getpgid(0) == os.getpid(),
        "enough_files": may_open >= min(4096, at_most),
        # The fourth is that of the listing itself.
        "descriptors": len([n for n in descriptors if n > 2]) - 1,
    }
    done(notes=[json.dumps(facts)])
else:
    raise SystemExit(f"unknown behaviour {HOW}")

wait_for_the_end()
