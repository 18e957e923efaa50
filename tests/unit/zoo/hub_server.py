"""A server on this machine that speaks the hub's API and serves files, badly on request."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    """What the server has, and how it behaves.

    Attributes:
        repos: "owner/name" -> revision -> file -> bytes; the last revision is the newest.
        branches: name -> the revision that it leads to now, in every repository.
        files: path -> bytes, for plain addresses.
        status: part of a path -> the status to answer there.
        token: what the Authorization header must carry.
        cuts: how many answers break off after `cut_after` bytes.
        pause_s: before every piece of a file.
        seen: "METHOD path range" of every request.
    """

    repos: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    token: str = ""
    cuts: int = 0
    cut_after: int = 0
    pause_s: float = 0.0
    ranges: bool = True
    etags: bool = True
    seen: list[str] = field(default_factory=list)
    url: str = ""

    @property
    def cdn(self) -> str:
        """The same server under another name: the hub's files lie on another host too."""
        return self.url.replace("127.0.0.1", "localhost")

    def newest(self, repo: str) -> str:
        return list(self.repos[repo])[-1]


class Handler(BaseHTTPRequestHandler):
    """Answers from the server's `hub`."""

    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub  # pyright: ignore[reportAttributeAccessIssue]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = self.path.split("?")[0]
        self.hub.seen.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        for part, status in self.hub.status.items():
            if part in path:
                self.say(status, b"{}", {})
                return
        for pattern, method in (
            (r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", self.model_info),
            (r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.resolve),
            (r"/cdn/([^/]+/[^/]+)/([^/]+)/(.+)", self.blob),
            (r"/moved(/.+)", self.moved),
            (r"(/.+)", self.plain),
        ):
            if match := re.fullmatch(pattern, path):
                method(*match.groups())
                return

    def say(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def allowed(self) -> bool:
        if (
            not self.hub.token
            or self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        ):
            return True
        self.say(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        return False

    def model_info(self, repo: str, revision: str | None) -> None:
        if not self.allowed():
            return
        if repo not in self.hub.repos:
            self.say(404, b"{}", {"X-Error-Code": "RepoNotFound"})
            return
        revision = revision or self.hub.newest(repo)
        revision = self.hub.branches.get(revision, revision)
        if revision not in self.hub.repos[repo]:
            self.say(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
            return
        siblings = [
            {
                "rfilename": name,
                "size": len(raw),
                "lfs": {"sha256": digest(raw), "size": len(raw), "pointerSize": 130},
            }
            for name, raw in self.hub.repos[repo][revision].items()
        ]
        body = {"id": repo, "modelId": repo, "sha": revision, "siblings": siblings, "tags": []}
        self.say(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def resolve(self, repo: str, revision: str, file: str) -> None:
        if not self.allowed():
            return
        raw = self.hub.repos.get(repo, {}).get(revision, {}).get(file)
        if raw is None:
            self.say(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": revision})
            return
        headers = {
            "Location": f"{self.hub.cdn}/cdn/{repo}/{revision}/{file}",
            "X-Repo-Commit": revision,
            "X-Linked-Etag": f'"{digest(raw)}"',
            "X-Linked-Size": str(len(raw)),
            "ETag": f'"{digest(raw)}"',
        }
        self.say(302, b"", headers)

    def blob(self, repo: str, revision: str, file: str) -> None:
        self.send_file(self.hub.repos[repo][revision][file])

    def moved(self, path: str) -> None:
        self.say(302, b"", {"Location": path})

    def plain(self, path: str) -> None:
        if path in self.hub.files:
            self.send_file(self.hub.files[path])
        else:
            self.say(404, b"<html>not here</html>", {})

    def send_file(self, raw: bytes) -> None:
        etag = f'"{digest(raw)[:16]}"'
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        fits = self.headers.get("If-Range", etag) == etag
        if asked and self.hub.ranges and fits:
            start = int(asked[1])
        headers = {"Content-Length": str(len(raw) - start), "Accept-Ranges": "bytes"}
        if self.hub.etags:
            headers["ETag"] = etag
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(raw) - 1}/{len(raw)}"
        self.send_response(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.stream(raw[start:])

    def stream(self, raw: bytes) -> None:
        if self.hub.cuts > 0:
            self.hub.cuts -= 1
            self.wfile.write(raw[: self.hub.cut_after])
            self.close_connection = True
            return
        for at in range(0, len(raw), 1 << 16):
            threading.Event().wait(self.hub.pause_s)  # the tests switch time.sleep off
            self.wfile.write(raw[at : at + (1 << 16)])


def digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    server.handle_error = lambda request, client_address: (
        None
    )  # a client that goes away is part of the tests
    hub = Hub(url=f"http://127.0.0.1:{server.server_port}")
    server.hub = hub  # pyright: ignore[reportAttributeAccessIssue]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
