"""HTTP: the standard client by thread, and just enough of RFC 9112 on a loop."""

import itertools
import os

from maitred_failures import StepFailed

IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE")


class Unanswered(ConnectionError):
    """The connection ended before any byte of an answer."""


def check_status(lane, asked, status):
    """Counts the answer, and fails the task unless there is one, and a good one. `status` may be what went wrong instead."""
    method, url = asked["method"], asked["url"]
    try:
        if callable(status):
            status = status()
        elif isinstance(status, Exception):
            raise status
    except StepFailed:
        raise
    except Exception as problem:
        kind = kind_of(problem)
        if kind == "timeout":
            raise StepFailed(kind, f"{method} {url}: no answer in time") from None
        errno = getattr(problem, "errno", None) or 0
        text = os.strerror(errno) if errno > 0 else str(problem) or type(problem).__name__
        raise StepFailed(kind, f"{method} {url}: {text[0].lower()}{text[1:]}") from None
    lane.answers[status] = lane.answers.get(status, 0) + 1
    if status >= 400:
        raise StepFailed(f"status-{status}", f"{method} {url}: status {status}")


def kind_of(problem):
    """Why there was no answer, as the one word that all runners have for it."""
    import asyncio
    import http.client
    import socket

    if isinstance(problem, (TimeoutError, socket.timeout, asyncio.TimeoutError)):  # not all one before 3.10 and 3.11
        return "timeout"
    if isinstance(problem, ConnectionRefusedError):
        return "refused"
    if isinstance(problem, socket.gaierror):
        return "dns"
    if isinstance(problem, (ConnectionError, http.client.IncompleteRead, asyncio.IncompleteReadError)):
        return "lost"
    return "connect" if isinstance(problem, OSError) else "bad-answer"


SECURITY = {}


def trust(whom):
    """Says whom the client trusts over https: options of the plan."""
    SECURITY.update(whom)


def security():
    """The same for the library, made once in a process."""
    import ssl

    if "context" not in SECURITY:
        context = ssl.create_default_context(cafile=SECURITY.get("tls-authority"))
        if "tls-insecure" in SECURITY:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        SECURITY["context"] = context
    return SECURITY["context"]


def redirected(value, status, location, times):
    """The request that an answer asks for instead (RFC 9110, 15.4); None: it asks for none, or it is not followed."""
    from urllib.parse import urljoin, urlsplit

    if "follow" not in value or location is None or status not in (301, 302, 303, 307, 308):
        return None
    method, url = value["method"], value["url"]
    if times >= value["follow"]:
        raise StepFailed("redirect", f"{method} {url}: it was redirected too often, at last to `{location}`")
    onward = urlsplit(urljoin(url, location))
    if onward.scheme not in ("http", "https") or not onward.hostname:
        raise StepFailed("redirect", f"{method} {url}: it was redirected to `{location}`, which is no address")
    next = {**value, "url": onward.geturl()}
    left_out = set() if split_url(url)[0] == split_url(next["url"])[0] else SECRETS
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        next.update(method="GET", body=None)
        left_out = left_out | OF_A_BODY
    next["headers"] = [(name, text) for name, text in value.get("headers", ()) if name.lower() not in left_out]
    return next


SECRETS = {"authorization", "cookie", "proxy-authorization", "host"}  # another origin is not told them (as in the Fetch standard)
OF_A_BODY = {"content-type", "content-encoding", "content-language", "content-location"}


def request(connections, value, timeout):
    """One request, and those to which its answer points if that is followed; the status of the last."""
    for times in itertools.count():
        status, location = exchange(connections, value, timeout)
        onward = redirected(value, status, location, times)
        if onward is None:
            return status
        value = onward


def exchange(connections, value, timeout):
    """One request on a connection to that host which is idle, or a new one; the body is read to its end. Threads may share
    the connections that are idle."""
    import http.client

    method = value["method"]
    place, _, path = split_url(value["url"], value.get("unix"))
    idle = connections.setdefault(place, [])
    for attempt in (1, 2):
        connection = kept(idle) if attempt == 1 else None  # the server may have closed the next one as well
        reused = connection is not None
        if not reused:
            if place[0] == "https":
                connection = http.client.HTTPSConnection(place[1], place[2], timeout=timeout, context=security())
            else:
                connection = http.client.HTTPConnection(place[1], place[2], timeout=timeout)
        response = None
        try:
            if reused:
                connection.sock.settimeout(timeout)
            elif place[3]:
                connection.sock = connect_here(place, timeout)
            send(connection, value, path)
            response = connection.getresponse()
            response.read()
        except BaseException as problem:
            connection.close()
            # The server may close a connection that was idle: ask again on a new one, where that does no harm.
            untouched = response is None and isinstance(problem, ConnectionError)
            if reused and untouched and method in IDEMPOTENT:
                continue
            raise
        if not response.will_close:
            idle.append(connection)
        return response.status, response.getheader("Location")


