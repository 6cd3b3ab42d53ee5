"""Connections to the database: the writer's, the readers', and what SQLite's errors mean to a person."""

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote_from_bytes

from watcherd.errors import LedgerError
from watcherd.ledger.passages import passages_of
from watcherd.ledger.search import require_search
from watcherd.names import printable

BUSY_WAIT_S: Final = 5.0
"""How long to wait for another process; a reader of the command line needs milliseconds."""

OLDEST_SQLITE: Final = (3, 38, 0)
"""STRICT tables came with 3.37, JSON functions in every build with 3.38."""

_REMEDIES: Final = {
    "SQLITE_FULL": "Free some space on its disk",
    "SQLITE_READONLY": "Run watcherd as the user who owns it",
    "SQLITE_CANTOPEN": "Run watcherd as a user who may read it",
    "SQLITE_PERM": "Run watcherd as a user who may read it",
    "SQLITE_BUSY": "End the program that has it open for writing",
    "SQLITE_IOERR": "Check its disk (see the kernel's log)",
}

_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def damaged_remedy(database: Path) -> str:
    """The way out of a damaged database, with commands that a shell takes as they are."""
    aside = shlex.quote(str(database.parent / "damaged"))
    # All of its files, since a stray log of the old database must not meet the new one.
    move = f"mkdir {aside} && mv {shlex.quote(str(database))}* {aside}"
    return (
        "Stop watcherd and bring the database back from a backup, without any -wal and -shm files of the damaged one. "
        f"Without a backup: {printable(move)}; then the next start makes a new database and transcribes all recordings "
        "again. It overwrites none of the files beside them, and takes those that it would write just so for its own"
    )


def connect_writer(database: Path) -> sqlite3.Connection:
    """The one connection that writes; the caller holds the instance lock.

    Raises:
        LedgerError: the database cannot be opened, or SQLite lacks something.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise LedgerError(
            f"SQLite {sqlite3.sqlite_version} is too old",
            remedy=f"Install SQLite {'.'.join(map(str, OLDEST_SQLITE))} or newer",
        )
    with explained(database):
        db = _connect(database, "rwc")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA synchronous = FULL")
        require_search(db)
        db.create_function("passages_of", 1, passages_of, deterministic=True)
        return db


def use_write_ahead_log(db: sqlite3.Connection, database: Path) -> None:
    """Let readers read while the writer writes.

    Raises:
        LedgerError: the file system has no shared memory, or a reader does not let go of the database.
    """
    with explained(database):
        mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise LedgerError(
            "the file system cannot hold a write-ahead log",
            path=database,
            remedy="Set path in [ledger] to a folder on a local disk",
        )


def connect_reader(database: Path) -> sqlite3.Connection:
    """A connection that cannot write.

    Raises:
        LedgerError: the database cannot be opened.
    """
    with explained(database):
        return _connect(database, "ro")


def _connect(database: Path, mode: str) -> sqlite3.Connection:
    uri = f"file:{quote_from_bytes(bytes(database.absolute()))}?mode={mode}"
    # No isolation level: transactions begin where the code says so, and as IMMEDIATE ones.
    db = sqlite3.connect(uri, uri=True, timeout=BUSY_WAIT_S, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


@contextmanager
def explained(database: Path) -> Iterator[None]:
    """Turn SQLite's errors into LedgerErrors; errors that only a bug can cause stay what they are."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        remedy = next((text for prefix, text in _REMEDIES.items() if name.startswith(prefix)), "")
        if name.startswith(_DAMAGED):
            remedy = damaged_remedy(database)
        raise LedgerError(f"the ledger cannot be used: {error}", path=database, remedy=remedy) from error
