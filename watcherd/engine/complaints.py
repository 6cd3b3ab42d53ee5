"""What ffmpeg and ffprobe complain of, as lines for people."""

import errno
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_ORIGIN: Final = re.compile(r"^\[[^\]]* @ 0x[0-9a-f]+\] ")
_LEVEL: Final = re.compile(r"^\[(\w+)\] ")
_SERIOUS: Final = frozenset({"error", "fatal", "panic"})
_IO_FAILURES: Final = tuple(map(os.strerror, (errno.EIO, errno.ETIMEDOUT, errno.ESTALE, errno.EREMOTEIO)))


def complaints(stderr: bytes, path: Path) -> list[str]:
    """The errors among what was written to stderr, without addresses in memory and the name of the file.

    Lines without a level count as errors: ``-loglevel error`` writes nothing else.
    """
    # The name goes first: it may hold line breaks.
    nameless = stderr.replace(b"file:" + os.fsencode(path) + b": ", b"").decode(errors="replace")
    found = []
    for line in nameless.splitlines():
        text = _ORIGIN.sub("", line.strip())
        level = _LEVEL.match(text)
        if level is None or level[1] in _SERIOUS:
            found.append(text[level.end() :] if level else text)
    return [text for text in found if text]


def says_io_failed(lines: Sequence[str]) -> bool:
    """True where they speak of a failing disk or share; of damaged files they sometimes do so, too."""
    return any(failure in line for line in lines for failure in _IO_FAILURES)
