"""Putting a sidecar into its folder: whole or not at all, and never over a file that is not ours.

The only code of watcherd that writes into a watched folder. A file is written under a temporary name that sync tools
pass over, brought to the disk, and only then given its own name, by a step that fails if the name is taken.
"""

import ctypes
import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from watcherd.errors import PublishBlockedError
from watcherd.sidecars.folder import Folder, Found, no_space

NEEDED_BYTES: Final = 4 * 1024 * 1024
"""Room that a folder must have before work on a recording begins: a sidecar of ten hours takes less than 1 MiB, and
only a json with the time of every word 8. Where that does not fit, the transcript waits in the ledger for room."""

ABANDONED_S: Final = 3600.0
"""Age of a temporary file that must have been forgotten, where the file system has no locks that would tell."""

_TEMP: Final = re.compile(r"\.syncthing\.watcherd-[0-9a-f]{16}\.~\.tmp")
_CREATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ_WRITE: Final = 0o666
_OWNER_READ_WRITE: Final = 0o600

_NO_SUCH_FEATURE: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
_NO_UNNAMED_FILES: Final = _NO_SUCH_FEATURE | {errno.EISDIR, errno.ENOENT}
_NO_HARD_LINKS: Final = _NO_SUCH_FEATURE | {errno.EACCES, errno.EMLINK, errno.EPERM}
_NO_SUCH_RIGHT: Final = _NO_SUCH_FEATURE | {errno.EPERM}

_AT_NAME_EXISTS_FAIL: Final = 1  # RENAME_NOREPLACE of linux/fs.h


class Outcome(Enum):
    """What became of a sidecar."""

    WRITTEN = "written"
    """It was not there, and now it is."""
    ADOPTED = "adopted"
    """A file with this very content was there: from a run that was cut off, or from another machine by a sync tool."""
    REPLACED = "replaced"
    """It stands where an older one of ours was."""
    UNCHANGED = "unchanged"
    """It is there as we wrote it before."""
    KEPT = "kept"
    """The file there is the user's; nothing was written."""
    STAYS_DELETED = "stays_deleted"
    """We wrote it before, and somebody deleted it; nothing was written."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a sidecar goes, and what is known of the file there."""

    name: str
    """In the folder."""
    previous_sha256: bytes | None = None
    """What we wrote there last."""
    intent: bytes | None = None
    """The hash that was announced for it before a run was cut off."""
    was_written: bool = False
    """This very transcription was published there before, so if nothing is there, somebody removed it."""

    def is_ours(self, found: Found) -> bool:
        """Whether the file is one that we wrote, and nobody touched since."""
        if found.sha256 is None:
            return False
        # Empty and announced: the name was reserved (see _reserve), and the run was cut off before the content came.
        reserved = self.intent is not None and found.status.st_size == 0
        return reserved or found.sha256 in {self.previous_sha256, self.intent}


def publish(
    folder: Folder, target: Target, content: bytes, like: os.stat_result, intend: Callable[[], None]
) -> Outcome:
    """Bring a sidecar into its folder, unless the user has something else there.

    When this returns, the result is on the disk. When it is cut off, at whatever point, the same call with the
    announced hash as ``target.intent`` carries on; only a temporary file may be left, for ``remove_stale_temps``.

    Args:
        folder: where it goes.
        target: its name, and what is known of the file that may have it.
        content: of the sidecar.
        like: of the recording: the new file gets its rights to read and write and, as far as we may, owner and group.
        intend: announces the content for this name; called before anything is written or adopted.

    Raises:
        OSError: as the file system says it; ``Folder.open`` makes a PublishBlockedError of it.
    """
    found = folder.find(target.name)
    if found is None:
        return Outcome.STAYS_DELETED if target.was_written else _create(folder, target.name, content, like, intend)
    if found.sha256 == hashlib.sha256(content).digest():
        return _adopt(folder, target, found.sha256, intend)
    if target.is_ours(found):
        intend()
        if _replace(folder, target.name, content, found):
            return Outcome.REPLACED
    return Outcome.KEPT


