"""Where the sidecars of a recording go: beside it, or into a tree of their own with the same folders."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from watcherd.sidecars.folder import blocked
from watcherd.sidecars.publish import as_far_as_we_may

_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_RIGHTS: Final = 0o777
_OWNER: Final = 0o700


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder for sidecars; see ``beside`` and ``mirrored``."""

    folder: Path
    """Absolute."""
    root: Path | None
    """The folder that it is or lies in; below it no symbolic link is followed. None: the whole path is the user's."""
    source: Path | None = None
    """The watched folder whose tree is repeated below ``root``; None where the sidecars go beside the recording."""

    @classmethod
    def beside(cls, recording: Path, root: Path | None) -> Self:
        """The recording's own folder; ``root`` is the watched folder that it lies in, if any."""
        return cls(recording.parent, root)

    @classmethod
    def mirrored(cls, recording: Path, source: Path, output: Path) -> Self:
        """The folder below ``output`` that stands for the one that the recording has below ``source``."""
        return cls(output / recording.parent.relative_to(source), output, source)

    @property
    def existing(self) -> Path:
        """The folder, or the nearest above it that is there; never one above ``root``."""
        if self.source is None or self.root is None:
            return self.folder
        above = (path for path in (self.folder, *self.folder.parents) if path.is_relative_to(self.root))
        return next((path for path in above if os.path.lexists(path)), self.root)

    def make(self) -> None:
        """Make the folders below ``root`` that are missing, each for the people who have its model below ``source``.

        ``root`` itself is never made: where it is missing, its disk is probably not mounted.

        Raises:
            PublishBlockedError: ``root`` is not there, or a folder cannot be made in it.
        """
        if self.source is None or self.root is None:
            return
        here = self.root
        try:
            descriptor = os.open(here, _OPEN_FOLDER)
            try:
                for part in self.folder.relative_to(self.root).parts:
                    here /= part
                    inner = _made(descriptor, part, self.source / here.relative_to(self.root))
                    os.close(descriptor)
                    descriptor = inner
            finally:
                os.close(descriptor)
        except OSError as error:
            raise blocked(error, here) from error


def _made(above: int, name: str, model: Path) -> int:
    """Open a folder, and make it where it is missing."""
    try:
        return os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=above)
    except FileNotFoundError:
        like = model.stat()
    os.mkdir(name, like.st_mode & _RIGHTS | _OWNER, dir_fd=above)
    descriptor = os.open(name, _OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=above)
    try:
        _take_after(descriptor, like)
        with as_far_as_we_may():
            os.fsync(above)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _take_after(folder: int, like: os.stat_result) -> None:
    """Owner, group and rights as its model has them, as far as we may; the group of a setgid folder is handed down.

    The umask is made good only where it took something away, since a service with RestrictSUIDSGID= may not set the
    rights of a folder that has the setgid bit.
    """
    made = os.fstat(folder)
    with as_far_as_we_may():
        os.fchown(folder, like.st_uid, -1)
    if not made.st_mode & stat.S_ISGID:
        with as_far_as_we_may():
            os.fchown(folder, -1, like.st_gid)
    wanted = like.st_mode & _RIGHTS | _OWNER | made.st_mode & stat.S_ISGID
    if stat.S_IMODE(made.st_mode) != wanted:
        with as_far_as_we_may():
            os.fchmod(folder, wanted)
