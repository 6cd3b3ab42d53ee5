"""The kernel's limits on inotify, and the command that raises each."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from watcherd.names import printable

Limit = Literal["max_user_watches", "max_user_instances"]

_LIMITS: Final = Path("/proc/sys/fs/inotify")
_ENOUGH: Final[dict[Limit, int]] = {"max_user_watches": 524_288, "max_user_instances": 1024}
"""What desktops set. A watch costs about 1 KiB of kernel memory, and only while it is in use."""


def limit(name: Limit) -> int | None:
    """The present value; None where the kernel does not tell."""
    try:
        return int((_LIMITS / name).read_text())
    except (OSError, ValueError):
        return None


def remedy(name: Limit, at_least: int = 0) -> str:
    """How to raise a limit, so that this many are allowed and some more."""
    value = max(_ENOUGH[name], 2 * (limit(name) or 0), 2 * at_least)
    setting = f"fs.inotify.{name}={value}"
    return (
        f"Raise the limit with: sudo sysctl {setting} "
        f"(and keep it with: echo {setting} | sudo tee /etc/sysctl.d/60-watcherd.conf)"
    )


def inotify_shortage(roots: Iterable[Path]) -> str | None:
    """Why these roots cannot all be watched by events, and what to do; None where the limit is high enough.

    Every folder below them takes a watch, and other programs of the same user draw on the same limit.
    """
    allowed = limit("max_user_watches")
    if allowed is None:
        return None
    counts = {root: sum(1 for _ in os.walk(root)) for root in roots}
    total = sum(counts.values())
    if total < allowed:
        return None
    most = printable(max(counts, key=lambda root: counts[root]))
    return (
        f"{total} folders are to be watched, most of them below {most}, but this user may watch {allowed} "
        f"(fs.inotify.max_user_watches), so some will be polled. {remedy('max_user_watches', total)}"
    )
