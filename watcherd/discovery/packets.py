"""The hash of a recording's audio packets, which stays the same when its tags change."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from watcherd import media
from watcherd.discovery.identity import HashingStoppedError
from watcherd.errors import MediaError, ToolMissingError

_SHA256: Final = re.compile(rb"^SHA256=([0-9a-f]{64})$", re.MULTILINE)
_PULSE_S: Final = 0.25

_SLOWEST_BYTES_PER_S: Final = 4 << 20
_AT_LEAST_S: Final = 60.0


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
    program = shutil.which("ffmpeg")
    if program is None:
        raise ToolMissingError("ffmpeg is not installed", remedy="Install it: sudo apt install ffmpeg")
    command = [program, *media.GLOBAL_OPTIONS, *media.input_options(path)]
    command += ["-map", "0:a:0", "-c", "copy", "-f", "hash", "-hash", "sha256", "pipe:1"]
    patience_s = _AT_LEAST_S + path.stat().st_size / _SLOWEST_BYTES_PER_S
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        try:
            output = _output(process, patience_s, stopped)
        finally:
            process.kill()
    found = _SHA256.search(output)
    # A file that is cut off gives a hash, too, and a status of failure: it is not the hash of the recording.
    if found is None or process.returncode != 0:
        raise MediaError("ffmpeg finds no audio that it can read to its end", path=path)
    return bytes.fromhex(found[1].decode())


def _output(process: "subprocess.Popen[bytes]", patience_s: float, stopped: Callable[[], bool]) -> bytes:
    for _ in range(int(patience_s / _PULSE_S)):
        try:
            return process.communicate(timeout=_PULSE_S)[0]
        except subprocess.TimeoutExpired:
            if stopped():
                raise HashingStoppedError from None
    return b""
