"""What a recording is made of: container, audio stream, duration; and why a file is none."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from watcherd import media, streams
from watcherd.engine.complaints import complaints, says_io_failed
from watcherd.engine.contents import describe
from watcherd.engine.ffmpeg import program
from watcherd.engine.source import Source
from watcherd.errors import MediaError, ReadError

PATIENCE_S: Final = 120.0
"""ffprobe needs a fraction of a second; a sleeping disk or a slow share some more."""

_ENTRIES: Final = f"{streams.ENTRIES}:format=format_name,duration"
_GUESSED: Final = b"Estimating duration from bitrate"
_ATOMS: Final = (b"ftyp", b"mdat", b"free", b"skip", b"wide", b"pnot")
"""What the files of the mov and mp4 family begin with, after four bytes of length."""

_SAYS_NOTHING: Final = ("Invalid data found", "Invalid argument", "moov atom not found", "Consider increasing")


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A recording as its container describes it."""

    container: str
    """As ffmpeg names it; related containers share a name, such as "mov,mp4,m4a,3gp,3g2,mj2"."""
    codec: str
    stream: int
    """Index of the audio stream to read, among all streams of the file."""
    channels: int
    layout: str
    """As ffmpeg names it, such as "stereo" or "5.1(side)"; empty where the file does not say what its channels are."""
    sample_rate_hz: int
    duration_ms: int | None
    """None where the container does not tell."""
    duration_is_guess: bool
    """The container does not tell, and ffmpeg concludes from the size of the file."""


def probe(path: Path) -> MediaInfo:
    """Look into a file.

    Raises:
        MediaError: there is no audio in it that could be decoded; says what it is instead, where that can be told.
        RecordingChangedError: it vanished or was written to meanwhile.
        FileUnreadableError: it may not be read.
        ReadError: the disk or the network fails.
        ToolMissingError: ffprobe is not installed.
    """
    with Source(path) as source:
        return inspect(source)


def inspect(source: Source) -> MediaInfo:
    """Look into a file that is open; see ``probe``."""
    # ffprobe is run here and not by pydub's mediainfo_json, which cannot restrict protocols and containers (so that a
    # playlist named x.mp3 would open other files), has no time limit, and does not tell why it found nothing.
    command = [program("ffprobe"), "-hide_banner", "-loglevel", "level+warning", "-of", "json"]
    command += ["-show_entries", _ENTRIES]
    try:
        done = subprocess.run(
            [*command, *media.input_options(source.path)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReadError(
            f"ffprobe could not look into it within {PATIENCE_S:.0f} s",
            path=source.path,
            remedy="See whether its disk or network share is well",
        ) from error
    found: Mapping[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
    told: Sequence[Mapping[str, Any]] = found.get("streams", ())
    stream = streams.best_audio(told)
    if stream is None:
        source.check_unchanged()
        complained = complaints(done.stderr, source.path)
        if says_io_failed(complained):
            source.check_readable()
        raise _no_recording(source, told, complained)
    duration = found["format"].get("duration") or stream.get("duration")
    return MediaInfo(
        container=found["format"]["format_name"],
        codec=stream["codec_name"],
        stream=stream["index"],
        channels=stream["channels"],
        layout=stream.get("channel_layout", ""),
        sample_rate_hz=int(stream["sample_rate"]),
        duration_ms=round(float(duration) * 1000) if duration is not None else None,
        duration_is_guess=_GUESSED in done.stderr,
    )


def _no_recording(source: Source, told: Sequence[Mapping[str, Any]], complained: Sequence[str]) -> MediaError:
    if (what := describe(source.head)) is not None:
        return MediaError(f"it is no recording but {what}", path=source.path)
    if source.head[4:8] in _ATOMS and any("moov atom not found" in line for line in complained):
        return MediaError(
            "it is cut off: its index (the moov atom) is missing, so the copy is incomplete or the recorder lost power",
            path=source.path,
            remedy="Copy it again; if the original is cut off as well, untrunc may rebuild it",
        )
    audio = [stream for stream in told if stream.get("codec_type") == "audio"]
    if any(stream.get("codec_tag_string") in streams.PROTECTED_TAGS for stream in audio):
        return MediaError("its audio is encrypted by its vendor", path=source.path)
    unknown = [stream.get("codec_tag_string", "") for stream in audio if "channels" not in stream]
    if unknown:
        return MediaError(
            f"this ffmpeg knows no decoder for its audio ({', '.join(unknown)})",
            path=source.path,
            remedy="Install a newer ffmpeg, or convert the recording",
        )
    others = sorted({f"{stream['codec_type']} ({stream['codec_name']})" for stream in told if "codec_name" in stream})
    if others and not audio:
        return MediaError(
            f"it has no audio, only {' and '.join(others)}",
            path=source.path,
            remedy="If sound belongs to it, export it again with its sound",
        )
    telling = [line for line in complained if not line.startswith(_SAYS_NOTHING)]
    cause = f" ({telling[-1]})" if telling else ""
    return MediaError(
        f"ffmpeg finds no recording in it, so it is damaged or of another kind{cause}",
        path=source.path,
        remedy="Play it to see; if that fails, copy it again from where it was recorded",
    )
