"""A folder that sidecars go into, held open, and what is to be found in it. Nothing here writes."""

import errno
import hashlib
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from watcherd.errors import PublishBlockedError
from watcherd.names import printable
from watcherd.sidecars import sandbox
from watcherd.sidecars.naming import NAME_MAX, same_to_some_file_system

LARGEST_SIDECAR: Final = 256 * 1024 * 1024
"""Bytes; a larger file is none of ours, and is not read to find that out."""

_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_BLOCK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """What has a name in a folder."""

    status: os.stat_result
    sha256: bytes | None
    """None where it cannot be a sidecar of ours: a symbolic link, a FIFO, unreadable, huge, being written to."""

    @property
    def version(self) -> tuple[int, int, int, int]:
        """Changes with every change of the file or of its name."""
        return _version(self.status)


def _version(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


@dataclass(frozen=True, slots=True)
class Folder:
    """An open folder. Whatever happens to its path meanwhile, all that is done goes to this very folder."""

    path: Path
    descriptor: int
    name_max: int
    """The longest name, in bytes."""

    @classmethod
    @contextmanager
    def open(cls, path: Path, root: Path | None = None) -> Iterator[Self]:
        """Open the folder.

        Args:
            path: absolute.
            root: the watched folder that it is or lies in. Its own path may lead through symbolic links, since the user
                gave it; below it none is followed, whoever put it there. Without a root all of the path is the user's.

        Raises:
            PublishBlockedError: it is not there, or not to be entered.
        """
        try:
            descriptor = _open_below(root, path.relative_to(root)) if root else os.open(path, _OPEN_FOLDER)
        except OSError as error:
            raise blocked(error, path) from error
        try:
            yield cls(path, descriptor, _name_max(descriptor))
        except OSError as error:
            raise blocked(error, path) from error
        finally:
            os.close(descriptor)

    def status(self, name: str) -> os.stat_result | None:
        """What the file system says of a name, of a symbolic link itself; None where there is nothing."""
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def find(self, name: str) -> Found | None:
        """What has this name, with its hash; None where there is nothing."""
        status = self.status(name)
        if status is None:
            return None
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_SIDECAR:
            return Found(status, None)
        try:
            descriptor = os.open(name, _OPEN_FILE, dir_fd=self.descriptor)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO}:
                return Found(status, None)
            raise
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
            read = os.fstat(descriptor)
        return Found(read, digest.digest() if _version(read) == _version(status) else None)

    def names(self) -> list[str]:
        """Of everything in it, in no order."""
        return os.listdir(self.descriptor)  # noqa: PTH208  pathlib knows no descriptors

    def true_name(self, name: str, status: os.stat_result) -> str:
        """The name that the file ``name`` really has: where case does not count, ``A.srt`` may be called ``a.srt``."""
        names = self.names()
        if name in names:
            return name
        alike = (other for other in names if same_to_some_file_system(name, other))
        return next((other for other in alike if self._is(other, status)), name)

    def _is(self, name: str, status: os.stat_result) -> bool:
        other = self.status(name)
        return other is not None and os.path.samestat(other, status)


def _name_max(descriptor: int) -> int:
    with suppress(OSError):
        # FAT reports more, counted in other units; what fits elsewhere fits there.
        return min(NAME_MAX, os.fpathconf(descriptor, "PC_NAME_MAX"))
    return NAME_MAX


def _open_below(root: Path, below: Path) -> int:
    descriptor = os.open(root, _OPEN_FOLDER)
    for part in below.parts:
        try:
            inner = os.open(part, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = inner
    return descriptor


def blocked(error: OSError, folder: Path) -> PublishBlockedError:
    """What keeps us from writing into a folder, and the command that helps."""
    problem, remedy = _explained(error, folder)
    return PublishBlockedError(problem, path=folder, remedy=remedy)


def _explained(error: OSError, folder: Path) -> tuple[str, str]:
    shown = shlex.quote(printable(folder))
    match error.errno:
        case errno.EROFS:
            return _read_only(folder)
        case errno.EACCES | errno.EPERM:
            return _forbidden(shown)
        case errno.ENOSPC | errno.EDQUOT:
            problem = "the disk is full" if error.errno == errno.ENOSPC else "the disk quota is used up"
            return no_space(folder, problem)
        case errno.ENOENT | errno.ENOTDIR | errno.ELOOP:
            return "the folder is gone, or a symbolic link has its place", f"Bring it back; `ls -ld {shown}` shows it"
        case _:
            reason = error.strerror or "unknown error"
            return f"the folder cannot be used: {reason}", "Look for the reason in `journalctl -k`"


def _read_only(folder: Path) -> tuple[str, str]:
    remount = f"`sudo mount -o remount,rw {shlex.quote(printable(_mount_point(folder)))}`"
    if (opening := sandbox.remedy()) is not None:
        return "the folder is read-only to the service", (
            f"{opening}, which opens the folders of the configuration to it; "
            f"where the disk itself is read-only: {remount}"
        )
    return "the folder is read-only", f"Make it writable with {remount}"


def _forbidden(shown: str) -> tuple[str, str]:
    user = _user()
    if user != "root":
        return f"the user {user} may not write in this folder", f"Run `sudo setfacl -m u:{user}:rwx {shown}`"
    return "even root may not write in this folder", (
        f"`sudo chattr -i -a {shown}` lifts a lock of the file system; on a network share, the server has to allow it"
    )


def no_space(folder: Path, problem: str) -> tuple[str, str]:
    """A problem of space with its remedy."""
    return problem, f"Make room; `df -h {shlex.quote(printable(folder))}` shows how much there is"


def _mount_point(folder: Path) -> Path:
    return next((place for place in (folder, *folder.parents) if place.is_mount()), folder)


def _user() -> str:
    uid = os.geteuid()
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
