"""Servers to measure: ours and its peers, each a process group that is killed at the end."""

import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")
OWN = ("sequential", "threads", "thread-pool", "processes", "event-loop", "async-pool")
POOLS = ("thread-pool", "processes", "async-pool")
# Set by `configure`.
PLACE = SimpleNamespace(server=None, peers=None, scratch=None, descriptors=None, group=None)


def add_arguments(parser):
    parser.add_argument("--maitred", default=os.environ.get("MAITRED", str(HERE / "../../target/release/maitred")),
                        help="server and client, made by: cargo build --release -p maitred")
    parser.add_argument("--server", help="the server alone, with options that `maitred serve` lacks: target/release/"
                                         "maitred-server-dev, made by: cargo build --release -p maitred-server")
    parser.add_argument("--peers", default=os.environ.get("PEERS", "peers"),
                        help="a virtual environment with gunicorn, granian and uvicorn")


@contextmanager
def configure(arguments):
    """Where things are, and a folder for what the servers write."""
    needed = arguments.server or arguments.maitred
    if not os.access(needed, os.X_OK):
        raise SystemExit(f"error: there is no {needed}: cargo build --release -p {Path(needed).name.removesuffix('-dev')}")
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)
        PLACE.server = [arguments.server] if arguments.server else [arguments.maitred, "serve"]
        PLACE.maitred, PLACE.peers, PLACE.scratch = arguments.maitred, arguments.peers, scratch
        yield


def has_peer(name):
    return os.access(f"{PLACE.peers}/bin/{name.split()[0]}", os.X_OK)


def descendants(pid):
    """A process and all below it."""
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                pids += descendants(int(child))
        except OSError:
            pass
    return pids


def cpu_seconds(pid):
    """User and system time of a process and its children, those that ended included."""
    total = 0
    for each in descendants(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def private_kib(pid):
    """Private memory of a process and its children."""
    total = 0
    for each in descendants(pid):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(kib) for kib in re.findall(r"^Private_\w+:\s+(\d+)", text, re.M))
    return total


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, process, port, admin=None):
        self.process, self.port, self.admin = process, port, admin
        self.pid = process.pid


def limit():
    """In the child, before it becomes the server."""
    if PLACE.descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (PLACE.descriptors, PLACE.descriptors))
    if PLACE.group:
        # 0: whoever writes it.
        (PLACE.group / "cgroup.procs").write_text("0")


@contextmanager
def descriptors(count):
    """Servers started meanwhile may have so many descriptors a process."""
    PLACE.descriptors = count
    try:
        yield
    finally:
        PLACE.descriptors = None


@contextmanager
def ours(strategy, *options, port=0):
    command = [*PLACE.server, "--strategy", strategy, "--port", str(port), *map(str, options)]
    with open(os.path.join(PLACE.scratch, "ours.log"), "wb+") as log:
        process = subprocess.Popen(command, stderr=log, start_new_session=True, preexec_fn=limit)
        try:
            for _ in range(500):
                found = re.findall(rb"https?://[\d.]+:(\d+)", Path(log.name).read_bytes().split(b"\n")[0])
                if found and b"\n" in Path(log.name).read_bytes():
                    break
                time.sleep(0.01)
            ports = [int(port) for port in found]
            yield Server(process, ports[0], ports[1] if len(ports) > 1 else None)
        finally:
            end(process)


@contextmanager
def foreign(command, port):
    with open(os.path.join(PLACE.scratch, "peer.log"), "wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, cwd=PLACE.scratch,
            preexec_fn=limit)
        try:
            for _ in range(1000):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.01)
            yield Server(process, port)
        finally:
            end(process)


