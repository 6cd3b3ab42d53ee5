import os
import re
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from watcherd.ledger.states import State
from watcherd.service.notify import Notifier, Working, status_sentence

pytest.importorskip("systemd.daemon", reason="systemd-python is not installed")


class Manager:
    """Hears what a service says, as systemd does: a datagram socket."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(path))

    def heard(self) -> list[str]:
        """One message each: a datagram of AF_UNIX is there as soon as it is sent."""
        messages = []
        while True:
            try:
                messages.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return messages


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    path = tmp_path / "notify"
    manager = Manager(path)
    monkeypatch.setenv("NOTIFY_SOCKET", str(path))
    yield manager
    manager.socket.close()


# What is sent


def test_the_life_of_a_service_is_told(manager: Manager) -> None:
    notifier = Notifier()
    notifier.extend_timeout(90.5)
    notifier.ready("idle; nothing done yet")
    notifier.watchdog()
    notifier.stopping("SIGTERM received")
    assert manager.heard() == [
        "EXTEND_TIMEOUT_USEC=90500000",
        "READY=1\nSTATUS=idle; nothing done yet",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=SIGTERM received",
    ]


def test_a_reload_tells_the_time_that_systemd_orders_it_by(manager: Manager) -> None:
    Notifier().reloading()
    (message,) = manager.heard()
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d{6,}", message)


def test_the_same_status_is_not_sent_twice_in_a_row(manager: Manager) -> None:
    notifier = Notifier()
    for sentence in ("one", "one", "two", "one"):
        notifier.status(sentence)
    assert manager.heard() == ["STATUS=one", "STATUS=two", "STATUS=one"]


def test_a_file_name_cannot_speak_to_systemd(manager: Manager) -> None:
    Notifier().status(os.fsdecode(b"loading\nMAINPID=1 \xff"))
    assert manager.heard() == [r"STATUS=loading\x0aMAINPID=1 \xff"]


# Where nobody listens


@pytest.mark.usefixtures("manager")
def test_a_manager_that_is_gone_does_not_end_the_work(tmp_path: Path) -> None:
    notifier = Notifier()
    (tmp_path / "notify").unlink()
    notifier.ready("idle")


def test_without_a_service_manager_nothing_is_sent(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET")
    monkeypatch.setenv("WATCHDOG_USEC", "60000000")
    notifier = Notifier()
    notifier.ready("idle")
    assert notifier.watchdog_interval_s is None
    assert manager.heard() == []


def test_without_the_binding_it_says_so_once_and_sends_nothing(
    manager: Manager, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "systemd.daemon", None)
    notifier = Notifier()
    notifier.ready("idle")
    notifier.watchdog()
    assert manager.heard() == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]


# The watchdog


@pytest.mark.parametrize(
    ("usec", "pid", "interval_s"),
    [
        ("60000000", None, 30.0),
        ("60000000", str(os.getpid()), 30.0),
        ("60000000", "1", None),  # inherited from a parent that it was meant for
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
@pytest.mark.usefixtures("manager")
def test_the_watchdog_is_fed_twice_as_often_as_it_bites(
    monkeypatch: pytest.MonkeyPatch, usec: str | None, pid: str | None, interval_s: float | None
) -> None:
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        if value is not None:
            monkeypatch.setenv(name, value)
    assert Notifier().watchdog_interval_s == interval_s


# The sentence

INTERVIEW = Working(Path("/srv/sync/interview.m4a"), 0.439, 330.0)
MEMO = Working(Path("/srv/sync/memo.m4a"), 0.05, None)


@pytest.mark.parametrize(
    ("counts", "working", "sentence"),
    [
        ({}, [], "idle; nothing done yet"),
        ({State.DONE: 812, State.FAILED: 3}, [], "idle; 812 done, 3 failed"),
        (
            {State.DONE: 1, State.NO_SPEECH: 2, State.BLOCKED: 4, State.SUPERSEDED: 9},
            [],
            "idle; 1 done, 2 without speech, 4 blocked",
        ),
        ({State.RETRY: 1, State.DONE: 1}, [], "1 waiting; 1 done"),
        (
            {State.RUNNING: 2, State.PENDING: 5, State.DONE: 9},
            [MEMO, INTERVIEW],
            "2 of 7: interview.m4a 43 %, 6 min left",
        ),
        ({State.RUNNING: 1}, [MEMO], "1 of 1: memo.m4a 5 %"),
        ({}, [MEMO], "1 of 1: memo.m4a 5 %"),
        ({State.RUNNING: 1}, [Working(Path("a.mp3"), 0.999, 2.0)], "1 of 1: a.mp3 99 %, under a minute left"),
        ({State.RUNNING: 1}, [Working(Path("a.mp3"), 0.01, 7201.0)], "1 of 1: a.mp3 1 %, 2 h 1 min left"),
        ({State.RUNNING: 1}, [Working(Path("two\nlines.mp3"), 0, None)], r"1 of 1: two\x0alines.mp3 0 %"),
    ],
)
def test_the_status_is_a_sentence_worth_reading(
    counts: dict[State, int], working: list[Working], sentence: str
) -> None:
    assert status_sentence(counts, working) == sentence


def test_while_the_model_loads_the_status_says_so() -> None:
    assert status_sentence({}, [], loading="packaged:base") == "loading the model packaged:base"
    waiting = {State.PENDING: 3, State.DONE: 1}
    assert status_sentence(waiting, [], loading="packaged:base") == "loading the model packaged:base; 3 waiting"


def test_a_pause_is_what_the_status_speaks_of() -> None:
    assert status_sentence({State.DONE: 1}, [], paused="paused") == "paused"
    assert status_sentence({State.PENDING: 2}, [], paused="paused until 18:30") == "paused until 18:30; 2 waiting"
