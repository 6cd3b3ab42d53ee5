import os
import re
import select
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from watcherd import __version__
from watcherd.commands.asking import RefusedError, asked
from watcherd.errors import ConfigError, NotRunningError, UnreachableError
from watcherd.service import control
from watcherd.service.control import ControlServer, Reply, Request, ask, socket_name


def answer(request: Request) -> Reply:
    if request["command"] == "fail":
        raise ConfigError("the folder is gone", remedy="Bring it back")
    return {"echo": request}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite3"


@pytest.fixture
def server(ledger: Path) -> Iterator[ControlServer]:
    server = ControlServer(ledger, answer)
    yield server
    server.close()


def connect(ledger: Path) -> socket.socket:
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(30)
    peer.connect(str(Path(os.environ["XDG_RUNTIME_DIR"]) / "watcherd" / socket_name(ledger)))
    return peer


@pytest.mark.usefixtures("server")
def test_a_request_is_answered(ledger: Path) -> None:
    assert ask(ledger, {"command": "status", "n": 1}) == {
        "version": __version__,
        "echo": {"command": "status", "n": 1},
    }


@pytest.mark.usefixtures("server")
def test_a_name_that_is_not_utf8_travels_both_ways(ledger: Path) -> None:
    name = os.fsdecode(b"\xff.mp3")
    assert ask(ledger, {"command": "show", "path": name})["echo"] == {"command": "show", "path": name}


@pytest.mark.usefixtures("server")
def test_an_error_is_answered_with_its_exit_code(ledger: Path) -> None:
    reply = ask(ledger, {"command": "fail"})
    assert (reply["error"], reply["exit_code"]) == ("the folder is gone. Bring it back", 78)


@pytest.mark.usefixtures("server")
def test_garbage_half_a_line_and_silence_harm_nobody_else(ledger: Path) -> None:
    with connect(ledger) as silent, connect(ledger) as half, connect(ledger) as garbage, connect(ledger) as gone:
        half.sendall(b'{"command": "sta')
        gone.sendall(b'{"command": "status"}\n')
        gone.close()
        garbage.sendall(b"\xff\x00 what?\n")

        assert b'"error": "the request is not JSON"' in garbage.recv(4096)
        assert "echo" in ask(ledger, {"command": "status"})
        silent.sendall(b"[]\n")
        assert b'no object with a \\"command\\"' in silent.recv(4096)


@pytest.mark.usefixtures("server")
def test_brackets_without_end_are_no_request(ledger: Path) -> None:
    with connect(ledger) as peer:
        peer.sendall(b"[" * 100_000 + b"\n")
        assert b"the request is not JSON" in peer.recv(4096)


def test_a_peer_that_never_reads_and_one_that_never_ends_its_line_are_left_in_the_end(
    ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PEER_TIMEOUT_S", 0.2)
    monkeypatch.setattr(control, "MAX_PEERS", 2)
    server = ControlServer(ledger, lambda _: {"much": "x" * (16 << 20)})
    with connect(ledger) as deaf, connect(ledger) as endless:
        deaf.sendall(b'{"command": "status"}\n')
        endless.sendall(b'{"command"')
        assert endless.recv(1) == b""  # it was hung up on
        hangup = select.poll()
        hangup.register(deaf, select.POLLHUP)
        assert hangup.poll(30_000)
    assert "much" in ask(ledger, {"command": "status"})  # there is room again
    server.close()


@pytest.mark.usefixtures("server")
def test_more_than_a_request_may_have_is_dropped(ledger: Path) -> None:
    with connect(ledger) as peer, pytest.raises((ConnectionResetError, BrokenPipeError)):
        peer.sendall(b"x" * (64 * control.MAX_REQUEST_BYTES))


@pytest.mark.usefixtures("server")
def test_peers_beyond_the_limit_are_refused_until_others_leave(ledger: Path) -> None:
    peers = [connect(ledger) for _ in range(control.MAX_PEERS)]
    with connect(ledger) as one_too_many:
        assert one_too_many.recv(1) == b""
    for peer in peers:
        peer.sendall(b'{"command": "status"}\n')
        while peer.recv(4096):
            pass
        peer.close()


@pytest.mark.usefixtures("server")
def test_the_socket_is_for_owner_and_group_alone(ledger: Path) -> None:
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "watcherd" / socket_name(ledger)
    assert stat.filemode(path.stat().st_mode) == "srw-rw----"


def test_a_socket_that_a_killed_daemon_left_is_taken_over(ledger: Path) -> None:
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "watcherd" / socket_name(ledger)
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))

    with pytest.raises(NotRunningError):
        ask(ledger, {"command": "status"})
    server = ControlServer(ledger, answer)
    assert "echo" in ask(ledger, {"command": "status"})
    server.close()
    assert not path.exists()


def test_a_folder_with_a_long_name_is_no_hindrance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("d" * 120)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    server = ControlServer(tmp_path / "ledger.sqlite3", answer)
    assert "echo" in ask(tmp_path / "ledger.sqlite3", {"command": "status"})
    server.close()


def test_without_a_daemon_the_error_says_how_to_start_one(ledger: Path) -> None:
    with pytest.raises(NotRunningError, match="watcherd run"):
        ask(ledger, {"command": "status"})


@pytest.mark.parametrize("said", [b"what?\n", b"[]\n", b""])
def test_something_else_that_answers_is_told(ledger: Path, said: bytes) -> None:
    path = Path(os.environ["XDG_RUNTIME_DIR"]) / "watcherd" / socket_name(ledger)
    path.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()

        def answer_once() -> None:
            peer, _ = other.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(said)

        thread = threading.Thread(target=answer_once)
        thread.start()
        with pytest.raises(UnreachableError, match=r"Restart the daemon|See what its log says"):
            ask(ledger, {"command": "status"})
        thread.join()


def test_a_daemon_that_is_older_or_newer_is_told(ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ControlServer(ledger, lambda _: {"version": "0.0.9", "state": "idle"})
    with pytest.raises(UnreachableError, match=re.escape(f"is watcherd 0.0.9, this is {__version__}: restart it")):
        asked(ledger, {"command": "dance"}, "steps")
    server.close()
    monkeypatch.setattr(control, "__version__", "0.0.9")
    server = ControlServer(ledger, lambda _: {"error": "unknown request 'dance'"})
    with pytest.raises(RefusedError, match=re.escape("is watcherd 0.0.9")):
        asked(ledger, {"command": "dance"})
    server.close()
