"""The ledger between processes: readers beside the writer, kills at any moment, other users."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pytest

import watcherd
from watcherd.errors import AlreadyRunningError, LedgerError
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.reader import Reader
from watcherd.ledger.schema import NoLedgerError
from watcherd.ledger.states import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOBODY = 65534

KILLS = 25

# Does the whole life of one recording after another, and says which recording is at which step once that is committed.
DAEMON = """
import hashlib, sys
from pathlib import Path
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.records import Result, StatKey
from watcherd.transcript import Segment, Transcript

root = Path("/rec")
transcript = Transcript("en", 1000, (Segment(0, 1000, "word " * 200),))
with Ledger.open(Path(sys.argv[1])) as ledger:
    number = ledger.read.counts()
    number = sum(number.values())
    while True:
        path = root / f"{number}.mp3"
        ledger.paths.bind(path, StatKey(1, number, 1, 1, 1), hashlib.sha256(b"%d" % number).digest())
        print(path.name, "pending", flush=True)
        while (work := ledger.queue.next([root])) is not None:
            ledger.queue.claim(work)
            ledger.queue.store_result(work.content_id, Result(transcript, "m", None, "f", 1))
            print(work.path.name, "transcribed", flush=True)
        for publication in ledger.publishing.due([root]):
            sidecar = publication.path.with_suffix(".srt")
            ledger.publishing.intend(publication, sidecar, "srt", bytes(32))
            ledger.publishing.written(sidecar)
            ledger.publishing.published(publication)
            print(publication.path.name, "done", flush=True)
        number += 1
"""


class Daemon:
    """A process that works with the ledger until it is killed."""

    def __init__(self, database: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", DAEMON, database],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(watcherd.__file__).parents[1])},
        )
        assert self._process.stdout is not None
        self._said: IO[bytes] = self._process.stdout
        self.pid = self._process.pid

    def wait_for_lines(self, count: int) -> list[tuple[str, State]]:
        return [self._parse(self._said.readline()) for _ in range(count)]

    def kill(self) -> list[tuple[str, State]]:
        """End it at once; returns what it said before the end and nobody had read."""
        self._process.send_signal(signal.SIGKILL)
        rest = self._said.read().splitlines(keepends=True)
        self._said.close()
        self._process.wait()
        return [self._parse(line) for line in rest if line.endswith(b"\n")]

    @staticmethod
    def _parse(line: bytes) -> tuple[str, State]:
        name, state = line.decode().split()
        return name, State(state)


@pytest.fixture
def database() -> Iterator[Path]:
    """In a folder that other users may read, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="watcherd-ledger-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "ledger.sqlite3"


@pytest.fixture
def daemon(database: Path) -> Iterator[Callable[[], Daemon]]:
    running: list[Daemon] = []

    def start() -> Daemon:
        running.append(Daemon(database))
        return running[-1]

    yield start
    for each in running:
        if each._process.poll() is None:
            each.kill()


def as_nobody(look: Callable[[], bool]) -> bool:
    """The answer of a child process that gave up its privileges."""
    child = os.fork()
    if child == 0:
        answer = 2
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            answer = 0 if look() else 1
        finally:
            os._exit(answer)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def test_commits_survive_a_kill_at_any_moment(database: Path, daemon: Callable[[], Daemon]) -> None:
    order = [State.PENDING, State.TRANSCRIBED, State.DONE]
    dice = random.Random(20260102)
    said: dict[str, State] = {}
    for _ in range(KILLS):
        process = daemon()
        lines = process.wait_for_lines(dice.randint(1, 25))
        said.update(lines + process.kill())

        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        with Reader.open(database) as reader:
            entries = {entry.path.name: entry for entry in reader.entries()}
        for name, state in said.items():
            entry = entries[name]
            reached = State.PENDING if entry.state is State.RUNNING else entry.state
            assert order.index(reached) >= order.index(state)
            assert (entry.model is not None) == (reached is not State.PENDING)

    with Ledger.open(database) as ledger:
        assert ledger.read.counts()[State.RUNNING] == 0
        assert all(entry.attempts <= 1 for entry in ledger.read.entries())
    assert len(said) >= KILLS


def test_a_reader_sees_whole_commits_while_the_writer_writes(database: Path, daemon: Callable[[], Daemon]) -> None:
    process = daemon()
    process.wait_for_lines(1)
    seen = 0
    with Reader.open(database) as reader:
        while seen < 60:
            process.wait_for_lines(3)
            entries = list(reader.entries())
            assert len(entries) >= seen
            seen = len(entries)
            for entry in entries:
                assert (entry.model is not None) == (entry.state not in {State.PENDING, State.RUNNING})
                assert (entry.finished_at is not None) == (entry.state is State.DONE)


def test_another_process_is_refused_until_the_first_one_is_killed(database: Path, daemon: Callable[[], Daemon]) -> None:
    process = daemon()
    process.wait_for_lines(1)

    with pytest.raises(AlreadyRunningError, match=rf"\(pid {process.pid}\)"):
        Ledger.open(database)
    process.kill()

    with Ledger.open(database) as ledger:
        assert ledger.read.counts()[State.PENDING] <= 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
class TestAnotherUser:
    """Somebody who may read the folder and nothing more."""

    def test_reads_while_the_daemon_runs(self, database: Path, daemon: Callable[[], Daemon]) -> None:
        daemon().wait_for_lines(3)

        assert as_nobody(lambda: can_read(database))

    def test_reads_after_a_clean_stop(self, database: Path, daemon: Callable[[], Daemon]) -> None:
        process = daemon()
        process.wait_for_lines(3)
        process.kill()
        Ledger.open(database).close()

        assert as_nobody(lambda: can_read(database))

    def test_reads_after_a_kill(self, database: Path, daemon: Callable[[], Daemon]) -> None:
        process = daemon()
        process.wait_for_lines(3)
        process.kill()

        assert as_nobody(lambda: can_read(database))

    def test_reads_after_a_stop_during_which_somebody_else_read(
        self, database: Path, daemon: Callable[[], Daemon]
    ) -> None:
        process = daemon()
        process.wait_for_lines(3)
        process.kill()
        ledger = Ledger.open(database)
        with Reader.open(database):
            ledger.close()

        assert as_nobody(lambda: can_read(database))

    def test_is_told_when_the_folder_is_private(self, database: Path, daemon: Callable[[], Daemon]) -> None:
        daemon().wait_for_lines(3)
        database.parent.chmod(0o700)

        def is_told() -> bool:
            with pytest.raises(LedgerError, match="user who may read it") as caught:
                Reader.open(database)
            return not isinstance(caught.value, NoLedgerError)

        assert as_nobody(is_told)


def can_read(database: Path) -> bool:
    with Reader.open(database) as reader:
        return any(True for _ in reader.entries())
