"""The hash of a recording's audio packets, which stays the same when its tags change."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from watcherd import media, streams
from watcherd.discovery.identity import HashingStoppedError
from watcherd.errors import MediaError, ToolMissingError

_SHA256: Final = re.compile(rb"^SHA256=([0-9a-f]{64})$", re.MULTILINE)
_PULSE_S: Final = 0.25

_SLOWEST_BYTES_PER_S: Final = 4 << 20
_AT_LEAST_S: Final = 60.0


def packet_hash(path: Path, stopped: Callable[[], bool] = lambda: False) -> bytes:
    """SHA-256 over the packets of the audio stream that is to be transcribed, as they are stored and not decoded.

    Editing the tags of mp3, m4a, ogg, flac, wav and opus files does not change it (measured with ffmpeg 5.1).

    Args:
        path: a file that is complete.
        stopped: asked a few times each second.

    Raises:
        MediaError: ffmpeg finds no audio in it, or does not come to an end with it.
        ToolMissingError: ffmpeg is not installed.
        HashingStoppedError: ``stopped`` said so.
    """
    stream = _stream(path, stopped)
    command = [_program("ffmpeg"), *media.GLOBAL_OPTIONS, *media.input_options(path)]
    command += ["-map", f"0:{stream}", "-c", "copy", "-f", "hash", "-hash", "sha256", "pipe:1"]
    patience_s = _AT_LEAST_S + path.stat().st_size / _SLOWEST_BYTES_PER_S
    found = _SHA256.search(_output(command, patience_s, stopped))
    if found is None:
        raise _no_audio(path)
    return bytes.fromhex(found[1].decode())


def _stream(path: Path, stopped: Callable[[], bool]) -> int:
    """The index of the audio stream, among all streams of the file."""
    command = [_program("ffprobe"), "-loglevel", "error", "-of", "json", "-show_entries", streams.ENTRIES]
    output = _output([*command, *media.input_options(path)], _AT_LEAST_S, stopped)
    best = streams.best_audio(json.loads(output).get("streams", ())) if output else None
    if best is None:
        raise _no_audio(path)
    index: int = best["index"]
    return index


def _no_audio(path: Path) -> MediaError:
    return MediaError("ffmpeg finds no audio that it can read to its end", path=path)


def _program(name: str) -> str:
    program = shutil.which(name)
    if program is None:
        raise ToolMissingError(f"{name} is not installed", remedy="Install it: sudo apt install ffmpeg")
    return program


def _output(command: Sequence[str | bytes], patience_s: float, stopped: Callable[[], bool]) -> bytes:
    """What the program prints; nothing where it fails: of a file that is cut off, ffmpeg gives the hash of a part."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        try:
            output = _awaited(process, patience_s, stopped)
        finally:
            process.kill()
    return output if process.returncode == 0 else b""


def _awaited(process: "subprocess.Popen[bytes]", patience_s: float, stopped: Callable[[], bool]) -> bytes:
    for _ in range(int(patience_s / _PULSE_S)):
        try:
            return process.communicate(timeout=_PULSE_S)[0]
        except subprocess.TimeoutExpired:
            if stopped():
                raise HashingStoppedError from None
    return b""
