"""A web server that thinks for a second before it answers, however many ask at once."""

import http.server
import os
import subprocess
import sys
import threading
import time

DELAY = 1 / float(os.environ.get("SPEED", 1))


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(DELAY)
        body = b"hello\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def url():
    """The address of a slow server: the one that SLOW_URL names, or a new one that ends when we do."""
    if "SLOW_URL" in os.environ:
        return os.environ["SLOW_URL"]
    server = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url.server = server  # kept: its input must stay open
    return server.stdout.readline().strip()


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    sys.stdin.read()  # until whoever started us is gone


if __name__ == "__main__":
    main()
