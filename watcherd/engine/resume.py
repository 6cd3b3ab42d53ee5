"""Readings on their way out of the engine and back: what is read once is not read again after an interruption."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from watcherd.engine.recognizer import HeardWord, Hints, Phrase, Reading
from watcherd.engine.windows import Window

KEY_BYTES: Final = 16


def window_key(window: Window, hints: Hints) -> bytes:
    """Names what is read: a place in the recording, the very samples of it, and what the model is told of it.

    The samples are in it so that whatever changes them (another ffmpeg, another level, another channel) makes another
    key, without anybody having to think of it.
    """
    digest = hashlib.blake2b(digest_size=KEY_BYTES)
    pieces = [(piece.start, piece.end) for piece in window.pieces]
    digest.update(json.dumps([hints.language, hints.vocabulary, pieces]).encode())
    digest.update(window.samples.tobytes())
    return digest.digest()


def pack(reading: Reading) -> str:
    """Compact JSON; its numbers come back to the last bit."""
    return json.dumps(asdict(reading), ensure_ascii=False, separators=(",", ":"))


def unpack(packed: str) -> Reading:
    """The inverse of ``pack``."""
    data = json.loads(packed)
    return Reading(**data | {"phrases": tuple(map(_phrase, data["phrases"]))})


def _phrase(data: Mapping[str, Any]) -> Phrase:
    return Phrase(**{**data, "words": tuple(HeardWord(**word) for word in data["words"])})
