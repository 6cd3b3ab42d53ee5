"""Whether a recording is all there, by what it says of itself.

It is asked only where nobody can tell whether the file has a writer: on shares, and with other users' files. A copy
that comes over a slow network may rest for longer than any settle time.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from watcherd.discovery.demuxing import demux

TOLERATED_S: Final = 2.0
TOLERATED_SHARE: Final = 0.02
"""How much shorter than its container says a recording may be: containers round, encoders pad."""

_UNKNOWN_SIZE: Final = 0xFFFFFFFF
"""What recorders write that cannot go back to the header."""

_LARGEST_OGG_PAGE: Final = 65_307
_LAST_PAGE: Final = 0x04
"""The bit of a page's header type that ends its stream (RFC 3533, section 6)."""

_OUT_TIME: Final = re.compile(rb"^out_time_us=(\d+)$", re.MULTILINE)


def why_cut_off(path: Path, stopped: Callable[[], bool]) -> str | None:
    """What shows that the end of the file is missing: half a sentence; None where nothing does.

    Raises:
        OSError: the file cannot be read.
        ToolMissingError: ffmpeg is not installed.
        HashingStoppedError: ``stopped`` said so.
    """
    with path.open("rb") as file:
        why = _by_header(file)
    return why or _by_packets(path, stopped)


def _by_header(file: BinaryIO) -> str | None:
    """Containers whose packets do not tell: WAV and AIFF count bytes, Ogg marks its last page."""
    size = os.fstat(file.fileno()).st_size
    match file.read(8):
        case bytes() as head if head[:4] in {b"RIFF", b"FORM"}:
            counted = int.from_bytes(head[4:], "little" if head[:4] == b"RIFF" else "big")
            if counted != _UNKNOWN_SIZE and counted + 8 > size:
                return f"its header announces {counted + 8} bytes, and {size} are there"
        case bytes() as head if head[:4] == b"OggS":
            file.seek(max(0, size - 2 * _LARGEST_OGG_PAGE))
            tail = file.read()
            flags = tail[tail.rfind(b"OggS") + 5 :][:1]
            if not flags or not flags[0] & _LAST_PAGE:
                return "its last page does not end the stream"
    return None


def _by_packets(path: Path, stopped: Callable[[], bool]) -> str | None:
    printed = demux(path, ["-map", "0:a:0", "-c", "copy", "-f", "null", "-", "-progress", "pipe:1"], stopped)
    if printed is None:
        return "ffmpeg cannot read it to its end"
    there_s = max((int(us) / 1_000_000 for us in _OUT_TIME.findall(printed)), default=0.0)
    announced = demux(path, ["-show_entries", "format=duration", "-of", "csv=p=0"], stopped, program="ffprobe") or b""
    try:
        announced_s = float(announced)
    except ValueError:  # "N/A": a stream that was recorded as it came
        return None
    if announced_s - there_s > max(TOLERATED_S, TOLERATED_SHARE * announced_s):
        return f"it announces {announced_s:.0f} s, and {there_s:.0f} s are there"
    return None
