"""Requests: by thread with the library's client, on a loop with our own."""

import http.server
import threading

from .cases import ALL, PythonCase, on_every_python


TOGETHER = threading.Barrier(2)


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen = []

    def do_GET(self):
        self.seen.append((self.path, self.client_address))
        getattr(self, "answer_" + self.path.strip("/").partition("?")[0].replace("/", "_"), self.answer_missing)()

    do_POST = do_HEAD = do_GET

    def send(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if "Transfer_Encoding" not in fields and status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_(self):
        self.send(200, b"x" * 100_000)

    def answer_chunked(self):
        self.send(200, b"5;note=1\r\nhello\r\n3\r\nyou\r\n0\r\nTrailer: 1\r\n\r\n", Transfer_Encoding="chunked")

    def answer_until_close(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\nall that follows")
        self.close_connection = True

    def answer_nothing(self):
        self.send(204)

    def answer_goodbye(self):
        self.send(200, b"bye", Connection="close")
        self.close_connection = True

    def answer_silently_closed(self):  # promises to stay and does not: the next request meets a dead connection
        self.send(200, b"bye")
        self.close_connection = True

    def answer_together_closed(self):  # the same for two at once, so that each has a connection of its own
        TOGETHER.wait()
        self.answer_silently_closed()

    def answer_cut(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
        self.close_connection = True

    def answer_garbage(self):
        self.wfile.write(b"what?\r\n\r\n")
        self.close_connection = True

    def answer_late(self):
        self.rfile.read(1)  # when the client has hung up, and not before

    def answer_missing(self):
        self.send(404, b"no")

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # the client went away: that is what some tests are about


class Requests(PythonCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(("127.0.0.1", 0), Answers)
        cls.base = "http://127.0.0.1:%d" % cls.server.server_address[1]
        threading.Thread(target=cls.server.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.shutdown()
        cls.server.server_close()

    def ask(self, strategy, path, count=3, method="GET", times=1, base=None, **options):
        Answers.seen.clear()
        step = {"http": {"method": method, "url": (self.base if base is None else base) + path}}
        steps = [{"repeat": {"count": times, "steps": [step]}}]
        return self.finish(strategy, steps, count, **options)

    def test_good_answers(self):
        for strategy in self.each():
            for path in ("", "/", "/?q=1", "/chunked", "/until/close", "/nothing", "/goodbye", "/silently/closed"):
                self.assertEqual(self.ask(strategy, path, times=3).done["failures"], [], path)
                self.assertEqual(len(Answers.seen), 9, path)
            self.assertEqual(self.ask(strategy, "/", method="POST").done["failures"], [])
            self.assertEqual(self.ask(strategy, "/", method="HEAD", times=2).done["failures"], [])

    def test_bad_answers_fail_the_task(self):
        for strategy in self.each(["sequential", "threads", "processes", "event-loop"]):
            for path, kind, text in [
                ("/missing", "status-404", "status 404"),
                ("/cut", "lost", "cut|IncompleteRead|incomplete"),
                ("/garbage", "bad-answer", "GET"),
                ("/late", "timeout", "no answer in time"),
            ]:
                limit = {"http_timeout_ns": "300000000"} if path == "/late" else {}  # whoever answers has time to
                (failure,) = self.ask(strategy, path, count=2, **limit).done["failures"]
                self.assertEqual((failure["kind"], failure["count"]), (kind, 2), path)
                self.assertRegex(failure["text"], text)

    def test_nobody_there(self):
        for strategy in self.each(["sequential", "event-loop"]):
            (failure,) = self.ask(strategy, "/", base="http://127.0.0.1:1").done["failures"]
            self.assertEqual(failure["kind"], "refused")
            self.assertRegex(failure["text"], "refused")
            (failure,) = self.ask(strategy, "ftp://x", base="").done["failures"]
            self.assertRegex(failure["text"], "not an http")

    def test_a_connection_is_kept(self):
        for strategy in self.each(["sequential", "event-loop"]):
            self.ask(strategy, "/", count=1, times=5)
            self.assertEqual(len({client for _, client in Answers.seen}), 1)

    def test_two_idle_connections_were_closed(self):
        """Two tasks of which one asks again when both have their answers: the threads of a pool share what is idle."""
        get = lambda path: {"http": {"method": "GET", "url": self.base + path}}
        for strategy in self.each(["thread-pool", "hybrid", "event-loop"]):
            Answers.seen.clear()
            first = [get("/together/closed"), {"receive": {"channel": 0}}, get("/")]
            other = [get("/together/closed"), {"send": {"channel": 0}}]
            outcome = self.finish(strategy, first, more=[(other, 1)], channels=[("answered", 1)])
            self.assertEqual(outcome.done["failures"], [])
            self.assertEqual(sorted(path for path, _ in Answers.seen), ["/", "/together/closed", "/together/closed"])

    def test_input_in_the_address(self):
        for strategy in self.each(["threads", "processes", "event-loop"]):
            outcome = self.ask(strategy, "/?n=$input", inputs=self.inputs(["a", "b", "c"]))
            self.assertEqual(outcome.done["failures"], [])
            self.assertEqual(sorted(path for path, _ in Answers.seen), ["/?n=a", "/?n=b", "/?n=c"])


on_every_python(globals())
