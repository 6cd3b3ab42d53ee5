from __future__ import annotations

import sqlite3
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from watcherd.errors import LedgerError
from watcherd.ledger.connection import connect_writer
from watcherd.ledger.schema import APPLICATION_ID, migrate, migrations, version_of
from watcherd.ledger.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEWEST = max(migrations())

NEXT = {
    **migrations(),
    NEWEST + 1: "ALTER TABLE contents ADD COLUMN note TEXT;",
    NEWEST + 2: "CREATE TABLE marks (id INTEGER PRIMARY KEY) STRICT; CREATE INDEX notes ON contents (note);",
}
"""Steps that do not exist yet: what a later version will bring."""


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect_writer(tmp_path / "a.sqlite3")
    yield connection
    connection.close()


def schema_of(db: sqlite3.Connection) -> list[tuple[str, ...]]:
    return [tuple(row) for row in db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")]


def test_versions_have_no_gap() -> None:
    assert list(migrations()) == list(range(1, NEWEST + 1))


def test_no_two_migrations_have_one_number() -> None:
    assert len(list((files("watcherd.ledger") / "migrations").iterdir())) == len(migrations())


def test_migrated_step_by_step_equals_fresh(db: sqlite3.Connection, tmp_path: Path) -> None:
    fresh = connect_writer(tmp_path / "fresh.sqlite3")
    migrate(fresh, tmp_path, NEXT)
    for version in NEXT:
        migrate(db, tmp_path, {step: sql for step, sql in NEXT.items() if step <= version})
        assert version_of(db) == version

    assert schema_of(db) == schema_of(fresh)
    fresh.close()


def test_rows_survive_a_migration(db: sqlite3.Connection, tmp_path: Path) -> None:
    migrate(db, tmp_path)
    db.execute("INSERT INTO contents (sha256, state, first_seen_ms, changed_ms) VALUES (zeroblob(32), 'done', 1, 2)")

    migrate(db, tmp_path, NEXT)

    row = db.execute("SELECT state, note FROM contents").fetchone()
    assert tuple(row) == ("done", None)


def test_a_migration_that_fails_changes_nothing(db: sqlite3.Connection, tmp_path: Path) -> None:
    migrate(db, tmp_path)
    before = schema_of(db)

    with pytest.raises(LedgerError, match="no such table: nowhere"):
        migrate(db, tmp_path, {**NEXT, NEWEST + 3: "INSERT INTO nowhere VALUES (1);"})

    assert (schema_of(db), version_of(db)) == (before, NEWEST)
    migrate(db, tmp_path, NEXT)
    assert version_of(db) == NEWEST + 2


def test_the_file_says_whose_it_is(db: sqlite3.Connection, tmp_path: Path) -> None:
    migrate(db, tmp_path)

    assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID


def test_every_table_is_strict_and_every_foreign_key_has_an_index(db: sqlite3.Connection, tmp_path: Path) -> None:
    migrate(db, tmp_path)
    tables = {row["name"]: row["strict"] for row in db.execute("PRAGMA table_list") if row["type"] == "table"}
    tables = {name: strict for name, strict in tables.items() if not name.startswith("sqlite_")}

    assert set(tables) == {
        *("contents", "paths", "results", "sidecars", "made", "events", "pause", "passages", "added_formats"),
        *("unfinished", "windows"),
    }
    assert set(tables.values()) == {1}
    for table in tables:
        indexed = {
            column["name"]
            for index in db.execute(f"PRAGMA index_list({table})")
            for column in db.execute(f"PRAGMA index_info({index['name']})")
            if column["seqno"] == 0
        }
        indexed |= {column["name"] for column in db.execute(f"PRAGMA table_info({table})") if column["pk"] == 1}
        assert {key["from"] for key in db.execute(f"PRAGMA foreign_key_list({table})")} <= indexed


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("sha256, state", "zeroblob(32), 'asleep'"),
        ("sha256, state", "zeroblob(31), 'done'"),
        ("sha256, state", "zeroblob(32), 'superseded'"),
        ("sha256, state, retry_at_ms", "zeroblob(32), 'retry', 1"),
        ("sha256, state, error", "zeroblob(32), 'failed', 'without a class'"),
        ("sha256, state, error_class, error, remedy", "zeroblob(32), 'failed', 'funny', 'x', ''"),
        ("sha256, state, generation", "zeroblob(32), 'pending', 0"),
    ],
)
def test_contents_that_make_no_sense_are_refused(
    db: sqlite3.Connection, tmp_path: Path, columns: str, values: str
) -> None:
    migrate(db, tmp_path)

    with pytest.raises(sqlite3.IntegrityError):
        db.execute(f"INSERT INTO contents (first_seen_ms, changed_ms, {columns}) VALUES (1, 1, {values})")  # noqa: S608  literals above


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO paths (path, stat_key) VALUES (x'2f61', zeroblob(40))",
        "INSERT INTO paths (path, content_id) VALUES (x'2f61', 77)",
        "INSERT INTO paths (path, error_class, error, remedy) VALUES ('/a', 'blocked', 'x', '')",
        "INSERT INTO events (content_id, at_ms, to_state, reason) VALUES (77, 1, 'done', 'x')",
    ],
)
def test_rows_that_make_no_sense_are_refused(db: sqlite3.Connection, tmp_path: Path, statement: str) -> None:
    migrate(db, tmp_path)

    with pytest.raises(sqlite3.IntegrityError):
        db.execute(statement)


def test_the_schema_knows_every_state(db: sqlite3.Connection, tmp_path: Path) -> None:
    migrate(db, tmp_path)

    for number, state in enumerate(State):
        db.execute(
            "INSERT INTO contents (sha256, state, first_seen_ms, changed_ms, last_path) VALUES (?, ?, 1, 1, x'2f61')",
            (bytes([number]) * 32, state),
        )
