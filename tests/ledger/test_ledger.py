from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from watcherd.errors import AlreadyRunningError, LedgerError
from watcherd.ledger.ledger import Ledger
from watcherd.ledger.reader import Reader
from watcherd.ledger.records import StatKey
from watcherd.ledger.schema import migrations
from watcherd.ledger.states import State

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ledger.conftest import Desk


def fill(desk: Desk, count: int) -> None:
    for number in range(count):
        desk.bind(f"{number}.mp3", f"c{number}")


def test_everything_is_there_after_closing_and_opening(desk: Desk) -> None:
    desk.finish("a.mp3", "c")
    before = list(desk.ledger.read.entries())

    desk.reopen()

    assert list(desk.ledger.read.entries()) == before


def test_a_second_daemon_is_refused_and_told_who_is_there(desk: Desk) -> None:
    with pytest.raises(AlreadyRunningError, match=rf"another watcherd \(pid {os.getpid()}\)") as caught:
        Ledger.open(desk.database)

    assert caught.value.exit_code == 75
    desk.bind("a.mp3", "c")  # the first one is not disturbed


def test_two_ledgers_in_one_folder_do_not_meet(desk: Desk) -> None:
    with Ledger.open(desk.database.with_name("other.sqlite3")) as other:
        assert other.read.counts()[State.PENDING] == 0


