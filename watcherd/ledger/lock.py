"""One daemon for one ledger."""

import fcntl
import os
from pathlib import Path

from watcherd.errors import AlreadyRunningError, LedgerError


class InstanceLock:
    """An exclusive flock on a file beside the database, held until ``release`` or the death of the process.

    A file of its own: closing any descriptor of the database would drop SQLite's own locks on it. The file is never
    removed: whoever opened it just before would lock a file that nobody else can see.
    """

    def __init__(self, database: Path) -> None:
        """Take the lock.

        Raises:
            AlreadyRunningError: another daemon has it.
            LedgerError: the file cannot be opened.
        """
        path = database.with_name(database.name + ".lock")
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise LedgerError(
                f"the lock of the ledger cannot be opened: {error.strerror}",
                path=path,
                remedy="Run the daemon as the user who owns this folder",
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._descriptor, 20, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            who = f"another watcherd (pid {holder}) works" if holder else "another watcherd works"
            raise AlreadyRunningError(
                f"{who} with this ledger", path=database, remedy="Stop it first, or set another path in [ledger]"
            ) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