def kept(idle):
    try:
        return idle.pop()
    except IndexError:  # not asked beforehand: another thread may take the last one
        return None


def connect_here(place, timeout):
    """A connection over a socket of this machine (unix(7))."""
    import socket

    plain = socket.socket(socket.AF_UNIX)
    plain.settimeout(timeout)
    plain.connect(place[3])
    return security().wrap_socket(plain, server_hostname=place[1]) if place[0] == "https" else plain


def fields_of(value):
    """The fields of a request that are not left to the client, and its body: a field may be there more than once."""
    fields, body = list(value.get("headers", ())), (value.get("body") or "").encode()
    if body or value.get("body") is not None or value["method"] in ("POST", "PUT", "PATCH"):
        fields.append(("Content-Length", str(len(body))))
    return fields, body


def send(connection, value, path):
    """Writes the request on a connection of the standard client."""
    fields, body = fields_of(value)
    names = {name.lower() for name, _ in fields}
    connection.putrequest(value["method"], path, skip_host="host" in names, skip_accept_encoding="accept-encoding" in names)
    for name, text in fields:
        connection.putheader(name, text.encode())
    connection.endheaders(body or None)


def compose(value, host, path):
    """The same bytes, as the standard client would write them."""
    fields, body = fields_of(value)
    names = {name.lower() for name, _ in fields}
    own = [(name, text) for name, text in (("Host", host), ("Accept-Encoding", "identity")) if name.lower() not in names]
    lines = "".join(f"{name}: {text}\r\n" for name, text in own + fields)
    return f"{value['method']} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def request_awaited(idle, value, timeout):
    """`request` on a loop."""
    import asyncio

    for times in itertools.count():
        status, location = await asyncio.wait_for(exchange_awaited(idle, value), timeout)
        onward = redirected(value, status, location, times)
        if onward is None:
            return status
        value = onward


async def exchange_awaited(idle, value):
    """`exchange` on a loop."""
    import asyncio

    method = value["method"]
    place, host, path = split_url(value["url"], value.get("unix"))
    for attempt in (1, 2):
        pile = idle.setdefault(place, [])
        reused = bool(pile) and attempt == 1
        reader, writer = pile.pop() if reused else await connect(place)
        try:
            writer.write(compose(value, host, path))
            status, keep, location = await read_response(reader, method)
        except BaseException as problem:
            writer.close()
            if reused and isinstance(problem, Unanswered) and method in IDEMPOTENT:
                continue
            if isinstance(problem, (ConnectionError, asyncio.IncompleteReadError)):
                raise ConnectionError("the connection was cut") from None
            raise
        if keep:
            pile.append((reader, writer))
        else:
            writer.close()
        return status, location


async def connect(place):
    import asyncio

    secure = security() if place[0] == "https" else None
    if place[3]:
        return await asyncio.open_unix_connection(place[3], ssl=secure, server_hostname=place[1] if secure else None)
    return await asyncio.open_connection(place[1], place[2], ssl=secure)


async def read_head(reader):
    import asyncio

    try:
        return await reader.readuntil(b"\r\n\r\n")
    except ConnectionError:
        raise Unanswered from None
    except asyncio.IncompleteReadError as cut:
        if not cut.partial:
            raise Unanswered from None
        if not b"HTTP/1.1 ".startswith(cut.partial[:7]):
            raise ValueError("the answer is not HTTP") from None
        raise


async def read_response(reader, method):
    """Status, whether the connection may be used again, and where the answer points; the body is read and dropped (RFC 9112,
    section 6)."""
    status = 100
    while status < 200:
        head = (await read_head(reader)).decode("latin-1").split("\r\n")
        version, status = head[0].split(" ")[0], int(head[0].split(" ")[1])
    given = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    fields = {name: value.lower() for name, value in given.items()}
    keep = version == "HTTP/1.1" and fields.get("connection") != "close"
    if method == "HEAD" or status in (204, 304):
        pass
    elif "chunked" in fields.get("transfer-encoding", ""):
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            await reader.readexactly(size + 2) if size else None
            if not size:
                while await reader.readuntil(b"\r\n") != b"\r\n":
                    pass
                break
    elif "content-length" in fields:
        await reader.readexactly(int(fields["content-length"]))
    else:
        await reader.read()
        keep = False
    return status, keep, given.get("location")


def split_url(url, unix=None):
    """(scheme, host, port, socket of this machine), the `Host` field, and the path with its query."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (parts.scheme, parts.hostname, port, unix), parts.netloc.rpartition("@")[2], path