def test_a_clean_stop_leaves_one_database_file(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    assert desk.database.with_name("ledger.sqlite3-wal").exists()

    desk.ledger.close()

    assert {path.name for path in desk.database.parent.iterdir()} == {"ledger.sqlite3", "ledger.sqlite3.lock"}
    with Reader.open(desk.database) as reader:
        assert reader.entry(desk.path("a.mp3")) is not None
    assert {path.name for path in desk.database.parent.iterdir()} == {"ledger.sqlite3", "ledger.sqlite3.lock"}
    desk.ledger = Ledger.open(desk.database, desk.clock)


def test_the_daemon_starts_and_stops_while_a_reader_looks_on(desk: Desk) -> None:
    desk.bind("a.mp3", "c")
    with Reader.open(desk.database) as reader:
        desk.reopen()
        desk.bind("b.mp3", "d")
        assert [entry.path.name for entry in reader.entries()] == ["a.mp3", "b.mp3"]


def test_every_commit_waits_for_the_disk_and_keys_are_enforced(desk: Desk) -> None:
    db = desk.ledger._db

    assert db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"


def test_what_was_running_waits_again_uncharged_after_a_crash(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    content_id = desk.bring_to(State.RUNNING)

    with caplog.at_level(logging.INFO):
        desk.reopen()

    assert (desk.next().content_id, desk.next().attempts) == (content_id, 0)
    assert desk.ledger.read.events(desk.path("a.mp3"))[-1].reason == "the daemon ended while it was being transcribed"
    assert "ended too early: 1 recordings" in caplog.text


def test_what_was_running_with_its_file_gone_is_superseded_after_a_crash(desk: Desk) -> None:
    desk.bring_to(State.RUNNING)
    desk.ledger.paths.forget([desk.path("a.mp3")])

    desk.reopen()

    assert [entry.path for entry in desk.ledger.read.entries(State.SUPERSEDED)] == [desk.path("a.mp3")]


def test_what_was_running_with_its_result_stored_goes_on_to_its_sidecars_after_a_crash(desk: Desk) -> None:
    content_id = desk.bring_to(State.TRANSCRIBED)
    desk.ledger._db.execute("UPDATE contents SET state = 'running' WHERE id = ?", (content_id,))

    desk.reopen()

    assert desk.state("a.mp3") is State.TRANSCRIBED


def test_a_ledger_of_a_newer_watcherd_is_refused_and_not_touched(desk: Desk) -> None:
    desk.ledger._db.execute("PRAGMA user_version = 999")
    desk.ledger.close()
    before = desk.database.read_bytes()

    with pytest.raises(LedgerError, match=r"newer watcherd wrote this ledger \(schema 999.*Update watcherd") as caught:
        Ledger.open(desk.database)

    assert caught.value.exit_code == 78
    assert desk.database.read_bytes() == before
    with closing(sqlite3.connect(desk.database)) as db:
        db.execute(f"PRAGMA user_version = {max(migrations())}")
    desk.ledger = Ledger.open(desk.database, desk.clock)  # the lock was given back


def test_the_database_of_another_program_is_refused_and_not_touched(tmp_path: Path) -> None:
    database = tmp_path / "photos.sqlite3"
    with closing(sqlite3.connect(database)) as db:
        db.execute("CREATE TABLE photos (name)")
    before = database.read_bytes()

    with pytest.raises(LedgerError, match="another program"):
        Ledger.open(database)

    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("offset", "garbage"),
    [(0, b"not a database at all"), (8192 + 8, b"\xff" * 4000), (5 * 4096, b"\0" * 8192)],
    ids=["header", "page", "pages of zeros"],
)
def test_a_damaged_ledger_is_refused_with_the_way_out_and_not_touched(desk: Desk, offset: int, garbage: bytes) -> None:
    fill(desk, 300)
    desk.ledger.close()
    with desk.database.open("r+b") as file:
        file.seek(offset)
        file.write(garbage)
    before = desk.database.read_bytes()

    with pytest.raises(LedgerError) as caught:
        Ledger.open(desk.database)

    assert caught.value.exit_code == 78
    assert caught.value.path == desk.database
    assert "-wal and -shm" in caught.value.remedy
    assert "overwrites none" in caught.value.remedy
    assert "\n" not in str(caught.value)
    assert desk.database.read_bytes() == before

    # The way out works, as it is printed: with the damaged one aside, a new one is made.
    command = caught.value.remedy.partition("Without a backup: ")[2].partition(";")[0]
    subprocess.run(["sh", "-c", command], check=True)
    assert (desk.database.parent / "damaged" / desk.database.name).read_bytes() == before
    assert [path.name for path in desk.database.parent.iterdir()] == ["damaged"]
    desk.ledger = Ledger.open(desk.database, desk.clock)
    assert list(desk.ledger.read.entries()) == []


def test_a_full_disk_is_said_to_be_one_and_loses_nothing(desk: Desk) -> None:
    fill(desk, 10)
    pages = desk.ledger._db.execute("PRAGMA page_count").fetchone()[0]
    desk.ledger._db.execute(f"PRAGMA max_page_count = {pages}")

    with pytest.raises(LedgerError, match=r"full.*Free some space"):
        fill(desk, 1000)
    kept = len(list(desk.ledger.read.entries()))
    desk.ledger._db.execute("PRAGMA max_page_count = 1000000")
    desk.bind("later.mp3", "later")

    assert 10 <= kept < 1000
    assert len(list(desk.ledger.read.entries())) == kept + 1
    assert desk.ledger._db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_an_error_within_a_transaction_undoes_all_of_it(desk: Desk) -> None:
    desk.bind("a.mp3", "c")

    with pytest.raises(sqlite3.IntegrityError):
        desk.ledger.paths.bind(desk.path("a.mp3"), StatKey(1, 1, 1, 1, 1), b"too short to be a hash")

    assert [entry.sha256 for entry in desk.ledger.read.entries()] == [desk.sha("c")]
    desk.bind("b.mp3", "d")


def test_a_move_is_logged_when_it_is_on_the_disk(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.bind("a.mp3", "c")
    desk.clock.advance(seconds=90)

    with caplog.at_level(logging.DEBUG, logger="watcherd.ledger"):
        desk.claim()

    assert "pending → running after 90.0 s: its turn has come" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_ledger_that_may_not_be_written_is_refused(desk: Desk) -> None:
    desk.ledger.close()
    desk.database.chmod(0o400)
    try:
        with pytest.raises(LedgerError, match="user who owns it"):
            Ledger.open(desk.database)
    finally:
        desk.database.chmod(0o600)
        desk.ledger = Ledger.open(desk.database, desk.clock)
