"""Where a ledger may live: a private folder on a local disk."""

import os
from pathlib import Path
from typing import Final

from watcherd.errors import LedgerError

NETWORK_FILE_SYSTEMS: Final = frozenset(
    {
        *("9p", "afs", "beegfs", "ceph", "cifs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"),
        *("fuse.davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    }
)
"""Types, as /proc/self/mountinfo writes them, on which locks or shared memory do not hold between machines."""

_MOUNTS: Final = Path("/proc/self/mountinfo")


def prepare_folder(database: Path) -> None:
    """Make the folder of the database, for its owner alone, where it is missing.

    Raises:
        LedgerError: the folder cannot be made, or lies on a network file system.
    """
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        device = database.parent.stat().st_dev
    except OSError as error:
        raise LedgerError(
            f"the folder of the ledger cannot be made: {error.strerror}",
            path=database.parent,
            remedy="Allow this user to write there, or set another path in [ledger]",
        ) from error
    kind = file_system(device)
    if kind in NETWORK_FILE_SYSTEMS:
        raise LedgerError(
            f"the ledger cannot live on a network file system ({kind}): its locks do not protect it there",
            path=database,
            remedy="Set path in [ledger] to a folder on a local disk",
        )


def file_system(device: int, mounts: Path = _MOUNTS) -> str | None:
    """The type of the mounted file system with this ``st_dev``; None where the kernel does not tell.

    None is no reason to refuse: it is what btrfs gives for its subvolumes, and it is local.
    """
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = os.fsdecode(mounts.read_bytes()).splitlines()
    except OSError:
        return None
    for line in lines:
        # 36 35 98:0 /root /mount options optional… - type source options    (proc_pid_mountinfo(5))
        fields = line.split(" ")
        if fields[2] == number:
            return fields[fields.index("-", 6) + 1]
    return None
