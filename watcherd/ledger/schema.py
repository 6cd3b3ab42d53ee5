"""The shape of the database: numbered migrations, and what to refuse."""

import sqlite3
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Final

from watcherd.errors import LedgerError
from watcherd.ledger.connection import damaged_remedy, explained

APPLICATION_ID: Final = 0x77746364
"""In the header of the file: "wtcd"."""


class NoLedgerError(LedgerError):
    """No daemon has made this ledger yet."""


@cache
def migrations() -> Mapping[int, str]:
    """SQL by the version that it leads to, from the first version on without a gap."""
    found = {
        int(entry.name[:3]): entry.read_text("utf-8")
        for entry in (files(__package__) / "migrations").iterdir()
        if entry.name.endswith(".sql")
    }
    return MappingProxyType(dict(sorted(found.items())))


def version_of(db: sqlite3.Connection) -> int:
    """The schema version of a database; 0 where there is none yet."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def check_ours(db: sqlite3.Connection, database: Path) -> None:
    """Refuse a database that this program must not write to; an empty one is welcome.

    Raises:
        LedgerError: it belongs to another program, was written by a newer watcherd, or is damaged.
    """
    with explained(database):
        application_id = db.execute("PRAGMA application_id").fetchone()[0]
        is_empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        if application_id != APPLICATION_ID and not is_empty:
            raise LedgerError(
                "this is a database of another program", path=database, remedy="Set another path in [ledger]"
            )
        _refuse_newer(version_of(db), database)


def check_intact(db: sqlite3.Connection, database: Path) -> None:
    """Read every page of the database, in a time that its size and the disk decide.

    Raises:
        LedgerError: something in it is damaged; the remedy is the way out.
    """
    with explained(database):
        complaints = [row[0] for row in db.execute("PRAGMA quick_check(3)")]
    if complaints != ["ok"]:
        # SQLite heads what it found with lines of its own ("*** in database main ***").
        found = "; ".join(" ".join(complaint.split()) for complaint in complaints)
        raise LedgerError(f"the ledger is damaged: {found}", path=database, remedy=damaged_remedy(database))


def check_readable(db: sqlite3.Connection, database: Path) -> None:
    """Refuse what a reader, which cannot migrate, does not understand.

    Raises:
        NoLedgerError: there is nothing in it yet.
        LedgerError: another watcherd, newer or older, wrote it, or it is damaged.
    """
    check_ours(db, database)
    with explained(database):
        version = version_of(db)
    if version == 0:
        raise NoLedgerError("this ledger is empty", path=database, remedy="Start the daemon: watcherd run")
    if version < max(migrations()):
        raise LedgerError(
            f"an older watcherd wrote this ledger (schema {version})",
            path=database,
            remedy="Restart the daemon, which brings it up to date",
        )


def migrate(db: sqlite3.Connection, database: Path, steps: Mapping[int, str] | None = None) -> None:
    """Bring the database to the newest version, whole or not at all.

    Raises:
        LedgerError: it cannot be written.
    """
    steps = migrations() if steps is None else steps
    with explained(database):
        todo = [sql for version, sql in steps.items() if version > version_of(db)]
        if not todo:
            return
        try:
            # executescript would commit a transaction that was begun outside of it.
            db.executescript(
                "\n".join(
                    [
                        "BEGIN IMMEDIATE;",
                        *todo,
                        f"PRAGMA application_id = {APPLICATION_ID};",
                        f"PRAGMA user_version = {max(steps)};",
                        "COMMIT;",
                    ]
                )
            )
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def _refuse_newer(version: int, database: Path) -> None:
    newest = max(migrations())
    if version > newest:
        raise LedgerError(
            f"a newer watcherd wrote this ledger (schema {version}, this one knows {newest})",
            path=database,
            remedy="Update watcherd, or bring the database back from before the update",
        )
