"""The ledger: opened by the daemon alone, it writes what is known and what is to be done."""

import logging
import sqlite3
from pathlib import Path
from typing import Self

from watcherd.ledger.clock import Clock, utc_now
from watcherd.ledger.connection import connect_writer, use_write_ahead_log
from watcherd.ledger.location import prepare_folder
from watcherd.ledger.lock import InstanceLock
from watcherd.ledger.paths import Paths
from watcherd.ledger.pausing import Pausing
from watcherd.ledger.publishing import Publishing
from watcherd.ledger.queue import Queue
from watcherd.ledger.reader import Reader
from watcherd.ledger.schema import check_intact, check_ours, migrate
from watcherd.ledger.store import Store
from watcherd.ledger.windows import Windows

_log = logging.getLogger(__name__)


class Ledger:
    """The one writer. Every method is a transaction of its own, on the disk when it returns; for one thread.

    Attributes:
        paths: which path holds which content.
        queue: what is to be transcribed, and what came of it.
        pausing: whether a person has paused the work.
        windows: what is read of recordings that are not finished.
        publishing: which sidecars are to be written, and which were.
        read: the questions of a reader, seen by the writer.
    """

    def __init__(self, db: sqlite3.Connection, database: Path, lock: InstanceLock, clock: Clock) -> None:
        self._db = db
        self._database = database
        self._lock = lock
        store = Store(db, database, clock)
        self.paths = Paths(store)
        self.queue = Queue(store)
        self.pausing = Pausing(store)
        self.windows = Windows(store)
        self.publishing = Publishing(store)
        self.read = Reader(db, database)

    @classmethod
    def open(cls, database: Path, clock: Clock = utc_now) -> Self:
        """Open the database, or make it; check it, migrate it, and take back what a crash left running.

        Raises:
            AlreadyRunningError: another daemon has it open.
            LedgerError: it is damaged, of a newer version or another program's, or cannot be written where it is.
        """
        prepare_folder(database)
        lock = InstanceLock(database)
        try:
            db = connect_writer(database)
        except BaseException:
            lock.release()
            raise
        try:
            check_ours(db, database)
            check_intact(db, database)
            use_write_ahead_log(db, database)
            migrate(db, database)
            ledger = cls(db, database, lock, clock)
            recovered = ledger.queue.recover()
        except BaseException:
            db.close()
            lock.release()
            raise
        if recovered:
            _log.info("taken back from a run that ended too early: %d recordings", recovered)
        return ledger

    def retry(self, path: Path) -> bool:
        """Try again now whatever is wrong with this path or with its content; whether anything was.

        A file that could not be read has to be looked at again by discovery, too.
        """
        entry, known = self.read.entry(path), self.read.path(path)
        if entry is None or known is None or entry.error_class is None:
            return False
        self.paths.clear(path)
        if known.content_id is not None:
            self.queue.retry_stopped(known.content_id)
        return True

    def close(self) -> None:
        """Bring everything into the database file and give the ledger back.

        The journal mode goes back to DELETE, since a database that was left in WAL mode can only be read by those who
        may write in its folder. A reader that is open right now prevents it; the -wal and -shm files stay then, and
        with them anybody can read.
        """
        try:
            self._db.execute("PRAGMA busy_timeout = 500")
            self._db.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            _log.debug("the write-ahead log stays: %s", error)
        finally:
            self._db.close()
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
