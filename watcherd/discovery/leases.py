"""Whether somebody still writes a file: asked of the kernel through a read lease."""

import errno
import fcntl
import os
import signal
from enum import Enum
from pathlib import Path


class Writer(Enum):
    """Who has a file open for writing."""

    NONE = "none"
    """Nobody on this machine."""
    SOMEBODY = "somebody"
    UNKNOWN = "unknown"
    """The kernel does not say: another user's file, or a file system without leases."""


def ignore_sigio() -> None:
    """Make this process able to ask: to be called once, in the main thread, before the first question.

    Whoever opens the file for writing in the microseconds of the question makes the kernel send SIGIO, and the default
    action of SIGIO ends the process.
    """
    signal.signal(signal.SIGIO, signal.SIG_IGN)


def sigio_is_harmless() -> bool:
    """Whether ``ignore_sigio`` was called, or the signal has a handler."""
    return signal.getsignal(signal.SIGIO) not in {signal.SIG_DFL, None}


def writer_of(path: Path) -> Writer:
    """Whether any process on this machine has the file open for writing, or mapped writable. Takes some microseconds.

    F_SETLEASE(2const): a read lease is granted only on a file that nobody has open for writing. It is returned at once,
    because those who want to write wait while it is held. It tells nothing of other machines: ask only for files on
    local file systems.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except BlockingIOError:
        return Writer.SOMEBODY  # holds a write lease, as Samba does for its clients
    except OSError:
        return Writer.UNKNOWN
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        # EACCES: neither the owner nor CAP_LEASE. EINVAL: no leases here. Neither says anything about writers.
        return Writer.SOMEBODY if error.errno == errno.EAGAIN else Writer.UNKNOWN
    finally:
        os.close(descriptor)
    return Writer.NONE
