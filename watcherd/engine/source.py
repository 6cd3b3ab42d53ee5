"""The file of a recording, held open while ffmpeg reads it: can it be read, and is it still the same?"""

import errno
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from watcherd.errors import FileUnreadableError, MediaError, ReadError, RecordingChangedError, WatcherdError

HEAD_BYTES: Final = 4096
_CHUNK_BYTES: Final = 1 << 20
_GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM})


class Source:
    """A regular file with something in it.

    Attributes:
        path: where it was opened.
        head: its first bytes.
    """

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            RecordingChangedError: there is none.
            FileUnreadableError: it may not be read.
            ReadError: the disk or the network fails.
            MediaError: it is empty, or no regular file.
        """
        self.path = path
        try:
            # Opening a pipe that nobody writes to would wait for ever otherwise.
            self._file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise _explained(error, path) from error
        try:
            self._stat = os.fstat(self._file)
            if not stat.S_ISREG(self._stat.st_mode):
                raise MediaError("it is no regular file", path=path)
            if self._stat.st_size == 0:
                raise MediaError("the file is empty", path=path, remedy="Copy it again from where it was recorded")
            self.head = os.pread(self._file, HEAD_BYTES, 0)
        except OSError as error:
            self.close()
            raise _explained(error, path) from error
        except WatcherdError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def check_unchanged(self) -> None:
        """Make sure that what was read since the file was opened is what its path still leads to.

        Raises:
            RecordingChangedError: it vanished, was replaced or was written to.
            FileUnreadableError: it may not be looked at any more.
            ReadError: the disk or the network fails.
        """
        try:
            now = self.path.stat()
        except OSError as error:
            raise _explained(error, self.path) from error
        if _identity(now) != _identity(self._stat):
            raise RecordingChangedError("it was written to while it was being read", path=self.path)

    def check_readable(self) -> None:
        """Read the whole file through, since ffmpeg speaks of input/output errors in damaged files, too.

        Raises:
            ReadError: it is the disk or the network, not the recording.
        """
        position = 0
        try:
            while chunk := os.pread(self._file, _CHUNK_BYTES, position):
                position += len(chunk)
        except OSError as error:
            raise _explained(error, self.path) from error


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _explained(error: OSError, path: Path) -> WatcherdError:
    if error.errno in _GONE:
        return RecordingChangedError("it is gone", path=path)
    why = os.strerror(error.errno or errno.EIO)
    if error.errno in _FORBIDDEN:
        return FileUnreadableError(
            f"it may not be read ({why})", path=path, remedy="Give the user that watcherd runs as the right to read it"
        )
    return ReadError(f"reading it failed ({why})", path=path, remedy="See whether its disk or network share is well")
