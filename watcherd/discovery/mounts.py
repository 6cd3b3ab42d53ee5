"""Which file systems hold a folder, and whether all that happens in them can be seen from this machine."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

LOCAL_FILE_SYSTEMS: Final = frozenset(
    {
        *("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "nilfs2", "reiserfs", "xfs", "zfs"),
        *("exfat", "hfs", "hfsplus", "msdos", "ntfs", "ntfs3", "udf", "vfat"),
        *("erofs", "iso9660", "squashfs"),
        *("aufs", "overlay", "ramfs", "rootfs", "tmpfs"),
    }
)
"""Types, as /proc/self/mountinfo writes them, in which every change goes through this kernel. All others are taken for
shared: network and cluster file systems, FUSE, folders of a virtual machine's host, and what is not known yet."""

_MOUNTINFO: Final = Path("/proc/self/mountinfo")
_OCTAL: Final = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the mount table."""

    mount_id: int
    """Changes with every mount, also of the same device at the same place."""
    point: bytes
    kind: str
    """The file system's type: "ext4", "nfs4", "fuse.sshfs"."""

    @property
    def is_local(self) -> bool:
        """Whether this kernel sees every change, and every writer, of its files."""
        return self.kind in LOCAL_FILE_SYSTEMS

    @classmethod
    def parse(cls, line: bytes) -> Self:
        r"""One line, as proc_pid_mountinfo(5) describes it.

        >>> Mount.parse(rb"36 25 0:31 / /srv/my\040music rw,noatime shared:1 - nfs4 nas:/music rw")
        Mount(mount_id=36, point=b'/srv/my music', kind='nfs4')
        """
        fields = line.split(b" ")
        point = _OCTAL.sub(lambda octal: bytes([int(octal[1], 8)]), fields[4])
        return cls(int(fields[0]), point, os.fsdecode(fields[fields.index(b"-", 6) + 1]))


class Mounts:
    """The mounts that a folder's files lie on: the one that holds the folder, and those below it. They can be compared.

    Raises:
        OSError: /proc is not mounted.
    """

    def __init__(self, folder: Path, lines: Iterable[bytes] | None = None) -> None:
        real = os.fsencode(os.path.realpath(folder))
        self._holding: Mount | None = None
        below: dict[bytes, Mount] = {}
        for line in _MOUNTINFO.read_bytes().splitlines() if lines is None else lines:
            mount = Mount.parse(line)
            # Where two are mounted at one place, the later line covers the earlier.
            if _holds(mount.point, real):
                if self._holding is None or len(mount.point) >= len(self._holding.point):
                    self._holding = mount
            elif _holds(real, mount.point):
                below[mount.point] = mount
        self._below = tuple(sorted(below.values(), key=lambda mount: len(mount.point), reverse=True))
        self._folder = os.fsencode(folder)
        self._real = real

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mounts):
            return NotImplemented
        return (self._holding, self._below) == (other._holding, other._below)

    def __hash__(self) -> int:
        return hash((self._holding, self._below))

    @property
    def is_mount_point(self) -> bool:
        """Whether a file system is mounted at the folder itself."""
        return self._holding is not None and self._holding.point == self._real

    @property
    def foreign(self) -> Mount | None:
        """One of them that others can write to without this kernel noticing; None where all are local."""
        return next(
            (mount for mount in (self._holding, *self._below) if mount is not None and not mount.is_local), None
        )

    @property
    def kind(self) -> str:
        """The type of the file system that holds the folder."""
        return self._holding.kind if self._holding is not None else "unknown"

    def is_local(self, path: Path) -> bool:
        """Whether the file of this path, which begins with the folder, lies on a local file system."""
        holding = self._holding
        if self._below:
            real = self._real + os.fsencode(path)[len(self._folder) :]
            holding = next((mount for mount in self._below if _holds(mount.point, real)), holding)
        return holding is not None and holding.is_local


def _holds(folder: bytes, path: bytes) -> bool:
    return path == folder or path.startswith(folder.rstrip(b"/") + b"/")