def _create(folder: Folder, name: str, content: bytes, like: os.stat_result, intend: Callable[[], None]) -> Outcome:
    intend()
    try:
        _write(folder, name, content, like)
    except FileExistsError:
        # Somebody was faster by an instant: a sync tool with the same file, or a person with another.
        found = folder.find(name)
        is_same = found is not None and found.sha256 == hashlib.sha256(content).digest()
        return Outcome.ADOPTED if is_same else Outcome.KEPT
    return Outcome.WRITTEN


def _adopt(folder: Folder, target: Target, sha256: bytes, intend: Callable[[], None]) -> Outcome:
    if target.intent is None and target.previous_sha256 == sha256:
        return Outcome.UNCHANGED
    if target.intent != sha256:
        intend()
    _sync(folder)  # the run that was cut off may not have come that far
    return Outcome.ADOPTED


def remove(folder: Folder, target: Target) -> bool:
    """Remove a sidecar if it is still as we wrote it; says whether it is gone.

    Raises:
        OSError: as the file system says it; ``Folder.open`` makes a PublishBlockedError of it.
    """
    found = folder.find(target.name)
    if found is None:
        return True
    if not target.is_ours(found) or not _is_still(folder, target.name, found):
        return False
    os.unlink(target.name, dir_fd=folder.descriptor)
    _sync(folder)
    return True


def preflight(path: Path, root: Path | None = None) -> None:
    """Find out whether sidecars could be written into a folder, before the work on a recording begins.

    It is tried with an empty file, because nothing else tells the truth: rights alone know nothing of access lists, of
    a network server's mind, of quotas, or of what a service manager forbids. Most file systems can make one that has
    no name, so nobody sees it.

    Args:
        path: the folder, absolute.
        root: the watched folder that it is or lies in, if any; see ``Folder.open``.

    Raises:
        PublishBlockedError: with the reason and the command that helps.
    """
    with Folder.open(path, root) as folder:
        space = os.fstatvfs(folder.descriptor)
        # Some file systems of user space count no blocks at all, and some of the kernel no inodes.
        if space.f_blocks and space.f_bavail * space.f_frsize < NEEDED_BYTES:
            problem, remedy = no_space(path, f"less than {NEEDED_BYTES // 2**20} MiB are free on the disk")
            raise PublishBlockedError(problem, path=path, remedy=remedy)
        try:
            os.close(os.open(".", os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, dir_fd=folder.descriptor))
        except OSError as error:
            if error.errno not in _NO_UNNAMED_FILES:
                raise
            with _temporary(folder):
                pass


def remove_stale_temps(path: Path, now: float, root: Path | None = None) -> list[str]:
    """Remove the temporary files that runs which were cut off left in a folder; returns their names.

    Whoever writes one holds a lock on it, and the lock ends with its process. So what is not locked is stale; only
    where the file system has no locks does age decide.

    Args:
        path: the folder, absolute.
        now: seconds since 1970.
        root: the watched folder that it is or lies in, if any; see ``Folder.open``.

    Raises:
        PublishBlockedError: the folder cannot be read or written.
    """
    with Folder.open(path, root) as folder:
        return [name for name in _temps(folder) if _is_abandoned(folder, name, now) and _unlink(folder, name)]


def _temps(folder: Folder) -> list[str]:
    return sorted(name for name in folder.names() if _TEMP.fullmatch(name))


def _is_abandoned(folder: Folder, name: str, now: float) -> bool:
    status = folder.status(name)
    if status is None or not stat.S_ISREG(status.st_mode):
        return False
    try:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=folder.descriptor)
    except OSError:
        return False  # gone by now, or another user's
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return now - status.st_mtime > ABANDONED_S
    finally:
        os.close(descriptor)
    return True


def _unlink(folder: Folder, name: str) -> bool:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder.descriptor)
    return True


def _write(folder: Folder, name: str, content: bytes, like: os.stat_result) -> None:
    """Make a file that was not there; FileExistsError where it is by now."""
    with _temporary(folder) as (temp, descriptor):
        _fill(descriptor, content, like, folder)
        _name(folder, temp, name)
    _sync(folder)


