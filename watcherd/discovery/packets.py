"""The hash of a recording's audio packets, which stays the same when its tags change."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watcherd.discovery.demuxing import demux
from watcherd.errors import MediaError

_SHA256: Final = re.compile(rb"^SHA256=([0-9a-f]{64})$", re.MULTILINE)


def packet_hash(path: Path, stopped: Callable[[], bool] = lambda: False) -> bytes:
    """SHA-256 over the packets of the first audio stream, as they are stored and without decoding them.

    Editing the tags of mp3, m4a, ogg, flac, wav and opus files does not change it (measured with ffmpeg 5.1).

    Args:
        path: a file that is complete.
        stopped: asked a few times each second.

    Raises:
        MediaError: ffmpeg finds no audio in it, or does not come to an end with it.
        ToolMissingError: ffmpeg is not installed.
        HashingStoppedError: ``stopped`` said so.
    """
    options = ["-map", "0:a:0", "-c", "copy", "-f", "hash", "-hash", "sha256", "pipe:1"]
    # A file that is cut off gives a hash, too, and a status of failure: it is not the hash of the recording.
    found = _SHA256.search(demux(path, options, stopped) or b"")
    if found is None:
        raise MediaError("ffmpeg finds no audio that it can read to its end", path=path)
    return bytes.fromhex(found[1].decode())
