"""How ffmpeg is allowed to read a recording: this one file, as a known container, and nothing else."""

import os
from pathlib import Path
from typing import Final

DEMUXERS: Final = (
    *("aac", "ac3", "aiff", "amr", "amrnb", "amrwb", "ape", "asf", "asf_o", "au", "avi", "caf", "dss", "dts", "dtshd"),
    *("eac3", "flac", "flv", "gsm", "loas", "matroska", "mov", "mp3", "mpeg", "mpegts", "mpegvideo", "mxf", "ogg"),
    *("qcp", "rm", "tta", "w64", "wav", "wv", "xwma"),
)
"""As ``ffmpeg -demuxers`` names them. None of them opens further files: playlists (hls, dash), scripts (concat,
avisynth), image sequences and devices are left out."""

QUIET: Final = ("-hide_banner", "-loglevel", "error")

GLOBAL_OPTIONS: Final = ("-nostdin", *QUIET)
"""To stand first. ffmpeg reads commands from its standard input otherwise, also from a terminal it does not own."""


def input_options(path: Path) -> list[str | bytes]:
    """The arguments that make one file ffmpeg's or ffprobe's input.

    The name is given as a ``file:`` URL, so that none is taken for an option or for another protocol.
    """
    whitelist = ",".join(DEMUXERS)
    return ["-protocol_whitelist", "file", "-format_whitelist", whitelist, "-i", b"file:" + os.fsencode(path)]
