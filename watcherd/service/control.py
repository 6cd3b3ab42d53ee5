"""The control socket: the command line asks the running daemon, one JSON line each way."""

import hashlib
import json
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from watcherd import __version__
from watcherd.errors import NotRunningError, UnreachableError, WatcherdError
from watcherd.service.system import RUNTIME

Request = Mapping[str, Any]
Reply = Mapping[str, Any]

MAX_REQUEST_BYTES: Final = 1 << 20
MAX_PEERS: Final = 32
PEER_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 60.0
SOCKET_MODE: Final = 0o660

_log = logging.getLogger(__name__)


def socket_name(ledger: Path) -> str:
    """One socket for each ledger, so that two daemons of one user do not meet.

    >>> socket_name(Path("/var/lib/watcherd/ledger.sqlite3"))
    'control-de02646d78.sock'
    """
    return f"control-{hashlib.sha256(os.fsencode(ledger)).hexdigest()[:10]}.sock"


def socket_folders(ledger: Path, environ: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Where a daemon puts its socket: what systemd gave, else the user's runtime directory, else beside the ledger."""
    if given := environ.get("RUNTIME_DIRECTORY"):
        yield Path(given.split(":")[0])
    if user := environ.get("XDG_RUNTIME_DIR"):
        yield Path(user) / "watcherd"
    yield ledger.parent


@contextmanager
def _short_path(path: Path) -> Iterator[str]:
    """A name for the socket below the 108 bytes that the kernel takes, however deep its folder lies."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlServer:
    """Answers on threads of its own; a peer that sends garbage, half a line or never reads is dropped in the end."""

    def __init__(self, ledger: Path, answer: Callable[[Request], Reply]) -> None:
        self._answer = answer
        self._path = _make_folder(ledger) / socket_name(ledger)
        self._peers = threading.BoundedSemaphore(MAX_PEERS)
        self._wake_read, self._wake_write = socket.socketpair()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with suppress(FileNotFoundError):
            # A leftover: whoever holds the ledger's lock is the only daemon that may listen here.
            self._path.unlink()
        with _short_path(self._path) as name:
            self._listener.bind(name)
        self._path.chmod(SOCKET_MODE)
        self._listener.listen(MAX_PEERS)
        self._listener.settimeout(0)
        self._thread = threading.Thread(target=self._serve, name="control", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and remove the socket."""
        self._wake_write.send(b"x")
        self._thread.join()
        for sock in (self._listener, self._wake_read, self._wake_write):
            sock.close()
        with suppress(FileNotFoundError):
            self._path.unlink()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wake_read in ready:
                    return
                with suppress(OSError):
                    peer, _ = self._listener.accept()
                    self._admit(peer)

    def _admit(self, peer: socket.socket) -> None:
        if not self._peers.acquire(blocking=False):
            peer.close()
            return
        threading.Thread(target=self._talk, args=(peer,), name="control-peer", daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        try:
            with peer:
                peer.settimeout(PEER_TIMEOUT_S)
                request = _receive_line(peer, until=time.monotonic() + PEER_TIMEOUT_S)
                if request is not None:
                    peer.sendall(_encode({"version": __version__, **self._reply(request)}))
        except OSError as error:
            _log.debug("a control peer went away: %s", error)
        finally:
            self._peers.release()

    def _reply(self, line: bytes) -> Reply:
        try:
            request = json.loads(line)
        except (ValueError, RecursionError):  # nested too deep
            return {"error": "the request is not JSON"}
        if not isinstance(request, dict) or not isinstance(request.get("command"), str):
            return {"error": 'the request is no object with a "command"'}
        try:
            return self._answer(request)
        except WatcherdError as error:
            return {"error": str(error), "exit_code": error.exit_code}


def ask(ledger: Path, request: Request) -> Reply:
    """Send one request to the daemon that holds this ledger and return its reply.

    Raises:
        NotRunningError: there is no daemon.
        UnreachableError: there is one, but it may not be asked by this user, or does not answer.
    """
    closed: tuple[Path, PermissionError] | None = None
    for folder in (*socket_folders(ledger), RUNTIME):
        path = folder / socket_name(ledger)
        try:
            with _short_path(path) as name, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as daemon:
                daemon.settimeout(ANSWER_TIMEOUT_S)
                daemon.connect(name)
                daemon.sendall(_encode(request))
                line = _receive_line(daemon)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            continue
        except PermissionError as error:
            closed = path, error
            continue
        except OSError as error:
            raise UnreachableError(
                f"the daemon does not answer: {error.strerror or error}",
                path=path,
                remedy="It may be busy or about to end; try again in a minute",
            ) from error
        if line is None:
            raise UnreachableError("the daemon ended before it answered", path=path, remedy="See what its log says")
        return _decoded(line, path)
    if closed is not None and _is_of_another(ledger):
        path, denied = closed
        raise UnreachableError(
            "the daemon's control socket may not be opened by this user",
            path=path,
            remedy="Use sudo, or join the group that owns it: sudo usermod -aG watcherd $USER, then log in again",
        ) from denied
    raise NotRunningError("no daemon is running on this ledger", path=ledger, remedy="Start it with: watcherd run")


def _make_folder(ledger: Path) -> Path:
    for folder in socket_folders(ledger):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    return ledger.parent


def _is_of_another(ledger: Path) -> bool:
    """Whether another user keeps this ledger, and runs its daemon: the folder of the service is closed to many."""
    try:
        return ledger.parent.stat().st_uid != os.geteuid()
    except OSError:
        return False


def _decoded(line: bytes, path: Path) -> Reply:
    try:
        reply = json.loads(line)
    except ValueError:
        reply = None
    if not isinstance(reply, dict):
        raise UnreachableError(
            "what answers there is no watcherd, or one of another version", path=path, remedy="Restart the daemon"
        )
    return reply


def _encode(message: Mapping[str, Any]) -> bytes:
    # ASCII only: names that are not UTF-8 travel as the escapes of their surrogates.
    return json.dumps(message).encode("ascii") + b"\n"


def _receive_line(sock: socket.socket, until: float | None = None) -> bytes | None:
    """The bytes before the first newline, or None where the peer ends before one.

    Where ``until`` is given, a time of the monotonic clock, the peer is none to be trusted: it may neither take longer,
    by a byte now and then, nor say too much.
    """
    received = bytearray()
    while (end := received.find(b"\n")) < 0:
        if until is not None and (len(received) > MAX_REQUEST_BYTES or time.monotonic() > until):
            return None
        chunk = sock.recv(1 << 16)
        if not chunk:
            return None
        received += chunk
    return bytes(received[:end])
