"""Small MP3 files, each with sound of its own, made without an encoder so that thousands cost nothing."""

import random
from typing import Final

ID3_TITLES: Final = ("Interview", "Memo", "Lecture")
FRAMES: Final = 8

# MPEG-1 layer III, 32 kbit/s, 32 kHz, mono, no CRC: 144 bytes a frame.
_HEADER: Final = bytes([0xFF, 0xFB, 0x18, 0xC4])
_FRAME_BYTES: Final = 144
_SIDE_INFO_BYTES: Final = 17


def make_recording(seed: int) -> bytes:
    """A whole recording."""
    return append_frames(seed, FRAMES)


def append_frames(seed: int, frames: int = 1) -> bytes:
    """Frames to be appended to a recording. They play as silence: only their unused bits differ."""
    source = random.Random(seed)
    silence = bytes(_SIDE_INFO_BYTES)
    body = _FRAME_BYTES - len(_HEADER) - _SIDE_INFO_BYTES
    return b"".join(_HEADER + silence + source.randbytes(body).replace(b"\xff", b"\xfe") for _ in range(frames))


def retag(data: bytes, title: str) -> bytes:
    """The recording with this title in an ID3v2.3 tag, in the place of the tag that it had."""
    from tests.fuzz.fake_engine import audio_of  # noqa: PLC0415  the stand-in needs nothing of this module

    text = b"\0" + title.encode("latin-1")
    frame = b"TIT2" + len(text).to_bytes(4, "big") + b"\0\0" + text
    size = len(frame)
    return (
        b"ID3\3\0\0" + bytes([size >> 21 & 127, size >> 14 & 127, size >> 7 & 127, size & 127]) + frame + audio_of(data)
    )
