"""Everything below a folder, in the terms of a database of byte strings."""

import os
from collections.abc import Iterable
from pathlib import Path


def prefix(folder: Path) -> bytes:
    """What every path below the folder begins with.

    >>> prefix(Path("/a")), prefix(Path("/"))
    (b'/a/', b'/')
    """
    return os.fsencode(folder).rstrip(b"/") + b"/"


def prefixes(folders: Iterable[Path]) -> tuple[bytes, ...]:
    """For ``bytes.startswith``."""
    return tuple(prefix(folder) for folder in folders)


def span(folder: Path) -> tuple[bytes, bytes]:
    """First (included) and last (excluded) of the byte strings that begin like paths below the folder.

    >>> span(Path("/a"))
    (b'/a/', b'/a0')
    """
    first = prefix(folder)
    return first, first[:-1] + b"0"  # the byte after "/"