def end(process):
    """Ends a process group that this script started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(4)
        except subprocess.TimeoutExpired:
            pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


PERIOD_US = 100_000
GROUPS = Path("/sys/fs/cgroup")


@contextmanager
def a_part_of_a_processor(part):
    """A control group of which all together get so much of one processor; `None` where it cannot be made.

    cpu.max: Documentation/admin-guide/cgroup-v2.rst; cpu.cfs_quota_us: Documentation/scheduler/sched-bwc.rst."""
    group = (GROUPS if (GROUPS / "cgroup.controllers").exists() else GROUPS / "cpu") / f"bench-{os.getpid()}"
    quota = int(part * PERIOD_US)
    try:
        if group.parent == GROUPS:
            (GROUPS / "cgroup.subtree_control").write_text("+cpu")
        group.mkdir()
    except OSError:
        yield None
        return
    try:
        if group.parent == GROUPS:
            (group / "cpu.max").write_text(f"{quota} {PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        yield group
    finally:
        # Whoever was in it has been killed, and may take a moment to leave.
        while (group / "cgroup.procs").read_text():
            time.sleep(0.01)
        group.rmdir()


@contextmanager
def held_in(group, start):
    """What it starts, in that group from its first moment: whom a server forks is in it as well."""
    PLACE.group = group
    with start() as server:
        PLACE.group = None
        yield server


def identity():
    """A certificate for localhost and its key, made once: the same for all."""
    certificate, key = f"{PLACE.scratch}/cert.pem", f"{PLACE.scratch}/key.pem"
    if not os.path.exists(key):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
    return certificate, key


def secured():
    """The options by which ours has that certificate."""
    certificate, key = identity()
    if PLACE.server[-1] == "serve":
        return ("--cert", certificate, "--key", key)
    return ("--identity", f"{certificate},{key}")


def nginx(workers, tls=False, before=None, keep=True):
    """Answers 13 bytes itself, or stands before a server of ours, with connections to it that are kept or not."""
    port = free_port()
    config = Path(PLACE.scratch) / f"nginx-{port}.conf"
    ssl, security = "", ""
    if tls:
        certificate, key = identity()
        ssl = " ssl"
        security = f"ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;"
    answer, upstream = 'return 200 "Hello, World!";', ""
    if before:
        kept = 'keepalive 32;' if keep else ""
        upstream = f"upstream ours {{ server 127.0.0.1:{before.port}; {kept} }}"
        version = 'proxy_http_version 1.1; proxy_set_header Connection "";' if keep else ""
        answer = f"proxy_pass http://ours; proxy_set_header Host $http_host; " \
                 f"proxy_set_header X-Forwarded-Proto $scheme; proxy_buffering off; {version}"
    config.write_text(f"""
        daemon off; worker_processes {workers}; pid {PLACE.scratch}/nginx-{port}.pid; error_log /dev/null;
        events {{ worker_connections 15000; }}
        http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
          client_body_temp_path {PLACE.scratch}/b; proxy_temp_path {PLACE.scratch}/p; fastcgi_temp_path {PLACE.scratch}/f;
          uwsgi_temp_path {PLACE.scratch}/u; scgi_temp_path {PLACE.scratch}/s; {upstream}
          server {{ listen 127.0.0.1:{port}{ssl} backlog=4096; {security} location / {{ {answer} }} }} }}""")
    return foreign(["nginx", "-p", PLACE.scratch, "-c", str(config)], port)


APPLICATION = """
def wsgi(environ, start):
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "13")])
    return [b"Hello, World!"]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")]})
    await send({"type": "http.response.body", "body": b"Hello, World!"})
"""


def python_peer(name, port):
    base = f"{PLACE.peers}/bin/"
    address = f"127.0.0.1:{port}"
    gunicorn = [base + "gunicorn", "-b", address, "-w", "2", "--log-level", "error"]
    return {
        "gunicorn sync": [*gunicorn, "peer_app:wsgi"],
        "gunicorn gthread": [*gunicorn, "-k", "gthread", "--threads", "4", "peer_app:wsgi"],
        "uvicorn": [base + "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--workers", "2",
                    "--log-level", "error", "--no-access-log", "peer_app:asgi"],
        "granian": [base + "granian", "--host", "127.0.0.1", "--port", str(port), "--interface",
                    "asgi", "--workers", "2", "--no-access-log", "--log-level", "error",
                    "peer_app:asgi"],
    }[name]


@contextmanager
def peer(name):
    (Path(PLACE.scratch) / "peer_app.py").write_text(APPLICATION)
    port = free_port()
    with foreign(python_peer(name, port), port) as server:
        time.sleep(1.0)
        yield server
