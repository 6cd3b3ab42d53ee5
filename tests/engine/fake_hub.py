"""As much of the Hub as its client asks for when it downloads a model, with the faults that the real one has."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

COMMIT = "c" * 40


@dataclass
class FakeHub:
    """One model; what it does can be changed between two requests."""

    model_id: str
    files: Mapping[str, bytes]
    refused: str = ""
    """The X-Error-Code with which every question is answered, such as "RepoNotFound"."""
    gated: bool = False
    """Everybody may see the model, nobody may download it. So does the real Hub."""
    url: str = ""
    sent: list[str] = field(default_factory=list)
    """The files that were downloaded."""

    @contextmanager
    def serving(self) -> Iterator[Self]:
        """Answer on a port of this machine, given in ``url``."""
        with _Server(self) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, hub: FakeHub) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.hub = hub


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        hub, path = self.server.hub, self.path.partition("?")[0]
        api, files = f"/api/models/{hub.model_id}", f"/{hub.model_id}/resolve/{COMMIT}/"
        if hub.refused:
            self._refuse(404, hub.refused)
        elif path in {api, f"{api}/revision/main"}:
            self._json({"id": hub.model_id, "sha": COMMIT, "siblings": [{"rfilename": name} for name in hub.files]})
        elif path == f"{api}/tree/{COMMIT}":
            self._json([_entry(name, content) for name, content in hub.files.items()])
        elif path.startswith(files) and hub.gated:
            self._refuse(403, "GatedRepo")
        elif path.startswith(files):
            self._file(path.removeprefix(files))
        else:
            self._refuse(404, "EntryNotFound")

    do_HEAD = do_GET  # noqa: N815  http.server's name

    def _file(self, name: str) -> None:
        content = self.server.hub.files[name]
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha256(content).hexdigest()}"'}
        self._answer(200, content, headers)
        if self.command == "GET":
            self.server.hub.sent.append(name)

    def _json(self, answer: object) -> None:
        self._answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, b"", {"X-Error-Code": code})

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def _entry(name: str, content: bytes) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}  # noqa: S324  git's
