"""Which file is it, and which content does it hold?"""

import errno
import hashlib
import os
import pwd
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from watcherd.errors import FileUnreadableError, ReadError, RecordingChangedError, WatcherdError
from watcherd.ledger.records import StatKey
from watcherd.names import printable

CHUNK_BYTES: Final = 1 << 20
"""Large enough that the disk and not Python sets the pace, small enough to stop at once."""

KEPT_IN_MEMORY_BYTES: Final = 512 << 20
"""A file up to this size stays in the page cache for ffmpeg, which reads it next. The start of a larger one would be
pushed out before ffmpeg gets to it, together with whatever else this machine had in memory."""

_CHANGED: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EISDIR})


class HashingStoppedError(Exception):
    """The caller asked for hashing to stop."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A file and its content at one moment."""

    stat_key: StatKey
    sha256: bytes


def stat_key(path: Path) -> StatKey:
    """What ``lstat`` says of the path now.

    Raises:
        OSError: nothing is there, or it cannot be looked at.
    """
    return StatKey.from_stat(path.lstat())


def content_hash(path: Path, stopped: Callable[[], bool] = lambda: False) -> Identity:
    """Hash a whole file, and make sure that it was one file all the while.

    Args:
        path: never followed where it is a symbolic link, and never waited for where it is a pipe.
        stopped: asked before each chunk.

    Raises:
        RecordingChangedError: it vanished, was written to or replaced meanwhile, or is no regular file.
        FileUnreadableError: this user may not read it.
        ReadError: the disk or the network failed.
        HashingStoppedError: ``stopped`` said so.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise RecordingChangedError("it is no regular file any more", path=path)
            digest = _digest(descriptor, before.st_size, stopped)
            after = os.fstat(descriptor)
            there = path.lstat()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _explained(error, path) from error
    key = StatKey.from_stat(before)
    if StatKey.from_stat(after) != key:
        raise RecordingChangedError("it was written to while it was being read", path=path)
    if StatKey.from_stat(there) != key:
        raise RecordingChangedError("another file took its name while it was being read", path=path)
    return Identity(key, digest)


def _digest(descriptor: int, size: int, stopped: Callable[[], bool]) -> bytes:
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    spare_memory = size > KEPT_IN_MEMORY_BYTES
    sha256 = hashlib.sha256()
    buffer = bytearray(CHUNK_BYTES)
    view = memoryview(buffer)
    offset = 0
    while True:
        if stopped():
            raise HashingStoppedError
        read = os.readv(descriptor, [buffer])
        if read == 0:
            return sha256.digest()
        sha256.update(view[:read])
        if spare_memory:
            os.posix_fadvise(descriptor, offset, read, os.POSIX_FADV_DONTNEED)
        offset += read


def _explained(error: OSError, path: Path) -> WatcherdError:
    reason = error.strerror or str(error)
    if error.errno in _CHANGED:
        return RecordingChangedError(f"it vanished or was replaced: {reason}", path=path)
    if isinstance(error, BlockingIOError):
        return RecordingChangedError("another program holds it for itself", path=path)
    if isinstance(error, PermissionError):
        remedy = f"Allow the user {_user()} to read it, for example: chmod a+r {printable(shlex.quote(str(path)))}"
        return FileUnreadableError(f"it cannot be opened: {reason}", path=path, remedy=remedy)
    return ReadError(f"it cannot be read: {reason}", path=path, remedy="Look at the disk or the network it lies on")


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"with the uid {os.geteuid()}"
