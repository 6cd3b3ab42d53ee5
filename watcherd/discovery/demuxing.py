"""ffmpeg over the packets of a recording, without decoding them."""

import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from watcherd import media
from watcherd.discovery.identity import HashingStoppedError
from watcherd.errors import ToolMissingError

_PULSE_S: Final = 0.25

_SLOWEST_BYTES_PER_S: Final = 4 << 20
_AT_LEAST_S: Final = 60.0


def demux(path: Path, options: Sequence[str], stopped: Callable[[], bool], *, program: str = "ffmpeg") -> bytes | None:
    """What the program prints on its standard output; None where it fails, or does not come to an end.

    Args:
        path: the recording.
        options: what follows the input.
        stopped: asked a few times each second.
        program: ffmpeg or ffprobe.

    Raises:
        ToolMissingError: the program is not installed.
        HashingStoppedError: ``stopped`` said so.
    """
    found = shutil.which(program)
    if found is None:
        raise ToolMissingError(f"{program} is not installed", remedy="Install it: sudo apt install ffmpeg")
    command = [found, *media.QUIET, *media.input_options(path), *options]
    patience_s = _AT_LEAST_S + path.stat().st_size / _SLOWEST_BYTES_PER_S
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with process:
        try:
            output = _output(process, patience_s, stopped)
        finally:
            process.kill()
    return output if process.returncode == 0 else None


def _output(process: "subprocess.Popen[bytes]", patience_s: float, stopped: Callable[[], bool]) -> bytes:
    for _ in range(int(patience_s / _PULSE_S)):
        try:
            return process.communicate(timeout=_PULSE_S)[0]
        except subprocess.TimeoutExpired:
            if stopped():
                raise HashingStoppedError from None
    return b""