def _replace(folder: Folder, name: str, content: bytes, found: Found) -> bool:
    """Put a file in the place of one that is ours; False where that one was touched meanwhile, and stays."""
    with _temporary(folder) as (temp, descriptor):
        _fill(descriptor, content, found.status, folder)
        if not _is_still(folder, name, found):
            return False
        os.rename(temp, name, src_dir_fd=folder.descriptor, dst_dir_fd=folder.descriptor)
    _sync(folder)
    return True


def _is_still(folder: Folder, name: str, found: Found) -> bool:
    status = folder.status(name)
    return status is not None and Found(status, None).version == found.version


@contextmanager
def _temporary(folder: Folder) -> Iterator[tuple[str, int]]:
    """An empty, locked file that nobody looks at: its name and a descriptor. Gone afterwards if it keeps that name.

    Syncthing passes over the name for its beginning, the clients of Nextcloud for its middle.
    """
    temp = f".syncthing.watcherd-{secrets.token_hex(8)}.~.tmp"
    descriptor = os.open(temp, _CREATE, _OWNER_READ_WRITE, dir_fd=folder.descriptor)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield temp, descriptor
    finally:
        try:
            with suppress(OSError):
                os.unlink(temp, dir_fd=folder.descriptor)
        finally:
            os.close(descriptor)


def _fill(descriptor: int, content: bytes, like: os.stat_result, folder: Folder) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    _take_after(descriptor, like, folder)
    os.fsync(descriptor)


def _take_after(descriptor: int, like: os.stat_result, folder: Folder) -> None:
    """Owner, group and rights as the recording has them, as far as we may.

    Root hands the file to the recording's owner. A folder with the setgid bit gives its own group. Nobody may execute
    a text, and its owner may always read and write it, even where the recording is write-protected. The umask does
    not count, since the recording's owner has decided already; an access list that the folder hands down stays, with
    the group's rights as its mask.
    """
    with as_far_as_we_may():
        os.fchown(descriptor, like.st_uid, -1)
    if not os.fstat(folder.descriptor).st_mode & stat.S_ISGID:
        with as_far_as_we_may():
            os.fchown(descriptor, -1, like.st_gid)
    with as_far_as_we_may():
        os.fchmod(descriptor, stat.S_IMODE(like.st_mode) & _READ_WRITE | _OWNER_READ_WRITE)


@contextmanager
def as_far_as_we_may() -> Iterator[None]:
    """What only root may do, or only some file systems know, is left undone."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_SUCH_RIGHT:
            raise


def _name(folder: Folder, temp: str, name: str) -> None:
    """Give the finished file its name in one step that fails with FileExistsError where the name is taken.

    A hard link does that nearly everywhere. exFAT, FAT and most SMB servers have none, but know a rename that replaces
    nothing. What has neither (some file systems of user space) gets the name reserved first.
    """
    here = folder.descriptor
    try:
        os.link(temp, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
    else:
        return
    try:
        _rename_to_free_name(here, temp, name)
    except OSError as error:
        if error.errno not in _NO_SUCH_FEATURE:
            raise
        _reserve(here, name)
        os.rename(temp, name, src_dir_fd=here, dst_dir_fd=here)


def _reserve(folder: int, name: str) -> None:
    """Make an empty file of this name, for the finished one to be renamed over.

    So nobody ever sees half a sidecar, and nobody's file is replaced. If we are cut off here, the empty file is known
    for ours by the intent that was announced.
    """
    os.close(os.open(name, _CREATE, _OWNER_READ_WRITE, dir_fd=folder))


def _rename_to_free_name(folder: int, old: str, new: str) -> None:
    """``renameat2`` with RENAME_NOREPLACE, which Python's library does not have."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if rename(folder, os.fsencode(old), folder, os.fsencode(new), _AT_NAME_EXISTS_FAIL) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), new)


def _sync(folder: Folder) -> None:
    """Bring the folder's names to the disk, where the file system can do that."""
    with as_far_as_we_may():
        os.fsync(folder.descriptor)
