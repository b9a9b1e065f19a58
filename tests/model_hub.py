"""A model hub on this machine: as much of its protocol as the library needs, and what can go wrong on a network."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server holds and does.

    Attributes
    ----------
    files
        Content by “owner/name/file”.
    drops
        How many bytes of an answer are sent before the connection breaks, for the answers to come.
    told
        The content that checksums are told of, where it is another one.
    status
        What every request is answered with instead, where that is not 0.
    ranges
        What was asked for, in order: where each GET began.
    waiting
        Held by answers after their first bytes, while it is set to something.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    drops: list[int] = field(default_factory=list)
    told: dict[str, bytes] = field(default_factory=dict)
    status: int = 0
    ranges: list[int] = field(default_factory=list)
    waiting: threading.Event | None = None
    address: str = ""


class _Server(ThreadingHTTPServer):
    """Says nothing of clients that hang up."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A test that hangs up means it."""


@contextmanager
def model_hub() -> Iterator[Hub]:
    """The hub, while it is open."""
    hub = Hub()
    server = _Server(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        if hub.waiting is not None:
            hub.waiting.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Say nothing."""

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def _answer(self, body: bool) -> None:
            asked = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/([^?]+)", self.path.split("?")[0])
            key = f"{asked[1]}/{asked[2]}" if asked else ""
            content = hub.files.get(key)
            if hub.status or content is None:
                self.send_response(hub.status or 404)
                if not hub.status:
                    self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = 0
            if found := re.match(r"bytes=(\d+)-", self.headers.get("Range", "")):
                start = int(found[1])
            self.send_response(206 if start else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{sha256(hub.told.get(key, content)).hexdigest()}"')
            self.send_header("Accept-Ranges", "bytes")
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if not body:
                return
            hub.ranges.append(start)
            rest = content[start:]
            if hub.drops:
                self.wfile.write(rest[: hub.drops.pop(0)])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
                return
            if hub.waiting is not None:
                self.wfile.write(rest[: len(rest) // 4])
                self.wfile.flush()
                hub.waiting.wait(10)
                rest = rest[len(rest) // 4 :]
            self.wfile.write(rest)

    return Handler
