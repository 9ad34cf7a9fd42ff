"""Loads: wrk, and clients that count what was lost."""

import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from servers import PLACE, cpu_seconds

REQUEST = b"GET %s HTTP/1.1\r\nHost: a\r\n%s\r\n"


def wrk(server, threads, connections=64, path="/bytes/13", seconds=4, header=None, scheme="http"):
    """Requests a second, server CPU in µs a request, p99 in ms."""
    url = f"{scheme}://127.0.0.1:{server.port}{path}"
    extra = ["-H", header] if header else []
    warm = ["wrk", "-t1", f"-c{connections}", "-d1", *extra, url]
    subprocess.run(warm, stdout=subprocess.DEVNULL, check=True)
    before = cpu_seconds(server.pid)
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}", "--latency", *extra, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(server.pid) - before
    count = int(re.search(r"(\d+) requests in", text)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    p99 = millis(re.search(r"99%\s+([\d.]+)(us|ms|s)", text))
    longest = millis(re.search(r"Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)", text))
    errors = sum(int(n) for n in re.findall(r"(?:connect|read|write|timeout) (\d+)", text))
    return {"rate": rate, "cpu": used / max(count, 1) * 1e6, "p99": p99, "count": count,
            "errors": errors, "max": longest}


def offered(server, rate, connections=64, path="/bytes/13", seconds=3):
    """p99 and p99.9 in ms, from the scheduled arrival, where requests arrive by chance, so many a second."""
    saved = os.path.join(PLACE.scratch, "offered.json")
    command = [PLACE.maitred, "compare", "--no-keep", f"http://127.0.0.1:{server.port}{path}", "-c", str(connections),
               "--rate", str(rate), "--duration", f"{seconds}s", "--models", "native/event-loop",
               "--runs", "1", "--warmup", "0", "--no-trace", "-q", "--save", saved]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    # A round that was repeated because others disturbed it does not count.
    run = json.loads(Path(saved).read_text())["contestants"][0]["runs"][-1]
    assert not run["tasks"]["failed"], run["failures"]
    latency = run["latency"]["known"]
    return {"p99": latency["p99_ns"] / 1e6, "p999": latency["p999_ns"] / 1e6}


def millis(match):
    return float(match[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[match[2]]


class Tally:
    """What clients counted. Lost: sent, and the connection ended instead of an answer."""

    def __init__(self):
        self.answered = self.lost = self.failed = 0
        self.stall = 0.0
        self.lock = threading.Lock()


def client(port, path, keep, context, tally, stop):
    request = REQUEST % (path, b"" if keep else b"Connection: close\r\n")
    kept = None
    answered = lost = failed = 0
    stall = 0.0
    while not stop.is_set():
        begin = time.perf_counter()
        connection, kept = kept, None
        fresh = connection is None
        try:
            connection = connection or socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            break
        except OSError:
            continue
        try:
            if fresh and context:
                # Whoever was let in and is left in the middle of the handshake counts as lost.
                connection = context.wrap_socket(connection)
            connection.sendall(request)
            data = connection.recv(65536)
            while data and not complete(data):
                more = connection.recv(65536)
                data = data + more if more else b""
        except OSError:
            data = b""
        if data:
            answered += 1
            failed += not data.startswith(b"HTTP/1.1 200")
            stall = max(stall, time.perf_counter() - begin)
        else:
            lost += 1
        if keep and data and b"\r\nConnection: close" not in data:
            kept = connection
        else:
            connection.close()
    with tally.lock:
        tally.answered += answered
        tally.lost += lost
        tally.failed += failed
        tally.stall = max(tally.stall, stall)


def complete(data):
    head, found, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return found and len(body) >= int(length[1] if length else 0)


@contextmanager
def load(port, path=b"/bytes/13", keeping=16, reconnecting=32, secure=False):
    tally, stop = Tally(), threading.Event()
    context = ssl._create_unverified_context() if secure else None
    threads = [threading.Thread(target=client, args=(port, path, keep, context, tally, stop), daemon=True)
               for keep in [True] * keeping + [False] * reconnecting]
    for thread in threads:
        thread.start()
    tally.join = lambda: [thread.join(20) for thread in threads]
    try:
        yield tally
    finally:
        stop.set()
        tally.join()


def hold(server, count, path=b"/bytes/13", secure=False):
    """Opens connections, makes one request on each, and returns them."""
    context = ssl._create_unverified_context() if secure else None
    held = []
    for start in range(0, count, 500):
        batch = []
        for _ in range(min(500, count - start)):
            connection = socket.create_connection(("127.0.0.1", server.port), 30)
            if context:
                connection = context.wrap_socket(connection)
            connection.sendall(REQUEST % (path, b""))
            batch.append(connection)
        for connection in batch:
            connection.settimeout(30)
            if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("a connection was not answered")
        held += batch
    return held


def answers(connection):
    try:
        connection.sendall(REQUEST % (b"/bytes/13", b""))
        return connection.recv(4096).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
