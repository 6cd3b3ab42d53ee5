"""Where ffmpeg and ffprobe are."""

import shutil
from pathlib import Path
from typing import Literal

from watcherd.engine import quiet_pydub
from watcherd.errors import ToolMissingError


def require_ffmpeg() -> str:
    """The path of ffmpeg.

    Raises:
        ToolMissingError: ffmpeg is not installed, or ffprobe, which belongs to it, is not.
    """
    program("ffprobe")
    return program("ffmpeg")


def program(name: Literal["ffmpeg", "ffprobe"]) -> str:
    """The path of one of the two programs, as pydub finds it.

    The names are asked for directly: pydub's ``get_encoder_name`` prefers avconv, which knows none of our options.

    Raises:
        ToolMissingError: it is not installed.
    """
    found: str | None = quiet_pydub.which(name)
    if found is not None and not Path(found).is_absolute():
        # pydub looks into the current directory first. That may be a synced folder, where anyone could leave a program.
        found = shutil.which(name)
    if found is None:
        raise ToolMissingError(f"{name} is not installed", remedy="Install it: sudo apt install ffmpeg")
    return found
