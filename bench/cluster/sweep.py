"""What a cluster of Dask on several hosts gives, by workers × task length × payload × latency: python3 bench/cluster/sweep.py [--quick]

The hosts are network namespaces, joined by a bridge (as root); a scheduler on the first, one worker of one thread on each
other. Latency is made by a relay in front of the scheduler, which keeps back what goes through it, either way: the kernel
may have no `netem`. Each cell is `maitred run` of the same tasks on that cluster; beside it stand the tasks by themselves on
`python3/processes` of this machine. Prints a table with bars: tasks a second, and the share of what the workers could do if
handing out took no time. Needs target/release/maitred, `ip`, and an interpreter with `distributed` ($MAITRED_DASK, or python3).
"""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

MAITRED = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../target/release/maitred"))
PYTHON = os.environ.get("MAITRED_DASK", sys.executable)
QUICK = "--quick" in sys.argv
WORKERS = [1, 2] if QUICK else [1, 2, 4]
LENGTHS_MS = [1, 100] if QUICK else [1, 10, 100]
PAYLOADS = [1_000] if QUICK else [1_000, 1_000_000]
LATENCIES_MS = [0, 10] if QUICK else [0, 1, 10]
SECONDS = 2  # of one worker's time in each cell
NAME, NET = f"mtb{os.getpid()}", "10.98.7"
FUNCTION = "import time\n\ndef work(text):\n    time.sleep({seconds})\n    return len(text)\n"


def ip(line):
    subprocess.run(["ip", *line.split()], check=True)


class Hosts:
    """The first number of the address is that of the bridge, on which the relay and `maitred` are too."""

    def __init__(self, count):
        self.count, self.started = count, []
        ip(f"link add {NAME} type bridge")
        ip(f"addr add {NET}.1/24 dev {NAME}")
        ip(f"link set {NAME} up")
        for host in range(count):
            ip(f"netns add {NAME}h{host}")
            ip(f"link add {NAME}v{host} type veth peer name e netns {NAME}h{host}")
            ip(f"link set {NAME}v{host} master {NAME} up")
            ip(f"-n {NAME}h{host} addr add {NET}.{host + 2}/24 dev e")
            ip(f"-n {NAME}h{host} link set e up")
            ip(f"-n {NAME}h{host} link set lo up")

    def start(self, host, *words):
        at = ["ip", "netns", "exec", f"{NAME}h{host}"] if host is not None else []
        quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.started.append(subprocess.Popen([*at, *words], start_new_session=True, **quiet))

    def end(self):
        for process in self.started:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.started.clear()

    def remove(self):
        self.end()
        for host in range(self.count):
            subprocess.run(["ip", "netns", "delete", f"{NAME}h{host}"])
        subprocess.run(["ip", "link", "delete", NAME])


async def relay(seconds, host, port):
    """Everything that goes either way arrives so much later, in its order."""

    async def carry(reader, writer):
        loop, queue = asyncio.get_running_loop(), asyncio.Queue()

        async def late():
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0, due - loop.time()))
                if not data:
                    return writer.close()
                writer.write(data)
                await writer.drain()

        sender = asyncio.ensure_future(late())
        try:
            while data := await reader.read(1 << 16):
                queue.put_nowait((loop.time() + seconds, data))
        except ConnectionError:
            pass
        queue.put_nowait((loop.time() + seconds, b""))
        await asyncio.gather(sender, return_exceptions=True)

    async def accept(reader, writer):
        while True:
            try:
                there = await asyncio.open_connection(host, port)
                break
            except OSError:  # it is about to come up
                await asyncio.sleep(0.1)
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer), return_exceptions=True)

    server = await asyncio.start_server(accept, f"{NET}.1", 8786)
    await server.serve_forever()


def cluster(hosts, workers, latency_ms):
    """Starts one; the address by which it is reached."""
    dask = [PYTHON, "-m"]
    hosts.start(0, *dask, "distributed.cli.dask_scheduler", "--host", f"{NET}.2", "--port", "8786", "--no-dashboard")
    address = f"tcp://{NET}.2:8786"
    if latency_ms:
        hosts.start(None, sys.executable, __file__, "relay", str(latency_ms / 1000), f"{NET}.2", "8786")
        address = f"tcp://{NET}.1:8786"
    for host in range(1, workers + 1):
        hosts.start(host, *dask, "distributed.cli.dask_worker", address, "--host", f"{NET}.{host + 2}", "--nthreads", "1", "--no-nanny", "--no-dashboard")
    script = f"from distributed import Client; Client('{address}', timeout=60).wait_for_workers({workers}, timeout=60)"
    subprocess.run([PYTHON, "-c", script], check=True, stderr=subprocess.DEVNULL)
    return address


def took_s(folder, model, more):
    line = [MAITRED, "run", "work.py:work", "--inputs", "inputs.jsonl", "--model", model, "--python", PYTHON, "--no-scheduling", *more]
    said = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    found = re.search(r"did (\d+) tasks? in ([\d.,]+) (ms|s|min)\b", " ".join(said.stdout.split()))
    if not found:
        raise SystemExit(f"{model} {' '.join(more)}: {said.stdout}{said.stderr}")
    return float(found[2].replace(",", "")) * {"ms": 1e-3, "s": 1, "min": 60}[found[3]]


def main():
    hosts = Hosts(max(WORKERS) + 1)
    try:
        print(f"{'latency':>8} {'workers':>7} {'task':>7} {'payload':>8} {'tasks/s':>8} {'efficiency':>10}  processes here")
        for latency in LATENCIES_MS:
            for workers in WORKERS:
                address = cluster(hosts, workers, latency)
                for length in LENGTHS_MS:
                    for payload in PAYLOADS:
                        cell(address, latency, workers, length, payload)
                hosts.end()
    finally:
        hosts.remove()


def cell(address, latency, workers, length, payload):
    tasks = min(500, max(20, SECONDS * 1000 // length))
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "work.py"), "w") as file:
            file.write(FUNCTION.format(seconds=length / 1000))
        with open(os.path.join(folder, "inputs.jsonl"), "w") as file:
            file.writelines(json.dumps("x" * payload) + "\n" for _ in range(tasks))
        there = took_s(folder, f"dask/processes:{workers}", ["--cluster", address])
        here = took_s(folder, f"python3/processes:{workers}", [])
    efficiency = tasks * length / 1000 / workers / there
    bar = "▇" * round(20 * efficiency)
    print(f"{latency:>5} ms {workers:>7} {length:>4} ms {payload / 1000:>5.0f} kB {tasks / there:>8.1f} {efficiency:>9.0%}  {tasks / here:>8.1f}  {bar}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["relay"]:
        asyncio.run(relay(float(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
    else:
        main()
