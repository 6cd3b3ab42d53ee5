"""The hash of a recording's audio packets, which stays the same when its tags change."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watcherd import streams
from watcherd.discovery.demuxing import demux
from watcherd.errors import MediaError

_SHA256: Final = re.compile(rb"^\d+,a,SHA256=([0-9a-f]{64})$", re.MULTILINE)


def packet_hash(path: Path, stopped: Callable[[], bool] = lambda: False) -> bytes:
    """SHA-256 over the packets of the stream that is transcribed, as they are stored and without decoding them.

    Editing the tags of mp3, m4a, ogg, flac, wav and opus files does not change it (measured with ffmpeg 5.1).

    Args:
        path: a file that is complete.
        stopped: asked a few times each second.

    Raises:
        MediaError: ffmpeg finds no audio in it, or does not come to an end with it.
        ToolMissingError: ffmpeg is not installed.
        HashingStoppedError: ``stopped`` said so.
    """
    options = ["-map", "0:a", "-c", "copy", "-f", "streamhash", "-hash", "sha256", "pipe:1"]
    # A file that is cut off gives a hash, too, and a status of failure: it is not the hash of the recording.
    hashes = _SHA256.findall(demux(path, options, stopped) or b"")
    if not hashes:
        raise MediaError("ffmpeg finds no audio that it can read to its end", path=path)
    # Hardly any recording has several streams, so the second program that chooses one of them is seldom needed.
    which = 0 if len(hashes) == 1 else _which(path, stopped)
    return bytes.fromhex(hashes[which].decode())


def _which(path: Path, stopped: Callable[[], bool]) -> int:
    """The place of the stream that is transcribed, among the audio streams of the file."""
    options = ["-of", "json", "-show_entries", streams.ENTRIES]
    described = json.loads(demux(path, options, stopped, program="ffprobe") or b"{}").get("streams", ())
    best = streams.best_audio(described)
    audio = [stream["index"] for stream in described if stream.get("codec_type") == "audio"]
    return 0 if best is None else audio.index(best["index"])
